"""Five moments of playback each: the demo, a killed process's run, and a run of 20,000 spans."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from textual.pilot import Pilot
from tracekit_viewer.messages import MomentChosen
from tracekit_viewer.screens.run import RunScreen
from tracekit_viewer.source import Recorded

from tests.support.screens import checked, drive
from tests.support.showing import Showing
from tests.support.trees import big_run, growing_run
from tracekit.collect.look import find, read_entry
from tracekit.model.tree import Run

pytestmark = pytest.mark.usefixtures("home")

DEMO = Path(__file__).parents[2] / "fixtures/runs/refactoring-team.jsonl"
MOMENTS = (0.0, 0.25, 0.5, 0.75, 1.0)
SIZE = (120, 35)


def demo() -> Run:
    return read_entry(find(str(DEMO)))


def killed() -> Run:
    return growing_run(2600, alive=False)


def large() -> Run:
    return big_run(20_000)


@pytest.mark.parametrize("made", [demo, killed, large])
def test_five_moments(made: Callable[[], Run], snapshot: SnapshotAssertion) -> None:
    run = made()
    drawn: list[str] = []

    async def act(pilot: Pilot[Any]) -> None:
        await checked(pilot)
        screen = pilot.app.screen
        assert isinstance(screen, RunScreen)
        await pilot.press("full_stop")
        player = screen.player
        assert player is not None
        first_ns, last_ns = player.moments.first_ns, player.moments.last_ns
        for share in MOMENTS:
            screen.post_message(MomentChosen(first_ns + round((last_ns - first_ns) * share)))
            await pilot.pause()
            await pilot.pause(0.1)
            drawn.append("\n".join(strip.text.rstrip() for strip in screen._compositor.render_strips()))
        assert player.is_at_end
        await pilot.press("escape")
        assert screen.player is None

    drive(Showing(Recorded(run)), act, SIZE)
    assert "\n\n".join(f"── {share:.0%} ──\n{text}" for share, text in zip(MOMENTS, drawn, strict=True)) == snapshot
