"""Spans that are called agents and hold one call each of an agent that goes on: steps of a graph, such as "agent"."""

from __future__ import annotations

from collections.abc import Iterator

from tracekit import semconv
from tracekit.analysis.structure.calls import Call, CallReader
from tracekit.analysis.structure.draft import Draft
from tracekit.model.recording import Recording

__all__ = ["demote_pieces"]


def demote_pieces(root: Draft, recording: Recording, reader: CallReader) -> None:
    """Make plain spans of those agents below `root` that are only one call of an agent, as the record shows.

    Such an agent holds one call and no tool, and another of its name brings the results of the tools that the call asked
    for. An agent that hands over to another has another name than that.
    """
    by_name: dict[str | None, list[tuple[Draft, Call]]] = {}
    for draft in root.walk():
        if draft.kind == "agent" and draft.level == "agent":
            below = draft.walk()
            calls = [each for each in below if each.kind == "llm"]
            if len(calls) == 1 and not any(each.kind in ("agent", "tool") for each in below[1:]):
                call = reader.read(calls[0], calls[0], recording)
                by_name.setdefault(draft.agent, []).append((draft, call))
    for pieces in by_name.values():
        for piece in set(_linked(pieces)):
            piece.kind, piece.level = "span", "workflow"
            piece.attributes.pop(semconv.ADOPTED_FROM, None)


def _linked(pieces: list[tuple[Draft, Call]]) -> Iterator[Draft]:
    """Each of `pieces` whose call asked for tools of which another brings the results, and that other."""
    asked = {block.id: piece for piece, call in pieces for block in call.blocks}
    for piece, call in pieces:
        last = call.messages.last
        for id, _ in last.results if last is not None else ():
            if id in asked and asked[id] is not piece:
                yield asked[id]
                yield piece
