"""From what a user calls a run to its tree."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path

from tracekit.cli.options import tell
from tracekit.collect.look import damage_in, find, load, load_with_findings
from tracekit.errors import JournalError
from tracekit.model.finding import Finding
from tracekit.model.tree import Run

__all__ = ["as_file", "load_run", "load_run_with_findings"]


def as_file(text: str) -> str:
    """`text`, or a copy of what it names where that can be read only once: a pipe, as `<(…)` of a shell gives.

    Raises:
        JournalError: It cannot be read.
    """
    path = Path(text)
    try:
        if not path.is_fifo():
            return text
        folder = tempfile.mkdtemp(prefix="tracekit-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        copy = Path(folder) / "run.jsonl"
        with path.open("rb") as source, copy.open("wb") as out:
            shutil.copyfileobj(source, out)
    except (OSError, ValueError) as error:
        raise JournalError(f"{text} cannot be read: {error}") from error
    return str(copy)


def load_run(text: str) -> Run:
    """The tree of the run that `text` means. What is damaged in its journals is told on stderr.

    Raises:
        TracekitError: It means none or several, or cannot be read.
    """
    run = load(find(as_file(text)))
    tell(damage_in(run))
    return run


def load_run_with_findings(text: str) -> tuple[Run, list[Finding]]:
    """`load_run`, and what the rules say of the run by their default settings.

    Raises:
        TracekitError: It means none or several, or cannot be read.
    """
    run, findings = load_with_findings(find(as_file(text)))
    tell(damage_in(run))
    return run, findings
