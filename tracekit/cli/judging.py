"""The options by which `tracekit check` uses a judge, and the output about it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import fsum
from typing import Any

import click

from tracekit.cli.options import tell
from tracekit.cli.reports import judged_json
from tracekit.errors import JudgeError, SettingsError
from tracekit.formatting import format_money
from tracekit.instrument.programs import REPLAY_VARIABLE
from tracekit.journal.home import make_home
from tracekit.judges.asking import Asking, Judged
from tracekit.judges.settings import JudgeSettings, dollars, judge_settings
from tracekit.judges.stored import StoredOpinions
from tracekit.judges.table import judge_called
from tracekit.model.finding import Finding
from tracekit.privacy import project_privacy
from tracekit.replayer.environment import CLOSED_VARIABLE
from tracekit.settings import project_settings

__all__ = ["Wish", "explained", "judge_findings", "summary_json"]


@dataclass(frozen=True, slots=True)
class Wish:
    """The judge's options of the command line; None leaves an option to the project's settings."""

    name: str | None = None
    is_batch: bool = False
    max_usd: float | None = None


def judge_findings(runs: Sequence[Sequence[Finding]], wish: Wish) -> tuple[str, list[Judged]]:
    """Ask the judge about the possible findings of `runs`; return its name, and each run's judged findings.

    Raises:
        JudgeError: It cannot be asked.
        SettingsError: There is no such judge, or its settings or the rules of redaction cannot be used.
    """
    if any(os.environ.get(name) for name in (REPLAY_VARIABLE, CLOSED_VARIABLE)):
        raise JudgeError(
            "this process belongs to a replay, which sends no requests, so the judge cannot be asked: run `tracekit check` without --judge"
        )
    settings = _settings(wish)
    redact = project_privacy().text
    folder = make_home()

    def say(line: str) -> None:
        tell([f"judge: {line}"])

    judge = judge_called(settings, folder, say, is_batch=wish.is_batch)
    stored = StoredOpinions(folder, judge.name, judge.version, redact)
    judged = Asking(judge, stored, settings.max_usd, redact=redact, tell=say).judged(runs)
    say(_summary(judge.name, judged))
    return judge.name, judged


def _settings(wish: Wish) -> JudgeSettings:
    settings = judge_settings(project_settings())
    if wish.name is not None:
        settings = replace(settings, name=wish.name)
    if wish.max_usd is None:
        return settings
    try:
        return replace(settings, max_usd=dollars(wish.max_usd, "--judge-max-usd"))
    except SettingsError as error:
        raise click.UsageError(str(error)) from error


def _summary(name: str, judged: Sequence[Judged]) -> str:
    """Return a line that sums up the judge's decisions and their cost."""
    asked, stored = sum(each.asked for each in judged), sum(each.stored for each in judged)
    if not any(_decided(each) for each in judged):
        return f"{name} was not asked: there is no possible finding with recorded content"
    likely = sum(finding.judged is not None for each in judged for finding in each.findings)
    parts = [
        (likely, "now likely"),
        (sum(len(each.dependent) for each in judged), "dependent and left out (--explain lists them)"),
        (sum(each.undecided for each in judged), "without a verdict"),
        (sum(each.not_asked for each in judged), "not asked"),
    ]
    results = ", ".join(f"{number} {text}" for number, text in parts if number)
    costs = [each.usd for each in judged]
    known = [usd for usd in costs if usd is not None]
    cost = format_money(fsum(known)) + ("" if len(known) == len(costs) else " and an unknown amount")
    return f"{name}: {results}; {asked} asked for {cost}, {stored} known from an earlier check"


def _decided(each: Judged) -> int:
    return each.asked + each.stored + each.not_asked


def explained(judged: Judged) -> Iterator[str]:
    """Return a line for each finding that the judge refused: the finding, its reason, and the quote."""
    for finding in judged.dependent:
        ruling = finding.judged
        assert ruling is not None
        reason = f": {ruling.reason}" if ruling.reason else ""
        yield f"{finding.code} judged dependent by {ruling.judge}{reason}; needed: {ruling.quote!r} ({finding.message})"


def summary_json(name: str, judged: Judged) -> dict[str, Any]:
    """Return the JSON of the judge's part in a check."""
    return {
        "name": name,
        "asked": judged.asked,
        "cached": judged.stored,
        "undecided": judged.undecided,
        "not_asked": judged.not_asked,
        "usd": judged.usd,
        "dependent": [
            {
                "code": finding.code,
                "message": finding.message,
                "spans": list(finding.spans),
                "judged": judged_json(finding),
            }
            for finding in judged.dependent
        ],
    }
