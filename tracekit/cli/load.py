"""From what a user calls a run to its tree."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path

from tracekit.cli.options import tell
from tracekit.collect.look import damage_in, find, tree_with_findings
from tracekit.errors import JournalError
from tracekit.model.finding import Finding
from tracekit.model.tree import RunTree

__all__ = ["as_file", "load_tree_with_findings"]


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


def load_tree_with_findings(text: str) -> tuple[RunTree, list[Finding]]:
    """The structure of the run that `text` means, and what the rules say of it by their default settings.

    What is damaged in its journals is told on stderr.

    Raises:
        TracekitError: It means none or several, or cannot be read.
    """
    tree, findings = tree_with_findings(find(as_file(text)))
    tell(damage_in(tree))
    return tree, findings
