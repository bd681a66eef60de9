"""The duration of a run with a change, the overlaps in it, and the cost of each agent."""

from __future__ import annotations

import random

import pytest

from fixtures.rules.story import Ask, Story, Turn
from fixtures.rules.telling import run_of
from tests.support.build import MS, Builder, said, user
from tests.support.trees import node
from tracekit.analysis.batches import parents_of
from tracekit.analysis.costs import cost_per_agent
from tracekit.analysis.facts import Facts
from tracekit.analysis.structure import structure
from tracekit.analysis.timing.overlap import Interval, beside_others, concurrency, covered_ns, is_serial, most_at_once
from tracekit.analysis.timing.schedule import Schedule, packed
from tracekit.model.change import Change, combined
from tracekit.model.events import Kind
from tracekit.model.tree import Node


def tree(*spans: tuple[str, int, int, str | None], kind: Kind = "span") -> dict[str, Node]:
    """The nodes of a tree of spans (id, begin, end, parent; milliseconds), by id."""
    build = Builder()
    for id, start, end, parent in spans:
        build.span(id, "run" if parent is None else kind, start, end, parent)
    return {node.id: node for node in structure(build.recording()).root.walk()}


def schedule(nodes: dict[str, Node]) -> Schedule:
    return Schedule(parents_of(nodes.values()), nodes["r"].end_ns or 0)


def test_without_a_change_nothing_is_saved() -> None:
    for seed in range(50):
        nodes = tree(*grown(random.Random(seed)))
        plan = schedule(nodes)
        assert all(plan.duration_with(node, Change()) == plan.duration(node) for node in nodes.values())


def test_a_child_that_began_before_its_parent_saves_no_more_than_its_part_within() -> None:
    """By the clock of another machine it began 20 ms early."""
    nodes = tree(("r", 0, 200, None), ("p", 100, 200, "r"), ("a", 80, 150, "p"), ("b", 150, 190, "p"))
    plan = schedule(nodes)
    assert plan.duration_with(nodes["p"], Change()) == 100 * MS
    assert plan.saving(Change(durations={"a": 60 * MS})).ns == 10 * MS
    assert plan.saving(Change(durations={"a": 0})).ns == 50 * MS


@pytest.mark.parametrize("siblings", [0, 1, 100])
def test_a_child_that_outlives_its_parent_was_not_waited_for(siblings: int) -> None:
    beside = [(f"s{number}", 0, 1, "p") for number in range(siblings)]
    nodes = tree(("r", 0, 100, None), ("p", 0, 100, "r"), ("a", 0, 150, "p"), ("b", 0, 150, "a"), *beside)
    assert schedule(nodes).saving(Change(durations={"b": 0})).ns == 0


def test_a_child_that_ends_a_moment_after_its_parent_was_waited_for() -> None:
    """Two clocks of one machine are not the same to the microsecond."""
    call = node("llm", "m", 0, 100.2, id="call")
    root = node("run", "r", 0, 100, call, node("span", "s", 0, 30, id="beside"), id="r")
    plan = Schedule(parents_of(root.walk()), root.end_ns or 0)
    assert plan.duration_with(root, Change()) == plan.duration(root)
    assert plan.saving(Change(durations={"call": plan.duration(call) // 2})).ns == 49_900_000


def test_serial_work_that_begins_together_takes_as_long_as_the_longest() -> None:
    nodes = tree(("r", 0, 100, None), ("a", 10, 30, "r"), ("b", 31, 70, "r"), ("c", 70, 80, "r"), ("d", 85, 90, "r"))
    change = Change({"b": ("a", 0), "c": ("a", 0)})
    # 10 before, 39 for the longest, 5 until d, 5 for d, 10 after.
    assert schedule(nodes).duration_with(nodes["r"], change) == 69 * MS
    assert schedule(nodes).saving(change).ns == 31 * MS


def test_what_runs_beside_something_longer_saves_nothing() -> None:
    nodes = tree(("r", 0, 100, None), ("p", 0, 60, "r"), ("long", 0, 95, "r"), ("a", 0, 30, "p"), ("b", 30, 60, "p"))
    plan = schedule(nodes)
    change = Change({"b": ("a", 0)})
    assert plan.duration_with(nodes["p"], change) == 30 * MS
    assert plan.saving(change).ns == 0


def test_a_saving_is_cut_where_another_branch_becomes_the_longest() -> None:
    nodes = tree(("r", 0, 100, None), ("p", 0, 100, "r"), ("other", 0, 80, "r"), ("a", 0, 50, "p"), ("b", 50, 100, "p"))
    assert schedule(nodes).saving(Change({"b": ("a", 0)})).ns == 20 * MS


def test_many_siblings_bound_a_saving_by_the_time_alone() -> None:
    spans: list[tuple[str, int, int, str | None]] = [("r", 0, 100, None), ("p", 0, 100, "r")]
    spans += [(f"s{n}", 0, 70, "r") for n in range(100)]
    nodes = tree(*spans, ("a", 0, 50, "p"), ("b", 50, 100, "p"))
    assert schedule(nodes).saving(Change({"b": ("a", 0)})).ns == 30 * MS


def test_changes_below_several_nodes_are_carried_up_together() -> None:
    """Each branch alone saves nothing, since the other one lasts as long."""
    nodes = tree(
        *(("r", 0, 100, None), ("p", 0, 90, "r"), ("q", 0, 90, "r")),
        *(("a", 0, 40, "p"), ("b", 40, 90, "p"), ("c", 0, 30, "q"), ("d", 30, 90, "q")),
    )
    plan, one, other = schedule(nodes), Change({"b": ("a", 0)}), Change({"d": ("c", 0)})
    assert [plan.saving(each).ns for each in (one, other)] == [0, 0]
    assert plan.saving(combined([one, other])).ns == 30 * MS


def test_a_node_that_takes_less_for_two_reasons_takes_so_much_less() -> None:
    """The node's own duration changes, and one of its children begins earlier."""
    nodes = tree(("r", 0, 100, None), ("p", 0, 90, "r"), ("a", 10, 40, "p"), ("b", 40, 90, "p"))
    change = combined([Change(durations={"p": 80 * MS}), Change({"b": ("a", 0)})])
    assert schedule(nodes).saving(change).ns == 40 * MS


def test_of_two_changes_of_one_span_the_first_moves_it_and_the_shorter_counts() -> None:
    one, other = Change({"b": ("a", 1)}, {"b": 5, "c": 9}), Change({"b": ("c", 2), "d": ("a", 3)}, {"b": 4})
    both = Change({"b": ("a", 1), "d": ("a", 3)}, {"b": 4, "c": 9})
    assert combined([one, other]) == both
    assert combined([]) == Change()


def test_changes_anywhere_save_what_the_whole_run_laid_out_again_saves() -> None:
    for seed in range(200):
        chance = random.Random(seed)
        nodes = tree(*grown(chance))
        plan, others = schedule(nodes), [id for id in nodes if id != "r"]
        durations = {id: plan.duration(nodes[id]) // 2 for id in chance.sample(others, 3)}
        begins = {}
        for id in chance.sample(others, 3):
            first = parents_of(nodes.values())[id].children[0].id
            if first != id:
                begins[id] = (first, 0)
        change = Change(begins, durations)
        assert plan.saving(change).ns == max(0, plan.duration(nodes["r"]) - laid_out(plan, nodes["r"], change))


def laid_out(plan: Schedule, node: Node, change: Change) -> int:
    """Nanoseconds that `node` takes with `change`, all below it laid out from the inside."""
    durations = {}
    for child in node.children:
        less_ns = plan.duration(child) - laid_out(plan, child, change)
        less_ns = max(0, less_ns - max(0, plan.end(child) - plan.end(node)))
        own_ns = change.durations.get(child.id, plan.duration(child))
        durations[child.id] = max(0, own_ns - less_ns)
    begins = {child.id: change.begins[child.id] for child in node.children if child.id in change.begins}
    return plan.duration_with(node, Change(begins, durations))


def test_of_many_children_only_those_between_joints_are_laid_out_again() -> None:
    for seed in range(300):
        chance = random.Random(seed)
        spans: list[tuple[str, int, int, str | None]] = []
        now = 0
        for number in range(chance.choice((70, 90))):
            # Mostly one after another; some beside others, some far beyond them.
            now += chance.choice((0, 0, 1, 5))
            took = chance.choice((1, 3, 3, 20 if number % 9 == 0 else 4, 400 if number % 40 == 39 else 2))
            spans.append((f"s{number}", now, now + took, "r"))
            now += chance.choice((took, took, took // 2))
        nodes = tree(("r", 0, now + chance.choice((0, 10)), None), *spans)
        times = schedule(nodes)
        changed = chance.sample(spans[:-1], chance.choice((1, 2, 5)))
        durations = {id: (end - start) * MS // 2 for id, start, end, _ in changed[::2]}
        begins = {id: (chance.choice(spans)[0], chance.choice((0, 2)) * MS) for id, *_ in changed[1::2]}
        change = Change(begins, durations)
        root = nodes["r"]
        laid = times.times_with(root, change)
        inside = [child.id for child in root.children if times.end(child) <= times.end(root)]
        tail_ns = times.end(root) - max(times.end(nodes[id]) for id in inside)
        assert times.duration_with(root, change) == max(laid[id].end_ns for id in inside) - root.start_ns + tail_ns


@pytest.mark.parametrize(
    ("durations", "limit", "begins"),
    [([3, 3, 3], None, [0, 0, 0]), ([3, 3, 3], 2, [0, 0, 3]), ([5, 1, 1, 1], 2, [0, 0, 1, 2]), ([2, 2], 1, [0, 2])],
)
def test_packing(durations: list[int], limit: int | None, begins: list[int]) -> None:
    assert packed(durations, limit) == begins


def test_what_ran_beside_what() -> None:
    intervals = [Interval(0, 10 * MS), Interval(5 * MS, 20 * MS), Interval(20 * MS, 30 * MS)]
    assert [level.running for level in concurrency(intervals)] == [1, 2, 1, 0]
    assert most_at_once(intervals) == 2
    assert not is_serial(intervals)
    assert is_serial([intervals[1], intervals[2]])
    # Two begins within the tolerance of an end are no overlap.
    assert is_serial([Interval(0, 10 * MS), Interval(10 * MS - 300_000, 20 * MS)])
    assert covered_ns(intervals, Interval(8 * MS, 25 * MS)) == 17 * MS


def test_how_long_others_were_busy_beside_each() -> None:
    for seed in range(100):
        chance = random.Random(seed)
        busy: dict[str, list[Interval]] = {name: [] for name in "abcd"}
        for _ in range(12):
            start = chance.randrange(40)
            busy[chance.choice("abcd")].append(Interval(start, start + chance.randrange(10)))
        ends = {name: chance.randrange(50) for name in busy}
        others = {name: [each for other in busy if other != name for each in busy[other]] for name in busy}
        assert beside_others(busy, 5, ends) == {
            name: covered_ns(others[name], Interval(5, end)) for name, end in ends.items()
        }


def test_the_cost_per_agent_adds_up_to_that_of_the_run() -> None:
    asks = tuple(Ask("audit_agent", {"folder": f"f{n}"}, "Fine.") for n in range(3))
    root = run_of(Story("x", "Audit.", (Turn(asks),))).root
    costs = {cost.name: cost for cost in cost_per_agent(root)}
    assert {name: (cost.agents, cost.calls) for name, cost in costs.items()} == {"lead": (1, 2), "audit_agent": (3, 3)}
    assert sum(cost.cost_usd or 0.0 for cost in costs.values()) == pytest.approx(root.cost_usd)
    assert sum(cost.tokens.input for cost in costs.values()) == root.tokens.input


def test_open_work_is_no_part_of_what_is_timed() -> None:
    build = Builder(alive=True)
    build.span("r", "run", 0, None)
    build.agent("a", 0, None, "r")
    build.span("t", "turn", 0, None, "a")
    build.call("c", 0, 10, [user("x")], [said("y")], parent="t")
    build.span("x", "tool", 10, None, "t")
    facts = Facts(structure(build.recording()))
    assert [batch.timed for batch in facts.batches] == [()]


def grown(chance: random.Random) -> list[tuple[str, int, int, str | None]]:
    """A random tree of spans whose children may overlap and outlive their parents."""
    spans: list[tuple[str, int, int, str | None]] = [("r", 0, 1000, None)]
    for number in range(30):
        parent, start, end, _ = spans[chance.randrange(len(spans))]
        begin = chance.randint(start, end)
        spans.append((f"s{number}", begin, begin + chance.randint(0, 300), parent))
    return spans
