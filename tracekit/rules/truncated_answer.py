"""An answer that was cut off was used as if it were whole.

## What it finds

A subagent whose last answer stopped at `max_tokens` (or at the end of the context window), and whose text went to its
asker as the result, word for word, be it the only value of a JSON object. Certain. An answer that the program itself got,
and after which no call goes on with it or asks the same again: likely, but for JSON that does not parse, which no program
takes as whole. One that a later prompt quotes: possible, since the prompt may ask to finish it. Answers for which 32 tokens
or fewer were allowed are labels, and runs that failed are left alone.

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

import json
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tracekit import semconv
from tracekit.analysis.facts import Facts
from tracekit.analysis.structure.calls import text_of
from tracekit.model.finding import Confidence, Finding
from tracekit.model.tree import Node
from tracekit.rules.rule import Rule
from tracekit.rules.words import plural, tokens

__all__ = ["RULE"]

_CUT = ("max_tokens", "model_context_window_exceeded")
_LOOK_AHEAD = 20
"""Later calls in which is looked for what became of an answer."""


def check(facts: Facts) -> Iterator[Finding]:
    """A finding for each agent whose last answer was cut off and went on as it was, and one for calls without an agent."""
    results: dict[str, str] | None = None
    bare = [call for call in facts.calls if _is_cut(facts, call) and facts.agent_around(call) is None]
    for agent in facts.agents:
        calls = facts.own_calls(agent)
        if agent.end_ns is None or agent.status != "ok" or semconv.AGENT_STOP_REASON in agent.attributes:
            # The runtime tells its program why an agent stopped.
            continue
        if not calls or not _is_cut(facts, calls[-1]):
            continue
        tool = facts.parents.get(agent.id)
        if tool is None or tool.kind != "tool":
            yield from _ended(facts, [calls[-1]], agent)
            continue
        results = _all_results(facts) if results is None else results
        text = facts.content.answer_text(calls[-1]).strip()
        if text and _unwrapped(results.get(str(tool.attributes.get(semconv.TOOL_CALL_ID)), "")) == text:
            yield _finding(
                "certain", agent, [calls[-1]], "the result that its asker was given is the cut answer, word for word"
            )
    yield from _ended(facts, bare, None)


def _is_cut(facts: Facts, call: Node) -> bool:
    return call.attributes.get(semconv.STOP_REASON) in _CUT and call.status == "ok" and not facts.content.is_label(call)


def _all_results(facts: Facts) -> dict[str, str]:
    """Every tool result that was brought to a model, by the id of its block."""
    return {id: text for call in facts.calls for id, text in facts.content.results(call).items()}


def _unwrapped(result: str) -> str:
    """The text of a tool result: itself, or the only value of its JSON, as in ``{"report": "…"}``."""
    text = result.strip()
    if not text.startswith(("{", "[", '"')):
        return text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    while isinstance(value, (dict, list)) and len(value) == 1:
        value = next(iter(value.values() if isinstance(value, dict) else value))
    return value.strip() if isinstance(value, str) else text


def _ended(facts: Facts, calls: Sequence[Node], agent: Node | None) -> Iterator[Finding]:
    """What can be said of cut answers that were given to the program, by what it did next."""
    if not calls or facts.run.root.status == "error":
        return
    used = {call.id: _used(facts, call) for call in calls}
    ended = [call for call in calls if used[call.id] == "ended"]
    quoted = [call for call in calls if used[call.id] == "quoted"]
    if ended:
        yield _finding("likely", agent, ended, "no later call goes on with it, or asks again")
    if quoted:
        yield _finding("possible", agent, quoted, "a later request quotes it: to use it, or to have it finished")


def _used(facts: Facts, call: Node) -> str:
    """What came of the cut answer to `call`: it ``ended`` there, was ``quoted`` to a model, or was ``handled``."""
    content = facts.content
    said, asked = content.answer_text(call).strip(), _question(content.messages(call))
    if _shows(said):
        return "handled"
    begin = bisect_left(facts.calls, call.end_ns or 0, key=lambda each: each.start_ns)
    quoted = False
    for later in facts.calls[begin : begin + _LOOK_AHEAD]:
        if asked and content.mentions(later, asked) and asked in _question(content.messages(later)):
            return "handled"
        if content.mentions(later, said):
            if any(_is_answer(message, said) for message in content.messages(later)):
                return "handled"
            quoted = True
    return "quoted" if quoted else "ended"


def _shows(said: str) -> bool:
    """Whether the answer shows by itself that it was cut: JSON that does not parse is used by no program."""
    text = said.removeprefix("```json").removeprefix("```").strip()
    if not text.startswith(("{", "[")):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return True
    return False


def _question(messages: Sequence[Any]) -> str:
    """The text of the last message of the user."""
    asked = [message for message in messages if isinstance(message, Mapping) and message.get("role") == "user"]
    return text_of(asked[-1].get("content")).strip() if asked else ""


def _is_answer(message: Any, said: str) -> bool:
    is_model = isinstance(message, Mapping) and message.get("role") == "assistant"
    return is_model and said in text_of(message.get("content"))


def _finding(confidence: Confidence, agent: Node | None, calls: Sequence[Node], why: str) -> Finding:
    stop = calls[-1].attributes.get(semconv.STOP_REASON)
    whose = f"the last answer of {agent.agent}" if agent is not None else plural(len(calls), "answer")
    most = tokens(max(call.tokens.output for call in calls))
    cut = f"{whose} stopped at {stop} after {most if len(calls) == 1 else f'{most} at most'}"
    use = (
        "was brought to its asker as the whole result"
        if confidence == "certain"
        else "nothing tells that the program saw it"
    )
    return RULE.finding(
        confidence,
        f"{cut}, and {use}",
        evidence=[why],
        spans=[*([agent.id] if agent is not None else []), *(call.id for call in calls)],
        remedy=f"Raise `max_tokens`{f' of {agent.agent}' if agent is not None else ''}, and look at `stop_reason` before "
        "using an answer.",
    )


RULE = Rule("TK402", "truncated-answer", check, __doc__)
