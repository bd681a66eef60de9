"""The critical path of a run: the stretches of time to be lit, and one line about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tracekit_viewer.door import Facts, Finding, Run, critical_path, path_line
from tracekit_viewer.render.rows import Path

__all__ = ["CriticalPath", "path_of"]


@dataclass(frozen=True, slots=True, eq=False)
class CriticalPath:
    """The stretches of time that each node decided, by ids, and the sum by agents."""

    stretches: Path
    line: str


def path_of(run: Run, findings: Sequence[Finding]) -> CriticalPath:
    """Find the critical path of `run`; `findings` tell what of it is avoidable."""
    stretches: dict[str, list[tuple[int, int]]] = {}
    for step in critical_path(run.root, Facts(run).schedule):
        stretches.setdefault(step.node.id, []).append((step.start_ns, step.end_ns))
    return CriticalPath(stretches, path_line(run, findings))
