"""From what a user calls a run to its tree."""

from __future__ import annotations

from tracekit.cli.options import tell
from tracekit.collect.look import damage_in, find, load, load_with_findings
from tracekit.model.finding import Finding
from tracekit.model.tree import Run

__all__ = ["load_run", "load_run_with_findings"]


def load_run(text: str) -> Run:
    """The tree of the run that `text` means. What is damaged in its journals is told on stderr.

    Raises:
        TracekitError: It means none or several, or cannot be read.
    """
    run = load(find(text))
    tell(damage_in(run))
    return run


def load_run_with_findings(text: str) -> tuple[Run, list[Finding]]:
    """`load_run`, and what the rules say of the run by their default settings.

    Raises:
        TracekitError: It means none or several, or cannot be read.
    """
    run, findings = load_with_findings(find(text))
    tell(damage_in(run))
    return run, findings
