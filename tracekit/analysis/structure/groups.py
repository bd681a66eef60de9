"""Conversations within the application's own plain spans, which may serve tools that were requested outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tracekit.analysis.structure.calls import CallReader, LlmCall, ToolUse
from tracekit.analysis.structure.containers import Container
from tracekit.analysis.structure.conversations import conversations
from tracekit.analysis.structure.draft import Draft
from tracekit.analysis.structure.serving import Candidate, ToolWindow
from tracekit.model.recording import Recording

__all__ = ["Groups"]

Place = tuple[ToolWindow, ToolUse, str]


class Groups:
    """The conversations that were held within the plain spans below one container, each in one span.

    Args:
        spans: The spans.
        calls: The calls of the container around them.
        reader: Reads calls.
        recording: The run.
    """

    def __init__(
        self, spans: Sequence[Container], calls: Sequence[LlmCall], reader: CallReader, recording: Recording
    ) -> None:
        self.works: list[Candidate] = []
        self._works: dict[Draft, list[Candidate]] = {}
        self._span_of: dict[int, Draft] = {}
        self._containers: set[Draft] = set()
        held: dict[int, Draft] = {}
        within: list[LlmCall] = []
        for span in spans:
            if len(span.units) > 1:
                self._containers.add(span.draft)
            for llm, unit in span.units:
                call = reader.read(llm, unit, recording)
                if not call.is_probe:
                    held[id(call)] = span.draft
                    within.append(call)
        for conversation in conversations([*calls, *within]) if within else ():
            span_of = _only({held.get(id(call)) for call in conversation.calls})
            source = conversation.source
            # What goes on with a conversation from elsewhere serves nothing.
            if span_of is None or conversation.aside is not None:
                continue
            if source is not None and self._span_of.get(id(source)) is not span_of:
                continue
            work = Candidate(conversation.calls, conversation.start_ns, conversation.lane, conversation=conversation)
            self._span_of[id(conversation)] = span_of
            self._works.setdefault(span_of, []).append(work)
            self.works.append(work)

    def span_of(self, work: Candidate) -> Draft | None:
        """Return the span in which `work` was done; None for other works."""
        return self._span_of.get(id(work.conversation))

    def serves_one(self, span: Draft, places: Mapping[int, Place]) -> bool:
        """Return whether `span` can move below a tool: its first work serves that tool, and none serves another."""
        works = self._works[span]
        blocks = {places[id(work)][1].id for work in works if id(work) in places}
        return span in self._containers and id(works[0]) in places and len(blocks) == 1


def _only(found: set[Draft | None]) -> Draft | None:
    return next(iter(found)) if len(found) == 1 else None
