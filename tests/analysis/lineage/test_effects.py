"""Effects of steps, and which of them are in each other's way."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.build import Builder
from tracekit import semconv
from tracekit.analysis.batches import Task
from tracekit.analysis.lineage.conflict import Footprint
from tracekit.analysis.lineage.effects import UNKNOWN, Effects, effects_of
from tracekit.analysis.structure import structure

READS, WRITES = semconv.DECLARED_READS, semconv.DECLARED_WRITES
FILE_READS, FILE_WRITES = semconv.WORKSPACE_READS, semconv.WORKSPACE_WRITES


def effects(
    *tools: dict[str, Any], agent: dict[str, Any] | None = None, settings: dict[str, str] | None = None
) -> Effects:
    """Return the effects of an agent with these `tools`, each with these attributes.

    Without an `agent`, the effects are those of the only tool.
    """
    build = Builder()
    build.span("root", "run", 0, 100)
    parent = "root"
    if agent is not None:
        parent = build.span("a", "agent", 0, 90, "root", attributes={semconv.AGENT_NAME: "a", **agent})
    for number, attributes in enumerate(tools):
        build.tool(f"t{number}", "t", number, number + 1, parent, effects=attributes)
    top = structure(build.recording()).root.children[0]
    return effects_of(Task(top, None), settings or {})


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({}, UNKNOWN),
        ({READS: ["A.py"], WRITES: []}, Effects(frozenset({"a.py"}), source="declared")),
        ({READS: [], WRITES: []}, Effects(source="declared")),
        ({FILE_WRITES: ["./out/x"]}, Effects(writes=frozenset({"out/x"}), source="recorded")),
        ({semconv.TOOL_ANNOTATIONS: {"readOnlyHint": True}}, Effects(reads_anything=True, source="annotated")),
        ({semconv.TOOL_ANNOTATIONS: {"readOnlyHint": False}}, UNKNOWN),
    ],
)
def test_effects_of_a_tool(attributes: dict[str, Any], expected: Effects) -> None:
    assert effects(attributes) == expected


def test_effects_by_the_settings() -> None:
    given = {semconv.TOOL_CALL_ARGUMENTS: {"table": "orders", "rows": 3}}
    assert effects(given, settings={"t": "reads"}) == Effects(reads_anything=True, source="set")
    assert effects(given, settings={"t": "nothing"}) == Effects(source="set")
    assert effects(given, settings={"t": "writes"}) == Effects(writes=frozenset({"orders"}), source="set")
    assert effects({}, settings={"t": "writes"}) == UNKNOWN
    assert effects(given, settings={"other": "reads"}) == UNKNOWN


def test_an_agent_has_the_effects_of_its_tools_if_all_are_known() -> None:
    one, other = {FILE_READS: ["a.py"]}, {FILE_WRITES: ["b.py"]}
    known = effects(one, other, agent={})
    assert (known.reads, known.writes, known.source) == (frozenset({"a.py"}), frozenset({"b.py"}), "recorded")
    assert effects(one, {}, agent={}) == UNKNOWN
    assert effects(agent={}) == UNKNOWN
    assert effects(one, agent={READS: ["all"], WRITES: []}).reads == {"all"}


def test_conflicts() -> None:
    footprint = Footprint()
    footprint.add(Effects(frozenset({"shop/cart.py"}), frozenset({"notes"}), source="declared"), "one")
    assert footprint.conflict(Effects(writes=frozenset({"shop"}), source="declared"), "two")
    assert footprint.conflict(Effects(frozenset({"notes"}), source="declared"), "two")
    assert not footprint.conflict(Effects(frozenset({"shop/cart.py"}), source="declared"), "two")
    assert footprint.is_disjoint(Effects(frozenset({"shop/mail.py"}), source="declared"))
    assert not footprint.is_disjoint(UNKNOWN)
    # It reads, and what it reads may be the notes.
    assert not footprint.is_disjoint(Effects(reads_anything=True, source="set"))
