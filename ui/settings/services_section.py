"""Settings: where cache, queue and database are, with a test of each address; and moving the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backend_embedded.contract.data import JobState
from backend_embedded.contract.probes import ServiceKind
from ui.settings.field_rows import FieldSection
from ui.settings.rows import RowsCard, SettingRow
from ui.settings.service_row import ServiceControl, ServiceRow
from ui.settings.service_state import AUTO, ended_words, job_words, rows_in_the_way
from ui.widgets import JobCard, Label, QuestionCard, SecondaryButton

if TYPE_CHECKING:
    from ui.settings.presenter import SettingsPresenter
    from ui.settings.state import FieldName, SettingsState
    from ui.theme import ThemeSource


class ServicesSection(FieldSection):
    """Cache, queue and database."""

    def __init__(self, presenter: SettingsPresenter, themes: ThemeSource) -> None:
        super().__init__(
            "services",
            "Services",
            "Auto takes the real service when it answers and the embedded one when it does not.",
            presenter,
            themes,
        )
        self.cache = ServiceControl(ServiceKind.CACHE, "Cache", themes)
        self.queue = ServiceControl(ServiceKind.QUEUE, "Queue", themes)
        self.database = ServiceControl(ServiceKind.DATABASE, "Database", themes, choosable=False)
        card = self.add_card()
        self.rows_of = {
            "cache": self._served(card, "Cache", self.cache, ServiceKind.CACHE, "redis locks limits"),
            "queue": self._served(card, "Queue", self.queue, ServiceKind.QUEUE, "rabbitmq messages broker"),
        }
        self._bind("cache", self.cache)
        self._bind("queue", self.queue)
        below = self.add_card()
        row = self._served(below, "Database", self.database, ServiceKind.DATABASE, "postgresql sqlite store")
        self.rows_of["store"] = row
        self.move_button = SecondaryButton("Move data", themes)
        self.move_button.clicked.connect(self._move)
        self.move_row = below.add(
            SettingRow(
                "Move all data to this database",
                "Copied, compared table by table, then used. The old data is kept, and it can be moved back.",
                self.move_button,
                themes,
                words="database postgresql sqlite migrate",
            )
        )
        self.job = JobCard("Moving the data", themes)
        self.job.cancelled.connect(self._cancel)
        self.job.hide()
        self.column.addWidget(self.job)
        self.replace = QuestionCard(themes, "Replace and move", "Keep what is there")
        self.replace.kept.connect(self._keep)
        self.replace.confirmed.connect(self._replace)
        self.column.addWidget(self.replace)
        self.outcome = Label("", themes, "caption", "text2", wrap=True, selectable=True)
        self.outcome.hide()
        self.column.addWidget(self.outcome)
        self.column.addStretch(1)
        self.database.show_setting("")
        self.database.field.textChanged.connect(lambda _: self._offer_move(presenter.state))

    def show_state(self, state: SettingsState) -> None:
        """Show this state."""
        super().show_state(state)
        self.cache.show_setting(state.shown("cache") or AUTO)
        self.queue.show_setting(state.shown("queue") or AUTO)
        self.database.setEnabled(not state.locked_because)
        for name, row in self.rows_of.items():
            row.show_live(state.capabilities.get(name))
        for kind, control in self._controls().items():
            control.show_trial(state.trials.get(kind))
        job = state.data_job
        running = job is not None and job.state is JobState.RUNNING
        self.job.setVisible(running)
        if job is not None:
            self.job.show_progress(job.done / job.total if job.total else None, job_words(job))
        rows = rows_in_the_way(job)
        self.replace.ask(
            "This database holds data of the program already. Replace it?",
            f"Its {rows:,} rows are removed for good, and the data of this program takes their place.",
            wanted=bool(rows) and not state.locked_because,
        )
        words = "" if rows else state.data_error or ended_words(job)
        self.outcome.setText(words)
        self.outcome.set_tone("down" if state.data_error else "text2")
        self.outcome.setVisible(bool(words))
        self._offer_move(state)

    def _controls(self) -> dict[ServiceKind, ServiceControl]:
        return {
            ServiceKind.CACHE: self.cache,
            ServiceKind.QUEUE: self.queue,
            ServiceKind.DATABASE: self.database,
        }

    def _offer_move(self, state: SettingsState) -> None:
        elsewhere = state.settings is not None and bool(state.settings.database_url)
        self.move_button.setText("Move back" if elsewhere else "Move data")
        self.move_row.label.setText(
            "Move all data back into this program" if elsewhere else "Move all data to this database"
        )
        busy = state.data_job is not None and state.data_job.state is JobState.RUNNING
        typed = bool(self.database.field.text().strip())
        self.move_button.setEnabled(not state.locked_because and not busy and (typed or elsewhere))

    def _served(
        self, card: RowsCard, label: str, control: ServiceControl, kind: ServiceKind, words: str
    ) -> ServiceRow:
        row = ServiceRow(label, control, self._themes, words)
        card.add(row)
        control.wanted.connect(lambda url: self._test(kind, url))
        control.edited.connect(lambda: self._forget(kind))
        return row

    def _bind(self, name: FieldName, control: ServiceControl) -> None:
        self.fields[name] = self.rows_of[name]
        control.taken.connect(lambda text: self.take(name, text))
        control.left.connect(lambda: self._presenter.revert(name))

    def _test(self, kind: ServiceKind, url: str) -> None:
        if self._presenter.services is not None:
            self._presenter.spawn(self._presenter.services.test(kind, url))

    def _forget(self, kind: ServiceKind) -> None:
        if self._presenter.services is not None:
            self._presenter.services.forget(kind)

    def _cancel(self) -> None:
        if self._presenter.services is not None:
            self._presenter.spawn(self._presenter.services.cancel())

    def _keep(self) -> None:
        if self._presenter.services is not None:
            self._presenter.services.keep()
            self.move_button.setFocus()

    def _replace(self) -> None:
        if self._presenter.services is not None:
            self._presenter.spawn(self._presenter.services.replace())

    def _move(self) -> None:
        services, settings = self._presenter.services, self._presenter.state.settings
        if services is None:
            return
        elsewhere = settings is not None and bool(settings.database_url)
        url = self.database.field.text().strip()
        self._presenter.spawn(services.move_back() if elsewhere else services.move(url))
