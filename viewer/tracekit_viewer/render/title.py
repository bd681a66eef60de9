"""The line above a run: what it is and what it came to."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len

from tracekit_viewer.door import Run, count, counted, duration, output, price
from tracekit_viewer.render.bars import Pieces
from tracekit_viewer.render.findings import FLAG
from tracekit_viewer.render.runs import REPLAYED
from tracekit_viewer.render.text import plain

__all__ = ["Title", "title_of"]

_STATUS = {"ok": ("✓ ok", "open"), "error": ("✗ error", "error"), "interrupted": ("× interrupted", "warning")}


@dataclass(frozen=True, slots=True, eq=False)
class Title:
    """The facts of the line above a run."""

    run: Run
    agents: int
    calls: int
    now_ns: int
    live: bool
    following: bool
    findings: int = 0


def title_of(title: Title, width: int) -> Pieces:
    """The line above a run; where `width` is short of room, what stands elsewhere too is left out."""
    status, style = _status(title)
    head: Pieces = [(plain(title.run.name, 60), "strong"), (f"  {status}", style)]
    if title.following:
        head.append((", following", "open"))
    facts = _facts(title)
    free = width - sum(cell_len(text) for text, _ in head)
    while len(facts) > 1 and sum(cell_len(fact) + 3 for _, fact in facts) > free:
        facts.remove(max(facts, key=lambda fact: fact[0]))
    for _, fact in facts:
        head += [(" · ", "faint"), (fact, "warning" if fact.startswith(FLAG) else "quiet")]
    return head


def _status(title: Title) -> tuple[str, str]:
    """Return the status of the run and its style; of a replay that has ended, its outcome, as the list shows it."""
    run = title.run
    if run.replay is not None and run.status != "open":
        return f"{REPLAYED} {run.replay}", "warning" if run.replay == "diverged" else "open"
    return _STATUS.get(run.status, ("● live" if title.live else "open", "open"))


def _facts(title: Title) -> list[tuple[int, str]]:
    """Return the totals of a run; those with the highest number are left out first."""
    root = title.run.root
    facts = [
        (0, duration(root.duration_ns(title.now_ns))),
        (4, counted(title.agents, "agent")),
        (3, counted(title.calls, "call")),
    ]
    if title.findings:
        facts.append((0, f"{FLAG} {counted(title.findings, 'finding')}"))
    if root.retries:
        facts.append((2, counted(root.retries, "retry", "retries")))
    facts.append(
        (1, f"{count(root.tokens.input)} → {output(root.tokens.output, is_partial=root.tokens.is_partial)} tokens")
    )
    if root.cost_usd is not None:
        is_replay = title.run.replay_of is not None
        facts.append((1, price(root.cost_usd, complete=root.cost_complete, is_replay=is_replay)))
    facts.append((5, title.run.id[:8]))
    return facts
