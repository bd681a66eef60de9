"""A large model did what a smaller one in the same run does too.

## What it finds

Agents of one name and one system prompt, without tools and with answers of at most 100 tokens, some of which used a
model that costs at least three times as much as the model of the others. The work counts as the same if every answer
of the large model was also given by the smaller one (a label), or if the questions have the same wording. Nothing is
reported if a question went to both models (to compare them, or because the smaller one was not sure), or if the
program chooses by length: everything sent to the large model is more than twice as long. Likely: only you can tell
whether the smaller model's answers are good enough.

## Why it matters

The price of the same work differs by the factor between the models.

## Example

    classify_agent on claude-opus-5-5, elsewhere classify_agent on claude-haiku-5-5

## What to do

Give all agents of that name the smaller model, and compare the answers (`tracekit diff`).

## Settings

None.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import fsum
from typing import TypeAlias

from tracekit.analysis.facts import Facts
from tracekit.analysis.lineage.values import tokens
from tracekit.cost import price_usd
from tracekit.formatting import format_count
from tracekit.model.finding import Finding
from tracekit.model.tree import Node
from tracekit.rules.rule import Rule

__all__ = ["RULE"]

_FACTOR = 3
_SHORT = 100
_LONGER = 2
_LOOK_BACK = 32
"""Forms of questions with which another is compared."""
_AgentCall: TypeAlias = tuple[Node, Node]
"""An agent, and its call."""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield a finding for each kind of agent that used models of different size."""
    kinds: dict[tuple[str, str], list[_AgentCall]] = {}
    for agent in facts.agents:
        calls = facts.own_calls(agent)
        if len(calls) != 1 or calls[0].status != "ok" or calls[0].tokens.output > _SHORT or not calls[0].model:
            continue
        kinds.setdefault((agent.agent or "", ""), []).append((agent, calls[0]))
    for (name, _), works in kinds.items():
        if len({call.model for _, call in works}) > 1:
            yield from _by_prompt(facts, name, works)


def _by_prompt(facts: Facts, name: str, works: list[_AgentCall]) -> Iterator[Finding]:
    prompts: dict[str, list[_AgentCall]] = {}
    for agent, call in works:
        request = facts.content.request(call)
        if request.get("system") and not request.get("tools"):
            prompts.setdefault(str(request["system"]), []).append((agent, call))
    for same in prompts.values():
        for alike in [same] if _has_same_answers(facts, same) else _by_form(facts, same):
            found = _expensive(_asked_once(facts, alike))
            if found is not None:
                yield _finding(name, *found)


def _has_same_answers(facts: Facts, works: Sequence[_AgentCall]) -> bool:
    """Return whether one model gave no answer that another did not give too: they choose from the same few."""
    answers: dict[str | None, set[str]] = {}
    for _, call in works:
        answers.setdefault(call.model, set()).add(facts.content.answer_text(call).strip())
    fewest, *others = sorted(answers.values(), key=len)
    return fewest <= set().union(*others)


def _by_form(facts: Facts, works: Sequence[_AgentCall]) -> Iterator[list[_AgentCall]]:
    """Yield `works` in groups whose questions are worded alike."""
    forms: list[tuple[str, list[_AgentCall]]] = []
    for work in works:
        question = facts.content.question(work[1])
        alike = next((same for first, same in forms[-_LOOK_BACK:] if _is_worded_alike(question, first)), None)
        if alike is None:
            forms.append((question, [work]))
        else:
            alike.append(work)
    yield from (same for _, same in forms)


def _is_worded_alike(one: str, other: str) -> bool:
    """Return whether two questions begin with the same word and share at least half of their words."""
    words, others = tokens(one), tokens(other)
    own, foreign = set(words), set(others)
    return words[:1] == others[:1] and 2 * len(own & foreign) >= max(len(own), len(foreign))


def _asked_once(facts: Facts, works: list[_AgentCall]) -> list[_AgentCall]:
    """Return `works` without those whose question another model got too, to compare them or to be surer."""
    messages_of = [facts.content.messages(call) for _, call in works]
    asked: dict[bytes, set[str | None]] = {}
    for messages, (_, call) in zip(messages_of, works, strict=True):
        asked.setdefault(messages.key(len(messages)), set()).add(call.model)
    return [
        work
        for messages, work in zip(messages_of, works, strict=True)
        if not any(asked.get(message.key, set()) - {work[1].model} for message in messages.back())
    ]


def _expensive(works: list[_AgentCall]) -> tuple[list[_AgentCall], str, float] | None:
    """Return the works that used an expensive model, the cheap model, and the saving with it; or None."""
    models = {call.model for _, call in works if call.model}
    if len(models) < 2:
        return None
    sample = works[0][1]
    prices = {model: price_usd(sample.attributes, model, sample.start_ns) for model in models}
    known = {model: float(price) for model, price in prices.items() if price}
    if len(known) < 2:
        return None
    cheap = min(known, key=lambda model: known[model])
    expensive = [(agent, call) for agent, call in works if known.get(call.model or "", 0.0) >= _FACTOR * known[cheap]]
    longest = max((call.tokens.input for _, call in works if call.model == cheap), default=0)
    if expensive and min(call.tokens.input for _, call in expensive) > _LONGER * longest:
        # The program chooses by length.
        return None
    saved = []
    for _, call in expensive:
        price = price_usd(call.attributes, cheap, call.start_ns)
        if price is None or call.cost_usd is None:
            return None
        saved.append(call.cost_usd - float(price))
    return (expensive, cheap, fsum(saved)) if expensive else None


def _finding(name: str, expensive: list[_AgentCall], cheap: str, saved_usd: float) -> Finding:
    models = sorted({call.model or "" for _, call in expensive})
    longest = max(call.tokens.output for _, call in expensive)
    return RULE.finding(
        "likely",
        f"{format_count(len(expensive), name + ' asks', name + ' ask')} {', '.join(models)}, where others of that name ask {cheap}",
        evidence=[
            "they have the same system prompt and no tools",
            f"their answers are short: at most {longest} tokens",
        ],
        spans=[node.id for agent, call in expensive for node in (agent, call)],
        saved_usd=saved_usd,
        remedy=f"Let every {name} ask {cheap}, and compare what they answer.",
    )


RULE = Rule("TK303", "large-model", check, __doc__)
