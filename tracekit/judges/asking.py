"""Asks a judge about findings, within a budget, and applies what it decides.

A question is redacted first. A stored opinion is used where there is one; the rest is asked in rounds, of which each
asks as many as the budget holds by their estimates, so that what the last round really cost makes room for the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from math import fsum

from tracekit.errors import JudgeError, TracekitError
from tracekit.formatting import format_count
from tracekit.instrument.recorder import active, install
from tracekit.judges.stored import StoredOpinions
from tracekit.model.finding import Finding
from tracekit.model.question import Question, Step
from tracekit.privacy import is_withheld
from tracekit.rules.check import in_order
from tracekit.rules.judge import (
    Judge,
    Opinion,
    judged_independent,
    objection,
    question_for_judge,
    without_verdict,
)

__all__ = ["Asking", "Judged", "unrecorded"]


@dataclass(slots=True)
class Judged:
    """The findings of one run after a judge has read them.

    `findings` are those that stand, `dependent` those that the judge refused, each with its ruling. `asked` counts the
    questions that were sent, `stored` those that an earlier check had answered, `undecided` the answers without a
    verdict, `not_asked` the questions for which the budget was too small. `usd` is the cost, None where it is unknown.
    """

    findings: list[Finding] = field(default_factory=list)
    dependent: list[Finding] = field(default_factory=list)
    asked: int = 0
    stored: int = 0
    undecided: int = 0
    not_asked: int = 0
    usd: float | None = 0.0


class Asking:
    """One check's questions to `judge`, for at most `max_usd` US dollars.

    `redact` is applied to each text that is sent or stored; `tell` takes sentences for the user.
    """

    def __init__(
        self,
        judge: Judge,
        stored: StoredOpinions,
        max_usd: float,
        *,
        redact: Callable[[str], str],
        tell: Callable[[str], None],
    ) -> None:
        self._judge = judge
        self._stored = stored
        self._max_usd = max_usd
        self._redact = redact
        self._tell = tell
        self._spent = 0.0

    def judged(self, runs: Sequence[Sequence[Finding]]) -> list[Judged]:
        """Return the findings of each of `runs`, judged; all questions share one budget.

        Raises:
            JudgeError: The judge cannot be asked.
        """
        asked = [[self._question(finding) for finding in findings] for findings in runs]
        questions = {question.digest: question for row in asked for question in row if question is not None}
        stored = {digest: opinion for digest, each in questions.items() if (opinion := self._stored.get(each))}
        new = self._ask([question for digest, question in questions.items() if digest not in stored])
        counted: set[str] = set()
        return [self._applied(findings, row, stored, new, counted) for findings, row in zip(runs, asked, strict=True)]

    def _question(self, finding: Finding) -> Question | None:
        """The redacted question of `finding`; None where a judge is not to be asked."""
        question = question_for_judge(finding)
        if question is None:
            return None
        question = replace(
            question,
            agent=self._text(question.agent),
            task=self._text(question.task),
            earlier=tuple(map(self._step, question.earlier)),
            later=tuple(map(self._step, question.later)),
            said=self._text(question.said),
        )
        steps = (*question.earlier, *question.later)
        texts = (text for step in steps for text in (step.given, step.output) if text)
        return None if any(map(is_withheld, texts)) else question

    def _step(self, step: Step) -> Step:
        return Step(self._text(step.name), self._text(step.given), step.output and self._text(step.output))

    def _text(self, text: str) -> str:
        # Half a surrogate pair, which a recorded text can hold, cannot be sent.
        return self._redact(text).encode("utf-8", "replace").decode("utf-8")

    def _ask(self, questions: Sequence[Question]) -> dict[str, Opinion]:
        """Ask as many of `questions` as the budget holds; returns the opinions by the digests of their questions."""
        if not questions:
            return {}
        with _naming_the_judge(self._judge.name):
            estimates = {question.digest: self._judge.estimate_usd(question) for question in questions}
        whole = fsum(estimates.values())
        self._tell(
            f"{self._judge.name} is asked about {format_count(len(questions), 'possible finding')}, for at most ${whole:.4f}"
        )
        new: dict[str, Opinion] = {}
        left = list(questions)
        while chosen := self._affordable(left, estimates):
            with unrecorded(), _naming_the_judge(self._judge.name):
                for question, opinion in zip(chosen, self._judge.judge(chosen), strict=True):
                    self._spent += estimates[question.digest] if opinion.usd is None else opinion.usd
                    new[question.digest] = self._stored.add(question, opinion)
            left = [question for question in left if question.digest not in new]
        if left:
            self._tell(
                f"the budget of ${self._max_usd:g} is reached: {format_count(len(left), 'possible finding')} not asked, for which at most "
                f"${fsum(estimates[each.digest] for each in left):.4f} more is needed; raise --judge-max-usd"
            )
        return new

    def _affordable(self, questions: Sequence[Question], estimates: Mapping[str, float]) -> list[Question]:
        chosen: list[Question] = []
        free = self._max_usd - self._spent
        for question in questions:
            if estimates[question.digest] <= free:
                free -= estimates[question.digest]
                chosen.append(question)
        return chosen

    def _applied(
        self,
        findings: Sequence[Finding],
        questions: Sequence[Question | None],
        stored: Mapping[str, Opinion],
        new: Mapping[str, Opinion],
        counted: set[str],
    ) -> Judged:
        """The `findings` of one run after the opinions; `counted` are the questions that other findings have counted."""
        done = Judged()
        for finding, question in zip(findings, questions, strict=True):
            if question is None:
                done.findings.append(finding)
                continue
            opinion = stored.get(question.digest) or new.get(question.digest)
            if question.digest not in counted:
                counted.add(question.digest)
                self._count(done, opinion, is_stored=question.digest in stored)
            self._apply(done, finding, question, opinion)
        done.findings = in_order(done.findings)
        return done

    def _count(self, done: Judged, opinion: Opinion | None, *, is_stored: bool) -> None:
        if opinion is None:
            done.not_asked += 1
            return
        if is_stored:
            done.stored += 1
            return
        done.asked += 1
        done.usd = None if done.usd is None or opinion.usd is None else done.usd + opinion.usd

    def _apply(self, done: Judged, finding: Finding, question: Question, opinion: Opinion | None) -> None:
        name = self._judge.name
        if opinion is None:
            done.findings.append(without_verdict(finding, name, "it was not asked, as the budget was reached"))
            return
        ruling = opinion.ruling
        note = opinion.note if ruling is None else objection(question, ruling)
        if ruling is None or note:
            done.undecided += 1
            done.findings.append(without_verdict(finding, name, note or "it said nothing"))
        elif ruling.is_dependent:
            done.dependent.append(replace(finding, judged=ruling))
        else:
            done.findings.append(judged_independent(finding, ruling))


@contextmanager
def unrecorded() -> Iterator[None]:
    """Record nothing meanwhile: a judge's calls are no part of a user's run.

    Raises:
        JudgeError: This process is a replay, in which nothing may be sent.
    """
    recorder = active()
    if recorder is not None and not recorder.upstream.is_live:
        raise JudgeError(
            "this process belongs to a replay, which sends no requests, so the judge cannot be asked: run `tracekit check` without --judge"
        )
    install(None)
    try:
        yield
    finally:
        install(recorder)


@contextmanager
def _naming_the_judge(name: str) -> Iterator[None]:
    """Turn exceptions of the judge `name`, which may be third-party code, into an error that names it."""
    try:
        yield
    except TracekitError:
        raise
    except Exception as error:
        raise JudgeError(
            f"the judge {name} failed: {type(error).__name__}: {error}; fix the judge, or run `tracekit check` without --judge"
        ) from error
