"""A run in few rows: groups of children that are alike, and chains that lead to one call."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tracekit import semconv
from tracekit.analysis.alike import LEAST_ALIKE, AlikeNodes, chain_of, failed_in, grouped
from tracekit.model.tree import Node, Tokens

MS = 1_000_000


def node(kind: str, id: str, *children: Node, end_ms: int | None = 10, **more: Any) -> Node:
    values: dict[str, Any] = {
        "id": id,
        "kind": kind,
        "name": f"execute_tool {kind}",
        "agent": None,
        "start_ns": 0,
        "end_ns": None if end_ms is None else end_ms * MS,
        "status": "open" if end_ms is None else "ok",
        "failure": None,
        "inferred": False,
        "model": None,
        "lane": "m",
        "attributes": {},
        "tokens": Tokens(),
        "retries": 0,
        "cost_usd": None,
        "cost_complete": True,
        "children": children,
    }
    return Node(**{**values, **more})


def tools(count: int, **more: Any) -> tuple[Node, ...]:
    return tuple(node("tool", f"t{number}", end_ms=10 + number, **more) for number in range(count))


def test_fewer_than_the_least_stay_as_they_are() -> None:
    children = tools(LEAST_ALIKE - 1)
    assert grouped(children) is children


@pytest.mark.parametrize("kind", ["turn", "llm", "attempt", "run"])
def test_turns_and_calls_are_never_a_group(kind: str) -> None:
    children = tuple(node(kind, f"n{number}") for number in range(2 * LEAST_ALIKE))
    assert grouped(children) == children
    (*rest, group) = grouped((*children, *tools(LEAST_ALIKE)))
    assert (tuple(rest), type(group)) == (children, AlikeNodes)


def test_a_group_stands_where_its_first_member_stood_and_others_keep_their_order() -> None:
    first, *others = tools(LEAST_ALIKE)
    before, between = node("agent", "a", name="before"), node("agent", "b", name="between")
    found = grouped((before, first, between, *others))
    assert [child.id for child in found] == ["a", "group:t0", "b"]


def test_a_group_sums_up_its_members_the_slowest_first() -> None:
    members = tuple(
        dataclasses.replace(
            child,
            start_ns=(5 - number % 2) * MS,
            retries=1,
            cost_usd=0.25 if number else None,
            cost_complete=bool(number),
            attributes={semconv.TOOL_NAME: "look", semconv.TOOL_CALL_ID: child.id},
        )
        for number, child in enumerate(tools(LEAST_ALIKE))
    )
    (group,) = grouped(members)
    assert isinstance(group, AlikeNodes)
    assert (group.start_ns, group.end_ns, group.status) == (4 * MS, (10 + LEAST_ALIKE - 1) * MS, "ok")
    assert (group.retries, group.cost_usd, group.cost_complete) == (LEAST_ALIKE, 0.25 * (LEAST_ALIKE - 1), False)
    assert group.attributes == {semconv.TOOL_NAME: "look"}
    durations = [child.duration_ns(0) for child in group.children]
    assert durations == sorted(durations, reverse=True)
    assert {child.id for child in group.children} == {child.id for child in members}


def test_a_group_with_an_open_member_is_open_and_shows_that_one_first() -> None:
    (group,) = grouped((*tools(LEAST_ALIKE), node("tool", "open", end_ms=None)))
    assert (group.end_ns, group.status, group.children[0].id) == (None, "open", "open")


def test_what_failed_is_counted() -> None:
    failed = [node("tool", f"f{number}", status=status) for number, status in enumerate(("error", "interrupted"))]
    (group,) = grouped((*tools(LEAST_ALIKE), *failed))
    assert isinstance(group, AlikeNodes)
    assert (failed_in(group), group.status) == (2, "ok")


def test_a_chain_leads_to_its_one_call() -> None:
    call = node("llm", "c")
    turn = node("turn", "u", call)
    agent = node("agent", "a", turn)
    tool = node("tool", "t", agent)
    assert [each.id for each in chain_of(tool)] == ["t", "a", "u", "c"]
    assert chain_of(call) == (call,)


def test_where_there_are_two_calls_a_tool_is_drawn_with_its_agent_alone() -> None:
    agent = node("agent", "a", node("turn", "u"), node("turn", "v"))
    assert chain_of(node("tool", "t", agent))[1:] == (agent,)
    assert chain_of(agent) == (agent,)


def test_a_group_of_one_chain_is_no_chain() -> None:
    (group,) = grouped(tools(LEAST_ALIKE))
    assert chain_of(group) == (group,)
