"""The one style sheet of the application, filled with the tokens of a theme.

Sizes of text stay out of it (a rule here would win over `setFont`); the labels' roles are the exception.
"""

from __future__ import annotations

import re

from ui.theme.theme import Theme

TOKEN = re.compile(r"\$(\w+)")
HEIGHT = re.compile(r"@(\d+)")

CONTROLS = """
QPushButton {
    background: $button; color: $text; border: 1px solid $border; border-radius: 6px;
    min-height: @26px; max-height: @26px; padding: 0 12px; outline: none;
}
QPushButton:hover { background: $buttonHover; }
QPushButton:pressed, QPushButton:checked { background: $pressed; }
QPushButton:disabled { color: $disabled; }
QPushButton[kind="primary"] { background: $accent; color: $onAccent; border-color: $accent; }
QPushButton[kind="primary"]:hover { background: $accentHover; border-color: $accentHover; }
QPushButton[kind="primary"]:pressed { background: $accentPressed; border-color: $accentPressed; }
QPushButton[kind="primary"]:disabled { background: $border; color: $disabled; border-color: $border; }
QPushButton[kind="danger"] { color: $down; }
QPushButton[kind="danger"]:pressed { background: $downSoft; }
QPushButton[kind="danger"]:disabled { color: $disabled; }
QPushButton[kind="ghost"] { background: transparent; border-color: transparent; color: $text2; padding: 0 8px; }
QPushButton[kind="ghost"]:hover { background: $hover; }
QPushButton[kind="ghost"]:pressed { background: $pressed; }
QPushButton[small="true"] { min-height: @22px; max-height: @22px; padding: 0 8px; }
QPushButton[iconed="true"] { padding-left: 8px; }
QToolButton { border: none; border-radius: 6px; background: transparent; padding: 0; outline: none; }
QToolButton:hover { background: $hover; }
QToolButton:pressed { background: $pressed; }
QToolButton:checked { background: $selected; }
QToolButton::menu-indicator { image: none; }
QLineEdit QToolButton { min-width: 0; min-height: 0; background: transparent; }
"""

INPUTS = """
QLineEdit, QSpinBox, QComboBox {
    background: $input; color: $text; border: 1px solid $control; border-radius: 6px;
    min-height: @26px; max-height: @26px; padding: 0 9px; placeholder-text-color: $text3;
    selection-background-color: $accent; selection-color: $onAccent;
}
QLineEdit:focus, QSpinBox:focus { border: 2px solid $accent; padding: 0 8px; min-height: @24px; max-height: @24px; }
QLineEdit[search="true"] { padding-left: 1px; }
QLineEdit[search="true"]:focus { padding-left: 0; }
QLineEdit[invalid="true"], QSpinBox[invalid="true"] { border-color: $down; }
QLineEdit:disabled, QSpinBox:disabled, QComboBox:disabled { color: $disabled; border-color: $border; }
QLineEdit[bare="true"] { border: none; background: transparent; padding: 0; }
QSpinBox { padding-right: 22px; }
QSpinBox:focus { padding-right: 21px; }
QSpinBox::up-button, QSpinBox::down-button { width: 0; border: none; }
QComboBox { background: $button; border-color: $border; padding-right: 28px; placeholder-text-color: $text2; }
QComboBox:hover { background: $buttonHover; }
QComboBox:focus { border: 2px solid $accent; padding: 0 27px 0 8px; min-height: @24px; max-height: @24px; }
QComboBox::drop-down { border: none; width: 28px; }
QComboBox::down-arrow { image: none; }
QComboBox QAbstractItemView {
    background: $raised; color: $text; border: 1px solid $border; border-radius: 8px; padding: 4px; outline: none;
    selection-background-color: $selected; selection-color: $text;
}
QComboBox QAbstractItemView::item { min-height: @28px; padding: 0 8px; }
QPlainTextEdit, QTextEdit {
    background: $input; color: $text; border: 1px solid $control; border-radius: 6px;
    placeholder-text-color: $text3;
    selection-background-color: $accent; selection-color: $onAccent;
}
QPlainTextEdit:focus, QTextEdit:focus { border: 2px solid $accent; }
QPlainTextEdit[edged="true"] {
    background: $input; border: 1px solid $control; border-radius: 6px; padding: 4px;
}
QPlainTextEdit[edged="true"]:focus { border: 2px solid $accent; padding: 3px; }
QPlainTextEdit[edged="true"][invalid="true"] { border-color: $down; }
QPlainTextEdit[bare="true"], QTextEdit[bare="true"], QTextBrowser[bare="true"] {
    border: none; background: transparent;
}
"""

SURFACES = """
QScrollArea, QAbstractScrollArea { background: transparent; border: none; }
QMenu {
    background: $raised; color: $text; border: 1px solid $border; border-radius: 8px; padding: 4px;
}
QMenu::item { min-height: @24px; padding: 2px 24px 2px 10px; border-radius: 4px; }
QMenu::item:selected { background: $selected; }
QMenu::item:disabled { color: $disabled; }
QMenu::separator { height: 1px; background: $border; margin: 4px 6px; }
QMenu::icon { padding-left: 8px; }
QToolTip { background: $raised; color: $text; border: 1px solid $border; padding: 4px 6px; }
QListView, QTreeView, QTableView {
    background: transparent; border: none; outline: none; color: $text;
    selection-background-color: $selected; selection-color: $text;
}
QHeaderView::section {
    background: $sunken; color: $text3; border: none; border-bottom: 1px solid $border; padding: 0 8px;
    min-height: @29px;
}
QSplitter::handle { background: $border; }
QLabel { background: transparent; }
QLabel[tone="text2"] { color: $text2; }
QLabel[tone="text3"] { color: $text3; }
QLabel[tone="ok"] { color: $ok; }
QLabel[tone="degraded"] { color: $degraded; }
QLabel[tone="down"] { color: $down; }
QLabel[tone="info"] { color: $info; }
QLabel[tone="accent"] { color: $accent; }
QLabel[tone="disabled"] { color: $disabled; }
"""

SCROLL_BARS = """
QScrollBar { background: transparent; border: none; }
QScrollBar:vertical { width: 12px; margin: 0; }
QScrollBar:horizontal { height: 12px; margin: 0; }
QScrollBar::handle { background: $control; border-radius: 2px; }
QScrollBar::handle:vertical { min-height: 32px; margin: 2px 4px; }
QScrollBar::handle:horizontal { min-width: 32px; margin: 4px 2px; }
QScrollBar::handle:hover { background: $text3; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
"""

SHEET = CONTROLS + INPUTS + SURFACES + SCROLL_BARS


def style_sheet_of(theme: Theme) -> str:
    """The sheet with colours in place of `$token` and heights in place of `@px`, at the theme's text size."""
    colored = TOKEN.sub(lambda found: theme.hex(found[1]), SHEET)
    return HEIGHT.sub(lambda found: str(theme.scaled(int(found[1]))), colored)
