"""Shortened spans: the parts that are removed, and the spans that move."""

from __future__ import annotations

from tests.support.trees import MS, START_NS, node
from tracekit import semconv
from tracekit.analysis.batches import parents_of
from tracekit.analysis.timing.schedule import Schedule
from tracekit.analysis.timing.what_if import WhatIf, drawn
from tracekit.model.change import Change, combined
from tracekit.model.tree import Node

S = 1000


def made(root: Node, container: Node, change: Change) -> WhatIf:
    parents = parents_of(root.walk())
    last_ns = max(each.end_ns or 0 for each in root.walk())
    could = drawn(Schedule(parents, last_ns), root, change)
    assert could.node is container
    assert could.saved_ns == Schedule(parents, last_ns).saving(change).ns
    return could


def at(could: WhatIf, id: str) -> tuple[float, float]:
    """Return the time in which the node `id` could have run, in milliseconds since the run's begin."""
    start_ns, end_ns = could.times[id]
    return (start_ns - START_NS) / MS, (end_ns - START_NS) / MS


def blocked(id: str, start: float, end: float) -> Node:
    """A task that was there from the begin, and whose own call blocked the loop from `start` to `end`."""
    call = node("llm", "m", start, end, id=f"call {id}", attributes={semconv.SYNC_IN_EVENT_LOOP: True})
    return node("tool", "analyse", 10, end + 10, call, id=id)


def test_the_time_in_which_others_blocked_goes_and_the_own_call_stays_whole() -> None:
    tasks = [blocked("a", 10, 1010), blocked("b", 1010, 2010), blocked("c", 2010, 3010)]
    turn = node("turn", "turn", 0, 3020, *tasks, id="turn")
    root = node("run", "r", 0, 3020, turn, id="root")
    # What is left of each from the begin of the first on, without the calls of the others; another began as it ended.
    lasts = {"a": 1000 * MS, "b": 1000 * MS, "c": 1010 * MS}
    could = made(root, turn, Change({"b": ("a", 0), "c": ("a", 0)}, lasts))
    assert [at(could, f"call {id}") for id in "abc"] == [(10, 1010), (10, 1010), (10, 1010)]
    assert could.saved_ns == 2000 * MS


def test_where_nothing_tells_which_part_goes_all_is_quicker() -> None:
    call = node("llm", "m", 100, 500, id="call")
    root = node("run", "r", 0, S, node("tool", "t", 0, S, call, id="t"), id="root")
    could = made(root, root, Change(durations={"t": 500 * MS}))
    assert at(could, "t") == (0, 500)
    assert at(could, "call") == (50, 250)


def test_what_has_no_time_left_falls_away_with_all_below_it() -> None:
    turn = node("turn", "turn", 500, S, node("llm", "m", 500, S, id="call"), id="turn")
    root = node("run", "r", 0, S, node("turn", "turn", 0, 500, id="first"), turn, id="root")
    could = made(root, root, Change(durations={"turn": 0}))
    assert set(could.times) == {"root", "first"}


def test_where_a_saving_is_only_bounded_what_comes_later_moves_up_by_it() -> None:
    """Beside the turn another span ran half the time; with so many siblings that is all that is looked at."""
    tools = [node("tool", "t", 2 * S * n, 2 * S * (n + 1), id=f"t{n}") for n in range(3)]
    turn, beside = node("turn", "turn", 0, 6 * S, *tools, id="turn"), node("span", "s", 3 * S, 6 * S, id="beside")
    later = [node("turn", "turn", 6 * S + 10 * n, 6 * S + 10 * (n + 1), id=f"later{n}") for n in range(80)]
    root = node("run", "r", 0, 6 * S + 800, turn, beside, *later, id="root")
    could = made(root, turn, Change({"t1": ("t0", 0), "t2": ("t0", 0)}))
    assert could.saved_ns == 3 * S * MS
    assert at(could, "later79")[1] == at(could, "root")[1] == 3 * S + 800


def test_a_clock_that_was_read_twice_moves_all_below_alike() -> None:
    """Move a turn that begins before the end of the turn before it, together with all spans below it."""
    first = node("turn", "turn", 0, 100.3, id="first")
    tools = [node("tool", "t", 100 + 100 * n, 200 + 100 * n, id=f"t{n}") for n in range(2)]
    root = node("run", "r", 0, 300, first, node("turn", "turn", 100, 300, *tools, id="turn"), id="root")
    could = made(root, root.children[1], Change({"t1": ("t0", 0)}))
    assert at(could, "turn") == (100.3, 200.3)
    assert at(could, "t1") == (100.3, 200.3)


def test_changes_in_two_turns_are_drawn_at_once() -> None:
    """Draw a turn without its call and with parallel tools, beside a change in another turn."""
    first = node(
        "turn", "turn", 0, 400, node("tool", "t", 0, 200, id="a"), node("tool", "t", 200, 400, id="b"), id="one"
    )
    call = node("llm", "m", 400, 500, id="call")
    tools = [node("tool", "t", 500 + 100 * n, 600 + 100 * n, id=id) for n, id in enumerate("cd")]
    other = node("turn", "turn", 400, 700, call, *tools, id="two")
    root = node("run", "r", 0, 700, first, other, id="root")
    own = Change({"two": ("one", 0)}, {"two": 200 * MS})
    could = made(root, root, combined([own, Change({"b": ("a", 0)}), Change({"d": ("c", 0)})]))
    assert {id: at(could, id) for id in ("a", "b", "one", "c", "d", "two", "root")} == {
        **dict.fromkeys(("a", "b", "one"), (0, 200)),
        **dict.fromkeys(("c", "d", "two"), (0, 100)),
        "root": (0, 200),
    }
    assert "call" not in could.times


def test_of_many_children_all_that_are_shorter_move_up_what_comes_later() -> None:
    turns = []
    for n in range(100):
        pair = [node("tool", "t", 200 * n + 100 * m, 200 * n + 100 * (m + 1), id=f"{n}.{m}") for m in range(2)]
        turns.append(node("turn", "turn", 200 * n, 200 * (n + 1), *pair, id=f"turn{n}"))
    root = node("run", "r", 0, 20_000, *turns, id="root")
    could = made(root, root, combined(Change({f"{n}.1": (f"{n}.0", 0)}) for n in range(100)))
    assert [at(could, f"turn{n}") for n in range(100)] == [(100 * n, 100 * (n + 1)) for n in range(100)]


def test_without_a_change_all_runs_when_it_ran() -> None:
    root = node("run", "r", 0, 100, node("tool", "t", 10, 20, id="t"), id="root")
    could = made(root, root, Change())
    assert (at(could, "root"), at(could, "t")) == ((0, 100), (10, 20))
