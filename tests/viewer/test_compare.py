"""Two runs side by side: rows, bars on one axis, word differences, playback, and the way from the list."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from textual.pilot import Pilot
from textual.screen import Screen
from tracekit_viewer.app import Viewer
from tracekit_viewer.door import Edit
from tracekit_viewer.render.block import line_cells
from tracekit_viewer.render.compare import compared_runs
from tracekit_viewer.render.word_diff import WordDiff
from tracekit_viewer.screens import replaying
from tracekit_viewer.screens.ask import AskScreen
from tracekit_viewer.screens.compare import CompareScreen
from tracekit_viewer.screens.run import RunScreen
from tracekit_viewer.screens.runs import RunsScreen
from tracekit_viewer.source import Recorded
from tracekit_viewer.widgets.compare import ComparedView
from tracekit_viewer.widgets.document import Document
from tracekit_viewer.widgets.runs_list import RunsList

from tests.support.listed import RUNS, write_all
from tests.support.screens import SIZED, checked, drive, picture, pictures, until, utc
from tests.support.showing import Showing
from tests.support.trees import run_of, team_run
from tracekit import semconv
from tracekit.analysis.diff import compare
from tracekit.collect.look import find, read_entry
from tracekit.model.events import Failure
from tracekit.model.tree import Node, Run

__all__ = ["pictures", "utc"]

pytestmark = pytest.mark.usefixtures("home", "utc")

FIXTURES = Path(__file__).parents[2] / "fixtures/runs"


def recorded(name: str) -> Run:
    return read_entry(find(str(FIXTURES / f"{name}.jsonl")))


class Comparing(Viewer):
    """The viewer, opened on two runs."""

    def __init__(self, a: Run, b: Run) -> None:
        super().__init__()
        self._pair = a, b

    def get_default_screen(self) -> Screen[Any]:
        return CompareScreen(*self._pair)


async def compared(pilot: Pilot[Any]) -> None:
    await checked(pilot)
    await until(pilot, lambda: bool(pilot.app.screen.query_one(Document).rows))


def rows(pilot: Pilot[Any]) -> list[str]:
    view = pilot.app.screen.query_one(ComparedView)
    return [view.render_line(y).text.rstrip() for y in range(view.size.height)]


def details(pilot: Pilot[Any]) -> str:
    return "\n".join("".join(text for text, _ in row.line) for row in pilot.app.screen.query_one(Document).rows)


@SIZED
class TestPictures:
    def test_other_schedule(self, size: tuple[int, int], pictures: SnapshotAssertion) -> None:
        app = Comparing(
            recorded("guide-serial"), replace(recorded("guide-async"), replay_of="5" * 32, replay="projected")
        )
        assert picture(app, size, compared) == pictures

    def test_other_words(self, size: tuple[int, int], pictures: SnapshotAssertion) -> None:
        async def act(pilot: Pilot[Any]) -> None:
            await compared(pilot)
            await pilot.press("n", "n")

        assert picture(Comparing(recorded("refactoring"), recorded("refactoring-team")), size, act) == pictures


def test_rows_of_both_and_differences_of_each() -> None:
    runs = compared_runs(compare(recorded("refactoring"), recorded("refactoring-team")))
    ids = [each.id for row in runs.rows for each in (row.a, row.b) if each is not None]
    assert len(ids) == len(set(ids))
    changed = [row for row in runs.rows if row.how == "changed"]
    assert changed
    assert all(row.changes for row in changed)
    of_rows = sum(len(row.changes) for row in runs.rows)
    assert of_rows == len(compare(recorded("refactoring"), recorded("refactoring-team")).changes)
    same = compared_runs(compare(recorded("guide-serial"), recorded("guide-async")))
    assert same.different == 0
    # The chain tool > agent > turn > llm of a subagent that makes one call is one row.
    assert [row.node.agent or row.node.kind for row in same.rows] == [
        "run",
        "lead",
        "llm",
        *["analysis_agent"] * 3,
        "llm",
    ]
    assert [row.hint for row in same.rows if row.hint] == ["shop/cart.py", "shop/orders.py", "shop/mail.py"]


def test_a_divergence_is_where_it_begins_with_its_report() -> None:
    run = recorded("guide-serial")
    report = "the replay left its recording: this request is not in the recording\n  system:\n    - a\n    + b"
    left = [Failure("ReplayDivergence", report), Failure("ReplayDivergence", "again")]

    def diverged(node: Node) -> Node:
        failure = left.pop(0) if node.kind == "llm" and node.model == "claude-sonnet-5-5" and left else node.failure
        return replace(node, failure=failure, children=tuple(map(diverged, node.children)))

    replay = replace(run, root=diverged(run.root), id="c" * 32, replay_of=run.id, replay="diverged")
    assert len(left) < 2
    runs = compared_runs(compare(run, replay))
    assert runs.first == next(number for number, row in enumerate(runs.rows) if row.node.agent == "analysis_agent")
    assert [row.report for row in runs.rows if row.report] == [report]

    async def act(pilot: Pilot[Any]) -> None:
        await compared(pilot)
        assert pilot.app.screen.query_one(ComparedView).cursor == runs.first
        assert details(pilot).startswith("the replay left its recording")
        assert "    + b" in details(pilot)

    drive(Comparing(run, replay), act, (120, 35))


@pytest.mark.parametrize("width", [8, 30, 100])
def test_word_diffs_fit_their_width(width: int) -> None:
    edits = [Edit("=", "as it was \x1b[31m"), Edit("-", "x" * 250), Edit("+", "two\nlines 漢字"), Edit("=", " " * 40)]
    shown = WordDiff(edits).shown(width, 1000)
    assert all(line_cells(line) <= width for line in shown.lines)
    text = "".join(part for line in shown.lines for part, _ in line)
    assert "\x1b" not in text
    assert text.count("x") == 250
    assert "[-" in text
    assert "{+two" in text
    assert len(WordDiff(edits).shown(width, 1).lines) == 1


def test_keys_move_find_differences_and_play() -> None:
    async def act(pilot: Pilot[Any]) -> None:
        await compared(pilot)
        view = pilot.app.screen.query_one(ComparedView)
        first = view.cursor
        assert first > 0, "it opens at the first difference"
        assert "stop reason" in details(pilot)
        await pilot.press("n")
        assert view.cursor > first
        await pilot.press("N")
        assert view.cursor == first
        await pilot.press("G")
        last = view.cursor
        await pilot.press("k", "up")
        assert view.cursor == last - 2
        await pilot.press("g", "j", "down")
        assert view.cursor == 2
        await pilot.press("pagedown")
        assert view.cursor > 2
        await pilot.press("pageup", "home")
        assert view.cursor == 0
        await pilot.press("end", "home", "enter")
        assert pilot.app.screen.query_one(Document).has_focus
        await pilot.press("escape")
        assert view.has_focus
        # Playback: nothing has begun at the begin, and each event adds something.
        whole = "".join(rows(pilot))
        await pilot.press("full_stop")
        early = "".join(rows(pilot))
        await pilot.press(*["full_stop"] * 8)
        later = "".join(rows(pilot))
        blocks = [sum(text.count(block) for block in "█▄▂▌▖") for text in (early, later, whole)]
        assert blocks == sorted(blocks)
        assert blocks[0] < blocks[1] < blocks[2]
        await pilot.press("escape")
        assert "".join(rows(pilot)) == whole

    drive(Comparing(recorded("refactoring"), recorded("refactoring-team")), act, (120, 35))


def test_two_runs_are_marked_and_compared_and_a_replay_with_its_recording() -> None:
    write_all(RUNS[1:4])

    async def act(pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: pilot.app.screen.query_one(RunsList).at is not None)
        table = pilot.app.screen.query_one(RunsList)
        await pilot.press("D")
        assert isinstance(pilot.app.screen, RunsScreen), "one run is nothing to compare"
        await pilot.press("m", "j", "m", "j", "m")
        assert table.marked == [RUNS[2].id, RUNS[3].id], "the newest two marks"
        assert table.render_line(1).text.startswith(" ✓•")
        await pilot.press("m", "D")
        await until(pilot, lambda: isinstance(pilot.app.screen, CompareScreen))
        await compared(pilot)
        assert RUNS[2].name in rows(pilot)[0]
        assert RUNS[3].name in rows(pilot)[1]
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, RunsScreen)

    drive(Viewer(), act)


def test_a_run_is_replayed_again_only_after_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    run = team_run()
    commanded = run_of(replace(run.root, attributes={semconv.COMMAND_ARGS: ["agent.py", "two words"]}))

    async def act(pilot: Pilot[Any]) -> None:
        await pilot.press("R")
        assert isinstance(pilot.app.screen, AskScreen)
        asked = "\n".join(str(each.render()) for each in pilot.app.screen.query("Static"))
        assert "agent.py 'two words'" in asked
        assert str(Path.cwd()) in asked
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, RunScreen)
        await pilot.press("R", "enter")
        await pilot.pause()
        told = [note.message for note in pilot.app._notifications]
        assert any("cannot run another program" in each for each in told), told
        # Where the terminal can be lent, the replay is shown beside its recording afterwards.
        monkeypatch.setattr(replaying, "replay_again", lambda *_: "")
        await pilot.press("R", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, CompareScreen))
        await compared(pilot)
        assert "↻ followed of 00000000" in rows(pilot)[1]
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, RunScreen)

    replayed = replace(commanded, id="c" * 32, replay_of=commanded.id, replay="followed")
    monkeypatch.setattr(replaying, "replay_of", lambda *_, newest: replayed if newest else commanded)
    drive(Showing(Recorded(commanded)), act, (120, 35))
