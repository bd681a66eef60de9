"""Moves along a time, and looks closer at it, with the wheel of the mouse."""

from __future__ import annotations

from textual import events
from textual.widget import Widget

__all__ = ["TimeWheel"]

_ZOOM = 1.25
_SHARE = 0.1


class TimeWheel(Widget):
    """A widget whose time the wheel moves with shift, or sideways, and zooms with ctrl."""

    def action_pan(self, share: float) -> None:
        """Move along the time by a share of what is seen."""
        raise NotImplementedError

    def zoom_at(self, x: int, factor: float) -> None:
        """Look closer by `factor`, so that what is in column `x` stays there."""
        raise NotImplementedError

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """With ctrl, look from further away; with shift, move on in time."""
        self._wheel(event, 1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """With ctrl, look closer; with shift, move back in time."""
        self._wheel(event, -1)

    def on_mouse_scroll_right(self, event: events.MouseScrollRight) -> None:
        """Move on in time."""
        event.stop().prevent_default()
        self.action_pan(_SHARE)

    def on_mouse_scroll_left(self, event: events.MouseScrollLeft) -> None:
        """Move back in time."""
        event.stop().prevent_default()
        self.action_pan(-_SHARE)

    def _wheel(self, event: events.MouseScrollDown | events.MouseScrollUp, step: int) -> None:
        if event.ctrl:
            event.stop().prevent_default()
            self.zoom_at(event.x, _ZOOM**-step)
        elif event.shift:
            event.stop().prevent_default()
            self.action_pan(_SHARE * step)
