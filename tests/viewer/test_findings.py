"""Findings in the run screen: marks in the tree, the list, the way to spans, and the improved schedule."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from textual.binding import Binding
from textual.pilot import Pilot
from tracekit_viewer.app import Viewer
from tracekit_viewer.door import Finding, Run
from tracekit_viewer.render.findings import finding_rows, marks_of
from tracekit_viewer.render.forest import Forest
from tracekit_viewer.render.what_if import compared, comparison_rows
from tracekit_viewer.screens import checked as checked_screen
from tracekit_viewer.screens.help import keys_of
from tracekit_viewer.screens.run import RunScreen
from tracekit_viewer.source import Recorded, RunSource
from tracekit_viewer.widgets.detail import DetailPane
from tracekit_viewer.widgets.findings import FindingsPane
from tracekit_viewer.widgets.timeline import Timeline

from fixtures.rules import hard
from fixtures.rules.labelled import labelled
from fixtures.rules.story import Ask, Story, Turn
from fixtures.rules.telling import run_of
from tests.support.screens import SIZED, checked, drive, picture, pictures, until, utc
from tests.support.trees import MS, START_NS, growing_run, node, team_run
from tests.support.trees import run_of as tree_of
from tracekit.analysis.timing.what_if import WhatIf, what_if
from tracekit.rules.default import default_findings

__all__ = ["pictures", "utc"]

pytestmark = pytest.mark.usefixtures("home", "utc")

Act = Callable[[Pilot[Any]], Awaitable[None]]


class Showing(Viewer):
    """The viewer on a run of the test's."""

    def __init__(self, source: RunSource) -> None:
        super().__init__()
        self._source = source

    def run_screen(self, source: RunSource) -> RunScreen:
        return RunScreen(source, lambda: START_NS + 2000 * MS)


def story(name: str) -> Run:
    """The run of the labelled story called `name`."""
    return run_of(next(each for each in labelled() if each.name == name))


def two_findings() -> Run:
    """Two batches that ran one by one, and a straggler's turn between."""
    lists = [
        Turn(tuple(hard.analyse(path) for path in ("shop/cart.py", "shop/orders.py", "shop/mail.py")), how="serial"),
        Turn(
            tuple(Ask("refactor_agent", {"path": path}, "Done.", 1500) for path in ("shop/a.py", "shop/b.py")),
            how="serial",
        ),
    ]
    return run_of(Story("shop review", "Review the shop, all of it.", tuple(lists)))


def showing(run: Run) -> Showing:
    source = Recorded(run)
    # A story has no journal, which is nothing to tell here.
    source.note = None
    return Showing(source)


def pressing(*keys: str) -> Act:
    async def act(pilot: Pilot[Any]) -> None:
        await checked(pilot)
        for key in keys:
            await pilot.press(key)
            await checked(pilot)
        # The detail waits until the cursor stands still.
        await pilot.pause(0.6)

    return act


def pane(pilot: Pilot[Any]) -> FindingsPane:
    return pilot.app.screen.query_one(FindingsPane)


def here(pilot: Pilot[Any]) -> str:
    return pilot.app.screen.query_one(Timeline).node.id


def chosen(pilot: Pilot[Any]) -> Finding:
    found = pane(pilot).found
    assert found is not None
    return found


# ── what it looks like ───────────────────────────────────────────────────────────────────────────────────────────────


@SIZED
class TestPictures:
    """Each state as a picture."""

    def test_marked(self, pictures: SnapshotAssertion, size: tuple[int, int]) -> None:
        assert picture(showing(two_findings()), size, pressing()) == pictures

    def test_evidence(self, pictures: SnapshotAssertion, size: tuple[int, int]) -> None:
        assert picture(showing(two_findings()), size, pressing("i")) == pictures

    def test_jumped(self, pictures: SnapshotAssertion, size: tuple[int, int]) -> None:
        assert picture(showing(two_findings()), size, pressing("i", "down", "enter", "enter")) == pictures

    def test_what_if(self, pictures: SnapshotAssertion, size: tuple[int, int]) -> None:
        assert picture(showing(two_findings()), size, pressing("i", "w")) == pictures

    def test_turns_that_fall_away(self, pictures: SnapshotAssertion, size: tuple[int, int]) -> None:
        assert picture(showing(story("three analyses in three turns")), size, pressing("i", "w")) == pictures

    def test_a_blocked_loop(self, pictures: SnapshotAssertion, size: tuple[int, int]) -> None:
        assert picture(showing(story("a blocked loop")), size, pressing("i", "w")) == pictures

    def test_places_of_a_limit(self, pictures: SnapshotAssertion, size: tuple[int, int]) -> None:
        assert picture(showing(story("two places for six")), size, pressing("i", "w")) == pictures

    def test_nothing_found(self, pictures: SnapshotAssertion, size: tuple[int, int]) -> None:
        assert picture(showing(team_run()), size, pressing("i")) == pictures

    def test_no_schedule(self, pictures: SnapshotAssertion, size: tuple[int, int]) -> None:
        assert picture(showing(story("many retries")), size, pressing("i", "w")) == pictures

    def test_light(self, pictures: SnapshotAssertion, size: tuple[int, int]) -> None:
        app = showing(two_findings())
        app.theme = "tracekit-light"
        assert picture(app, size, pressing("i", "w")) == pictures


# ── keys and mouse ───────────────────────────────────────────────────────────────────────────────────────────────────

PROOFS: dict[str, Act] = {}


def key(*names: str) -> Callable[[Act], Act]:
    """Marks what proves that the keys called `names` do what the help says."""

    def mark(act: Act) -> Act:
        PROOFS.update(dict.fromkeys(names, act))
        return act

    return mark


@key("down", "j", "up", "k", "home", "g", "end", "G")
async def moves(pilot: Pilot[Any]) -> None:
    first = chosen(pilot)
    for down, up in (("down", "up"), ("j", "k"), ("end", "home"), ("G", "g")):
        await pilot.press(down)
        assert chosen(pilot) != first
        await pilot.press(up)
        assert chosen(pilot) == first
    await pilot.press("up")
    assert chosen(pilot) == first, "there is none before the first"


@key("pagedown", "ctrl+f", "pageup", "ctrl+b")
async def scrolls(pilot: Pilot[Any]) -> None:
    for down, up in (("pagedown", "pageup"), ("ctrl+f", "ctrl+b")):
        await pilot.press(down)
        await pilot.pause()
        assert pane(pilot).scroll_offset.y > 0
        await pilot.press(up)
        await pilot.pause()
        assert pane(pilot).scroll_offset.y == 0


@key("enter")
async def jumps(pilot: Pilot[Any]) -> None:
    spans = chosen(pilot).spans
    assert len(spans) == 4
    for span in (*spans, spans[0]):
        await pilot.press("enter")
        await pilot.pause()
        assert here(pilot) == span
    assert pane(pilot).has_focus, "so that the next press goes on"


@key("w")
async def compares(pilot: Pilot[Any]) -> None:
    why = pane(pilot).lines
    await pilot.press("w")
    await checked(pilot)
    drawn = "\n".join(pane(pilot).lines)
    assert "as it was" in drawn
    assert "as it could be" in drawn
    assert "4.00 s less" in drawn
    await pilot.press("w")
    assert pane(pilot).lines == why


@key("W")
async def compares_with_all(pilot: Pilot[Any]) -> None:
    why = pane(pilot).lines
    await pilot.press("w")
    await checked(pilot)
    await pilot.press("W")
    await checked(pilot)
    drawn = "\n".join(pane(pilot).lines)
    assert "without all 2 findings that are likely or certain" in drawn
    assert "5.50 s less" in drawn
    await pilot.press("W")
    assert pane(pilot).lines == why


@key("escape")
async def closes(pilot: Pilot[Any]) -> None:
    await pilot.press("escape")
    await pilot.pause()
    assert not pane(pilot).display
    assert pilot.app.screen.query_one(Timeline).has_focus


@key("i")
async def opens_and_closes(pilot: Pilot[Any]) -> None:
    await pilot.press("i")
    assert not pane(pilot).display
    assert pilot.app.screen.query_one(Timeline).has_focus
    await pilot.press("i")
    assert pane(pilot).display
    assert pane(pilot).has_focus


class TestKeys:
    """Every key of the findings does what the help says."""

    @pytest.mark.parametrize("name", sorted(PROOFS))
    def test_key(self, name: str) -> None:
        async def act(pilot: Pilot[Any]) -> None:
            await pressing("i")(pilot)
            await PROOFS[name](pilot)

        drive(showing(two_findings()), act, (100, 20))

    def test_every_key_of_the_findings_has_a_proof(self) -> None:
        bound = {name for each in FindingsPane.BINDINGS if isinstance(each, Binding) for name in each.key.split(",")}
        assert {*bound, "i"} == {*PROOFS}

    def test_the_help_lists_them(self) -> None:
        async def act(pilot: Pilot[Any]) -> None:
            listed = {name for each in keys_of(pilot.app.screen) for name in each.keys}
            assert listed >= {*PROOFS}
            assert {each.does for each in keys_of(pilot.app.screen) if "enter" in each.keys} >= {
                "Go to its first span, then to the next"
            }

        drive(showing(two_findings()), act)

    def test_where_there_is_room_for_one_pane_reading_closes_the_findings(self) -> None:
        async def act(pilot: Pilot[Any]) -> None:
            await pressing("i")(pilot)
            assert [pilot.app.screen.query_one(each).display for each in (FindingsPane, DetailPane)] == [True, False]
            pilot.app.screen.query_one(Timeline).focus()
            await pilot.press("enter")
            await pilot.pause()
            assert [pilot.app.screen.query_one(each).display for each in (FindingsPane, DetailPane)] == [False, True]

        drive(showing(two_findings()), act, (80, 24))

    def test_a_click_chooses_and_goes_there(self) -> None:
        async def act(pilot: Pilot[Any]) -> None:
            await pressing("i")(pilot)
            first = chosen(pilot)
            last = len(pane(pilot).lines) - 1
            assert await pilot.click(FindingsPane, offset=(10, last + 1))
            await pilot.pause()
            assert chosen(pilot) != first
            assert here(pilot) == chosen(pilot).spans[0]

        drive(showing(two_findings()), act, (140, 50))

    def test_a_fold_that_hides_the_span_opens(self) -> None:
        async def act(pilot: Pilot[Any]) -> None:
            await pressing("1", "i", "enter")(pilot)
            assert here(pilot) == chosen(pilot).spans[0]

        drive(showing(two_findings()), act)


# ── what is told ─────────────────────────────────────────────────────────────────────────────────────────────────────


class TestMarks:
    """Rows bear the codes of what was found about them."""

    def test_rows_say_the_code(self) -> None:
        async def act(pilot: Pilot[Any]) -> None:
            await checked(pilot)
            timeline = pilot.app.screen.query_one(Timeline)
            drawn = [timeline.render_line(y).text for y in range(timeline.size.height)]
            assert any("turn 1" in line and "⚑ TK102" in line for line in drawn)

        drive(showing(two_findings()), act)

    def test_as_show_does_it(self) -> None:
        """A work below a marked turn has no second mark, and possible findings are not marked."""
        run = two_findings()
        found = default_findings(run)
        forest = Forest(run)
        marks = marks_of(forest, found)
        kinds = {each.kind for each in forest.nodes if each.id in marks}
        assert kinds == {"turn"}
        assert marks_of(forest, [replace(each, confidence="possible") for each in found]) == {}

    def test_a_hidden_attempt_is_its_call(self) -> None:
        attempt = node("attempt", "POST", 0, 900, id="hidden")
        forest = Forest(tree_of(node("run", "r", 0, 1000, node("llm", "m", 0, 900, attempt, id="call"), id="root")))
        about = Finding("TK201", "retry-storm", "certain", "m", (), ("hidden", "nowhere"), None, None, "r")
        assert marks_of(forest, [about]) == {"call": ["TK201"]}


def without(run: Run, finding: Finding) -> WhatIf:
    """`run` as it could be without `finding`."""
    assert finding.change is not None
    return what_if(run, [finding.change])


class TestDrawn:
    """The two strips show the schedule behind the number, and nothing else."""

    @pytest.mark.parametrize(
        "name",
        [
            "a blocked loop",
            "one answer, one by one",
            "three analyses in three turns",
            "two places for six",
            "one of four decides",
        ],
    )
    @pytest.mark.parametrize("width", [60, 118])
    def test_the_difference_that_is_drawn_is_what_is_said_to_be_saved(self, name: str, width: int) -> None:
        run = story(name)
        found = default_findings(run)[0]
        made = without(run, found)
        assert found.saved_ms is not None
        assert made.saved_ns == pytest.approx(found.saved_ms * MS, abs=1000)
        rows = comparison_rows(compared(Forest(run), [found], made, run.last_ns), width, 40)
        lines = ["".join(text for text, _ in row) for row in rows]
        middle = next(number for number, line in enumerate(lines) if "as it could be" in line)
        assert len(lines) == 2 * middle, "as many lanes in each"
        bar = max(len(line) for line in lines)
        start = lines[0].index("│0")
        cells = bar - start
        ends = [max(len(line.rstrip()) for line in part) - start for part in (lines[1:middle], lines[middle + 1 :])]
        whole_ns = made.was.end_ns - made.was.start_ns
        drawn_ns = (ends[0] - ends[1]) * whole_ns / cells
        assert drawn_ns == pytest.approx(made.saved_ns, abs=2 * whole_ns / cells)

    def test_tools_without_agents_have_lanes_of_their_own(self) -> None:
        tools = tuple(
            Ask("fetch_page", {"url": f"https://example.org/{n}"}, "text", 2000, agent=False) for n in range(3)
        )
        run = run_of(Story("pages", "Fetch them.", (Turn(tools, how="serial"),)))
        found = default_findings(run)[0]
        comparison = compared(Forest(run), [found], without(run, found), run.last_ns)
        assert [lane.name for lane in comparison.lanes] == ["lead", "fetch_page", "fetch_page", "fetch_page"]

    def test_a_small_part_of_a_long_run_is_drawn_close(self) -> None:
        fast = Turn(tuple(hard.analyse(f"shop/{n}.py") for n in range(2)), how="serial")
        slow = Turn((Ask("crawl_agent", {"site": "https://example.org"}, "All of it.", 60_000),))
        run = run_of(Story("long", "Look at the shop, then crawl.", (fast, slow)))
        found = next(each for each in default_findings(run) if each.code == "TK102")
        rows = comparison_rows(compared(Forest(run), [found], without(run, found), run.last_ns), 100, 40)
        lines = ["".join(text for text, _ in row) for row in rows]
        assert "2.00 s less" in lines[len(lines) // 2]
        assert "│4 s" in lines[0], "seconds, not minutes"

    @pytest.mark.parametrize("size", [(1, 1), (10, 3), (30, 10), (45, 12), (400, 20)])
    def test_any_size(self, size: tuple[int, int]) -> None:
        drive(showing(two_findings()), pressing("i", "w", "down", "w", "enter"), size)


class TestHostileText:
    """Quotes in a finding come from models and tools."""

    def test_nothing_that_a_terminal_acts_on_is_drawn(self) -> None:
        evil = "\x1b[31m[bold red]evil[/]\u202e\r\n\x07" + "分析" * 30
        finding = Finding("TK102", "serial-batch", "certain", evil, (evil,), (), 1.0, None, evil)
        for width in (20, 40, 80, 200):
            rows = finding_rows([finding, finding], 0, width)
            drawn = "".join(text for row in rows for text, _ in row.pieces)
            assert all(each.isprintable() for each in drawn)
            assert "\u202e" not in drawn
        assert "[bold red]evil[/]" in drawn

    def test_names_of_lanes_too(self) -> None:
        asks = tuple(Ask(f"\x1b[31m\u202eagent[/]{n}", {"path": f"\x07{n}.py"}, "Done.", 2000) for n in range(2))
        run = run_of(Story("evil", "Go.", (Turn(asks, how="serial"),)))
        found = default_findings(run)[0]
        rows = comparison_rows(compared(Forest(run), [found], without(run, found), run.last_ns), 100, 40)
        assert all(text.isprintable() for row in rows for text, _ in row)
        assert any("agent[/]" in text for row in rows for text, _ in row)


class TestLive:
    """A run that lives is checked when it is asked for, and when it ends."""

    def test_checked_on_demand_and_at_the_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[Run] = []

        def note(run: Run) -> list[Finding]:
            asked.append(run)
            return default_findings(run)

        monkeypatch.setattr(checked_screen, "default_findings", note)

        class Living:
            pause_s = 0.01
            live = True
            note: str | None = None
            run: Run | None = growing_run(900)
            last: Run | None = None

            def poll(self) -> Run | None:
                if self.last is not None:
                    self.live = False
                    return self.last
                run, self.run = self.run, None
                return run

        source = Living()

        async def act(pilot: Pilot[Any]) -> None:
            await pilot.pause(0.1)
            assert asked == [], "it is not over"
            await pilot.press("i")
            await checked(pilot)
            assert len(asked) == 1
            assert "so far" in str(pane(pilot).border_title)
            ended = two_findings()
            source.last = ended
            await until(pilot, lambda: len(asked) == 2)
            await checked(pilot)
            assert asked[1] is ended
            assert str(pane(pilot).border_title) == "3 findings"
            assert not pane(pilot).has_class("-empty")

        drive(Showing(source), act)

    def test_a_check_that_fails_is_told_and_the_run_stays(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(_: Run) -> list[Finding]:
            raise RuntimeError("[bold]no\x1b[31m")

        monkeypatch.setattr(checked_screen, "default_findings", fail)

        async def act(pilot: Pilot[Any]) -> None:
            await until(pilot, lambda: len(pilot.app._notifications) == 1)
            await pilot.press("i", "w", "enter", "down")
            assert pane(pilot).has_focus
            assert here(pilot) == "root"

        drive(showing(team_run()), act)
