"""A run in one line: what `ls` tells of it, and what the store keeps of it."""

from __future__ import annotations

from dataclasses import dataclass

from tracekit.model.tree import Run, Status, Tokens

__all__ = ["RunSummary", "summary_of"]


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run's identity, times and totals.

    `end_ns` is None for a run that is open or interrupted; `last_ns` is the latest time that anything of it is known
    of. A replay asks nobody, and costs nothing. Whoever lists runs builds on this, whether it was read from a journal
    or from the store.
    """

    id: str
    name: str
    recorded_at_ns: int
    start_ns: int
    end_ns: int | None
    last_ns: int
    status: Status
    tokens: Tokens
    cost_usd: float | None
    cost_complete: bool
    agents: int
    calls: int
    retries: int
    findings: int = 0
    replay_of: str | None = None
    replay: str | None = None

    @property
    def duration_ns(self) -> int:
        """Nanoseconds from its begin to its end, or to the last that is known of it."""
        return (self.last_ns if self.end_ns is None else self.end_ns) - self.start_ns


def summary_of(run: Run, findings: int = 0) -> RunSummary:
    """The line for `run`, of which rules have so many `findings`, likely or certain."""
    root, is_replay = run.root, run.recording.replay_of is not None
    return RunSummary(
        run.id,
        run.name,
        run.recorded_at_ns,
        root.start_ns,
        root.end_ns if run.status in ("ok", "error") else None,
        run.last_ns,
        run.status,
        root.tokens,
        0.0 if is_replay else root.cost_usd,
        is_replay or root.cost_complete,
        run.count("agent"),
        run.count("llm"),
        root.retries,
        findings,
        run.recording.replay_of,
        run.recording.replay,
    )
