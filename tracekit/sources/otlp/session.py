"""A trace as a session: its file of spans is read as it grows, and translated into a run."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import orjson

from tracekit import semconv
from tracekit.journal.home import received_path
from tracekit.model.run import RunInfo
from tracekit.origin import pass_on
from tracekit.sources.door import Stamps
from tracekit.sources.files import stamp_of
from tracekit.sources.ids import run_id, span_id
from tracekit.sources.otlp.content import content_of, is_content
from tracekit.sources.otlp.dialects.claude_code import CLAUDE_CODE
from tracekit.sources.otlp.folding import fold_calls
from tracekit.sources.otlp.joining import CLAUDE, JoinedSpans, claude_session, transcript_of
from tracekit.sources.otlp.levels import repair_levels
from tracekit.sources.otlp.nodes import SpanNode, linked
from tracekit.sources.otlp.records import RECORDED_IN, mark_recorded
from tracekit.sources.otlp.seen_calls import SeenCalls, is_sdks
from tracekit.sources.otlp.span import SourceSpan, span_of_record
from tracekit.sources.records import LinePlace, LineReader, RecordReading
from tracekit.sources.translation import ImportedLane, ImportedSpan, Translation

__all__ = ["NAME", "TraceSession"]

NAME = "otlp"
_SERVICE = "service.name"
_LONG = 500
"""Characters of a text that is read again when it is written, and not kept in memory."""
_KINDS: Mapping[str, Any] = {"workflow": "span", "outer": "llm", "pending": "span", "second": "llm"}
_AT_WORK = frozenset(("agent", "turn", "llm", "outer", "tool"))


class TraceSession:
    """The spans of one trace. While the session is live and waits for the root, the run is open."""

    form = "spans"

    def __init__(self, trace: str, calls: SeenCalls | None = None) -> None:
        self.trace = trace
        self._calls = calls
        self._recorded_in = ""
        self.is_live = False
        self.is_waiting = False
        self._path = received_path(trace)
        self._reader = LineReader(self._path, orjson.loads)
        self._reading = RecordReading(orjson.loads)
        self._spans: dict[str, SourceSpan] = {}
        self._places: dict[str, LinePlace] = {}
        self._unreadable = 0

    @property
    def run(self) -> str:
        """The id of the run: the trace's, or that of the run that tracekit exported."""
        self._read()
        return self._run_of(claude_session(self._spans.values()))

    def _run_of(self, claude: str) -> str:
        """Return the id of the run of spans that are of the session `claude` of Claude Code, or of none."""
        own = next((own for span in self._spans.values() if (own := _own_run(span))), "")
        return own or (run_id(CLAUDE, claude) if claude else self.trace)

    @property
    def key(self) -> str:
        """The id of the run that the session would be alone."""
        return run_id(NAME, self.trace)

    def join(self, run: RunInfo, parent: str) -> None:
        """Do nothing: a trace is a run of its own."""

    def stamps(self) -> Stamps:
        """Return how the file of the trace stands now."""
        stamp = stamp_of(self._path)
        return {} if stamp is None else {stamp[0]: stamp[1]}

    def translate(self) -> Translation | None:
        """Read new spans, and return the trace as a run, or None.

        It is None while no span is that of an agent, a call or a tool.

        Raises:
            OSError: The file cannot be read.
        """
        stamps = self.stamps()
        self._read()
        if not self._spans:
            return None
        if self._is_other_record():
            return None
        root = linked(self._spans.values())
        fold_calls(root)
        if not any(node.level in _AT_WORK for node in root.walk() if node is not root):
            return None
        repair_levels(root)
        claude = claude_session(self._spans.values())
        transcript = transcript_of(claude) if claude else None
        if transcript is not None:
            return self._joined(JoinedSpans(transcript), root, stamps)
        run = self._run_of(claude)
        info = RunInfo(run, self._name(root), min(node.start_ns for node in root.walk() if node is not root))
        self.is_waiting = self.is_live and not any(_is_true_root(node) for node in root.walk())
        source = self._source(stamps, is_part=bool(claude))
        lanes, spans = _Emitting(run, root, self._full, is_waiting=self.is_waiting, is_part=bool(claude)).all(info.name)
        missed = {"a line that is not a span": self._unreadable} if self._unreadable else {}
        return Translation(info, source, lanes, spans, missed)

    def _joined(self, joined: JoinedSpans, root: SpanNode, stamps: Stamps) -> Translation | None:
        joined.add(root)
        source = self._source(stamps, is_part=True)
        return Translation(joined.transcript.info, source, joined.lanes, joined.spans, joined.missed)

    def _source(self, stamps: Stamps, *, is_part: bool) -> dict[str, Any]:
        part = {"part": True} if is_part else {}
        return {"name": NAME, "session": self.trace, "form": self.form, "files": stamps, **part}

    def close(self) -> None:
        """Close the file."""
        self._reading.close()

    def _read(self) -> None:
        """Read the lines that were added. Of several lines of a span, the one that ends last counts."""
        for place, record in self._reader.new_records():
            # Spans after the mark are news.
            self._recorded_in = str(record.get(RECORDED_IN) or "")
            if self._recorded_in:
                continue
            try:
                span = span_of_record(record)
            except (LookupError, TypeError, ValueError) as error:
                pass_on(error)
                self._unreadable += 1
                continue
            before = self._spans.get(span.id)
            if before is None or span.end_ns >= before.end_ns:
                self._spans[span.id] = span
                self._places.pop(span.id, None)
                if _lighten(span):
                    self._places[span.id] = place
        self._unreadable = max(self._unreadable, self._reader.unreadable)

    @property
    def is_repeated(self) -> bool:
        """Return whether another trace records the same calls."""
        return bool(self._recorded_in)

    def find_other(self) -> None:
        """Look whether another trace records the same calls; the file of the trace then says so.

        Raises:
            OSError: The file cannot be used.
        """
        self._read()
        self._is_other_record()

    @property
    def is_bare(self) -> bool:
        """Return whether the trace has nothing but the SDK's own spans."""
        self._read()
        return all(is_sdks(span) for span in self._spans.values())

    def _is_other_record(self) -> bool:
        """Return whether another trace records the same calls; the file of the trace then says so."""
        if self._calls is None or not self.is_bare or any(span.parent for span in self._spans.values()):
            return bool(self._recorded_in)
        others = [self._calls.other_record(span) for span in self._spans.values()]
        if all(others) and not self._recorded_in:
            self._recorded_in = others[0]
            mark_recorded(self.trace, others[0])
        return bool(self._recorded_in)

    def _full(self, id: str) -> SourceSpan:
        place = self._places.get(id)
        return self._spans[id] if place is None else span_of_record(self._reading.record(place))

    def _name(self, root: SpanNode) -> str:
        named = (span.attributes.get(semconv.RUN_NAME) for span in self._spans.values())
        own: str = next((name for name in named if isinstance(name, str) and name), "")
        nodes = [node for node in root.walk() if node.span is not None]
        first = min(nodes, key=lambda node: (bool(node.span and node.span.parent in self._spans), node.start_ns))
        if not own and first.dialect is CLAUDE_CODE:
            own = next((str(span.resource.get(_SERVICE) or "") for span in self._spans.values()), "")
        return own or first.attributes.get(semconv.WORKFLOW_NAME) or first.name or "trace"


def _own_run(span: SourceSpan) -> str:
    """Return the id of the run that tracekit put on a span, or ""."""
    id = span.attributes.get(semconv.RUN_ID)
    return id if isinstance(id, str) and len(id) == 32 and not id.strip("0123456789abcdef") else ""


def _lighten(span: SourceSpan) -> bool:
    """Take the texts out of `span`, which are read again when they are written; return whether there are any."""
    before = len(span.attributes), len(span.events)
    span.attributes = {
        name: value
        for name, value in span.attributes.items()
        if not is_content(name) and not (isinstance(value, str | list | dict) and len(value) > _LONG)
    }
    span.events = [event for event in span.events if not event.name.endswith(".message")][:_LONG]
    return before != (len(span.attributes), len(span.events))


class _Emitting:
    """The nodes of a tree as spans of a run, with a lane for each agent."""

    def __init__(self, run: str, root: SpanNode, full: Any, *, is_waiting: bool, is_part: bool) -> None:
        self._run = run
        self._root = root
        self._full = full
        self._is_waiting = is_waiting
        self._is_part = is_part
        self._lanes: dict[str, ImportedLane] = {}
        self._started: dict[str, int] = {}

    def all(self, name: str) -> tuple[list[ImportedLane], list[ImportedSpan]]:
        """Return the lanes and the spans, parents before children."""
        below = [node for node in self._root.walk() if node is not self._root]
        start = min(node.start_ns for node in below)
        self._lanes["m"] = ImportedLane("m", None, start)
        roots = [node for node in below if node.level == "run" and node.parent is self._root]
        spans, above = [], roots[0].id if roots else span_id(self._run, "run")
        if not roots:
            spans.append(self._made_root(above, name, start, below))
        lanes: dict[SpanNode, str] = {self._root: "m"}
        for node in below:
            lanes[node] = self._lane(node, lanes[node.parent or self._root])
            is_root = bool(roots) and node is roots[0]
            parent = None if is_root else above if node.parent in (self._root, None) else self._id(node.parent)
            spans.append(self._span(node, parent, lanes[node]))
        return list(self._lanes.values()), spans

    def _made_root(self, id: str, name: str, start: int, below: list[SpanNode]) -> ImportedSpan:
        ends = [node.end_ns for node in below]
        is_open = None in ends or self._is_waiting
        costs = [node.cost for node in below if node.level == "llm" and node.cost is not None]
        # Of a session in several traces, each has a part of the cost.
        accounts = {semconv.RECORDED_COST_USD: sum(costs)} if costs and not self._is_part else {}
        end = None if is_open else max(end for end in ends if end is not None)
        marks = {} if is_open else {semconv.INFERRED: True}
        return ImportedSpan(id, None, "run", name, start, end, attributes=marks, end_attributes=accounts)

    def _lane(self, node: SpanNode, above: str) -> str:
        if node.level != "agent" or not any(each.level == "agent" for each in node.above()):
            return above
        number = self._started[above] = self._started.get(above, -1) + 1
        id = f"{above}/t{number}"
        self._lanes[id] = ImportedLane(id, above, node.start_ns)
        return id

    def _id(self, node: SpanNode | None) -> str:
        assert node is not None
        return node.id if node.span is not None else span_id(self._run, node.id)

    def _span(self, node: SpanNode, parent: str | None, lane: str) -> ImportedSpan:
        kind = _KINDS.get(node.level, node.level)
        attributes, ends = dict(node.attributes), {}
        if kind == "llm":
            attributes = {name: value for name, value in attributes.items() if name not in semconv.USAGE}
            ends = dict(node.usage)
            attributes.setdefault(semconv.OPERATION_NAME, semconv.Operation.CHAT)
            if node.cost is not None:
                ends[semconv.RECORDED_COST_USD] = node.cost
        if node.folded:
            attributes[semconv.FOLDED] = sorted(node.folded)
        content = partial(self._content, node) if node.span is not None else dict
        return ImportedSpan(
            self._id(node),
            parent,
            kind,
            node.name or kind,
            node.start_ns,
            node.end_ns,
            lane,
            "error" if node.failure is not None else "ok",
            node.failure,
            attributes,
            ends,
            content,
        )

    def _content(self, node: SpanNode) -> Mapping[str, Any]:
        found: dict[str, Any] = {}
        for id in (*node.folded[::-1], node.id):
            found |= content_of(self._full(id), node.level, node.dialect)
        return {name: value for name, value in found.items() if name not in node.attributes}


def _is_true_root(node: SpanNode) -> bool:
    return node.span is not None and not node.span.parent
