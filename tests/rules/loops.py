"""Runs for the rules on structure (TK4xx): loops, cut answers, results that nobody is told, spans left open."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.support.build import assistant, said, user
from tests.support.scenarios import Ask, Say, Story, Turn

TEXT = "The manual begins with the pump, then turns to its valves, and goes on to"
MORE = " the pipes of the second floor, which are older than the house"
LIMIT: dict[str, Any] = {"max_tokens": 400}


def resent(count: int, stop: str = "max_tokens", **more: Any) -> tuple[Say, ...]:
    """The very same request, again and again."""
    return tuple(Say("Write the manual.", f"{TEXT} {n}", stop=stop, more=LIMIT, **more) for n in range(count))


def appended(count: int, last: str, stop: str = "max_tokens") -> tuple[Say, ...]:
    """The model's own answers are all that is new."""
    says: list[Say] = []
    told: tuple[dict[str, Any], ...] = (user("Write the manual."),)
    for number in range(count):
        text = f"{TEXT} {number}"
        says.append(Say(told, text, stop=last if number == count - 1 else stop, more=LIMIT))
        told = (*told, assistant(said(text)))
    return tuple(says)


def cut(text: str = TEXT, question: str = "Write the manual of the pump.", **more: Any) -> Say:
    return Say(question, text, stop="max_tokens", **{"more": LIMIT, **more})


def audit(number: int, **more: Any) -> Ask:
    values: dict[str, Any] = {
        "output": f"Part {number} of the house is fine and dry.",
        "ms": 3000 + 10 * number,
        **more,
    }
    return Ask("audit_agent", {"folder": f"src/f{number}"}, **values)


def built_on(number: int, **more: Any) -> Ask:
    """An audit that is told what the first one found."""
    return audit(number, prompt=f"Part 1 of the house is fine and dry. Now look at src/f{number}", **more)


def audited(*asks: Ask, then: tuple[Turn, ...] = ()) -> tuple[Turn, ...]:
    return (Turn(asks), *then)


LATE = audit(2, ms=9000, outlives=True)
GAVE_UP = replace(LATE, failed=True, brought="timed out")

HITS: tuple[Story, ...] = (
    Story("the guide's loop on max_tokens", "", talk=resent(4), failed=True, hit=frozenset({"TK401"})),
    Story("a loop on its own cut answers", "", talk=appended(5, "max_tokens"), failed=True, hit=frozenset({"TK401"})),
    Story("a loop after a refusal", "Explain.", tuple(Turn(words="No.", ms=400, stop="refusal", forgets=True) for _ in range(3)), hit=frozenset({"TK401"})),
    Story("a cut answer at the end", "", talk=(Say("Outline?", "So."), cut()), hit=frozenset({"TK402"})),
    Story("a cut chapter in the middle", "", talk=(cut(), Say("Write of the weather.", "Rain.")), hit=frozenset({"TK402"})),
    Story("an agent of the program's own, cut", "", talk=(Say("Outline?", "So."), cut(agent="writer")), hit=frozenset({"TK402"})),
    Story("one cut report of three", "Audit.", audited(audit(1), audit(2, stop="max_tokens"), audit(3)), hit=frozenset({"TK402"})),
    Story("a cut report in JSON", "Audit.", audited(audit(1), audit(2, stop="max_tokens", brought='{"report": "Part 2 of the house is fine and dry."}')), hit=frozenset({"TK402"})),
    Story("two results that were left out", "Audit.", audited(audit(1), audit(2, dropped=True), audit(3, dropped=True)), hit=frozenset({"TK403"})),
    Story("a result left out of a later turn", "Audit.", audited(audit(1), then=(Turn((built_on(4, dropped=True), built_on(5))),)), hit=frozenset({"TK403"})),
    Story("given up, and at work to the end", "Audit.", audited(audit(1), GAVE_UP), hit=frozenset({"TK403"})),
    Story("left open beside calls of the program's own", "", talk=(Say("Outline?", "So."),), left_open=True, hit=frozenset({"TK404"})),
    Story("left open in a crew", "", crew=(audit(1), audit(2)), crew_how="together", left_open=True, hit=frozenset({"TK404"})),
    Story("left open in a run that failed", "", talk=(Say("Outline?", "So."),), left_open=True, failed=True, hit=frozenset({"TK404"})),
)  # fmt: skip

MISSES: tuple[Story, ...] = (
    Story("continued by its own text to the end", "", talk=appended(5, "end_turn")),
    Story("paused by the API, and gone on", "", talk=appended(5, "end_turn", "pause_turn")),
    Story("whole answers, sampled in an agent", "", talk=tuple(Say("A slogan?", f"Slogan {n}.", agent="poet") for n in range(5))),
    Story("labels of one token", "", talk=tuple(replace(say, more={"max_tokens": 1}) for say in resent(4))),
    Story("asked to go on in words", "", talk=tuple(Say((user("Write."), *(each for k in range(n) for each in (assistant(said(f"{TEXT} {k}")), user("Go on.")))), f"{TEXT} {n}", stop="max_tokens" if n < 3 else "end_turn", more=LIMIT) for n in range(4))),
    Story("more room each time", "", talk=tuple(Say("Write.", f"{TEXT} {n}", stop="max_tokens" if n < 3 else "end_turn", more={"max_tokens": 100 * 2**n}) for n in range(4))),
    Story("the same again after failures", "", talk=(*(Say("Write.", ms=20, gap=50, failed=True) for _ in range(4)), Say("Write.", "So.", 20_000))),
    Story("cut and written on from there", "", talk=(cut(), Say((user("Write the manual of the pump."), assistant(said(TEXT))), MORE))),
    Story("cut and asked again with more room", "", talk=(cut(), Say("Write the manual of the pump.", TEXT + MORE, more={"max_tokens": 4000}))),
    Story("cut and asked again for less", "", talk=(cut(), Say("Write the manual of the pump. Be brief.", "A pump."))),
    Story("a word was all that was wanted", "", talk=tuple(Say(f"Spam or ham: {n}?", "ham", stop="max_tokens", more={"max_tokens": 2}) for n in range(4))),
    Story("cut, and the program failed for it", "", talk=(cut(),), failed=True),
    Story("cut JSON, of which no program takes a part", "", talk=(cut('{"items": [1, 2'), Say("The first half, as JSON?", "[1]"))),
    Story("a cut report, told as such", "Audit.", audited(audit(1), audit(2, stop="max_tokens", brought="Part 2 [cut off]"))),
    Story("a result in other words", "Audit.", audited(audit(1), audit(2, brought="all well with the second"))),
    Story("given up, and cancelled", "Audit.", audited(audit(1), audit(2, ms=1000, failed=True, brought="timed out"))),
    Story("given up, and told later", "Audit.", audited(audit(1), GAVE_UP, then=(Turn((audit(3, ms=12_000),), news="By the way: Part 2 of the house is fine and dry."),))),
    Story("left to work in the background", "Audit.", audited(audit(1), replace(LATE, brought="started"))),
    Story("a last tool that is the answer", "Audit.", audited(audit(1), then=(Turn((Ask("submit", {"answer": "Part 1 of the house is fine and dry."}, "ok", 5, agent=False),)),))),
    Story("one result brought, in the turn after an error", "Audit.", audited(audit(1, failed=True), audit(2))),
    Story("all closed", "", talk=(Say("Outline?", "So."), Say("And?", "That."))),
    Story("killed while an agent was open", "", talk=(Say("Outline?", "So."),), left_open=True, killed=True),
    Story("cancelled, and closed", "", talk=(Say("Outline?", "So."), Say("And?", ms=300, beside=True, stopped=True))),
    Story("failed, and closed", "", talk=(Say("Outline?", "So."),), failed=True),
    Story("killed in a crew", "", crew=(audit(1), audit(2)), crew_how="together", left_open=True, killed=True),
    Story("killed in a team", "Audit.", audited(audit(1), audit(2)), left_open=True, killed=True),
)  # fmt: skip
