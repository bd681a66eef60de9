"""TK306: tools that are defined in each request of an agent, and called in none of its runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from fixtures.make_rules import FOLDER
from tests.support.build import Builder, assistant, said, use, user
from tracekit import semconv
from tracekit.analysis.earlier import Earlier, Practice
from tracekit.analysis.facts import Facts
from tracekit.analysis.structure import structure
from tracekit.journal.reader import read_run
from tracekit.model.finding import Finding
from tracekit.model.tree import Run
from tracekit.rules import Options, findings_of

# 10 definitions of 400 bytes each, of a request of some 4,200.
TOOLS: list[dict[str, Any]] = [
    {"name": f"tool_{number}", "description": "x" * 348, "input_schema": {}} for number in range(10)
]
NAMES = frozenset(tool["name"] for tool in TOOLS)


def run_of(
    *answers: dict[str, Any],
    tools: Sequence[dict[str, Any]] = TOOLS,
    content: str = "full",
    asked: Sequence[dict[str, Any]] = (),
    more: Sequence[dict[str, Any]] = ({}, {}),
) -> Run:
    """A run of two requests with 10,000 tokens each, whose first is answered with `answers`."""
    build = Builder()
    build._segment = replace(build._segment, content=content)
    build.span("root", "run", 0, 3000)
    build.agent("lead", 0, 3000, "root")
    for number, said_now in enumerate((answers or (said("Well."),), (said("Done."),))):
        turn = build.span(f"turn{number}", "turn", 1000 * number, 1000 * number + 500, "lead")
        messages = [*asked, user(f"Question {number}.")]
        fields = {"tools": list(tools), "system": "You lead.", **more[number]}
        id = build.call(f"llm{number}", 1000 * number, 1000 * number + 500, messages, said_now, parent=turn, **fields)
        usage = {semconv.REQUEST_MODEL: "claude-sonnet-4-5", semconv.INPUT_TOKENS: 10_000, semconv.OUTPUT_TOKENS: 9}
        build.spans[id] = replace(build.spans[id], attributes=usage)
    return structure(build.recording())


def found(run: Run, earlier: Sequence[Practice] | None = None) -> list[Finding]:
    known = None if earlier is None else Earlier(lambda agent: [each for each in earlier if each.agent == agent])
    return findings_of(run, Options(select=("TK306",)), earlier=known)


def practice(run: Run) -> Practice:
    (own,) = Facts(run).practices.values()
    return own


def test_tools_that_were_never_called_in_one_run_are_possible() -> None:
    (finding,) = found(run_of(use("u", "tool_3")))
    assert finding.confidence == "possible"
    assert finding.message.startswith(
        "lead sent the definitions of 9 tools with each of 2 requests, and called none of them in 1 run: about "
    )
    assert (
        finding.evidence[0] == "never called: tool_0, tool_1, tool_2, tool_4, tool_5, tool_6, tool_7, tool_8 and tool_9"
    )
    assert finding.evidence[1] == "earlier runs were not looked up: `tracekit check` does that"
    assert finding.spans == ("lead", "llm0", "llm1")


def test_five_runs_make_it_likely() -> None:
    run = run_of()
    own = practice(run)
    assert [each.confidence for each in found(run, [own] * 3)] == ["possible"]
    (finding,) = found(run, [own] * 4)
    assert finding.confidence == "likely"
    assert "called none of them in 5 runs" in finding.message
    assert finding.evidence[1] == "in this run and 4 earlier runs of this agent, each request defined them"


def test_a_tool_that_an_earlier_run_called_is_used() -> None:
    run = run_of()
    own = practice(run)
    (finding,) = found(run, [*[own] * 18, replace(own, called=frozenset({"tool_1", "tool_2"}))])
    assert "the definitions of 8 tools" in finding.message
    # The twenty newest runs count.
    (finding,) = found(run, [*[own] * 20, replace(own, called=frozenset({"tool_1"}))])
    assert "the definitions of 10 tools" in finding.message


def test_runs_count_that_defined_the_tool_and_are_recorded_as_a_whole() -> None:
    run = run_of()
    own = practice(run)
    before = replace(own, offered=NAMES - {f"tool_{number}" for number in range(5)})
    sure, maybe = found(run, [before] * 6)
    assert (sure.confidence, maybe.confidence) == ("likely", "possible")
    assert sure.evidence[0].endswith("tool_5, tool_6, tool_7, tool_8 and tool_9")
    assert [each.confidence for each in found(run, [replace(own, is_whole=False)] * 6)] == ["possible"]


def test_another_agent_of_the_name_does_not_count() -> None:
    run = run_of()
    other = practice(run_of(more=({"system": "You follow."},) * 2))
    (finding,) = found(run, [other] * 6)
    assert finding.confidence == "possible"
    assert finding.evidence[1] == "no earlier run of this agent with these tools is recorded"


def test_the_tokens_are_the_share_of_the_bytes() -> None:
    run = run_of()
    facts = Facts(run)
    (finding,) = found(run)
    sizes = [exchange.request.size for call in facts.calls if (exchange := facts.content.exchange(call)) is not None]
    count = sum(10_000 * 4000 // size for size in sizes)
    assert finding.message.endswith(f"about {count:,} tokens")
    # At $3 a million.
    assert finding.saved_usd == pytest.approx(count * 3e-6, abs=1e-9)


def test_what_was_read_from_the_cache_costs_less() -> None:
    run = run_of()
    cached = {semconv.CACHE_READ_TOKENS: 9900}
    spans = {
        id: replace(span, attributes={**span.attributes, **cached}) if span.kind == "llm" else span
        for id, span in run.recording.spans.items()
    }
    (finding,) = found(structure(replace(run.recording, spans=spans)))
    (plain,) = found(run)
    assert finding.saved_usd == pytest.approx((plain.saved_usd or 0) / 10, rel=1e-6)


SILENT = {
    "small beside the rest": run_of(tools=TOOLS[:2], asked=[user("y" * 20_000)]),
    "all called": run_of(*(use(f"u{number}", f"tool_{number}") for number in range(10))),
    "called before the run began": run_of(asked=[user("Go."), assistant(*(use(name, name) for name in NAMES))]),
    "loaded on demand": run_of(tools=[{**tool, "defer_loading": True} for tool in TOOLS]),
    "the API's own": run_of(tools=[{"type": "x_2026", "name": tool["name"], "y": tool} for tool in TOOLS]),
    "not in each request": run_of(more=({}, {"tools": []})),
    "content not kept": run_of(content="metadata"),
}


@pytest.mark.parametrize("name", SILENT)
def test_what_is_no_unused_tool(name: str) -> None:
    assert found(SILENT[name]) == []


def test_nothing_is_looked_up_without_need() -> None:
    looked: list[object] = []

    def read(agent: object) -> list[Practice]:
        looked.append(agent)
        return []

    findings_of(SILENT["all called"], earlier=Earlier(read))
    assert looked == []


def test_what_the_hit_says() -> None:
    (finding,) = findings_of(structure(read_run([FOLDER / "TK306-hit.jsonl"])))
    assert finding.message == (
        "agent-1 sent the definitions of 12 tools with each of 4 requests, and called none of them in 1 run: "
        "about 32,203 tokens"
    )
    assert finding.evidence == (
        "never called: tool_0, tool_1, tool_2, tool_3, tool_4, tool_5, tool_6, tool_7, tool_8, tool_9, tool_10 and tool_11",
        "earlier runs were not looked up: `tracekit check` does that",
        "the tokens are an estimate: as large a part of those that the API counted as of the requests' bytes",
    )
    assert finding.remedy == (
        "Leave tool_0, tool_1, tool_2, tool_3, tool_4 and 7 more out of the requests of agent-1, give them to an agent of "
        'their own, or load them on demand (`"defer_loading": true`).'
    )
