"""Widgets of the design that know nothing of what the program is about."""

from __future__ import annotations

from ui.widgets.banner import Banner
from ui.widgets.buttons import DangerButton, GhostButton, IconButton, PrimaryButton, SecondaryButton
from ui.widgets.cards import Card, ErrorCard
from ui.widgets.check_box import CheckBox
from ui.widgets.chip import Chip, KeyCaps
from ui.widgets.empty_state import EmptyState
from ui.widgets.glyphs import BusyRing, StateGlyph
from ui.widgets.inputs import Choice, Field, SearchField
from ui.widgets.job_card import JobCard, ProgressBar
from ui.widgets.labels import ElidedLabel, Label
from ui.widgets.page_header import PageHeader
from ui.widgets.question_card import QuestionCard
from ui.widgets.segmented import Segmented
from ui.widgets.skeleton import SkeletonBars
from ui.widgets.switch import Switch
from ui.widgets.toast import Toast
from ui.widgets.waiting import Patience, Waiting

__all__ = [
    "Banner",
    "BusyRing",
    "Card",
    "CheckBox",
    "Chip",
    "Choice",
    "DangerButton",
    "ElidedLabel",
    "EmptyState",
    "ErrorCard",
    "Field",
    "GhostButton",
    "IconButton",
    "JobCard",
    "KeyCaps",
    "Label",
    "PageHeader",
    "Patience",
    "PrimaryButton",
    "ProgressBar",
    "QuestionCard",
    "SearchField",
    "SecondaryButton",
    "Segmented",
    "SkeletonBars",
    "StateGlyph",
    "Switch",
    "Toast",
    "Waiting",
]
