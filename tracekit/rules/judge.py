"""The judge's part in a check: which findings are asked about, which rulings count, and what a ruling changes.

A judge reads the texts of a possible finding's steps and says whether a later one needed an earlier one's output. To
bring a judge of your own, name a function in the entry-point group ``tracekit.judges``; it takes the table
``[tool.tracekit.judge]`` without `name` and `max-usd`, and returns a `Judge`:

    [project.entry-points."tracekit.judges"]
    house = "my_package.judging:make"
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from tracekit.model.finding import Finding
from tracekit.model.question import Question, Ruling
from tracekit.rules.calibration import hit_rate

__all__ = ["GROUP", "Judge", "Opinion", "judged_independent", "objection", "question_for_judge", "without_verdict"]

GROUP = "tracekit.judges"
"""The entry-point group in which other packages name judges of their own."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """A judge's response to one question.

    `ruling` is None where the judge gives no verdict; `note` then says why. `usd` is what the response cost, in US
    dollars, None where the price is unknown. Only an opinion that `is_final` is stored: the question of any other is
    asked again by the next check.
    """

    ruling: Ruling | None
    note: str = ""
    usd: float | None = 0.0
    is_final: bool = True


class Judge(Protocol):
    """Decides questions. `name` stands in the evidence and names the model, if there is one.

    `version` changes whenever the judge could decide otherwise than before, for example with its prompt: stored
    rulings hold for one name and version.
    """

    @property
    def name(self) -> str:
        """The name under which the rulings are stored and shown."""
        ...

    @property
    def version(self) -> str:
        """The version of the judge's instructions."""
        ...

    def estimate_usd(self, question: Question) -> float:
        """Return what a response to `question` costs at most, in US dollars.

        Raises:
            JudgeError: The price is unknown.
        """
        ...

    def judge(self, questions: Sequence[Question]) -> Iterable[Opinion]:
        """Return an opinion on each of `questions`, in their order.

        Raises:
            JudgeError: The judge cannot be asked at all, for example without a key.
        """
        ...


def question_for_judge(finding: Finding) -> Question | None:
    """Return the question of a possible `finding`; None where a judge has nothing to decide, or nothing to read."""
    question = finding.question
    return question if finding.confidence == "possible" and question is not None and question.is_recorded else None


def objection(question: Question, ruling: Ruling) -> str:
    """Return why `ruling` does not count as a verdict on `question`; empty where it does.

    Dependence needs a quote that stands in an earlier output, spaces and line breaks aside; independence needs a reason.
    """
    if not ruling.is_dependent:
        return "" if ruling.reason.strip() else "it called the steps independent without a reason"
    quote = _plain(ruling.quote)
    if not quote:
        return "it called the steps dependent without a quote"
    if not any(quote in _plain(step.output or "") for step in question.earlier):
        return "its quote is in none of the earlier outputs"
    return ""


def judged_independent(finding: Finding, ruling: Ruling) -> Finding:
    """Return the likely finding that `finding` is after a `ruling` of independence."""
    # What possible findings are worth on average says nothing of one that was read.
    known = [line for line in finding.evidence if line != hit_rate("", finding.rank)]
    evidence = (*known, f"judged independent by {ruling.judge}: {ruling.reason.strip()}")
    return replace(finding, confidence="likely", evidence=evidence, judged=ruling)


def without_verdict(finding: Finding, judge: str, note: str) -> Finding:
    """Return `finding`, which stays possible, with a note of why `judge` did not decide it."""
    return replace(finding, evidence=(*finding.evidence, f"the judge {judge} gave no verdict: {note}"))


def _plain(text: str) -> str:
    return " ".join(text.split())
