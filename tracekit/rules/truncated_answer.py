"""An answer that was cut off was used as if it were whole.

## What it finds

A subagent whose last answer stopped at `max_tokens` (or at the end of the context window), and whose text was returned
word for word as the result, or as the only value of a JSON object. Certain. Likely: a truncated answer to the program
itself, where no later call continues it or asks the same again in the same or other words; JSON that does not parse is
left out, since no program uses it as if it were complete. Possible: a truncated answer that a later prompt quotes, or
whose first line or sentence it contains, since that prompt may ask to finish it; and an answer that begins with one of
the words to choose from. Answers with a limit of 32 tokens or fewer are labels and are not reported; nor are runs that
failed, and loops that TK401 reports.

## Why it matters

The reader of the result cannot see that its end is missing.

## Example

    analysis_agent's report ends in the middle of its third finding; the lead plans by it

## What to do

Check `stop_reason` before using an answer; raise `max_tokens`, or say in the result that it was cut.

## Settings

None.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tracekit import semconv
from tracekit.analysis.facts import Facts
from tracekit.analysis.structure.calls import text_of
from tracekit.formatting import format_count
from tracekit.model.finding import Confidence, Finding
from tracekit.model.parsing import parse_json
from tracekit.model.tree import Node
from tracekit.rules.resent_request import is_resent
from tracekit.rules.rule import Rule
from tracekit.rules.words import listed, own_name, tokens

__all__ = ["RULE"]

_CUT = ("max_tokens", "model_context_window_exceeded")
_LOOK_AHEAD = 20
"""Later calls that are searched for uses of a response."""
_LOOK_BACK = 10
_MOST_ASKED = 4000
"""Characters at the begin and at the end of a prompt that are searched for choices."""
_DISTINCTIVE = 16
_MOST_OF_IT = 0.6
"""The share of a question that another must share at its begin and end to count as reworded."""
_LABEL = re.compile(r"[\"'*\s]*([^\W_]{2,}(?=[.,:;!*\n\u2013\u2014-])|[A-Z]{2,}(?=\s))")
_SENTENCE = re.compile(r".+?[.!?](?=\s)")
_OR = r"[\"'`*]*(?:\s?[/|]\s?|,?\s{1,3}(?:or|oder|ou|o)\s{1,3})[\"'`*]*"
_OTHERS = r"(?:[\"'`*]*,\s*[\"'`*]*\w+)*"
_WHY = {
    "ended": "no later call goes on with it, or asks again",
    "quoted": "a later request quotes it: to use it, or to have it finished",
    "begun": "a later request has its beginning, and maybe no more of it was wanted",
    "chosen": "it begins with one of the words that it was to choose from, and maybe no more of it was wanted",
}


def check(facts: Facts) -> Iterator[Finding]:
    """Yield a finding for each agent whose cut last response was used, and for calls without an agent."""
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
            if own_name(facts, agent):
                yield from _ended(facts, [calls[-1]], agent)
            else:
                bare.append(calls[-1])
            continue
        results = _all_results(facts) if results is None else results
        text = facts.content.answer_text(calls[-1]).strip()
        if text and _unwrapped(results.get(str(tool.attributes.get(semconv.TOOL_CALL_ID)), "")) == text:
            yield _finding(
                facts,
                "certain",
                agent,
                [calls[-1]],
                "the result that its asker was given is the cut answer, word for word",
            )
    yield from _ended(facts, sorted(bare, key=lambda call: call.start_ns), None)


def _is_cut(facts: Facts, call: Node) -> bool:
    return call.attributes.get(semconv.STOP_REASON) in _CUT and call.status == "ok" and not facts.content.is_label(call)


def _all_results(facts: Facts) -> dict[str, str]:
    """Return every tool result that was sent to a model, by the id of its block."""
    return {id: text for call in facts.calls for id, text in facts.content.results(call).items()}


def _unwrapped(result: str) -> str:
    """Return the text of a tool result: itself, or the only value of its JSON, as in ``{"report": "…"}``."""
    text = result.strip()
    if not text.startswith(("{", "[", '"')):
        return text
    try:
        value = parse_json(text)
    except ValueError:
        return text
    while isinstance(value, (dict, list)) and len(value) == 1:
        value = next(iter(value.values() if isinstance(value, dict) else value))
    return value.strip() if isinstance(value, str) else text


def _ended(facts: Facts, calls: Sequence[Node], agent: Node | None) -> Iterator[Finding]:
    """Yield findings for cut responses that went to the program, by what the program did next."""
    if not calls or facts.run.root.status == "error":
        return
    used = [(call, _used(facts, call)) for call in calls]
    for use, why in _WHY.items():
        cut = [call for call, was in used if was == use]
        if cut and not (agent is not None and is_resent(facts, agent, cut[-1])):
            yield _finding(facts, "likely" if use == "ended" else "possible", agent, cut, why)


def _used(facts: Facts, call: Node) -> str:
    """Return the use of the cut response to `call`: ``handled``, or a key of `_WHY`."""
    content = facts.content
    text, asked = content.answer_text(call).strip(), content.question(call)
    if _shows(text):
        return "handled"
    use = "chosen" if _is_choice(text, content.asked_text(call)) else "ended"
    head = _head(text)
    begin = bisect_left(facts.calls, call.end_ns or 0, key=lambda each: each.start_ns)
    for later in facts.calls[begin : begin + _LOOK_AHEAD]:
        if asked and content.mentions(later, asked) and asked in content.question(later):
            return "handled"
        if content.mentions(later, text):
            if any(_is_answer(message, text) for message in content.messages(later)):
                return "handled"
            use = "quoted"
        elif use == "ended" and head and content.mentions(later, head) and head in content.question(later):
            use = "begun"
    return "handled" if use == "ended" and _is_asked_in_other_words(facts, call) else use


def _head(text: str) -> str:
    """Return the first line or sentence of a response, or "" where that is too short to be recognised."""
    line, *rest = text.splitlines() or [""]
    whole = line.strip("#*_ ") if rest else ""
    sentence = _SENTENCE.match(line)
    heads = [whole, sentence[0] if sentence else ""]
    return min((head for head in heads if len(head) >= _DISTINCTIVE), key=len, default="")


def _is_choice(text: str, asked: str) -> bool:
    """Return whether the response begins with a word that `asked`, the whole prompt, lists as a choice."""
    label = _LABEL.match(text)
    if label is None:
        return False
    word = rf"(?<!\w){re.escape(label[1])}(?!\w)"
    parts = (asked[:_MOST_ASKED], asked[_MOST_ASKED:][-_MOST_ASKED:])
    return any(re.search(rf"{word}{_OTHERS}{_OR}|{_OR}{word}", part, re.IGNORECASE) for part in parts)


def _is_asked_in_other_words(facts: Facts, call: Node) -> bool:
    """Return whether the same prompt asked most of the question again until a response was whole.

    Where some were whole before, the questions are a series of their own, such as one for each chapter.
    """
    at = bisect_left(facts.calls, call.start_ns, key=lambda each: each.start_ns)
    near = facts.calls[max(0, at - _LOOK_BACK) : at + _LOOK_AHEAD]
    asked, system = facts.content.question(call), facts.content.request(call).get("system")
    *cut, last = [
        each
        for each in near
        if facts.content.request(each).get("system") == system and _has_most(facts.content.question(each), asked)
    ] or [call]
    is_after = last.start_ns >= (call.end_ns or 0)
    return is_after and not _is_cut(facts, last) and all(_is_cut(facts, each) for each in cut)


def _has_most(question: str, asked: str) -> bool:
    """Return whether `question` begins and ends as `asked` does, for most of its length."""
    most = min(len(question), len(asked))
    begin = _alike(question, asked)
    end = min(most - begin, _alike(question[::-1], asked[::-1]))
    return bool(asked) and begin + end >= _MOST_OF_IT * len(asked)


def _alike(text: str, other: str) -> int:
    """Return the number of leading characters that both share."""
    lengths = range(1, min(len(text), len(other)) + 1)
    return bisect_left(lengths, True, key=lambda length: text[:length] != other[:length])


def _shows(answer: str) -> bool:
    """Return whether the response itself shows that it was cut: no program uses JSON that does not parse."""
    text = answer.removeprefix("```json").removeprefix("```").strip()
    if not text.startswith(("{", "[")):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return True
    return False


def _is_answer(message: Any, text: str) -> bool:
    is_model = isinstance(message, Mapping) and message.get("role") == "assistant"
    return is_model and text in text_of(message.get("content"))


def _finding(facts: Facts, confidence: Confidence, agent: Node | None, calls: Sequence[Node], why: str) -> Finding:
    stop = calls[-1].attributes.get(semconv.STOP_REASON)
    name = own_name(facts, agent)
    models = listed(sorted({call.model for call in calls if call.model}))
    whose = f"the last answer of {name}" if name else f"{format_count(len(calls), 'answer')} of {models or 'the model'}"
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
        remedy=f"Raise `max_tokens`{f' of {name}' if name else ''}, and look at `stop_reason` before using an answer.",
    )


RULE = Rule("TK402", "truncated-answer", check, __doc__)
