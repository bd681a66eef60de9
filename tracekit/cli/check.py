"""`tracekit check`: find what was slow or expensive for no reason."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from tracekit.cli.options import safe_lines, tell
from tracekit.collect.earlier import earlier_runs
from tracekit.collect.look import damage_in, find, read_entry
from tracekit.errors import SettingsError
from tracekit.model.finding import CONFIDENCES, Confidence, Finding, is_at_least
from tracekit.model.tree import Run
from tracekit.rules.baseline import beyond
from tracekit.rules.check import Options, findings_of
from tracekit.rules.settings import CheckSettings, check_settings, milliseconds, sort_out
from tracekit.settings import project_settings

if TYPE_CHECKING:
    from tracekit.judges.asking import Judged

__all__ = ["Checked", "command"]

_FORMATS = ("text", "json", "github", "sarif")


@dataclass(frozen=True, slots=True)
class Checked:
    """A run with its findings. `source` is the file that was named, empty for a run of the home folder.

    `judged` is what the judge called `judge` made of it; None where none was asked.
    """

    run: Run
    findings: list[Finding]
    source: str
    judge: str = ""
    judged: Judged | None = None


@click.command("check")
@click.argument("runs", nargs=-1, metavar="[RUN|FILE]...")
@click.option(
    "--select", multiple=True, metavar="RULES", help="Only these rules: codes, their beginnings (TK1) or names."
)
@click.option("--ignore", multiple=True, metavar="RULES", help="Not these rules.")
@click.option(
    "--fail-on", type=click.Choice(CONFIDENCES), help="Exit with 1 if a finding has at least this confidence.  [likely]"
)
@click.option(
    "--min-saving",
    metavar="TIME",
    help="Hide findings that save less than this: 2s, 500ms.  [1s, or 5 % of a shorter run]",
)
@click.option("--format", "form", type=click.Choice(_FORMATS), default="text", help="The format of the output.")
@click.option("--explain", is_flag=True, help="Show also which steps depend on which, and why.")
@click.option("--baseline", metavar="RUN", help="Only findings that are new or cost more than in this run.")
@click.option(
    "--judge",
    "is_judged",
    is_flag=True,
    help="Ask Claude about the possible findings. This sends their texts, and costs money.",
)
@click.option("--judge-name", metavar="NAME", help="Use another judge, from an installed package.  [claude]")
@click.option(
    "--judge-batch", is_flag=True, help="Ask through the Batch API: half the price, and some minutes of waiting."
)
@click.option("--judge-max-usd", type=float, metavar="USD", help="The most that the questions may cost.  [0.05]")
def command(
    runs: tuple[str, ...],
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    fail_on: Confidence | None,
    min_saving: str | None,
    form: str,
    explain: bool,
    baseline: str | None,
    is_judged: bool,
    judge_name: str | None,
    judge_batch: bool,
    judge_max_usd: float | None,
) -> None:
    """Find what was slow or expensive for no reason in runs, by default the last one.

    Exits with 1 if something was found that is at least as sure as --fail-on says, with 2 if a run cannot be read.
    """
    if not is_judged and (judge_name is not None or judge_batch or judge_max_usd is not None):
        raise click.UsageError(
            "--judge-name, --judge-batch and --judge-max-usd need --judge: without it nothing is sent"
        )
    settings = _settings(select, ignore, fail_on, min_saving)
    base = None if baseline is None else _loaded(baseline)
    known = [] if base is None else _found(base, settings.options)
    checked = [_checked(text, settings, base, known) for text in runs or ("last",)]
    if is_judged:
        checked = _judged(checked, judge_name, judge_batch, judge_max_usd)
    _print(checked, form, settings)
    if explain:
        _explain(checked, form)
    if any(is_at_least(finding.confidence, settings.fail_on) for each in checked for finding in each.findings):
        sys.exit(1)


def _settings(
    select: tuple[str, ...], ignore: tuple[str, ...], fail_on: Confidence | None, min_saving: str | None
) -> CheckSettings:
    """Return the project's settings, with those of the command line in their place."""
    settings = check_settings(project_settings())
    options = settings.options
    if select:
        options = replace(options, select=_split(select))
    if ignore:
        options = replace(options, ignore=(*options.ignore, *_split(ignore)))
    if min_saving is not None:
        try:
            options = replace(options, min_saving_ms=milliseconds(min_saving, "--min-saving"))
        except SettingsError as error:
            raise click.UsageError(str(error)) from error
    return replace(settings, options=options, fail_on=fail_on or settings.fail_on)


def _split(given: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word.strip() for text in given for word in text.split(",") if word.strip())


def _loaded(text: str) -> Run:
    run = read_entry(find(text))
    tell(damage_in(run))
    return run


def _found(run: Run, options: Options) -> list[Finding]:
    faults: list[str] = []
    findings = findings_of(run, options, faults=faults, earlier=earlier_runs(run, tell))
    tell(faults)
    return findings


def _checked(text: str, settings: CheckSettings, base: Run | None, known: list[Finding]) -> Checked:
    run = _loaded(text)
    findings, accepted = sort_out(run, _found(run, settings.options), settings.suppressions)
    tell(
        f"{run.name} {run.id[:8]}: {finding.code} is accepted: {suppression.reason}"
        for finding, suppression in accepted
    )
    if base is not None:
        new = beyond(run, findings, base, known)
        if len(new) < len(findings):
            tell([f"{run.name} {run.id[:8]}: {len(findings) - len(new)} as in the baseline {base.id[:8]}"])
        findings = new
    return Checked(run, findings, text if text.endswith(".jsonl") else "")


def _judged(checked: list[Checked], name: str | None, is_batch: bool, max_usd: float | None) -> list[Checked]:
    """Return `checked` after a judge has decided the possible findings."""
    from tracekit.cli.judging import Wish, judge_findings  # noqa: PLC0415  only where a judge is asked

    judge, judged = judge_findings([each.findings for each in checked], Wish(name, is_batch, max_usd))
    return [
        replace(each, findings=found.findings, judge=judge, judged=found)
        for each, found in zip(checked, judged, strict=True)
    ]


def _explain(checked: list[Checked], form: str) -> None:
    from tracekit.cli.render.findings import print_rulings  # noqa: PLC0415  rich is not needed for JSON

    for each in checked:
        print_rulings(each.run, to_stderr=form != "text")
        if each.judged is not None:
            from tracekit.cli.judging import explained  # noqa: PLC0415  only where a judge is asked

            for line in explained(each.judged):
                click.echo(f"  {safe_lines(line)}", err=form != "text")


def _print(checked: list[Checked], form: str, settings: CheckSettings) -> None:
    if form == "text":
        from tracekit.cli.render.findings import print_findings  # noqa: PLC0415  rich is not needed for JSON

        print_findings([(each.run, each.findings) for each in checked])
        return
    from tracekit.cli import reports  # noqa: PLC0415  not needed for text

    if form == "json":
        reports.echo_findings([(each.run, each.findings) for each in checked], _summaries(checked))
    elif form == "github":
        for each in checked:
            for line in reports.github_lines(each.run, each.findings, each.source, settings.fail_on):
                click.echo(line)
    else:
        reports.echo_sarif([(each.run, each.findings, each.source) for each in checked])


def _summaries(checked: list[Checked]) -> list[dict[str, Any]] | None:
    """Return the judge's part in each run for JSON, or None without a judge."""
    if any(each.judged is None for each in checked):
        return None
    from tracekit.cli.judging import summary_json  # noqa: PLC0415  only where a judge is asked

    return [summary_json(each.judge, each.judged) for each in checked if each.judged is not None]
