"""From what a user calls a run to its tree."""

from __future__ import annotations

import click

from tracekit.analysis.structure import structure
from tracekit.journal.catalog import Entry, find_run
from tracekit.journal.reader import read_run
from tracekit.model.tree import Run

__all__ = ["load_entry", "load_run"]


def load_run(text: str) -> Run:
    """The run that `text` means.

    Raises:
        TracekitError: It means none or several, or cannot be read.
    """
    return load_entry(find_run(text))


def load_entry(entry: Entry) -> Run:
    """The run of `entry`. What is damaged in its journal is told on stderr.

    Raises:
        JournalError: Its journal cannot be read.
    """
    run = structure(read_run(entry.paths))
    for segment in run.recording.segments:
        for damage in segment.damage:
            click.echo(f"tracekit: {segment.path}: {damage}", err=True)
    return run
