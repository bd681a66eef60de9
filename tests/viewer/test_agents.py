"""The table of agents and models: its sums equal the run's, and its keys sort it and lead to spans."""

from __future__ import annotations

from typing import Any

import pytest
from rich.cells import cell_len
from syrupy.assertion import SnapshotAssertion
from textual.pilot import Pilot
from tracekit_viewer.render.agents import COLUMNS, agent_lines, agent_rows, ordered
from tracekit_viewer.source import Recorded
from tracekit_viewer.widgets.agents import AgentsPane
from tracekit_viewer.widgets.timeline import Timeline

from tests.support.screens import SIZED, checked, drive, picture, pictures
from tests.support.showing import Showing
from tests.support.trees import MS, START_NS, node, run_of, team_run
from tracekit.model.tree import Run, Tokens

__all__ = ["pictures"]

pytestmark = pytest.mark.usefixtures("home")


def nested_run() -> Run:
    """A lead from 0 to 100 with two workers that overlap from 20 to 60, half of their input cached."""
    used: dict[str, Any] = {"tokens": Tokens(1000, 10, 500), "cost_usd": 0.25}
    first = node("agent", "worker", 10, 60, node("llm", "small", 10, 60, id="w1", retries=2, **used), id="a1")
    second = node("agent", "worker", 20, 70, node("llm", "small", 20, 70, id="w2", **used), id="a2")
    own = node("llm", "large", 70, 100, tokens=Tokens(10, 1), cost_usd=None, cost_complete=False, id="l")
    return run_of(node("run", "r", 0, 100, node("agent", "lead", 0, 100, first, second, own, id="lead"), id="r"))


def test_rows_add_up_what_agents_and_models_did() -> None:
    rows = {row.name: row for row in agent_rows(nested_run(), START_NS + 100 * MS)}
    assert set(rows) == {"lead", "worker", "small", "large"}
    worker, lead = rows["worker"], rows["lead"]
    assert (worker.ids, worker.calls, worker.retries, worker.cost_usd) == (["a1", "a2"], 2, 2, 0.5)
    assert (worker.tokens.input, worker.cached) == (2000, 0.5)
    assert (worker.time_ns, worker.self_ns) == (100 * MS, 100 * MS)
    assert (lead.calls, lead.time_ns, lead.self_ns) == (1, 100 * MS, 40 * MS), "without the time of its workers"
    assert (lead.cost_usd, lead.cost_complete) == (None, False)
    assert sum(row.path_ns for row in (lead, worker)) == lead.whole_ns == 100 * MS
    assert rows["small"].path_ns == worker.path_ns


@pytest.mark.parametrize("width", [40, 79, 120, 200])
def test_lines_fit_and_say_by_what_they_are_sorted(width: int) -> None:
    rows = agent_rows(team_run(), START_NS)
    for column in range(len(COLUMNS)):
        lines = agent_lines(ordered(rows, column, is_reversed=False), 0, column, width, is_reversed=False)
        assert all(cell_len("".join(text for text, _ in pieces)) <= width for _, pieces in lines)


def is_shown(pane: AgentsPane) -> bool:
    return bool(pane.display)


def test_keys_sort_jump_and_close() -> None:
    async def act(pilot: Pilot[Any]) -> None:
        screen = pilot.app.screen
        pane, timeline = screen.query_one(AgentsPane), screen.query_one(Timeline)
        await pilot.press("A")
        await checked(pilot)
        assert is_shown(pane)
        assert [row.name for row in pane.rows][:2] == ["lead", "analysis_agent"], "by time"
        await pilot.press("j", "enter")
        await pilot.pause()
        assert timeline.node.id == "analyst0"
        await pilot.press("enter", "enter")
        await pilot.pause()
        assert timeline.node.id == "analyst2"
        await pilot.press("k")
        assert pane.chosen is pane.rows[0]
        await pilot.press("S")
        assert pane.rows[0].name != "lead"
        assert pane.chosen is not None
        assert pane.chosen.name == "lead", "the cursor stays with its row"
        for _ in COLUMNS:
            await pilot.press("s")
        assert pane.rows[0].name == "lead", "around to the first column, the largest first"
        await pilot.press("escape")
        assert not is_shown(pane)
        assert timeline.has_focus
        await pilot.press("A", "A")
        assert not is_shown(pane)

    drive(Showing(Recorded(team_run())), act)


@SIZED
def test_picture(pictures: SnapshotAssertion, size: tuple[int, int]) -> None:
    async def act(pilot: Pilot[Any]) -> None:
        await checked(pilot)
        await pilot.press("A", "s", "j")
        await checked(pilot)
        await pilot.pause(0.3)

    assert picture(Showing(Recorded(team_run())), size, act) == pictures
