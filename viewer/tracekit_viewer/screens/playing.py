"""A screen that plays a recorded run: all that it shows, as it stood at one moment after another."""

from __future__ import annotations

import time
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.timer import Timer

from tracekit_viewer.door import Moments, Run
from tracekit_viewer.messages import MomentChosen
from tracekit_viewer.widgets.keys import KeyLineScreen
from tracekit_viewer.widgets.player import Playback, PlayerBar

__all__ = ["PlayingScreen"]

_FRAME_S = 0.05
_REST = 2
"""The time from one frame to the next is this many times the CPU time of a frame: half a core at most."""

_LONGEST_S = 1.0
"""The time that passes with one frame at most: after a standstill, as of a suspended process, it goes on from there."""

_PLAYBACK = Binding.Group("Playback")


class PlayingScreen(KeyLineScreen):
    """Plays what `whole_run` gives, frame by frame, by `show_moment`."""

    DEFAULT_CSS = """
    PlayingScreen.-playing PlayerBar { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "play", "Play", group=_PLAYBACK, tooltip="Play the run from its recorded times, or pause"),
        Binding("full_stop", "play_step(1)", "Next event", key_display=".", show=False, group=_PLAYBACK),
        Binding("comma", "play_step(-1)", "Previous event", key_display=",", show=False, group=_PLAYBACK),
        Binding("right_square_bracket", "play_speed(1)", "Faster", key_display="]", show=False, group=_PLAYBACK),
        Binding("left_square_bracket", "play_speed(-1)", "Slower", key_display="[", show=False, group=_PLAYBACK),
    ]

    player: Playback | None = None
    """Where the playback is; None while the whole run is shown."""
    _frame_timer: Timer | None = None
    _frame_at = 0.0
    _used_s = 0.0

    def whole_run(self) -> Run | None:
        """Return the run, if it has ended and can be played."""
        raise NotImplementedError

    def show_moment(self, run: Run, player: Playback | None) -> None:
        """Show `run` as it stood where `player` is; None for the whole run."""
        raise NotImplementedError

    def action_play(self) -> None:
        """Play, or pause."""
        if self._enter() and self.player is not None:
            self.player.toggle()
            self._frame_at, self._used_s = time.monotonic(), time.process_time()
            self._draw_moment()

    def action_play_step(self, step: int) -> None:
        """Go to the next begin or end of a span, or to the previous one."""
        if self._enter() and self.player is not None:
            self.player.step(step)
            self._draw_moment()

    def action_play_speed(self, step: int) -> None:
        """Play faster or slower."""
        if self.player is not None:
            self.player.faster(step)
            self.query_one(PlayerBar).show(self.player)

    def leave_playback(self) -> None:
        """Show the whole run again."""
        run = self.whole_run()
        self.player = None
        self.remove_class("-playing")
        if run is not None:
            self.show_moment(run, None)

    @on(MomentChosen)
    def _moment_chosen(self, message: MomentChosen) -> None:
        if self.player is not None:
            self.player.seek(message.at_ns)
            self._draw_moment()

    def _enter(self) -> bool:
        """Begin to play back, if that is not done yet; return whether there is something to play."""
        run = self.whole_run()
        if run is None:
            self.notify("a run can be played once it has ended", timeout=3)
            return False
        if self.player is None:
            self.player = Playback(Moments(run))
            self.add_class("-playing")
        return True

    def _draw_moment(self) -> None:
        player = self.player
        if player is None:
            return
        self.show_moment(player.moments.at(player.at_ns), player)
        self.query_one(PlayerBar).show(player)
        if self._frame_timer is not None:
            self._frame_timer.stop()
        if player.playing:
            self._frame_timer = self.set_timer(_FRAME_S, self._next_frame)

    def _next_frame(self) -> None:
        player, now, used_s = self.player, time.monotonic(), time.process_time()
        if player is None or not player.playing:
            return
        # What the last frame took to be drawn is known only now.
        rest_s = _REST * (used_s - self._used_s) - (now - self._frame_at)
        if rest_s > 0.001:
            self._frame_timer = self.set_timer(rest_s, self._next_frame)
            return
        player.pass_by(min(now - self._frame_at, _LONGEST_S))
        self._frame_at, self._used_s = now, used_s
        self._draw_moment()
