"""Print findings for people: a line each, then the evidence and the remedy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from tracekit.analysis.facts import Facts
from tracekit.analysis.timing.path_line import path_line
from tracekit.cli.render.console import console
from tracekit.formatting import format_count, format_duration, format_money, is_unicode
from tracekit.model.finding import CONFIDENCES, Finding
from tracekit.model.text import printable
from tracekit.model.tree import Run
from tracekit.rules.explain import explain

__all__ = ["print_findings", "print_rulings"]

_MOST_EVIDENCE = 12
"""Lines of evidence that a reader takes in."""
_HANG = 4
_STYLE = {"certain": "bold red", "likely": "yellow", "possible": "cyan"}


def print_findings(checked: Sequence[tuple[Run, Sequence[Finding]]]) -> None:
    """Print the findings of each run, then its critical path in a line; at last a line that counts them."""
    out = console()
    for run, findings in checked:
        for finding in findings:
            _print(out, run, finding)
        path = path_line(run, findings) if findings else ""
        if path:
            out.print(_head(run) + Text(path), soft_wrap=True)
    counts = Counter(finding.confidence for _, findings in checked for finding in findings)
    whole = sum(counts.values())
    runs = "" if len(checked) == 1 else f" in {len(checked)} runs"
    if not whole:
        out.print(Text(f"Nothing found{runs}.", style="green"))
        return
    by = ", ".join(f"{counts[each]} {each}" for each in CONFIDENCES if counts[each])
    out.print(Text(f"{format_count(whole, 'finding')}{runs}: {by}.", style="bold"))


def _print(out: Console, run: Run, finding: Finding) -> None:
    line = _head(run)
    line.append(finding.code, style="bold red" if finding.confidence == "certain" else "bold")
    line.append(f" {finding.confidence}", style=_STYLE[finding.confidence])
    line.append(f" {printable(finding.message, most=600)}")
    saved = _saved(finding)
    if saved:
        line.append(f" [{saved}]", style="bold green")
    for number, part in enumerate(line.wrap(out, max(20, out.width - _HANG)) if out.is_terminal else [line]):
        out.print(Text(" " * _HANG if number else "") + part, soft_wrap=True)
    bullet = "·" if is_unicode() else "-"
    for evidence in finding.evidence[:_MOST_EVIDENCE]:
        _indented(out, bullet, evidence, "dim")
    more = len(finding.evidence) - _MOST_EVIDENCE
    if more > 0:
        _indented(out, bullet, f"and {more} more, which `--format json` lists", "dim")
    _indented(out, "→" if is_unicode() else "=>", finding.remedy, "")
    out.print()


def _head(run: Run) -> Text:
    return Text(f"{printable(run.name, most=40)} {run.id[:8]}: ", style="dim")


def _indented(out: Console, mark: str, text: str, style: str) -> None:
    """Print a mark, and beside it the text, indented on further lines."""
    head = f"    {mark} "
    lines = Text(printable(text, most=800), style=style).wrap(out, max(20, out.width - len(head)))
    for number, line in enumerate(lines):
        out.print(Text(head if number == 0 else " " * len(head), style="dim") + line, soft_wrap=True)


def _saved(finding: Finding) -> str:
    parts = []
    if finding.saved_ms is not None:
        parts.append(format_duration(int(finding.saved_ms * 1e6)))
    if finding.saved_usd is not None and finding.saved_usd > 0:
        parts.append(format_money(finding.saved_usd))
    return f"saves {' and '.join(parts)}" if parts else ""


def print_rulings(run: Run, *, to_stderr: bool = False) -> None:
    """Print the dependences that were found in `run`, and the reasons."""
    out = Console(stderr=True, highlight=False, markup=False, emoji=False) if to_stderr else console()
    rulings = explain(Facts(run))
    head = f"{printable(run.name, most=40)} {run.id[:8]}: "
    if not rulings:
        out.print(Text(f"{head}no agent requested a step after another step.", style="dim"), soft_wrap=True)
    for line in rulings:
        out.print(Text(head, style="dim") + Text(printable(line, most=800)), soft_wrap=True)
