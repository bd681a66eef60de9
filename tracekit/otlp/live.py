"""Exports spans when they end: a sink beside the journal's, of the same events."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tracekit import semconv
from tracekit.model.events import Answered, Chunk, Event, Failure, SpanBegin, SpanEnd
from tracekit.model.recording import Exchange, Piece
from tracekit.model.run import RunInfo
from tracekit.otlp.destination import Destination, Limits
from tracekit.otlp.ledger import Ledger
from tracekit.otlp.log_capture import loading
from tracekit.otlp.outbox import Loss, Outbox
from tracekit.otlp.sampling import Sampling
from tracekit.otlp.span_data import SpanData, content_size, drop_content
from tracekit.privacy import SpanRules

__all__ = ["LiveExport"]

_SETTLE_S = 2.0
"""How long the end of a pool's task may wait for the endpoint."""


@dataclass(slots=True)
class _OpenSpan:
    """A span that has begun. `exchange` is an llm's newest, `pieces` its answer, where content is wanted."""

    run: RunInfo
    begin: SpanBegin
    trace: str
    is_sampled: bool
    agent: str | None
    exchange: Exchange | None = None
    pieces: list[Piece] = field(default_factory=list)


class LiveExport:
    """Export the events of spans that nobody else exports. In the agent's thread, this is a look-up and a queue.

    `remote` is the trace that the process takes part in, and whether that is sampled; `is_quiet` is the outbox's.
    `ledger` tells other processes what was sent, `closed` is called at the end with what was lost, and of which runs.
    """

    def __init__(
        self,
        destination: Destination,
        limits: Limits,
        rules: SpanRules,
        resource: Mapping[str, Any],
        *,
        remote: tuple[str, bool] | None = None,
        warnings: Sequence[str] = (),
        ledger: Ledger,
        closed: Callable[[Loss, Sequence[str]], None] = lambda _loss, _runs: None,
        is_quiet: bool = False,
    ) -> None:
        self._rules = rules
        self._ledger = ledger
        self._closed = closed
        self._is_quiet = is_quiet
        self._remote = remote
        self._sampling = Sampling(os.environ)
        self._open: dict[str, _OpenSpan] = {}
        self._outbox: Outbox[SpanData] = Outbox(
            lambda: _shipper(
                destination, limits, rules, resource, () if is_quiet else [*warnings, *self._sampling.warnings]
            ),
            limits,
            destination.shown,
            self._end_account,
            scrub=destination.scrub,
            acknowledged=ledger.sent,
            is_quiet=is_quiet,
        )

    # ── a sink ───────────────────────────────────────────────────────────────────────────────────────────────────

    def write(self, run: RunInfo, *events: Event) -> None:
        """Take `events`, which happened in `run`."""
        for event in events:
            match event:
                case SpanBegin():
                    self._begin(run, event)
                case SpanEnd():
                    self._end(event)
                case Answered() | Chunk() if self._rules.content:
                    self._answer(event)

    def release(self, run: RunInfo) -> None:
        """Do nothing: no spans are held for a run."""

    def forked(self) -> None:
        """Forget open and waiting spans in a forked child: they belong to the parent."""
        self._open = {}
        self._outbox.forked()
        self._ledger.forked()

    def exit(self, at_ns: int) -> None:  # noqa: ARG002  the interface's parameter
        """Send the queued spans, as far as the endpoint accepts them in time."""
        self._outbox.close()

    def settle(self) -> None:
        """Wait a little until what has ended is sent: the process may be ended from outside when this returns."""
        self._outbox.settle(_SETTLE_S)

    # ── for other processes ──────────────────────────────────────────────────────────────────────────────────────

    def trace_of(self, run: RunInfo, span: str) -> tuple[str, bool]:
        """The trace of a span of `run`, and whether it is sampled."""
        known = self._open.get(span)
        if known is not None:
            return known.trace, known.is_sampled
        return self._remote or (run.id, True)

    # ── inside ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _end_account(self, loss: Loss) -> None:
        self._closed(loss, self._ledger.runs)
        self._ledger.close()

    def _begin(self, run: RunInfo, event: SpanBegin) -> None:
        self._outbox.start()
        above = self._open.get(event.parent) if event.parent else None
        trace, parent_sampled = (
            (above.trace, above.is_sampled) if above is not None else (self._remote or (run.id, None))
        )
        trace = event.trace or trace
        agent = event.attributes.get(semconv.AGENT_NAME) or (above.agent if above is not None else None)
        is_sampled = self._sampling.decide(trace, event, sampled=parent_sampled)
        if is_sampled:
            self._ledger.began(run.id)
        self._open[event.id] = _OpenSpan(run, event, trace, is_sampled, agent)
        if event.request is not None and self._rules.content and above is not None:
            above.exchange = Exchange(event.id, event.request, "")
            above.pieces = []

    def _answer(self, event: Answered | Chunk) -> None:
        call = self._call_of(event.id)
        if call is None or call.exchange is None:
            return
        if isinstance(event, Chunk):
            call.pieces.append(Piece(event.at_ns, event.data))
        else:
            call.exchange = replace(call.exchange, headers=event.headers)

    def _call_of(self, attempt: str) -> _OpenSpan | None:
        """The call whose newest attempt `attempt` is."""
        known = self._open.get(attempt)
        call = self._open.get(known.begin.parent) if known is not None and known.begin.parent else None
        return call if call is not None and call.exchange is not None and call.exchange.attempt == attempt else None

    def _end(self, event: SpanEnd) -> None:
        if event.response is not None and (call := self._call_of(event.id)) is not None and call.exchange is not None:
            call.exchange = replace(call.exchange, headers=event.response.headers)
            call.pieces = [Piece(event.at_ns, event.response.body)]
        known = self._open.pop(event.id, None)
        if known is None or not known.is_sampled:
            return
        begin = known.begin
        failure = event.failure or (Failure("error") if event.status == "error" else None)
        exchange = known.exchange and replace(known.exchange, pieces=tuple(known.pieces))
        attributes = {**begin.attributes, **event.attributes}
        told = SpanData(
            known.run.id,
            known.run.name,
            known.trace,
            begin.id,
            begin.parent or attributes.get(semconv.REMOTE_PARENT),
            begin.kind,
            begin.name,
            begin.at_ns,
            event.at_ns,
            failure,
            self._rules.allowed(attributes),
            exchange,
            known.agent,
        )
        size = content_size(told)
        if size and not self._outbox.has_room(size):
            drop_content(told)
            size = 0
        self._outbox.put(told, size)


def _shipper(
    destination: Destination, limits: Limits, rules: SpanRules, resource: Mapping[str, Any], warnings: Sequence[str]
) -> Any:
    with loading():
        from tracekit.otlp.shipper import SpanShipper  # noqa: PLC0415  loads OpenTelemetry's SDK, in the outbox's thread

    return SpanShipper(destination, limits, rules, resource, warnings)
