"""Count how often each kind of evidence is right, on labelled runs that the rules were not tuned on.

Run it from the repository's folder: `python -m tests.bench.calibrate`. The runs are stories that were judged before anybody
looked at the rules, and programs of users; most were written to mislead, so the rates are those of hard cases. A finding is
right if the story's label has its code. What is possible is counted as the stories are. For (a), whose steps truly touch
nothing in common declare it: those of the hits, and those that depend by the model's choice (`CHOSEN`) or by order (`TOLD`).
For (b), the lead of a hit and of `CHOSEN` has asked for two of these kinds in one response before. *Certain* is counted on the
whole labelled set, where what shares a state declares it. `tracekit/rules/calibration.py` keeps the table, and a test holds
the two together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from fixtures.rules import batches, judged, judged_lists, judged_misses, judged_orders, programs
from fixtures.rules.labelled import labelled
from fixtures.rules.story import Ask, Story, Turn
from fixtures.rules.telling import run_of
from tracekit.rules import findings_of
from tracekit.rules.calibration import HIT_RATES, evidence_of
from tracekit.rules.check import Options

DEPENDENCE = Options(select=("TK102", "TK103", "TK106"))


CHOSEN = frozenset(
    (
        "a few files of a listing",
        "a search by halves over builds",
        "a search by halves over versions",
        "alternatives, of which the first had none",
        "availability then price",
        "budgeted search stops when found",
        "candidate by candidate",
        "check then act",
        "down to where the first pointed",
        "escalation chain",
        "explorer then specialist",
        "fallback empty result",
        "fallback search",
        "get then get details same key",
        "grep then read file named in task",
        "letters for what was found in full",
        "list then read dir",
        "one guess after another",
        "one of two only in case of the other",
        "one wording after another",
        "profile then optimise search",
        "retry with other wording",
        "root cause: metrics then logs",
        "same agent second opinion",
        "scan then inspect",
        "the favourite is out",
        "the first that will do",
        "the other of two that were found",
        "triage then investigate",
        "two of three must agree",
        "two searches, second narrowed",
        "weather then packing",
        "whoever is sure",
    )
)
"""Steps that only look at something, and that the model chose by what the one before had found."""

TOLD = frozenset(
    (
        "a condition without an if",
        "a system prompt that allows one reading at a time",
        "a system prompt that has each result waited for",
        "a tool that is described as one call an answer",
        "an order in Spanish",
        "one by one in Chinese",
        "one by one in French",
        "one by one in German",
        "user asked for one by one",
        "wait for rate limits",
    )
)
"""Steps that only look at something, in an order that somebody asked for in words."""


def stories() -> Iterator[Story]:
    """Yield the stories that the rules were not tuned on."""
    for file in (judged, judged_orders, judged_lists, batches):
        yield from file.HITS
    for file in (judged_misses, judged_orders, judged_lists, batches):
        yield from file.MISSES
    yield from programs.CAREFUL


def measured() -> dict[str, tuple[int, int]]:
    """Count right findings and all findings, by their evidence."""
    counts = _Counts()
    for story in stories():
        counts.add(story, "possible")
        if story.hits or story.name in CHOSEN | TOLD:
            counts.add(_touching_nothing(story), "likely (a)")
        if story.hits or story.name in CHOSEN:
            counts.add(_asked_together_before(story), "likely (b)")
    for story in labelled():
        counts.add(story, "certain")
    return counts.table()


class _Counts:
    def __init__(self) -> None:
        self._right, self._whole = Counter[str](), Counter[str]()

    def add(self, story: Story, wanted: str) -> None:
        """Count the findings of `story` whose evidence begins with `wanted`."""
        for finding in findings_of(run_of(story), DEPENDENCE):
            evidence = evidence_of(finding)
            if evidence.startswith(wanted):
                self._whole[evidence] += 1
                self._right[evidence] += finding.code in story.hits

    def table(self) -> dict[str, tuple[int, int]]:
        return {evidence: (self._right[evidence], self._whole[evidence]) for evidence in sorted(self._whole)}


def _touching_nothing(story: Story) -> Story:
    def declared(ask: Ask) -> Ask:
        return replace(ask, touches_nothing=True)

    turns = tuple(replace(turn, asks=tuple(map(declared, turn.asks))) for turn in story.turns)
    return replace(story, turns=turns, crew=tuple(map(declared, story.crew)), shared="")


def _asked_together_before(story: Story) -> Story:
    kinds = {ask.name: ask for turn in story.turns for ask in turn.asks}
    asks = [
        replace(ask, input={"about": f"part {n} of {ask.name}"}, output="", team=())
        for ask in kinds.values()
        for n in (1, 2)
    ]
    return replace(story, turns=(Turn(tuple(asks)), *story.turns)) if asks else story


def main() -> None:
    """Print the table, as `calibration.py` keeps it."""
    found = measured()
    print(f"{sum(1 for _ in stories())} labelled runs")
    for evidence, (right, whole) in found.items():
        print(f'    "{evidence}": ({right}, {whole}),   # {right / whole:.0%}')
    print("as kept" if found == HIT_RATES else "NOT as kept")


if __name__ == "__main__":
    main()
