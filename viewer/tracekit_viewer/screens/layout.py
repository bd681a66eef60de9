"""A screen of a run whose parts the user sizes, shows and hides; the viewer remembers how."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.screen import Screen

from tracekit_viewer.messages import SplitMoved
from tracekit_viewer.settings import ViewerSettings

__all__ = ["SPLIT_CSS", "LayoutScreen"]

_LAYOUT = Binding.Group("Layout")
_SHARES = range(20, 90, 10)
"""Per cent of the room that the tree may have."""
_DEFAULTS = {"wide": 60, "narrow": 40}
_PARTS = ("detail", "lanes")


def _rules(share: int) -> str:
    """Return the rules for a tree that has `share` per cent of the room."""
    rest = 100 - share
    return f"""
    RunScreen.-narrow.-split-{share} {{ #timelines {{ height: {share}fr; }} DetailPane {{ height: {rest}fr; }} }}
    RunScreen.-wide.-split-{share} {{ #timelines {{ width: {share}fr; }} DetailPane {{ width: {rest}fr; }} }}
    """


# Classes rather than sizes of the widgets themselves, over which a pane could not be maximized.
SPLIT_CSS = "".join(map(_rules, _SHARES))


class LayoutScreen(Screen[None]):
    """Moves the line between tree and detail pane by keys and mouse, and remembers what the user chose."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("less_than_sign", "split(-10)", "Wider detail pane", key_display="<", show=False, group=_LAYOUT),
        Binding("greater_than_sign", "split(10)", "Wider tree", key_display=">", show=False, group=_LAYOUT),
    ]

    @property
    def _settings(self) -> ViewerSettings:
        settings = getattr(self.app, "settings", None)
        return settings if isinstance(settings, ViewerSettings) else ViewerSettings()

    @property
    def _orientation(self) -> str:
        return "wide" if self.has_class("-wide") else "narrow"

    def restore_layout(self) -> None:
        """Show and hide the parts as the user left them, with the line where it was."""
        for part in _PARTS:
            shown = self._settings.flag(part)
            if shown is not None:
                self.set_class(shown, f"-{part}").set_class(not shown, f"-no-{part}")
        self._restore_split()

    def on_resize(self) -> None:
        """Put the line where it was in a screen of this form."""
        self._restore_split()

    def keep_layout(self, part: str, shown: bool) -> None:
        """Remember whether `part` is shown."""
        self._settings.keep(part, shown)

    def _restore_split(self) -> None:
        self._show_split(self._settings.number(f"split_{self._orientation}"))

    def _show_split(self, share: int | None) -> None:
        for each in _SHARES:
            self.set_class(each == share, f"-split-{each}")

    def action_split(self, by: int) -> None:
        """Give the tree more room, or the detail pane."""
        share = self._settings.number(f"split_{self._orientation}") or _DEFAULTS[self._orientation]
        self._split(share + by)

    def _split(self, share: int) -> None:
        share = max(_SHARES[0], min(share, _SHARES[-1]))
        self._settings.keep(f"split_{self._orientation}", share)
        self._show_split(share)

    @on(SplitMoved)
    def _split_moved(self, message: SplitMoved) -> None:
        region = self.query_one("#body").region
        if self.has_class("-wide"):
            share = 100 * (message.x - region.x) / max(1, region.width)
        else:
            share = 100 * (message.y - region.y) / max(1, region.height)
        self._split(10 * round(share / 10))
