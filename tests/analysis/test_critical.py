"""The critical path, and each span's slack and drag: by hand, and against a model of a whole run."""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from types import FrameType
from typing import Any

import pytest

from tests.support.build import Builder
from tests.support.trees import MS, START_NS, node
from tracekit import semconv
from tracekit.analysis.batches import parents_of
from tracekit.analysis.structure import structure
from tracekit.analysis.timing import critical
from tracekit.analysis.timing import schedule as schedule_module
from tracekit.analysis.timing.critical import critical_path, margins, time_of
from tracekit.analysis.timing.overlap import TOLERANCE_NS, Interval
from tracekit.analysis.timing.schedule import Schedule
from tracekit.analysis.timing.shares import shares_of
from tracekit.model.change import Change
from tracekit.model.events import Kind
from tracekit.model.finding import Confidence, Finding
from tracekit.model.tree import Node


def schedule_of(root: Node) -> Schedule:
    return Schedule(parents_of(root.walk()), max(max(each.start_ns, each.end_ns or 0) for each in root.walk()))


def path(root: Node) -> list[tuple[str, float, float]]:
    """The parts of the path, in milliseconds."""
    steps = critical_path(root, schedule_of(root))
    return [(step.node.id, (step.start_ns - START_NS) / MS, (step.end_ns - START_NS) / MS) for step in steps]


def slacks_and_drags(root: Node) -> dict[str, tuple[float | None, float | None]]:
    """In milliseconds."""
    found = margins(root, schedule_of(root))
    return {id: (in_ms(margin.slack_ns), in_ms(margin.drag_ns)) for id, margin in found.items()}


def in_ms(ns: int | None) -> float | None:
    return None if ns is None else ns / MS


def span(id: str, start: float, end: float | None, *children: Node, kind: Kind = "span", **more: Any) -> Node:
    return node(kind, id, start, end, *children, id=id, **more)


# ── the path ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_path_goes_through_the_child_that_ended_last() -> None:
    root = span("r", 0, 100, span("a", 10, 40), span("b", 10, 70), span("c", 75, 90))
    assert path(root) == [("r", 0, 10), ("b", 10, 70), ("r", 70, 75), ("c", 75, 90), ("r", 90, 100)]


def test_a_background_child_that_outlives_its_parent_is_not_on_the_path() -> None:
    """The turn waited for its tool, not for the job that it started first."""
    root = span("r", 0, 100, span("turn", 0, 60, span("job", 5, 90), span("tool", 10, 55)))
    assert path(root) == [("turn", 0, 10), ("tool", 10, 55), ("turn", 55, 60), ("r", 60, 100)]
    assert slacks_and_drags(root)["job"] == (None, 0)


def test_neighbours_in_the_record_are_not_parent_and_child() -> None:
    """`x` was recorded right after `a`, within whose time it lies, but it is a child of `b`."""
    spans = [("r", 0, 100, None), ("b", 0, 100, "r"), ("a", 5, 60, "r"), ("x", 10, 50, "b"), ("y", 50, 95, "b")]
    expected = [("b", 0, 10), ("x", 10, 50), ("y", 50, 95), ("b", 95, 100)]
    for seed in range(20):
        build = Builder()
        for id, start, end, parent in random.Random(seed).sample(spans, len(spans)):
            build.span(id, "run" if parent is None else "span", start, end, parent)
        root = structure(build.recording()).root
        steps = critical_path(root, schedule_of(root))
        assert [(step.node.id, step.start_ns / MS, step.end_ns / MS) for step in steps] == expected


def test_no_time_is_counted_twice_where_a_child_reaches_beyond_its_parent() -> None:
    """A span that outlasts its parent counts up to its parent's end only.

    Found again where the grandparent goes on, `x` would count from 20 to 50 and to 80.
    """
    root = span("r", 0, 100, span("a", 10, 50, span("w", 10, 48), span("x", 20, 80)), span("b", 50, 90))
    steps = path(root)
    assert steps == [("r", 0, 10), ("w", 10, 48), ("a", 48, 50), ("b", 50, 90), ("r", 90, 100)]
    # Overlapping children: the one that the last did not wait for is not on the path with what is left of it.
    root = span("r", 0, 100, span("one", 0, 60), span("two", 50, 100))
    assert path(root) == [("r", 0, 50), ("two", 50, 100)]


def test_of_equal_ends_the_longest_is_on_the_path_and_neither_has_a_drag() -> None:
    root = span("r", 0, 100, span("late", 40, 90), span("early", 0, 90))
    assert path(root) == [("early", 0, 90), ("r", 90, 100)]
    assert slacks_and_drags(root) == {"r": (0, 100), "early": (0, 0), "late": (0, 0)}


def test_the_time_of_a_run_begins_with_its_first_agent_or_call() -> None:
    """Imports took 400 ms. Without them the agent would have begun earlier, and lasted as long."""
    call = span("call", 450, 900, kind="llm")
    root = span("r", 0, 1000, span("imports", 0, 400), span("lead", 420, 950, call, kind="agent"), kind="run")
    assert path(root) == [("lead", 420, 450), ("call", 450, 900), ("lead", 900, 950), ("r", 950, 1000)]
    assert time_of(root, schedule_of(root)) == Interval(START_NS + 420 * MS, START_NS + 1000 * MS)
    assert slacks_and_drags(root) == {"r": (0, 580), "imports": (0, 0), "lead": (0, 530), "call": (0, 450)}


def test_what_is_open_lasts_to_the_end() -> None:
    root = span("r", 0, None, span("a", 10, 40), span("b", 40, None))
    assert path(span("whole", 0, 90, root)) == [("r", 0, 10), ("a", 10, 40), ("b", 40, 90)]


def test_the_time_of_an_unseen_tool_is_its_own_but_its_margins_are_unknown() -> None:
    bounds = {semconv.INFERRED_BOUNDS: True}
    turn = span(
        "turn", 0, 100, span("call", 0, 10), span("ask", 10, 50), span("bash", 10, 95, kind="tool", attributes=bounds)
    )
    assert path(turn) == [("call", 0, 10), ("ask", 10, 50), ("bash", 50, 95), ("turn", 95, 100)]
    assert slacks_and_drags(turn)["bash"] == (None, None)


def test_a_step_knows_its_agent() -> None:
    inner = span("helper", 20, 80, span("call", 20, 80, kind="llm"), kind="agent")
    root = span("r", 0, 100, span("lead", 0, 90, span("tool", 10, 85, inner, kind="tool"), kind="agent"), kind="run")
    steps = critical_path(root, schedule_of(root))
    assert [(step.node.id, step.agent and step.agent.id) for step in steps] == [
        ("lead", "lead"),
        ("tool", "lead"),
        ("call", "helper"),
        ("tool", "lead"),
        ("lead", "lead"),
        ("r", None),
    ]


def test_a_span_below_one_of_the_same_id_is_another() -> None:
    assert path(span("r", 0, 10, span("r", 2, 8, span("r", 3, 4)))) == [
        ("r", 0, 2),
        ("r", 2, 3),
        ("r", 3, 4),
        ("r", 4, 8),
        ("r", 8, 10),
    ]


def test_a_path_through_a_deep_tree() -> None:
    deepest = span("s3000", 3000, 6000)
    for level in range(2999, 0, -1):
        deepest = span(f"s{level}", level, 9000 - level, deepest)
    root = span("r", 0, 9000, deepest)
    assert len(path(root)) == 6001
    assert slacks_and_drags(root)["s3000"] == (0, 3000)


def shares(*findings: tuple[float, Confidence, tuple[str, ...]]) -> list[tuple[str | None, float, float]]:
    """Return the shares, in milliseconds, of a lead's two calls of 10 ms and two tasks of 40 ms."""
    tasks = [
        span(
            f"tool{n}",
            start,
            start + 40,
            span(f"helper{n}", start, start + 40, kind="agent", agent="helper"),
            kind="tool",
        )
        for n, start in enumerate((10, 50))
    ]
    calls = [span("first", 0, 10, kind="llm"), span("last", 90, 100, kind="llm")]
    lead = span("lead", 0, 100, calls[0], *tasks, calls[1], kind="agent")
    root = span("r", 0, 102, lead, kind="run")
    found = [Finding("X1", "x", sure, "", (), spans, saved_ms, None, "") for saved_ms, sure, spans in findings]
    steps = critical_path(root, schedule_of(root))
    return [(name, time / MS, less / MS) for name, time, less in shares_of(root, steps, found)]


def test_the_path_by_agent() -> None:
    assert shares() == [("helper", 80, 0), ("lead", 20, 0), (None, 2, 0)]


def test_a_saving_lies_where_the_spans_of_its_finding_are() -> None:
    assert shares((40, "certain", ("tool0", "tool1", "lead")))[0] == ("helper", 80, 40)
    # Two tasks and the call after them: by their times.
    assert shares((45, "likely", ("tool0", "tool1", "last")))[:2] == [("helper", 80, 40), ("lead", 20, 5)]
    assert shares((40, "possible", ("tool0", "tool1"))) == shares()
    assert shares((40, "certain", ("nowhere",))) == shares()


def test_no_time_is_avoidable_by_two_findings() -> None:
    found = shares((40, "certain", ("tool0", "tool1")), (30, "likely", ("tool1",)), (4, "likely", ("last",)))
    assert found[:2] == [("helper", 80, 40), ("lead", 20, 4)]
    # Nor more than there is.
    assert shares((90, "certain", ("tool0",)))[0] == ("helper", 80, 40)


# ── slack and drag ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_slack_and_drag_by_hand() -> None:
    """Two parallel spans of 60 and 45 ms, then one span with two parallel children."""
    call, beside = span("call", 70, 110), span("beside", 70, 95)
    root = span("r", 0, 120, span("a", 0, 60), span("b", 0, 45), span("c", 65, 115, call, beside))
    assert slacks_and_drags(root) == {
        "r": (0, 120),
        "a": (0, 15),
        "b": (15, 0),
        "c": (0, 50),
        "call": (0, 15),
        "beside": (15, 0),
    }


def test_the_drag_of_what_is_below_is_bounded_by_what_runs_beside_what_is_above() -> None:
    root = span("r", 0, 100, span("a", 0, 100, span("x", 0, 50), span("y", 50, 100)), span("b", 0, 80))
    found = slacks_and_drags(root)
    assert (found["a"], found["x"], found["y"], found["b"]) == ((0, 20), (0, 20), (0, 20), (20, 0))


@pytest.mark.parametrize("seed", range(60))
def test_against_a_model_of_the_whole_run(seed: int) -> None:
    root = grown(random.Random(seed)) if seed % 30 else wide(random.Random(seed))
    plan = schedule_of(root)
    was_ns = lasts(plan, root, {})
    assert was_ns == plan.duration(root)
    found = margins(root, plan)
    for each in root.walk():
        margin = found[each.id]
        lasts_ns = plan.duration(each)
        assert margin.drag_ns == was_ns - lasts(plan, root, {each.id: -lasts_ns})
        if margin.slack_ns is None:
            assert lasts(plan, root, {each.id: was_ns}) == was_ns
        else:
            assert lasts(plan, root, {each.id: margin.slack_ns}) == was_ns
            assert lasts(plan, root, {each.id: margin.slack_ns + 7}) == was_ns + 7


@pytest.mark.parametrize("seed", range(60))
def test_a_drag_is_what_a_change_of_the_schedule_saves(seed: int) -> None:
    root = grown(random.Random(seed))
    plan = schedule_of(root)
    found = margins(root, plan)
    for each in root.walk():
        if each is not root:
            assert found[each.id].drag_ns == plan.saving(Change(durations={each.id: 0})).ns


@pytest.mark.parametrize("seed", range(150))
def test_the_parts_sum_up_to_the_time_of_the_run(seed: int) -> None:
    chance = random.Random(seed)
    root = grown(chance, kinds=("span", "tool", "agent", "llm"), skew=300, is_open=True, unit=chance.choice((1, MS)))
    plan = schedule_of(root)
    begin_ns, end_ns = time_of(root, plan)
    steps = critical_path(root, plan)
    found = margins(root, plan)
    if begin_ns == end_ns:
        assert not steps
        return
    assert steps[0].start_ns == begin_ns
    assert steps[-1].end_ns == end_ns
    assert all(one.end_ns == other.start_ns for one, other in pairwise(steps))
    assert sum(step.end_ns - step.start_ns for step in steps) == end_ns - begin_ns
    assert {each.id for each in root.walk()} == set(found)
    # All that it shortens is on the path, and there it lasts at least so long, but for what the tolerance hides.
    parents, on_path = parents_of(root.walk()), Counter[str]()
    for step in steps:
        above: Node | None = step.node
        while above is not None:
            on_path[above.id] += step.end_ns - step.start_ns
            above = parents.get(above.id)
    assert all(0 <= (each.drag_ns or 0) <= on_path[id] + 40 * TOLERANCE_NS for id, each in found.items())
    assert all((each.slack_ns or 0) >= 0 for each in found.values())


def grown(
    chance: random.Random,
    *,
    kinds: tuple[Kind, ...] = ("span",),
    skew: int = 0,
    is_open: bool = False,
    unit: int = MS,
) -> Node:
    """A random tree of 30 spans that overlap, last no time, outlive their parents, or, with `skew`, begin before them."""
    spans: dict[int, tuple[int, int]] = {0: (0, 1000)}
    below: dict[int, list[int]] = {}
    for number in range(1, 31):
        parent = chance.choice(list(spans))
        start, end = spans[parent]
        begin = max(-50, chance.randint(start - skew, end))
        # Often at the end of another, or with no length.
        begin = chance.choice((begin, begin, start, spans[chance.choice(list(spans))][1] if skew else begin))
        spans[number] = (begin, begin + chance.choice((0, chance.randint(0, 300), max(0, end - begin))))
        below.setdefault(parent, []).append(number)
    made: dict[int, Node] = {}
    for number in reversed(spans):
        start, end = spans[number]
        made[number] = span(
            f"s{number}",
            start * unit / MS,
            None if is_open and chance.random() < 0.1 else end * unit / MS,
            *(made[child] for child in below.get(number, ())),
            kind=chance.choice(kinds) if number else "run",
        )
    return made[0]


def wide(chance: random.Random) -> Node:
    """A random tree of one node with 70 children: with as many, other parts of the schedule are at work."""
    begins = [chance.randrange(500) for _ in range(70)]
    children = [span(f"c{number}", begin, begin + chance.randrange(60)) for number, begin in enumerate(begins)]
    return span("r", 0, 520, span("before", 0, 3), *children)


def lasts(plan: Schedule, root: Node, longer: Mapping[str, int]) -> int:
    """Nanoseconds that `root` takes by the rules, each of `longer` taking so much longer: with no cleverness at all."""
    children = sorted(root.children, key=lambda child: (child.start_ns, plan.end(child)))
    ends: dict[str, int] = {}
    last_ns = last_was_ns = root.start_ns
    for number, child in enumerate(children):
        before = [each for each in children[:number] if plan.end(each) <= child.start_ns + TOLERANCE_NS]
        delay_ns = child.start_ns - max([root.start_ns, *map(plan.end, before)])
        if child.start_ns >= root.start_ns:
            delay_ns = max(0, delay_ns)
        ready_ns = max([root.start_ns, *(ends[each.id] for each in before)])
        ends[child.id] = ready_ns + delay_ns + lasts(plan, child, longer)
        if plan.end(child) <= plan.end(root):
            last_ns, last_was_ns = max(last_ns, ends[child.id]), max(last_was_ns, plan.end(child))
    return last_ns - root.start_ns + plan.end(root) - last_was_ns + longer.get(root.id, 0)


# ── its cost ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def flat(size: int) -> Node:
    """Return a root with sequential children, some of which overlap with the next."""
    return span("r", 0, size, *(span(f"s{n}", n, n + 1 + n % 3 / 2) for n in range(size - 1)))


def nested(size: int) -> Node:
    """A child in a child."""
    inner = span("s0", size, size + 1)
    for number in range(1, size):
        inner = span(f"s{number}", size - number, size + 1 + number, inner)
    return inner


def overlapping(size: int) -> Node:
    """Spans that begin before any of them has ended."""
    return span("r", 0, 3 * size, *(span(f"s{n}", n, 2 * size + n * 7919 % size) for n in range(size)))


@pytest.mark.parametrize("shape", [flat, nested, overlapping])
def test_the_lines_that_run_grow_as_n_log_n(shape: Any) -> None:
    counts = []
    for size in (200, 1600):
        root = shape(size)
        counts.append(lines_of(root))
    # 8 times as many spans, and log n grows by a third.
    assert counts[1] < 8 * 1.4 * counts[0]


def lines_of(root: Node) -> int:
    """The number of lines of the modules under test that run for the path and the margins of `root`."""
    files, count = {critical.__file__, schedule_module.__file__}, 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        if frame.f_code.co_filename not in files:
            return None
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        plan = schedule_of(root)
        critical_path(root, plan)
        margins(root, plan)
    finally:
        sys.settrace(before)
    return count
