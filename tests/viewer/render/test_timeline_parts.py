"""The parts of a timeline: time, bars, folds, columns."""

import pytest
from rich.cells import cell_len
from tracekit_viewer.door import Node
from tracekit_viewer.render.axis import axis_line
from tracekit_viewer.render.bars import HEAVY, LIGHT, WAIT, Bar, draw
from tracekit_viewer.render.columns import columns_of, fitted
from tracekit_viewer.render.forest import Forest
from tracekit_viewer.render.tree import Tree, is_fault, is_retried
from tracekit_viewer.render.window import Window, bounds_of, fitting, outside

from tests.support.trees import MS, START_NS, big_run, node, run_of

SECOND = 1_000_000_000


def drawn(*bars: Bar, window: Window, width: int) -> str:
    return "".join(text for text, _ in draw(bars, window, width))


class TestBars:
    """Bars are half a cell fine."""

    def test_a_bar_begins_and_ends_within_a_cell(self) -> None:
        assert drawn(Bar(5, 25, HEAVY, ""), window=Window(0, 4000), width=4) == "▖   "
        assert drawn(Bar(500, 2500, HEAVY, ""), window=Window(0, 4000), width=4) == "▗▄▖ "
        assert drawn(Bar(500, 2500, LIGHT, ""), window=Window(0, 4000), width=4) == "▂▂▂ "

    def test_waiting_then_speaking_meet_within_a_cell(self) -> None:
        bars = Bar(0, 4000, LIGHT, ""), Bar(1500, 4000, HEAVY, "")
        assert drawn(*bars, window=Window(0, 4000), width=4) == "▂▄▄▄"

    def test_attempts_and_the_pause_between_them(self) -> None:
        bars = Bar(0, 500, HEAVY, "error"), Bar(1000, 2000, WAIT, "quiet"), Bar(2000, 4000, HEAVY, "")
        assert drawn(*bars, window=Window(0, 4000), width=4) == "▖▁▄▄"

    def test_what_takes_no_time_is_still_seen(self) -> None:
        assert drawn(Bar(2000, 2000, LIGHT, ""), window=Window(0, 4000), width=4) == "  ▂ "
        assert drawn(Bar(4000, 4000, LIGHT, ""), window=Window(0, 4000), width=4) == "   ▂"

    def test_what_is_not_to_be_seen_leaves_an_arrow(self) -> None:
        assert drawn(Bar(0, 900, HEAVY, ""), window=Window(1000, 5000), width=4) == "‹   "
        assert drawn(Bar(6000, 7000, HEAVY, ""), window=Window(1000, 5000), width=4) == "   ›"

    def test_a_bar_longer_than_the_window_fills_it_without_a_cap(self) -> None:
        assert drawn(Bar(0, 9 * SECOND, HEAVY, "", "▸"), window=Window(1000, 5000), width=4) == "▄▄▄▄"

    def test_what_is_open_ends_in_its_cap(self) -> None:
        assert drawn(Bar(0, 2000, LIGHT, "", "▸"), window=Window(0, 4000), width=4) == "▂▸  "

    def test_gridlines_stand_only_where_nothing_is(self) -> None:
        pieces = draw([Bar(0, 2000, HEAVY, "")], Window(0, 4000), 4, (1, 3))
        assert pieces == [("▄▄ ", ""), ("│", "grid")]

    def test_an_end_before_the_begin_is_no_negative_bar(self) -> None:
        assert drawn(Bar(3000, 1000, LIGHT, ""), window=Window(0, 4000), width=4) == "   ▂"

    @pytest.mark.parametrize("width", [1, 2, 7, 40])
    def test_bars_are_as_wide_as_they_are_asked_to_be(self, width: int) -> None:
        for start in range(-3000, 6000, 700):
            line = drawn(Bar(start, start + 1300, HEAVY, "", "×"), window=Window(0, 4000), width=width)
            assert len(line) == width


class TestAxis:
    """Ticks are round, and told from the run's begin."""

    def test_seconds(self) -> None:
        assert axis_line(Window(0, 10 * SECOND), 0, 50) == "│0        │2 s      │4 s      │6 s      │8 s      "

    def test_fractions(self) -> None:
        line = axis_line(Window(SECOND, SECOND + SECOND // 2), 0, 50)
        assert line.split("│")[1:3] == ["1.0 s    ", "1.1 s    "]

    def test_hours(self) -> None:
        assert "│2 h 00" in axis_line(Window(0, 4 * 3600 * SECOND), 0, 60)

    def test_before_the_begin(self) -> None:
        assert "│-1 s" in axis_line(Window(-2 * SECOND, 2 * SECOND), 0, 60)

    @pytest.mark.parametrize("length", [1_000, 37_000, 5_000_000, 90 * SECOND, 86_400 * 30 * SECOND, 10**19])
    @pytest.mark.parametrize("width", [0, 1, 9, 40, 150])
    def test_any_length_fits_any_width_and_labels_do_not_touch(self, length: int, width: int) -> None:
        line = axis_line(Window(START_NS, START_NS + length), START_NS, width)
        assert len(line) == width
        labels = line.split("│")[1:]
        assert all(label.endswith(" ") for label in labels[:-1])
        assert len(set(labels)) == len(labels), "two ticks have the same label"


class TestWindow:
    """Zoom and pan stay within the run."""

    whole = Window(0, 1000 * MS)

    def test_zoom_keeps_what_is_under_the_pointer_in_place(self) -> None:
        zoomed = self.whole.zoomed(2, 250 * MS, self.whole)
        assert zoomed.length_ns == 500 * MS
        assert zoomed.position(250 * MS, 100) == self.whole.position(250 * MS, 100)

    def test_zooming_out_never_shows_more_than_there_is(self) -> None:
        assert Window(100 * MS, 200 * MS).zoomed(0.001, 150 * MS, self.whole) == self.whole

    def test_zooming_in_ends_at_a_microsecond(self) -> None:
        window = self.whole
        for _ in range(200):
            window = window.zoomed(1.5, 500 * MS, self.whole)
        assert window.length_ns == 1_000

    def test_panning_ends_at_the_edges(self) -> None:
        assert Window(0, 100 * MS).panned(-0.5, self.whole) == Window(0, 100 * MS)
        assert Window(800 * MS, 900 * MS).panned(5, self.whole) == Window(900 * MS, 1000 * MS)

    def test_time_goes_from_the_first_agent_or_call_to_the_last_end(self) -> None:
        agents = node("agent", "a", 1300, 1800), node("llm", "m", 1250, 1700), node("span", "late", 900, 1900)
        forest = Forest(run_of(node("run", "r", 0, 3000, *agents)))
        bounds = bounds_of(forest, 0)
        assert bounds == Window(START_NS + 1250 * MS, START_NS + 1900 * MS)
        assert outside(forest, bounds) == "+1.25 s start-up, +1.10 s after"

    def test_children_that_outlive_their_parent_are_within(self) -> None:
        run = run_of(node("run", "r", 0, 1000, node("span", "late", 900, 1700)))
        assert bounds_of(Forest(run), 0) == Window(START_NS, START_NS + 1700 * MS)

    def test_another_machines_clock_does_not_squeeze_the_rest(self) -> None:
        run = run_of(node("run", "r", 0, 1000, node("span", "1970", -START_NS / MS, -START_NS / MS + 5)))
        assert bounds_of(Forest(run), 0) == Window(START_NS, START_NS + 1000 * MS)

    def test_a_run_without_a_duration_has_a_window(self) -> None:
        assert bounds_of(Forest(run_of(node("run", "r", 0, 0))), 0).length_ns > 0

    def test_a_growing_run_moves_its_bars_only_now_and_then(self) -> None:
        ends = {fitting(Window(0, tenth * SECOND // 10), growing=True).end_ns for tenth in range(10, 100)}
        assert len(ends) < 15
        assert all(fitting(Window(0, end * SECOND), growing=True).end_ns >= end * SECOND for end in range(1, 5000, 37))


def small() -> Tree:
    """A run with two agents, of which the first has two turns."""
    first = node(
        "turn", "turn", 0, 300, node("llm", "m", 0, 100, id="l1"), node("tool", "t", 100, 300, id="o1"), id="t1"
    )
    second = node("turn", "turn", 300, 500, node("llm", "m", 300, 500, id="l2"), id="t2")
    agents = node("agent", "a", 0, 500, first, second, id="a"), node("agent", "b", 0, 500, id="b")
    return Tree(run_of(node("run", "r", 0, 500, *agents, id="r")))


def one_turn(name: str, start: float, took: float = 50) -> Node:
    """A subagent with one call, from its tool down."""
    end = start + took
    turn = node("turn", "turn", start, end, node("llm", "claude-haiku-5", start, end, id=f"{name}.l"), id=f"{name}.t")
    agent = node("agent", "worker", start, end, turn, id=f"{name}.a")
    return node("tool", "worker", start, end, agent, id=f"{name}.o", tokens=agent.tokens)


def seen(tree: Tree) -> list[str]:
    return [tree.forest.nodes[index].id for index in tree.visible]


class TestTree:
    """Folds and cursor."""

    def test_at_first_a_chain_is_one_row_and_all_else_is_open(self) -> None:
        tree = small()
        assert seen(tree) == ["r", "a", "t1", "l1", "o1", "t2", "b"]
        tree.fold_steps(compact=False)
        assert seen(tree) == ["r", "a", "t1", "l1", "o1", "t2", "l2", "b"]

    def test_fold_and_unfold(self) -> None:
        tree = small()
        tree.to_row(1)
        tree.fold(folded=True)
        assert seen(tree) == ["r", "a", "b"]
        tree.fold(folded=False)
        assert len(seen(tree)) == 7

    def test_a_chain_unfolds_step_by_step(self) -> None:
        tree = Tree(run_of(node("run", "r", 0, 100, one_turn("s", 0), id="r")))
        steps = []
        for row in range(1, 5):
            steps.append(seen(tree))
            tree.to_row(row)
            tree.fold(folded=False)
        assert steps == [
            ["r", "s.o"],
            ["r", "s.o", "s.a"],
            ["r", "s.o", "s.a", "s.t"],
            ["r", "s.o", "s.a", "s.t", "s.l"],
        ]

    def test_an_agent_with_turns_stands_in_the_row_of_its_tool(self) -> None:
        turns = [node("turn", "turn", at, at + 9, node("llm", "m", at, at + 9), id=f"t{at}") for at in (0, 10)]
        tool = node("tool", "ask", 0, 20, node("agent", "a", 0, 20, *turns, id="a"), id="o")
        tree = Tree(run_of(node("run", "r", 0, 20, tool, id="r")))
        assert seen(tree) == ["r", "o", "t0", "t10"]
        assert [tree.forest.depth(index) for index in tree.visible] == [0, 1, 2, 2]
        tree.to_row(1)
        tree.fold(folded=True)
        assert seen(tree) == ["r", "o"]
        tree.fold(folded=False)
        assert seen(tree) == ["r", "o", "t0", "t10"]
        tree.fold_steps(compact=False)
        assert seen(tree)[:4] == ["r", "o", "a", "t0"]

    def test_the_cursor_can_be_on_a_node_within_a_chain(self) -> None:
        tree = Tree(run_of(node("run", "r", 0, 100, one_turn("s", 0), id="r")))
        tree.reveal(4)
        assert (tree.node.id, seen(tree), tree.row) == ("s.l", ["r", "s.o"], 1)
        assert tree.parent() == 0

    def test_many_alike_are_one_row_and_open_with_the_slowest_first(self) -> None:
        workers = [one_turn(f"w{number}", 0, 10 + 7 * number % 60) for number in range(20)]
        tree = Tree(run_of(node("run", "r", 0, 100, node("llm", "m", 0, 5, id="l"), *workers, id="r")))
        assert seen(tree) == ["r", "l", "group:w0.o"]
        tree.to_row(2)
        group = tree.node
        assert group.tokens.input == 20 * 1200
        tree.fold(folded=False)
        times = [tree.forest.nodes[place].duration_ns(0) for place in tree.visible[3:]]
        assert len(times) == 20
        assert times == sorted(times, reverse=True)

    def test_few_alike_are_no_group(self) -> None:
        tree = Tree(run_of(node("run", "r", 0, 100, *(one_turn(f"w{number}", 0) for number in range(7)), id="r")))
        assert len(seen(tree)) == 8

    def test_fold_below_leaves_the_inner_ones_folded(self) -> None:
        tree = small()
        tree.to_row(1)
        tree.fold(folded=True, below=True)
        tree.fold(folded=False)
        assert seen(tree) == ["r", "a", "t1", "t2", "b"]
        tree.fold(folded=False, below=True)
        assert len(seen(tree)) == 8, "with the steps of chains"

    def test_levels(self) -> None:
        tree = small()
        tree.to_row(3)
        tree.fold_to(2)
        assert seen(tree) == ["r", "a", "b"]
        assert tree.node.id == "a", "the cursor goes to what hides its node"
        tree.fold_to(1)
        assert seen(tree) == ["r"]
        tree.fold_to(3)
        assert seen(tree) == ["r", "a", "t1", "t2", "b"]

    def test_reveal_opens_what_hides(self) -> None:
        tree = small()
        tree.fold_to(1)
        tree.reveal(4)
        assert tree.node.id == "o1"
        assert seen(tree) == ["r", "a", "t1", "l1", "o1", "t2", "b"]

    def test_siblings(self) -> None:
        tree = small()
        tree.reveal(2)
        assert tree.sibling(1) == 5
        assert tree.sibling(-1) == 2
        tree.reveal(5)
        assert tree.sibling(-1) == 2
        assert tree.sibling(1) == 5
        assert tree.parent() == 1

    def test_folds_and_cursor_stay_with_their_nodes_while_the_run_grows(self) -> None:
        tree = small()
        tree.to_row(2)
        tree.fold(folded=True)
        tree.to_row(3)
        assert tree.node.id == "t2"
        root = tree.forest.run.root
        grown = node("run", "r", 0, None, node("agent", "new", 0, 1, id="new"), *root.children, id="r")
        tree.grow(run_of(grown))
        assert tree.node.id == "t2"
        assert seen(tree) == ["r", "new", "a", "t1", "t2", "b"]

    def test_find_goes_around_the_end(self) -> None:
        tree = small()
        tree.reveal(6)
        assert tree.find(lambda node: node.kind == "llm", 1) == 3
        assert tree.find(lambda node: node.kind == "llm", -1) == 3
        assert tree.find(lambda node: node.kind == "attempt", 1) is None
        assert tree.find(lambda node: node.kind == "llm", 1, here=True) == 6

    def test_an_only_attempt_that_went_well_has_no_row(self) -> None:
        well = node("llm", "m", 0, 9, node("attempt", "POST", 0, 9, id="x"))
        ill = node("llm", "m", 0, 9, node("attempt", "POST", 0, 9, id="y", status="error"))
        twice = node("llm", "m", 0, 9, node("attempt", "POST", 0, 4), node("attempt", "POST", 5, 9))
        assert [len(Forest(run_of(llm))) for llm in (well, ill, twice)] == [1, 2, 3]

    def test_an_error_is_met_once_where_it_began(self) -> None:
        failed = node("llm", "m", 0, 9, node("attempt", "POST", 0, 9, status="error"), status="error", retries=1)
        run = node("run", "r", 0, 9, node("agent", "a", 0, 9, failed, status="error"), status="error")
        assert [each.kind for each in run.walk() if is_fault(each)] == ["llm"]
        assert [each.kind for each in run.walk() if is_retried(each)] == ["llm"]

    def test_flat_numbers_agree_with_the_tree(self) -> None:
        forest = Forest(big_run(4_000))
        for index, each in enumerate(forest.nodes):
            below = [place for place in range(len(forest)) if forest.parents[place] == index]
            assert [forest.nodes[place] for place in below] == [c for c in each.children if c.kind != "attempt"]
            if index > 60:
                break
        assert forest.ends[0] == len(forest)


class TestColumns:
    """Columns give way in order, and text keeps to its cells."""

    def test_what_gives_way_first(self) -> None:
        shown = [
            [name for name in ("tokens", "cost", "time", "bar") if getattr(columns_of(width), name)]
            for width in (200, 100, 79, 60, 40, 20)
        ]
        assert shown == [
            ["tokens", "cost", "time", "bar"],
            ["cost", "time", "bar"],
            ["time", "bar"],
            ["time", "bar"],
            ["bar"],
            [],
        ]

    @pytest.mark.parametrize("width", range(1, 220, 3))
    def test_no_cell_is_lost_and_bars_have_half_of_them(self, width: int) -> None:
        columns = columns_of(width)
        assert columns.bar >= width // 2 or width < 40
        used = columns.label + columns.tokens + columns.cost + columns.time + columns.bar
        assert used + 1 == max(2, width)

    @pytest.mark.parametrize("text", ["", "abc", "日本語のエージェント", "a日b本c語", "e\u0301e\u0301"])
    @pytest.mark.parametrize("width", range(12))
    def test_fitted_text_is_exactly_as_wide(self, text: str, width: int) -> None:
        assert cell_len(fitted(text, width)) == width
