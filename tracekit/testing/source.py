"""Convert any form of a run that a test has into its tree."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, TypeAlias

from tracekit.collect.look import find, read_entry
from tracekit.model.tree import Run

__all__ = ["HasRun", "RunSource", "run_of"]


class HasRun(Protocol):
    """Something that knows its run: a replay, the fixture `trace`, the result of an orchestrator."""

    @property
    def run(self) -> Run | str:
        """The run, or its id."""


RunSource: TypeAlias = Run | str | Path | HasRun
"""A run's tree, its id, a prefix of it, its name, ``last``, a file, or what has a run."""


def run_of(source: RunSource) -> Run:
    """The tree of the run that `source` means.

    Raises:
        TypeError: It means no run.
        TracekitError: It means none or several of the recorded, or cannot be read.
    """
    if isinstance(source, Run):
        return source
    if isinstance(source, Path):
        return read_entry(find(str(source.absolute())))
    if isinstance(source, str):
        if not source:
            raise TypeError("there is no run to check: nothing was recorded; `tracekit.init()` starts the record")
        return read_entry(find(source))
    inner = getattr(source, "run", None)
    if isinstance(inner, (Run, str)):
        return run_of(inner)
    raise TypeError(
        f"{type(source).__name__!r} does not identify a run: give a run, a replay, the fixture `trace`, an orchestrator's result, "
        "an id, a name or a file"
    )
