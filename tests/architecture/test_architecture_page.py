"""`docs/architecture.md` says what the code does."""

from __future__ import annotations

import architecture_page as page


def test_table_equals_the_import_graph() -> None:
    written = {
        name: row.imports for name, row in page.table_of(page.PAGE.read_text(encoding="utf-8")).items()
    }
    assert written == page.real_arrows(), "run: python tests/harness/architecture_page.py"


def test_every_package_has_a_purpose() -> None:
    rows = page.table_of(page.PAGE.read_text(encoding="utf-8"))
    assert [name for name, row in rows.items() if len(row.purpose) < 10] == []
