"""The screen of one run: what it shows, and what its keys and the mouse do."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input
from tracekit_viewer.app import Viewer
from tracekit_viewer.door import Run
from tracekit_viewer.screens import playing
from tracekit_viewer.screens.help import HelpScreen, keys_of
from tracekit_viewer.screens.run import RunScreen
from tracekit_viewer.screens.runs import RunsScreen
from tracekit_viewer.source import Recorded
from tracekit_viewer.widgets.axis import Axis
from tracekit_viewer.widgets.detail import DetailPane
from tracekit_viewer.widgets.document import Document
from tracekit_viewer.widgets.lanes import LaneStrip
from tracekit_viewer.widgets.minimap import MinimapStrip
from tracekit_viewer.widgets.player import SPEEDS, Playback, PlayerBar
from tracekit_viewer.widgets.timeline import Timeline

from tests.support.screens import checked, drive, picture, pictures, until, utc
from tests.support.showing import Showing
from tests.support.trees import MS, START_NS, big_run, growing_run, node, run_of, team_run
from tracekit import semconv

__all__ = ["pictures", "utc"]

pytestmark = pytest.mark.usefixtures("home", "utc")

Size = tuple[int, int]
Act = Callable[[Pilot[Any]], Awaitable[None]]


class Growing:
    """A run that is live; `runs` are its states, one a poll."""

    pause_s = 0.01

    def __init__(self, *runs: Run, then_note: str | None = None) -> None:
        self._runs: Iterator[Run] = iter(runs)
        self._left = len(runs)
        self._then_note = then_note
        self.live = True
        self.note: str | None = None

    def poll(self) -> Run | None:
        self._left -= 1
        if self._left < 0 and self._then_note:
            self.live, self.note = False, self._then_note
        return next(self._runs, None)


def team() -> Showing:
    return Showing(Recorded(team_run()))


def pressing(*keys: str) -> Act:
    async def act(pilot: Pilot[Any]) -> None:
        for key in keys:
            await pilot.press(key)
            await pilot.pause()
        await checked(pilot)
        # The detail waits until the cursor stands still.
        await pilot.pause(0.3)

    return act


def line(pilot: Pilot[Any]) -> Timeline:
    return pilot.app.screen.query_one(Timeline)


def here(pilot: Pilot[Any]) -> str:
    """The id of the node under the cursor."""
    return line(pilot).node.id


def rows(pilot: Pilot[Any]) -> list[str]:
    """The rows that are seen, as text."""
    timeline = line(pilot)
    return [timeline.render_line(y).text.rstrip() for y in range(timeline.size.height)]


# ── what it looks like ───────────────────────────────────────────────────────────────────────────────────────────────


_THREE_SIZES = [(80, 24), (120, 35), (200, 60)]


@pytest.mark.parametrize(
    "size",
    [
        pytest.param(size, id=f"{size[0]}x{size[1]}", marks=pytest.mark.slow if size == (120, 35) else ())
        for size in _THREE_SIZES
    ],
)
class TestPictures:
    """Each state of the screen as a picture."""

    def test_a_run(self, pictures: SnapshotAssertion, size: Size) -> None:
        assert picture(team(), size, pressing()) == pictures

    def test_a_retried_call(self, pictures: SnapshotAssertion, size: Size) -> None:
        assert picture(team(), size, pressing("r", "down")) == pictures

    def test_an_error(self, pictures: SnapshotAssertion, size: Size) -> None:
        assert picture(team(), size, pressing("e")) == pictures

    def test_zoomed(self, pictures: SnapshotAssertion, size: Size) -> None:
        assert picture(team(), size, pressing("r", "z")) == pictures

    def test_every_step(self, pictures: SnapshotAssertion, size: Size) -> None:
        assert picture(team(), size, pressing("x")) == pictures

    def test_critical_path(self, pictures: SnapshotAssertion, size: Size) -> None:
        async def act(pilot: Pilot[Any]) -> None:
            await checked(pilot)
            await pressing("C")(pilot)

        assert picture(team(), size, act) == pictures

    def test_a_group(self, pictures: SnapshotAssertion, size: Size) -> None:
        assert picture(Showing(Recorded(workers_run())), size, pressing("end")) == pictures

    def test_a_group_that_is_open(self, pictures: SnapshotAssertion, size: Size) -> None:
        assert picture(Showing(Recorded(workers_run())), size, pressing("end", "right")) == pictures

    def test_a_moment(self, pictures: SnapshotAssertion, size: Size) -> None:
        assert picture(team(), size, pressing(*["full_stop"] * 12)) == pictures

    def test_the_drawer(self, pictures: SnapshotAssertion, size: Size) -> None:
        assert picture(team(), size, pressing("down", "d")) == pictures

    def test_folded(self, pictures: SnapshotAssertion, size: Size) -> None:
        assert picture(team(), size, pressing("4", "down", "down")) == pictures

    def test_search(self, pictures: SnapshotAssertion, size: Size) -> None:
        async def act(pilot: Pilot[Any]) -> None:
            await pressing("slash", *"read")(pilot)
            pilot.app.screen.query_one(Input).cursor_blink = False
            await pilot.pause()

        assert picture(team(), size, act) == pictures

    def test_without_detail_and_lanes(self, pictures: SnapshotAssertion, size: Size) -> None:
        assert picture(team(), size, pressing("d", "a")) == pictures

    def test_live(self, pictures: SnapshotAssertion, size: Size) -> None:
        app = Showing(Growing(growing_run(2600)), 2600)
        assert picture(app, size, pressing("f")) == pictures

    def test_killed(self, pictures: SnapshotAssertion, size: Size) -> None:
        dead = growing_run(2600, alive=False)
        source = Recorded(dead)
        source.note = "process 4711 was killed; what it had recorded until then is here"
        assert picture(Showing(source), size, pressing("end")) == pictures

    def test_odd_times(self, pictures: SnapshotAssertion, size: Size) -> None:
        assert picture(Showing(Recorded(odd_run())), size, pressing()) == pictures

    def test_deep(self, pictures: SnapshotAssertion, size: Size) -> None:
        assert picture(Showing(Recorded(deep_run())), size, pressing("end")) == pictures

    def test_many_agents(self, pictures: SnapshotAssertion, size: Size) -> None:
        assert picture(Showing(Recorded(big_run(800, agents=40))), size, pressing("J", "end")) == pictures

    def test_help(self, pictures: SnapshotAssertion, size: Size) -> None:
        assert picture(team(), size, pressing("question_mark")) == pictures

    def test_palette(self, pictures: SnapshotAssertion, size: Size) -> None:
        async def act(pilot: Pilot[Any]) -> None:
            await pressing("ctrl+p", *"retried")(pilot)
            pilot.app.screen.query_one(Input).cursor_blink = False
            await pilot.pause(0.3)

        assert picture(team(), size, act) == pictures

    def test_without_colour(self, pictures: SnapshotAssertion, size: Size, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NO_COLOR", "1")
        assert picture(team(), size, pressing("r")) == pictures

    def test_light(self, pictures: SnapshotAssertion, size: Size) -> None:
        app = team()
        app.theme = "tracekit-light"
        assert picture(app, size, pressing("r")) == pictures


def workers_run(many: int = 300) -> Run:
    """A lead that asked for `many` workers, of which some were slow and one failed."""
    tools = []
    for number in range(many):
        start = 1000 + number // 8 * 100
        end = start + 60 + 7 * number % 50 + (900 if number % 97 == 5 else 0)
        fault: dict[str, Any] = {"status": "error"} if number == 40 else {}
        call = node("llm", "claude-haiku-5", start, end, id=f"w{number}.l", **fault)
        turn = node("turn", "turn", start, end, call, id=f"w{number}.t", **fault)
        agent = node("agent", "worker", start, end, turn, id=f"w{number}.a", **fault)
        given = {
            semconv.TOOL_NAME: "worker",
            semconv.TOOL_CALL_ARGUMENTS: {"task": "Sum up.", "page": f"page {number}"},
        }
        tools.append(
            node(
                "tool",
                "execute_tool worker",
                start,
                end,
                agent,
                id=f"w{number}",
                attributes=given,
                cost_usd=0.0003,
                **fault,
            )
        )
    asked = node("llm", "claude-opus-5-5", 200, 1000, id="l")
    last = max(tool.end_ns - START_NS for tool in tools if tool.end_ns) / MS
    turn = node("turn", "turn", 200, last, asked, *tools, id="t")
    return run_of(
        node("run", "crowd", 0, last + 100, node("agent", "lead", 200, last, turn, id="lead"), id="root"), name="crowd"
    )


def odd_run() -> Run:
    """Children outside their parent, without a duration, without an end, of another clock, with wide names."""
    children = [
        node("span", "before its parent", -400, 100),
        node("span", "after its parent", 900, 1600),
        node("tool", "takes no time", 500, 500),
        node("llm", "ends before it begins", 600, 300),
        node("span", "of 1970", -START_NS / MS, -START_NS / MS + 5),
        node("agent", "分析エージェント", 100, 900, node("tool", "読み取り" * 20, 200, 800)),
        node("agent", "[bold red]markup[/] \x1b[31m and \u202eescapes", 100, 900),
        node("llm", "interrupted", 700, None, status="interrupted"),
        node("span", "", 800, 900),
    ]
    return run_of(node("run", "odd", 0, 1000, *children, id="root"), name="odd")


def deep_run(levels: int = 1000) -> Run:
    """Agents all the way down."""
    below = node("tool", "at last", 0, 1000)
    for level in reversed(range(levels)):
        below = node("agent" if level % 2 else "tool", f"level {level}", 0, 1000, below, id=f"{level}")
    return run_of(node("run", "deep", 0, 1000, below, id="root"), name="deep")


# ── what its keys do ─────────────────────────────────────────────────────────────────────────────────────────────────


def key(*names: str) -> Callable[[Act], Act]:
    """Marks what proves that the keys called `names` do what the help says."""

    def mark(act: Act) -> Act:
        for name in names:
            PROOFS.setdefault(name, []).append(act)
        return act

    return mark


PROOFS: dict[str, list[Act]] = {}


def starting_at(id: str) -> Callable[[Pilot[Any]], Awaitable[None]]:
    async def act(pilot: Pilot[Any]) -> None:
        timeline = line(pilot)
        place = timeline.forest.place_of(id)
        assert place is not None
        timeline.go_to(place)
        await pilot.pause()

    return act


def goes(names: str, start: str, end: str) -> None:
    """Each of `names` moves the cursor from `start` to `end`."""
    for name in names.split(","):

        async def act(pilot: Pilot[Any], name: str = name) -> None:
            await starting_at(start)(pilot)
            await pilot.press(name)
            await pilot.pause()
            assert here(pilot) == end

        key(name)(act)


goes("down,j", "lead.1", "analysis_agent-1160-2500")
goes("up,k", "lead.1", "t1")
goes("home,g", "lead.4", "root")
goes("end,G", "lead.4", "t4")
goes("end,G", "root", "t4")
goes("left,h", "lead.1", "t1")
goes("right,l", "t1", "lead.1")
goes("p", "lead.1", "t1")
goes("J,shift+down", "t1", "t2")
goes("K,shift+up", "t3", "t2")
goes("e", "root", "run_tests-8000-8900")
goes("E", "t4", "run_tests-8000-8900")
goes("r", "root", "l.retried")
goes("ctrl+r", "t4", "l.retried")


@key("pagedown", "ctrl+f")
@key("pageup", "ctrl+b")
async def pages(pilot: Pilot[Any]) -> None:
    timeline = line(pilot)
    for down, up in (("pagedown", "pageup"), ("ctrl+f", "ctrl+b")):
        await pilot.press(down)
        assert timeline._rows.row == timeline.size.height - 1
        await pilot.press(up)
        assert timeline.cursor == 0


@key("left", "h", "right", "l")
async def folds(pilot: Pilot[Any]) -> None:
    await starting_at("t1")(pilot)
    many = line(pilot).virtual_size.height
    for fold, unfold in (("left", "right"), ("h", "l")):
        await pilot.press(fold)
        assert line(pilot).virtual_size.height < many
        assert here(pilot) == "t1"
        await pilot.press(unfold)
        assert line(pilot).virtual_size.height == many


@key("c", "o")
async def folds_below(pilot: Pilot[Any]) -> None:
    await starting_at("lead")(pilot)
    many = line(pilot).virtual_size.height
    await pilot.press("c", "right")
    assert line(pilot).virtual_size.height == 6
    await pilot.press("o")
    assert line(pilot).virtual_size.height == len(line(pilot).forest) > many


@key("x")
async def shows_every_step(pilot: Pilot[Any]) -> None:
    rows_before = line(pilot).virtual_size.height
    await pilot.press("x")
    assert line(pilot).virtual_size.height == len(line(pilot).forest) > rows_before
    await pilot.press("x")
    assert line(pilot).virtual_size.height == rows_before


@key("C")
async def lights_the_critical_path(pilot: Pilot[Any]) -> None:
    await checked(pilot)
    await pilot.press("C")
    await checked(pilot)
    assert "critical path: " in str(pilot.app.screen.query_one("#path").render())
    assert "█" in rows(pilot)[3], "the first call decided"
    await pilot.press("C")
    assert "█" not in rows(pilot)[3]


@key("1", "2", "3", "4", "5", "6", "7", "8", "9")
async def levels(pilot: Pilot[Any]) -> None:
    counts = []
    for level in range(1, 10):
        await pilot.press(str(level))
        counts.append(line(pilot).virtual_size.height)
    assert counts[:3] == [1, 2, 6]
    assert counts == sorted(counts)
    assert counts[-1] == len(line(pilot).forest)


@key("plus", "equals_sign", "minus", "0")
async def zooms(pilot: Pilot[Any]) -> None:
    whole = line(pilot).view.window
    for closer in ("plus", "equals_sign"):
        await pilot.press(closer)
        assert line(pilot).view.window.length_ns < whole.length_ns
        await pilot.press("minus")
        assert line(pilot).view.window == whole
    await pilot.press("plus", "plus", "plus", "0")
    assert line(pilot).view.window == whole


@key("z")
async def zooms_to_the_span(pilot: Pilot[Any]) -> None:
    await starting_at("t2")(pilot)
    await pilot.press("z")
    window, turn = line(pilot).view.window, line(pilot).node
    assert turn.end_ns is not None
    assert window.start_ns < turn.start_ns < turn.end_ns < window.end_ns
    assert window.length_ns < 1.2 * (turn.end_ns - turn.start_ns)


@key("shift+left", "shift+right", "H", "L")
async def pans(pilot: Pilot[Any]) -> None:
    await pilot.press("plus", "plus", "plus")
    window = line(pilot).view.window
    for later, earlier in (("shift+right", "shift+left"), ("L", "H")):
        await pilot.press(later)
        assert line(pilot).view.window.start_ns > window.start_ns
        await pilot.press(earlier)
        assert line(pilot).view.window == window


@key("d", "a")
async def hides(pilot: Pilot[Any]) -> None:
    for name, kind in (("d", DetailPane), ("a", LaneStrip)):
        for is_shown in (True, False, True):
            await pilot.press(name)
            assert pilot.app.screen.query_one(kind).display is is_shown


@key("enter", "escape")
async def reads_and_comes_back(pilot: Pilot[Any]) -> None:
    await pilot.press("enter")
    pane = pilot.app.screen.query_one(DetailPane)
    assert pane.display
    assert pilot.app.screen.focused is not None
    assert pane in pilot.app.screen.focused.ancestors_with_self
    await pilot.press("escape")
    assert line(pilot).has_focus
    await pilot.press("escape")
    await pilot.pause()
    assert isinstance(pilot.app.screen, RunsScreen)


@key("slash", "n", "N", "escape")
async def searches(pilot: Pilot[Any]) -> None:
    await starting_at("t1")(pilot)
    await pilot.press("slash", *"READ_file", "enter")
    assert line(pilot).has_focus
    first = line(pilot).cursor
    assert here(pilot).startswith("read_file")
    await pilot.press("n")
    assert line(pilot).cursor > first
    assert line(pilot).searched == "read_file: 2/3"
    await pilot.press("N")
    assert line(pilot).cursor == first
    await pilot.pause()
    assert "read_file: 1/3" in pilot.app.screen.query_one(Axis).render_line(0).text
    await pilot.press("slash", *"lead", "escape")
    assert line(pilot).cursor == first, "giving up goes back to where one was"
    # Content: what a tool was called with. The rows that have it are marked, and counted with those of that name.
    await pilot.press("slash", *"TESTS/")
    await until(pilot, lambda: line(pilot).hits == (1, 1))
    assert here(pilot).startswith("run_tests")
    assert [row for row in rows(pilot) if "⌕" in row] == [row for row in rows(pilot) if "run_tests" in row]
    await pilot.press("enter")
    assert line(pilot).searched == "tests/: 1/1"
    await pilot.press("slash", "escape")
    assert not any("⌕" in row for row in rows(pilot))


@key("t")
async def reads_the_whole_conversation(pilot: Pilot[Any]) -> None:
    await pilot.press("t")
    await pilot.pause()
    document = pilot.app.screen.query_one(Document)
    assert document.has_focus

    def heads() -> list[str]:
        texts = ["".join(text for text, _ in row.line) for row in document.rows]
        return [text.split()[1] for text in texts if text.startswith("◆")]

    by_time = heads()
    assert by_time[0] == "lead"
    assert {"analysis_agent", "refactor_agent"} <= set(by_time)
    await pilot.press("b")
    await pilot.pause()
    assert sorted(heads()) == sorted(by_time)
    assert heads()[:4] == ["lead"] * 4, "agent by agent"
    await pilot.press("b", "w")
    await pilot.pause()
    assert heads() == []


@key("R", "D")
async def replays_after_asking(pilot: Pilot[Any]) -> None:
    await pilot.press("D")
    assert isinstance(pilot.app.screen, RunScreen), "this run is not a replay"
    await pilot.press("R")
    assert isinstance(pilot.app.screen, RunScreen), "no command was recorded"


@key("question_mark")
async def helps(pilot: Pilot[Any]) -> None:
    await pilot.press("question_mark")
    assert isinstance(pilot.app.screen, HelpScreen)
    for closes in ("escape", "question_mark", "q"):
        await pilot.press(closes)
        assert isinstance(pilot.app.screen, RunScreen)
        await pilot.press("question_mark")
    await pilot.press("escape")


@key("q")
async def quits(pilot: Pilot[Any]) -> None:
    await pilot.press("q")
    await pilot.pause()
    assert not pilot.app.is_running or pilot.app._exit


def is_playing(player: Playback) -> bool:
    return player.playing


@key("space", "full_stop", "comma", "right_square_bracket", "left_square_bracket", "escape")
async def plays(pilot: Pilot[Any]) -> None:
    screen = pilot.app.screen
    assert isinstance(screen, RunScreen)
    many = len(line(pilot).forest)
    with pytest.MonkeyPatch.context() as patch:
        # However long the frames take, it is not over before it is stopped.
        patch.setattr(playing, "_LONGEST_S", 0.001)
        await pilot.press("space")
        player = screen.player
        assert player is not None
        assert is_playing(player)
        assert screen.query_one(PlayerBar).display
        await pilot.press("right_square_bracket", "right_square_bracket", "left_square_bracket")
        assert SPEEDS[player.speed] == 2
        await until(pilot, lambda: player.at_ns > player.moments.first_ns)
        await pilot.press("space")
    assert not is_playing(player)
    before = player.at_ns
    await pilot.press("full_stop")
    assert player.at_ns > before
    await pilot.press("comma", "comma")
    assert player.at_ns <= before
    assert len(line(pilot).forest) < many, "what had not begun is not there"
    await pilot.press("escape")
    assert screen.player is None
    assert len(line(pilot).forest) == many


PROVED_ELSEWHERE = {
    "f": "test_follow_goes_to_what_began_last_until_the_cursor_is_moved",
    "i": "opens_and_closes, beside the keys of the findings",
    "A": "tests/viewer/test_agents.py",
    **dict.fromkeys(("T", "Y", "v", "V", "less_than_sign", "greater_than_sign"), "tests/viewer/test_habits.py"),
    "ctrl+p": "test_the_palette_offers_what_keys_do",
}


class TestKeys:
    """Every key of the help does what it says."""

    @pytest.mark.parametrize("name", sorted(PROOFS))
    def test_key(self, name: str) -> None:
        for act in PROOFS[name]:
            drive(team(), act)

    def test_every_key_of_the_help_has_a_proof(self) -> None:
        async def act(pilot: Pilot[Any]) -> None:
            own = [each for each in keys_of(pilot.app.screen) if each.group not in ("Reading", "Findings", "Agents")]
            keys = {name for each in own for name in each.keys}
            assert keys == {*PROOFS, *PROVED_ELSEWHERE}

        drive(team(), act)

    def test_the_help_lists_every_key(self) -> None:
        async def act(pilot: Pilot[Any]) -> None:
            listed = {name for each in keys_of(pilot.app.screen) for name in each.keys}
            active = {
                name
                for name, each in pilot.app.screen.active_bindings.items()
                if type(each.node).__module__.startswith("tracekit_viewer") and each.binding.description
            }
            # What Textual itself binds for every application: tab, copying, its palette and its own quitting.
            assert active - listed <= {"tab", "shift+tab", "ctrl+c", "super+c", "ctrl+q", "ctrl+p"}

        drive(team(), act)

    def test_the_palette_offers_what_keys_do(self) -> None:
        async def act(pilot: Pilot[Any]) -> None:
            commands = {each.title: each for each in pilot.app.get_system_commands(pilot.app.screen)}
            result = commands["Next error"].callback()
            assert result is not None
            await result
            await pilot.pause()
            assert here(pilot) == "run_tests-8000-8900"

        drive(team(), act)

    def test_jumps_work_while_one_reads(self) -> None:
        async def act(pilot: Pilot[Any]) -> None:
            await pilot.press("enter", "e")
            assert here(pilot) == "run_tests-8000-8900"

        drive(team(), act)

    def test_where_nothing_failed_the_cursor_stays_and_one_is_told(self) -> None:
        async def act(pilot: Pilot[Any]) -> None:
            await pilot.press("e", "r")
            await pilot.pause()
            assert here(pilot) == "root"
            assert len(pilot.app._notifications) == 2

        drive(Showing(Recorded(big_run(20, agents=1))), act)


class TestTypingAhead:
    """Text that is typed right after `/` is searched."""

    @pytest.mark.parametrize("size", _THREE_SIZES)
    def test_no_key_runs_a_command(self, size: Size) -> None:
        async def act(pilot: Pilot[Any]) -> None:
            lanes = pilot.app.screen.query_one(LaneStrip).display
            for character in "/anal":
                pilot.app.post_message(events.Key("slash" if character == "/" else character, character))
            pilot.app.post_message(events.Key("enter", None))
            await until(pilot, lambda: here(pilot).startswith("analysis_agent") and line(pilot).has_focus)
            assert pilot.app.screen.query_one(LaneStrip).display is lanes, "a shows or hides the lanes"
            await pilot.press("a")
            assert pilot.app.screen.query_one(LaneStrip).display is not lanes, "afterwards keys are commands again"

        drive(team(), act, size)


class TestMouse:
    """The mouse does what the keys do."""

    def test_click_and_fold_mark(self) -> None:
        async def act(pilot: Pilot[Any]) -> None:
            await pilot.click(Timeline, offset=(30, 2))
            assert here(pilot) == "t1"
            many = line(pilot).virtual_size.height
            await pilot.click(Timeline, offset=(5, 2))
            assert line(pilot).virtual_size.height < many

        drive(team(), act)

    def test_a_click_below_the_last_row_does_nothing(self) -> None:
        async def act(pilot: Pilot[Any]) -> None:
            await pilot.press("1")
            await pilot.click(Timeline, offset=(5, 9))
            assert here(pilot) == "root"

        drive(team(), act)

    def test_a_double_click_on_a_bar_zooms_to_it(self) -> None:
        async def act(pilot: Pilot[Any]) -> None:
            timeline = line(pilot)
            await pilot.click(Timeline, offset=(timeline.bar_start + 4, 2), times=2)
            assert timeline.view.window.length_ns < 5000 * MS

        drive(team(), act)

    def test_dragging_on_the_axis_zooms(self) -> None:
        async def act(pilot: Pilot[Any]) -> None:
            axis = pilot.app.screen.query_one(Axis)
            whole = line(pilot).view.window
            await pilot.mouse_down(Axis, offset=(axis.bar_start + 5, 0))
            await pilot.hover(Axis, offset=(axis.bar_start + 12, 0))
            assert axis._marked == (5, 13)
            await pilot.mouse_up(Axis, offset=(axis.bar_start + 14, 0))
            await pilot.pause()
            width = line(pilot).view.columns.bar
            window = line(pilot).view.window
            assert abs(window.start_ns - whole.at(5, width)) < MS
            assert abs(window.end_ns - whole.at(15, width)) < MS
            assert axis._marked is None

        drive(team(), act)

    def test_a_lane_leads_to_its_agent(self) -> None:
        async def act(pilot: Pilot[Any]) -> None:
            await pilot.press("a")
            await pilot.pause()
            await pilot.click(LaneStrip, offset=(3, 2))
            await pilot.pause()
            assert here(pilot) == "analyst1"

        drive(team(), act)


class TestLive:
    """A run that grows."""

    def test_what_is_open_grows_and_the_view_stays(self) -> None:
        async def act(pilot: Pilot[Any]) -> None:
            timeline = line(pilot)
            before = rows(pilot)
            timeline.tick(START_NS + 1800 * MS)
            after = rows(pilot)
            assert before[1] == after[1], "what has ended stays"
            assert before[2] != after[2]
            assert "1.70 s" in after[3]
            assert timeline.view.window.length_ns == 2000 * MS

        drive(Showing(Growing(growing_run(1600)), 1600), act)

    def test_cursor_and_zoom_stay_while_the_run_grows(self) -> None:
        async def act(pilot: Pilot[Any]) -> None:
            timeline = line(pilot)
            await starting_at("a1")(pilot)
            await pilot.press("z", "plus")
            window = timeline.view.window
            timeline.show(growing_run(3000), START_NS + 3000 * MS, growing=True)
            assert here(pilot) == "a1"
            assert timeline.view.window == window

        drive(Showing(Growing(growing_run(900)), 900), act)

    def test_follow_goes_to_what_began_last_until_the_cursor_is_moved(self) -> None:
        async def act(pilot: Pilot[Any]) -> None:
            await pilot.press("f")
            assert here(pilot) == "l1"
            assert line(pilot).following
            await pilot.press("up")
            assert not line(pilot).following
            line(pilot).show(growing_run(3000), START_NS + 3000 * MS, growing=True)
            assert here(pilot) == "a0"

        drive(Showing(Growing(growing_run(900)), 900), act)

    def test_a_recorded_run_cannot_be_followed(self) -> None:
        async def act(pilot: Pilot[Any]) -> None:
            await pilot.press("f")
            assert not line(pilot).following

        drive(team(), act)

    def test_polls_are_shown_and_the_end_is_told(self) -> None:
        async def act(pilot: Pilot[Any]) -> None:
            for _ in range(100):
                await pilot.pause(0.02)
                if "killed" in str(pilot.app.screen.query_one("#note").render()):
                    break
            else:
                pytest.fail("the note never came")
            assert line(pilot).node.status == "interrupted"

        killed = growing_run(1200, alive=False)
        drive(Showing(Growing(growing_run(900), growing_run(1000), killed, then_note="process 1 was killed"), 900), act)

    def test_a_run_that_can_no_longer_be_read_stays_on_the_screen(self) -> None:
        class Failing(Growing):
            def poll(self) -> Run | None:
                if not self._left:
                    raise OSError("the disk is gone [bold]")
                return super().poll()

        async def act(pilot: Pilot[Any]) -> None:
            await until(pilot, lambda: len(pilot.app._notifications) == 1)
            assert here(pilot) == "root"

        drive(Showing(Failing(growing_run(900)), 900), act)


class TestPlayback:
    """A run that has ended is played from its recorded times."""

    def test_it_plays_to_the_end_and_then_from_the_begin(self) -> None:
        async def act(pilot: Pilot[Any]) -> None:
            screen = pilot.app.screen
            assert isinstance(screen, RunScreen)
            await pilot.press("space", *["right_square_bracket"] * 6)
            player = screen.player
            assert player is not None
            await until(pilot, lambda: player.is_at_end)
            assert not player.playing
            assert screen.whole_run() is line(pilot).forest.run
            await pilot.press(*["left_square_bracket"] * 8, "space")
            assert player.playing

        drive(team(), act)

    def test_the_time_axis_and_the_minimap_stay_those_of_the_whole_run(self) -> None:
        async def act(pilot: Pilot[Any]) -> None:
            strip = pilot.app.screen.query_one(MinimapStrip)
            before, window = strip.render_line(1).text, line(pilot).view.window
            await pilot.press("full_stop", "full_stop")
            await pilot.pause()
            assert line(pilot).view.window == window
            assert strip.render_line(1).text.replace("┃", " ") == before

        drive(team(), act)

    def test_a_click_on_the_minimap_and_on_the_line_seeks(self) -> None:
        async def act(pilot: Pilot[Any]) -> None:
            screen = pilot.app.screen
            assert isinstance(screen, RunScreen)
            await pilot.press("full_stop")
            player = screen.player
            assert player is not None
            strip = screen.query_one(MinimapStrip)
            await pilot.click(MinimapStrip, offset=(strip.bar_start + line(pilot).view.columns.bar // 2, 0))
            await pilot.pause()
            assert abs(player.at_ns - START_NS - 5100 * MS) < 200 * MS
            await pilot.click(PlayerBar, offset=(20, 0))
            await pilot.pause()
            assert player.at_ns < START_NS + 2000 * MS

        drive(team(), act)

    def test_text_streams_at_its_recorded_pace(self) -> None:
        async def act(pilot: Pilot[Any]) -> None:
            screen = pilot.app.screen
            assert isinstance(screen, RunScreen)
            await pilot.press("full_stop")
            player = screen.player
            assert player is not None
            pieces = []
            for ms in (400, 600):
                player.seek(START_NS + ms * MS)
                screen._draw_moment()
                pieces.append(len(line(pilot).forest.run.recording.exchanges["lead.1.x"].pieces))
            assert pieces == [0, 2]

        drive(team(), act)

    def test_a_live_run_is_not_played(self) -> None:
        async def act(pilot: Pilot[Any]) -> None:
            await pilot.press("space", "full_stop")
            assert isinstance(pilot.app.screen, RunScreen)
            assert pilot.app.screen.player is None
            assert len(pilot.app._notifications) == 2

        drive(Showing(Growing(growing_run(900)), 900), act)

    def test_cursor_and_folds_stay(self) -> None:
        async def act(pilot: Pilot[Any]) -> None:
            await starting_at("t1")(pilot)
            await pilot.press("left", *["full_stop"] * 9)
            assert here(pilot) == "t1"
            assert line(pilot)._rows.is_folded(line(pilot).cursor)

        drive(team(), act)


class TestGroups:
    """Many alike are one row."""

    def test_the_row_says_how_many_and_how_slow(self) -> None:
        async def act(pilot: Pilot[Any]) -> None:
            row = rows(pilot)[4]
            assert "worker" in row
            assert "× 300" in row
            assert "✗ 1" in row
            assert line(pilot).virtual_size.height == 5

        drive(Showing(Recorded(workers_run())), act, (160, 40))

    def test_it_opens_with_the_slowest_first_and_errors_are_found_in_it(self) -> None:
        async def act(pilot: Pilot[Any]) -> None:
            await pilot.press("end", "right")
            times = [
                node.duration_ns(0) for node in map(line(pilot).forest.nodes.__getitem__, line(pilot)._rows.visible[5:])
            ]
            assert times == sorted(times, reverse=True)
            await pilot.press("left", "home", "e")
            assert here(pilot) == "w40.l"
            assert "▌" in "".join(row[0] for row in rows(pilot))

        drive(Showing(Recorded(workers_run())), act, (160, 40))


class TestOddRuns:
    """Odd runs are drawn correctly, and without a crash."""

    @pytest.mark.parametrize("size", [(1, 1), (10, 3), (30, 10), (80, 24), (200, 60), (400, 20)])
    @pytest.mark.parametrize("run", [odd_run, lambda: deep_run(300), team_run], ids=["odd", "deep", "team"])
    def test_any_size(self, run: Callable[[], Run], size: Size) -> None:
        async def act(pilot: Pilot[Any]) -> None:
            await pressing("end", "z", "plus", "pageup", "minus", "0", "c", "o")(pilot)
            for y in range(line(pilot).size.height):
                assert line(pilot).render_line(y).cell_length >= 0

        drive(Showing(Recorded(run())), act, size)

    def test_wide_characters_keep_the_columns(self) -> None:
        async def act(pilot: Pilot[Any]) -> None:
            timeline = line(pilot)
            widths = {timeline.render_line(y).cell_length for y in range(10)}
            assert widths == {timeline.scrollable_content_region.width}

        drive(Showing(Recorded(odd_run())), act)

    def test_nothing_that_a_terminal_acts_on_is_drawn(self) -> None:
        async def act(pilot: Pilot[Any]) -> None:
            drawn = "\n".join(rows(pilot))
            assert "\x1b" not in drawn
            assert "\u202e" not in drawn
            assert "[bold red]" in drawn, "markup is text"

        drive(Showing(Recorded(odd_run())), act)


class TestRepaints:
    """Over a slow line, what does not change is not sent."""

    def test_a_run_that_stands_still_is_not_drawn_again(self) -> None:
        async def act(pilot: Pilot[Any]) -> None:
            await pilot.app.push_screen(RunScreen(Recorded(team_run())))
            drawn = [time.monotonic()]
            display = pilot.app._display

            def note(*what: Any) -> None:
                drawn.append(time.monotonic())
                display(*what)

            pilot.app._display = note  # type: ignore[method-assign, assignment]
            # The list of runs below looks for news once a second.
            await until(pilot, lambda: time.monotonic() - drawn[-1] > 2.5)

        drive(Viewer(), act)
