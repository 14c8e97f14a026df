"""Writes a picture of every page and state of the window to `build/screenshots`, in both themes and two sizes.

The real window, pages and presenters stand on a scripted backend in this process. Each state is waited for
by what it shows, and the run fails with the name of a state that does not appear, at an error that nobody
caught, and at a warning of Qt. Arguments: names of states, to draw only those.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "harness")]
os.environ["QT_QPA_PLATFORM"] = "offscreen"
os.environ["TZ"] = "UTC"
time.tzset()

import scripted_content as content  # noqa: E402
from PySide6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler  # noqa: E402
from PySide6.QtGui import QImage, QPainter  # noqa: E402
from PySide6.QtWidgets import QApplication, QWidget  # noqa: E402
from scripted_backend import ScriptedBackend  # noqa: E402
from window_scenes import SCENES, Scene  # noqa: E402
from window_stage import NotReached, staged  # noqa: E402

from app.main_window import open_application  # noqa: E402

FOLDER = ROOT / "build" / "screenshots"
SIZES = ((1280, 800), (1920, 1080))
THEMES = ("light", "dark")
LONGEST_RUN_S = 240.0
"""Of this process's own time, about twice what 284 pictures take; other work on the machine does not count."""
OF_THE_PLATFORM = "This plugin does not support"
"""Said of every window without a screen."""


class Faults:
    """What went wrong, a line each; takes what otherwise would only be printed."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def listen(self) -> None:
        """Take errors that nobody caught, those in slots among them, and warnings of Qt."""
        sys.excepthook = self._uncaught
        qInstallMessageHandler(self._said_by_qt)

    def _uncaught(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        self.lines.append("".join(traceback.format_exception(kind, error, trace)))

    def _said_by_qt(self, kind: QtMsgType, context: QMessageLogContext, text: str) -> None:
        if kind != QtMsgType.QtDebugMsg and not text.startswith(OF_THE_PLATFORM):
            self.lines.append(f"Qt: {text}")


def picture(shell: QWidget) -> QImage:
    """The window, with the menu that is open over it."""
    image = shell.grab().toImage()
    popup = QApplication.activePopupWidget()
    if popup is not None:
        painter = QPainter(image)
        painter.drawPixmap(shell.mapFromGlobal(popup.pos()), popup.grab())
        painter.end()
    return image


async def draw(scene: Scene, application: QApplication, theme: str, size: tuple[int, int]) -> None:
    """Bring the window into the state and write its picture."""
    backend = ScriptedBackend()
    backend.known = (content.TINY, content.SMOL, content.BROKEN)
    backend.capabilities = content.all_well()
    if scene.filled:
        content.write_chats(backend)
    async with staged(backend, application, theme, size, welcomed=scene.welcomed) as stage:
        await scene.play(stage)
        await stage.at_rest()
        image = picture(stage.shell)
        file = FOLDER / f"{scene.name}-{theme}-{size[0]}.png"
        if (image.width(), image.height()) != size or not image.save(str(file), quality=60):
            raise NotReached(f"{file} could not be written in that size")
        popup = QApplication.activePopupWidget()
        if popup is not None:
            popup.close()


async def draw_all(application: QApplication, wanted: Sequence[str], faults: Faults) -> int:
    """Draw every state; gives the number of pictures."""
    asyncio.get_running_loop().set_exception_handler(lambda _, told: faults.lines.append(str(told)))
    drawn = 0
    # theme by theme: putting another one on the application takes longer than a picture
    for theme in THEMES:
        for scene in SCENES:
            for size in SIZES:
                if wanted and scene.name not in wanted:
                    continue
                try:
                    await draw(scene, application, theme, size)
                    drawn += 1
                except NotReached as failure:
                    faults.lines.append(f"{scene.name} ({theme}, {size[0]}): {failure}")
    return drawn


def main(wanted: Sequence[str]) -> int:
    """Draw them; 1 when anything went wrong, or all of it took too long."""
    began_s = time.monotonic()
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.glob("*.png"):
        if not wanted or old.name.rsplit("-", 2)[0] in wanted:
            old.unlink()
    faults = Faults()
    unknown = set(wanted) - {scene.name for scene in SCENES}
    faults.lines += [f"{name}: there is no such state" for name in sorted(unknown)]
    faults.listen()
    application = open_application()
    application.setCursorFlashTime(0)
    drawn = asyncio.run(draw_all(application, wanted, faults))
    took_s = time.monotonic() - began_s
    if (own_s := time.process_time()) > LONGEST_RUN_S:
        faults.lines.append(f"the run took {own_s:.0f} s of the processor; {LONGEST_RUN_S:.0f} s are allowed")
    print(f"{drawn} pictures in {FOLDER.relative_to(ROOT)}, {took_s:.0f} s")  # noqa: T201
    for line in faults.lines:
        print(line, file=sys.stderr)  # noqa: T201
    return 1 if faults.lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
