"""An answer that was cut off was used as if it were whole.

## What it finds

A subagent whose last answer stopped at `max_tokens` (or at the end of the context window), and whose text went to its
asker as the result, word for word. Certain. An agent at the top that ended with such an answer: likely.

## Why it matters

Whoever reads the result cannot tell that its end is missing.

## Example

    analysis_agent's report ends in the middle of its third finding; the lead plans by it

## What to do

Check `stop_reason` before using an answer; raise `max_tokens`, or say in the result that it was cut.

## Settings

None.
"""

from __future__ import annotations

from collections.abc import Iterator

from tracekit import semconv
from tracekit.analysis.facts import Facts
from tracekit.model.finding import Finding
from tracekit.model.tree import Node
from tracekit.rules.rule import Rule
from tracekit.rules.words import tokens

__all__ = ["RULE"]

_CUT = ("max_tokens", "model_context_window_exceeded")


def check(facts: Facts) -> Iterator[Finding]:
    """A finding for each agent whose last answer was cut off and went on as it was."""
    results: dict[str, str] | None = None
    for agent in facts.agents:
        if agent.end_ns is None or agent.status != "ok":
            continue
        calls = facts.own_calls(agent)
        if not calls or calls[-1].status != "ok" or semconv.AGENT_STOP_REASON in agent.attributes:
            # The runtime tells its program why an agent stopped.
            continue
        stop = calls[-1].attributes.get(semconv.STOP_REASON)
        if stop not in _CUT:
            continue
        tool = facts.parents.get(agent.id)
        if tool is None or tool.kind != "tool":
            if facts.agent_around(agent) is None:
                yield _finding(agent, calls[-1], str(stop), is_result=False)
            continue
        results = _all_results(facts) if results is None else results
        text = facts.content.answer_text(calls[-1]).strip()
        if text and results.get(str(tool.attributes.get(semconv.TOOL_CALL_ID)), "").strip() == text:
            yield _finding(agent, calls[-1], str(stop), is_result=True)


def _all_results(facts: Facts) -> dict[str, str]:
    """Every tool result that was brought to a model, by the id of its block."""
    return {id: text for call in facts.calls for id, text in facts.content.results(call).items()}


def _finding(agent: Node, call: Node, stop: str, *, is_result: bool) -> Finding:
    use = "was brought to its asker as the whole result" if is_result else "was the end of its work"
    return RULE.finding(
        "certain" if is_result else "likely",
        f"the last answer of {agent.agent} stopped at {stop} after {tokens(call.tokens.output)}, and {use}",
        evidence=[
            "the result that its asker was given is the cut answer, word for word"
            if is_result
            else f"no call of {agent.agent} came after it"
        ],
        spans=[agent.id, call.id],
        remedy=f"Raise `max_tokens` of {agent.agent}, and look at `stop_reason` before using an answer.",
    )


RULE = Rule("TK402", "truncated-answer", check, __doc__)
