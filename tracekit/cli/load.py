"""Load the run that a user names."""

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
    """Return `text`, or a copy of the pipe that it names: a pipe can be read only once.

    Raises:
        JournalError: The pipe cannot be read.
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
    """Return the structure of the run that `text` names, and its findings by the default settings.

    Damage of its journals is reported on stderr.

    Raises:
        TracekitError: The text names no run or several, or the run cannot be read.
    """
    tree, findings = tree_with_findings(find(as_file(text)))
    tell(damage_in(tree))
    return tree, findings
