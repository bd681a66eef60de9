"""The playback of a recorded run: where it is, how fast it goes, and a line to seek on."""

from __future__ import annotations

from textual import events
from textual.strip import Strip
from textual.widget import Widget
from typing_extensions import override

from tracekit_viewer.door import Moments, duration
from tracekit_viewer.messages import MomentChosen
from tracekit_viewer.render.bars import Pieces
from tracekit_viewer.render.paint import strip_of
from tracekit_viewer.render.palette import palette_of

__all__ = ["SPEEDS", "Playback", "PlayerBar"]

SPEEDS = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0)
"""How many recorded seconds pass in a second."""


class Playback:
    """The playback of a run: its moment, and whether and how fast time passes.

    Attributes:
        moments: The run.
        at_ns: The moment that is shown, in nanoseconds since the epoch.
        speed: The place of its speed in `SPEEDS`.
        playing: Whether time passes.
    """

    def __init__(self, moments: Moments) -> None:
        self.moments = moments
        self.at_ns = moments.first_ns
        self.speed = SPEEDS.index(1.0)
        self.playing = False

    @property
    def is_at_end(self) -> bool:
        """Return whether nothing is left to be played."""
        return self.at_ns >= self.moments.last_ns

    def toggle(self) -> None:
        """Play, or pause; from the begin where it is at its end."""
        self.playing = not self.playing
        if self.playing and self.is_at_end:
            self.at_ns = self.moments.first_ns

    def pass_by(self, seconds: float) -> None:
        """Let `seconds` pass."""
        self.seek(self.at_ns + round(seconds * 1e9 * SPEEDS[self.speed]))
        self.playing = self.playing and not self.is_at_end

    def seek(self, at_ns: int) -> None:
        """Go to `at_ns`, or as near as the run comes to it."""
        self.at_ns = max(self.moments.first_ns, min(at_ns, self.moments.last_ns))

    def step(self, step: int) -> None:
        """Pause, and go to the next (1) or the previous (-1) begin or end of a span."""
        self.playing = False
        self.seek(self.moments.event(self.at_ns, step))

    def faster(self, step: int) -> None:
        """Go faster (1) or slower (-1)."""
        self.speed = max(0, min(self.speed + step, len(SPEEDS) - 1))


class PlayerBar(Widget):
    """One line: play or pause, the time, the whole time, the speed. A click or a drag seeks."""

    DEFAULT_CSS = """
    PlayerBar { height: 1; width: 1fr; background: $surface; display: none; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._player: Playback | None = None
        self._is_held = False

    def show(self, player: Playback) -> None:
        """Show where `player` is."""
        self._player = player
        self.refresh()

    @override
    def render_line(self, y: int) -> Strip:
        palette = palette_of(self.app.theme_variables, dark=self.app.current_theme.dark)
        return strip_of(self._pieces(), palette, self.rich_style, self.size.width)

    def _parts(self, player: Playback) -> tuple[str, int, str]:
        """Return the text before the line, the cells of the line, and the text after it."""
        whole_ns = player.moments.last_ns - player.moments.first_ns
        sign = "▶" if player.playing else "■" if player.is_at_end else "‖"
        before = f" {sign} {duration(player.at_ns - player.moments.first_ns):>9}  "
        after = f"  {duration(whole_ns)}  {SPEEDS[player.speed]:g}× "
        return before, max(1, self.size.width - len(before) - len(after)), after

    def _pieces(self) -> Pieces:
        player = self._player
        if player is None:
            return []
        before, width, after = self._parts(player)
        first_ns, whole_ns = player.moments.first_ns, player.moments.last_ns - player.moments.first_ns
        done = min(width - 1, (player.at_ns - first_ns) * width // whole_ns)
        return [
            (before, "strong"),
            ("━" * done, "cursor"),
            ("●", "cursor"),
            ("─" * (width - done - 1), "quiet"),
            (after, "quiet"),
        ]

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Seek, and go on as the mouse moves."""
        self._is_held = True
        self.capture_mouse()
        self._seek(event.x)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Seek, while the button is held."""
        if self._is_held:
            self._seek(event.x)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Stay where it was let go."""
        event.stop()
        self._is_held = False
        self.release_mouse()

    def _seek(self, x: int) -> None:
        player = self._player
        if player is not None:
            before, width, _ = self._parts(player)
            share = min(1.0, max(0.0, (x - len(before)) / max(1, width - 1)))
            first_ns, last_ns = player.moments.first_ns, player.moments.last_ns
            self.post_message(MomentChosen(first_ns + round((last_ns - first_ns) * share)))
