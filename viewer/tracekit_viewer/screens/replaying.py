"""A screen of a run that replays it again, and compares a replay with its recording."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.binding import Binding, BindingType

from tracekit_viewer.again import command_of, replay_again, replay_command, replay_of
from tracekit_viewer.door import Run, TracekitError
from tracekit_viewer.render.text import plain
from tracekit_viewer.screens.ask import AskScreen
from tracekit_viewer.screens.checked import CheckedScreen
from tracekit_viewer.screens.compare import CompareScreen

__all__ = ["ReplayingScreen"]

_REPLAY = Binding.Group("Replay")


class ReplayingScreen(CheckedScreen):
    """Replays the program of the run, where its command is known, and shows replay and recording side by side."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("R", "replay", "Replay again", show=False, group=_REPLAY, tooltip="Replay the recorded program again"),
        Binding("D", "compare", "Compare", show=False, group=_REPLAY, tooltip="Compare a replay with its recording"),
    ]

    def action_replay(self) -> None:
        """Replay the run's program again, after asking."""
        run = self._run
        if run is None or self._source.live:
            self.notify("a run can be replayed once it has ended", timeout=3)
            return
        command = command_of(run)
        if command is None:
            self.notify(
                f"its command was not recorded: run  {replay_command(run, ['COMMAND'])}", timeout=10, markup=False
            )
            return
        if command[0].endswith(".py") and not Path(command[0]).exists():
            self.notify(
                f"its program {plain(command[0], 100)} is not in {plain(str(Path.cwd()), 200)}: open the viewer where it is",
                timeout=10,
                markup=False,
            )
            return
        question = "Replay this run again? The program runs here, answered from the recording; no model is called."
        detail = f"{plain(replay_command(run, command))}\nin {plain(str(Path.cwd()))}"
        self.app.push_screen(AskScreen(question, detail), partial(self._replay, run, command))

    def _replay(self, run: Run, command: list[str], is_wanted: bool | None) -> None:
        if not is_wanted:
            return
        problem = replay_again(self.app, run, command)
        if problem:
            self.notify(plain(f"{problem}:  {replay_command(run, command)}", 500), timeout=15, markup=False)
            return
        self._open_comparison(run, newest=True)

    def action_compare(self) -> None:
        """Show a replay beside its recording."""
        if self._run is None or self._run.replay_of is None:
            self.notify("this run is not a replay: m marks two runs in the list, and D compares them", timeout=5)
            return
        self._open_comparison(self._run, newest=False)

    @work(thread=True, exit_on_error=False, description="compare")
    def _open_comparison(self, run: Run, *, newest: bool) -> None:
        try:
            other = replay_of(run, newest=newest)
            if newest:
                recording, replay = (run if run.replay_of is None else replay_of(run, newest=False)), other
            else:
                recording, replay = other, run
        except TracekitError as error:
            self.app.call_from_thread(self.notify, plain(str(error), 300), timeout=8, markup=False)
            return
        if replay.replay_of == recording.id:
            self.app.call_from_thread(self.app.push_screen, CompareScreen(recording, replay))
        else:
            self.app.call_from_thread(self.notify, "no replay of this run was recorded", timeout=8)
