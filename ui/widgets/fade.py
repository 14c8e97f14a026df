"""What comes up over the window comes softly, unless movement is reduced."""

from __future__ import annotations

from PySide6.QtCore import QAbstractAnimation, QEasingCurve, QPropertyAnimation
from PySide6.QtWidgets import QGraphicsOpacityEffect, QWidget


def fade_in(widget: QWidget, duration_ms: int) -> None:
    """Let a widget that is being shown come in; at once when the duration is 0."""
    if duration_ms <= 0:
        return
    effect = QGraphicsOpacityEffect(widget)
    effect.setOpacity(0.0)
    widget.setGraphicsEffect(effect)
    coming = QPropertyAnimation(effect, b"opacity", widget)
    coming.setDuration(duration_ms)
    coming.setStartValue(0.0)
    coming.setEndValue(1.0)
    coming.setEasingCurve(QEasingCurve.Type.OutCubic)
    # a switched off effect costs nothing; taking it away here would end it in its own signal
    coming.finished.connect(lambda: effect.setEnabled(False))
    coming.start(QAbstractAnimation.DeletionPolicy.DeleteWhenStopped)
