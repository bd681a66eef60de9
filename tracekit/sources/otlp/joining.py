"""Joins the spans of Claude Code with the transcript of the same session.

The transcript is the tree; spans add times, attempts and what only they have. Calls are joined by the id of the request,
tools by the id of the tool call.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tracekit import semconv
from tracekit.journal.imported import imported_headers
from tracekit.journal.reader import read_run
from tracekit.model.recording import RecordedSpan, Recording
from tracekit.model.run import ProcessRoot, RunInfo
from tracekit.sources.ids import span_id
from tracekit.sources.otlp.dialects.claude_code import CLAUDE_CODE
from tracekit.sources.otlp.nodes import SpanNode
from tracekit.sources.otlp.span import SourceSpan
from tracekit.sources.translation import ImportedLane, ImportedSpan

__all__ = ["CLAUDE", "JoinedSpans", "Transcript", "claude_session", "transcript_of"]

CLAUDE = "claude-code"
"""The source of transcripts."""
_SESSION_NAMES = ("session.id", semconv.CONVERSATION_ID)
_PROMPT = "interaction"
_NOT_THERE = "a call of the spans that is not in the transcript"


def claude_session(spans: Iterable[SourceSpan]) -> str:
    """Return the id of the session of Claude Code that `spans` record, or ""."""
    for span in spans:
        if CLAUDE_CODE.scopes[0] == span.scope:
            is_prompt = span.name.endswith(_PROMPT)
            # On the spans of a subagent, the conversation is the agent's.
            names = _SESSION_NAMES if is_prompt else _SESSION_NAMES[:1]
            found = next((span.attributes[name] for name in names if span.attributes.get(name)), "")
            if found:
                return str(found)
    return ""


@dataclass(frozen=True, slots=True)
class Transcript:
    """The run that was made from a transcript: its identity, and its spans."""

    info: RunInfo
    recording: Recording


def transcript_of(session: str) -> Transcript | None:
    """Return the run of the transcript of `session`, None where no transcript was imported.

    Raises:
        HomeError: The folder for journals cannot be used.
        JournalError: The journal cannot be read.
    """
    for path, header in imported_headers(CLAUDE):
        source = header.get("source") or {}
        if source.get("session") == session and source.get("form") == "transcript":
            return Transcript(_info(header), read_run([Path(path)]))
    return None


def _info(header: Mapping[str, Any]) -> RunInfo:
    root = header.get("root")
    process = ProcessRoot(root["id"], root["t"], tuple(root["argv"])) if root else None
    return RunInfo(header["run"], header["name"], header["recorded_at_ns"], process)


@dataclass(slots=True)
class JoinedSpans:
    """The spans of a session, as additions to the run of its transcript."""

    transcript: Transcript
    spans: list[ImportedSpan] = field(default_factory=list)
    missed: Counter[str] = field(default_factory=Counter)
    _by_request: dict[str, RecordedSpan] = field(default_factory=dict)
    _by_tool: dict[str, RecordedSpan] = field(default_factory=dict)
    _main: str = ""

    def __post_init__(self) -> None:
        for span in self.transcript.recording.spans.values():
            request, tool = (span.attributes.get(name) for name in (semconv.REQUEST_ID, semconv.TOOL_CALL_ID))
            if span.kind == "llm" and request:
                self._by_request[str(request)] = span
            elif span.kind == "tool" and tool:
                self._by_tool[str(tool)] = span
            elif span.kind == "agent" and semconv.AGENT_ID not in span.attributes:
                self._main = span.id

    @property
    def lanes(self) -> list[ImportedLane]:
        """The lanes of the transcript's agents."""
        found = self.transcript.recording.lanes.values()
        return [ImportedLane(lane.id, lane.parent, lane.first_ns) for lane in found]

    def add(self, root: SpanNode) -> None:
        """Add what the nodes below `root` say beyond the transcript."""
        for node in root.walk():
            if node.level == "llm":
                self._add_call(node)
            elif node.level == "tool" and (known := self._by_tool.get(_text(node, semconv.TOOL_CALL_ID))) is not None:
                self._again(known, node, {})
            elif node.span is not None and node.level == "span":
                self._add_span(node)

    def _add_call(self, node: SpanNode) -> None:
        known = self._by_request.get(_text(node, semconv.REQUEST_ID))
        if known is None:
            self.missed[_NOT_THERE] += 1
            return
        first = node.attributes.get(semconv.TIME_TO_FIRST_CHUNK)
        self._again(known, node, {} if first is None else {semconv.TIME_TO_FIRST_CHUNK: first})
        turn = self.transcript.recording.spans.get(known.parent or "")
        if turn is not None and turn.kind == "turn":
            self._put(turn, node.start_ns, max(turn.end_ns or 0, node.end_ns or 0) if turn.end_ns else None, {})
        recorded = [each for each in self.transcript.recording.spans.values() if each.parent == known.id]
        attempts = [child for child in node.walk() if child.level == "attempt"]
        for attempt in attempts[: len(attempts) - len(recorded)] if recorded else []:
            self._put_new(attempt, known.id, "attempt", known.lane)
        if len(recorded) == 1 and attempts:
            self._put(recorded[0], attempts[-1].start_ns, recorded[0].end_ns and node.end_ns, {})

    def _again(self, known: RecordedSpan, node: SpanNode, more: Mapping[str, Any]) -> None:
        """Write a span of the transcript again, with the times of `node`."""
        folded = [*known.attributes.get(semconv.FOLDED, ()), node.id, *node.folded]
        end_ns = None if known.end_ns is None else node.end_ns
        self._put(known, node.start_ns, end_ns, {**more, semconv.FOLDED: sorted(set(folded))})

    def _put(self, known: RecordedSpan, start_ns: int, end_ns: int | None, more: Mapping[str, Any]) -> None:
        attributes = {name: value for name, value in known.attributes.items() if name != semconv.INFERRED_BOUNDS}
        self.spans.append(
            ImportedSpan(
                known.id,
                known.parent,
                known.kind,
                known.name,
                start_ns,
                end_ns,
                known.lane,
                "error" if known.status == "error" else "ok",
                known.failure,
                {**attributes, **more},
            )
        )

    def _add_span(self, node: SpanNode) -> None:
        """Add a span that only the spans have, such as the time for which a tool waited for the user."""
        for above in node.above():
            known = self._by_tool.get(_text(above, semconv.TOOL_CALL_ID)) if above.level == "tool" else None
            known = known or self._by_request.get(_text(above, semconv.REQUEST_ID))
            if known is not None:
                self._put_new(node, known.id, "span", known.lane)
                return
        self._put_new(node, self._main or None, "span", "m")

    def _put_new(self, node: SpanNode, parent: str | None, kind: Any, lane: str) -> None:
        id = node.id if node.span is not None else span_id(self.transcript.info.id, node.id)
        self.spans.append(
            ImportedSpan(
                id,
                parent,
                kind,
                node.name,
                node.start_ns,
                node.end_ns,
                lane,
                "error" if node.failure is not None else "ok",
                node.failure,
                dict(node.attributes),
            )
        )


def _text(node: SpanNode, name: str) -> str:
    return str(node.attributes.get(name) or "")
