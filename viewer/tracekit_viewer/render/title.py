"""The line above a run: what it is and what it came to."""

from __future__ import annotations

from tracekit_viewer.door import Run, count, duration, money
from tracekit_viewer.render.bars import Pieces
from tracekit_viewer.render.forest import Forest
from tracekit_viewer.render.text import plain

__all__ = ["title_of"]

_STATUS = {"ok": ("✓ ok", "open"), "error": ("✗ error", "error"), "interrupted": ("× interrupted", "warning")}


def title_of(forest: Forest, now_ns: int, *, live: bool, following: bool) -> Pieces:
    """The line above the run of `forest`."""
    run = forest.run
    status, style = _STATUS.get(run.status, ("● live" if live else "open", "open"))
    pieces: Pieces = [(plain(run.name, 60), "strong"), (f"  {run.id[:8]}", "quiet"), (f"  {status}", style)]
    for fact in _facts(forest, run, now_ns):
        pieces += [(" · ", "faint"), (fact, "quiet")]
    if following:
        pieces.append(("  following", "open"))
    return pieces


def _facts(forest: Forest, run: Run, now_ns: int) -> list[str]:
    kinds = [node.kind for node in run.root.walk()] if len(forest) else []
    facts = [
        duration(run.root.duration_ns(now_ns)),
        _many(kinds.count("agent"), "agent"),
        _many(kinds.count("llm"), "call"),
    ]
    if run.root.retries:
        facts.append(_many(run.root.retries, "retry", "retries"))
    tokens = run.root.tokens
    facts.append(f"{count(tokens.input)} → {count(tokens.output)} tokens")
    if run.root.cost_usd is not None:
        facts.append(money(run.root.cost_usd, complete=run.root.cost_complete))
    return facts


def _many(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
