"""How tasks and names are worded: what points back, counts rounds, came back with nothing, or is of one kind."""

from __future__ import annotations

import re
from functools import lru_cache

from tracekit.analysis.roles import aspect_of

__all__ = [
    "COUNTED",
    "GOES_BACK",
    "GOES_ON",
    "MEASURES",
    "POINTS_AT_ONE",
    "POINTS_BACK",
    "ROUNDS",
    "came_to_nothing",
    "found_nothing",
    "holds",
    "is_beside",
    "kind_of",
]

_BACK = (
    r"based on|according to|the (?:above|findings?|results?|previous|earlier|first|analysis|review|draft|report|diff|fix"
    r"|changes?|refactored|updated|research|notes?|plan|outline|summary)\b|(?:these|those|that) (?:findings?|results?"
    r"|issues?|problems?|changes?|notes?)|previous(?:ly)?|as (?:found|described|noted|identified|reported|suggested)"
    r"|(?:found|identified|reported|suggested|proposed|produced|written|made) (?:by|in|above|earlier|before)|follow(?:ing)?"
    r"[- ]up|dig deeper|again|in light of|given (?:that|the|this|these)|now that|since (?:the|it|this|that)|because"
    r"|therefore|what (?:was|had been) said|the objections?|double[- ]check|to confirm|continue from|back into"
)
_IN_TURN = r"then|afterwards?|finally|(?:step|phase|stage) \d+|continue with|next step"

_SO = r"maybe|perhaps|unfortunately|sadly|hmm|(?:is|are|'s) out|too \w+(?=[.,;!])|what about|how about|but|however|yet|still|then(?=[.?!])|next best|instead|not the|not there|no luck|ruled out|which means|suggests|so (?:it|the|that)"

GOES_BACK = re.compile(rf"\b({_BACK}|{_SO})\b")
"""Where the model says, in lower case, why it goes on: with a result. That it goes on to the next of several says nothing."""

POINTS_BACK = re.compile(rf"\b({_BACK}|{_IN_TURN})\b")
"""The same in a task, where words of order, too, mean what came before."""

POINTS_AT_ONE = re.compile(
    r"\b(?:the others?(?! (?:side|hand|way|end))|the (?:latter|former|runner-up|winner|loser|survivors?|remaining)|that one)\b"
)
"""Words, in lower case, for one of several that a task may name itself, or else what came before."""

_NUMBERED = re.compile(r"(?:^|[-_ ])(?:\d+|[a-z])$|\d+$")
_NOTHING = frozenset(("", "[]", "{}", "null", "none", "nothing", "empty", "no", "unknown", "false", "0", "n/a", "-"))
_FOUND_NOTHING = re.compile(
    r"\b(no (?:results?|match(?:es)?|such|answer|solution|luck|success)|stuck|gave up|not (?:found|available|know|sure|possible)|(?:nothing|none) found|(?:do|does)n't know"
    r"|could ?n[o']t|can ?not|can't|unable|unavailable|timed? ?out|denied|refused|failed)\b",
    re.IGNORECASE,
)
_BRIEF = 200
ROUNDS = frozenset(
    (
        "round",
        "step",
        "phase",
        "stage",
        "iteration",
        "turn",
        "continue",
        "again",
        "then",
        "next",
        "attempt",
        "level",
    )
)
GOES_ON = frozenset(("again", "continue", "next", "then"))
COUNTED = re.compile(
    r"\b(?:step|phase|stage|round|day|week|turn|iteration|attempt|level)[ _-]?(?:\d+|one|two|three|four|five)\b",
    re.IGNORECASE,
)

MEASURES = re.compile(
    r"(?<![a-z])(?:bench(?:es|mark\w*)?|(?:load|stress)[ _-]?test\w*|(?:load|response|run|build)[ -]?times?|latency of|throughput of)(?![a-z])",
    re.IGNORECASE,
)
"""What measures how fast something is, and so is disturbed by what runs beside it."""


def holds(given: str, before: str) -> bool:
    """Whether `given` is all of `before` with something added."""
    given, whole = given.lower(), before.strip().lower()
    return bool(whole) and whole in given and _stands_by_itself(whole, given)


def _stands_by_itself(whole: str, text: str) -> bool:
    """Whether `whole` stands anywhere in `text` as no part of a longer word or path."""
    at = text.find(whole)
    while at >= 0:
        around = text[at - 1 : at] + text[at + len(whole) : at + len(whole) + 1]
        if not any(each.isalnum() or each in "_./-" for each in around):
            return True
        at = text.find(whole, at + 1)
    return False


def found_nothing(output: str) -> bool:
    """Whether `output` says that nothing was found, or that it did not work."""
    said = output.strip().lower()
    return len(said) <= _BRIEF and (said.rstrip(".!") in _NOTHING or bool(_FOUND_NOTHING.search(said)))


def came_to_nothing(output: str) -> bool:
    """The same, in so many words: a plain `no` may be a verdict."""
    return len(output) <= _BRIEF and bool(_FOUND_NOTHING.search(output))


def is_beside(name: str, other: str) -> bool:
    """Whether, by their names, both do one kind of work under two aspects: ``style_reviewer``, ``security_reviewer``."""
    words, others = ([part for part in re.split(r"[-_ ]", each.lower()) if part != "agent"] for each in (name, other))
    is_one_work = len(words) > 1 and len(others) > 1 and words[-1] == others[-1]
    return is_one_work or bool(aspect_of(name) and aspect_of(other))


@lru_cache(maxsize=1024)
def kind_of(name: str) -> str:
    """The name without the number or letter at its end, by which those of a kind are told apart."""
    return _NUMBERED.sub("", name.lower())
