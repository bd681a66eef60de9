"""Set the begin, the end and the status of inferred nodes from the nodes below them."""

from __future__ import annotations

from itertools import pairwise

from tracekit import semconv
from tracekit.analysis.structure.draft import Draft

__all__ = ["settle_times"]


def settle_times(root: Draft) -> None:
    """Set begin, end and status of every inferred node below `root`, and of `root` if it is inferred."""
    for draft in reversed(root.walk()):
        if draft.inferred and draft.children and not draft.attributes.get(semconv.INFERRED_BOUNDS):
            _settle(draft)
        if draft.kind == "agent":
            _clip_turns(draft)


def _settle(draft: Draft) -> None:
    """Set the times to the first begin and the last end below; keep the status of a failed tool."""
    children = sorted(draft.children, key=lambda child: child.start_ns)
    draft.start_ns = children[0].start_ns
    draft.end_ns = None
    states = {child.status for child in children}
    if "open" in states or "interrupted" in states:
        draft.status = "open" if "open" in states else "interrupted"
        return
    draft.end_ns = max(child.end_ns or child.start_ns for child in children)
    if draft.kind == "tool":
        return
    call = next((child for child in children if child.kind == "llm"), children[0])
    decisive = call if draft.kind == "turn" else children[-1]
    draft.status = decisive.status
    draft.failure = decisive.failure


def _clip_turns(agent: Draft) -> None:
    """End each inferred turn where the agent's next one begins; its tools may outlive it in the background."""
    turns = sorted((child for child in agent.children if child.kind == "turn"), key=lambda turn: turn.start_ns)
    for turn, following in pairwise(turns):
        llm_end = max(
            (c.end_ns or c.start_ns for c in turn.children if c.kind in ("llm", "span")), default=turn.start_ns
        )
        if (
            turn.inferred
            and llm_end <= following.start_ns
            and (turn.end_ns is None or turn.end_ns > following.start_ns)
        ):
            turn.end_ns = following.start_ns
            if turn.status in ("open", "interrupted"):
                turn.status = "ok"
