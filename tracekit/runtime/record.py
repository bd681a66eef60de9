"""The runtime's own spans in the record, and their attributes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from tracekit import semconv
from tracekit.instrument.context import current_span
from tracekit.instrument.guard import guarded
from tracekit.instrument.recorder import active
from tracekit.instrument.scopes import Scope, run

__all__ = ["agent_scope", "note", "recorded_result", "run_around", "run_id"]


def run_around(name: str) -> AbstractContextManager[Any]:
    """A run called `name`, unless one is around the caller or nothing is recorded."""
    return run(name) if _is_outside() else nullcontext()


@guarded
def _is_outside() -> bool:
    recorder = active()
    return recorder is not None and recorder.process is None and current_span() is None


def agent_scope(
    name: str, *, after: Sequence[str], reads: Sequence[str], writes: Sequence[str], has_tools: bool
) -> Scope:
    """Make the span of an agent at work, with what its author declared of it. Without tools it touches nothing."""
    declared: dict[str, Any] = {semconv.DECLARED_AFTER: list(after)} if after else {}
    if reads or writes or not has_tools:
        declared |= {semconv.DECLARED_READS: list(reads), semconv.DECLARED_WRITES: list(writes)}
    return Scope("agent", name, declared)


@guarded
def note(attributes: Mapping[str, Any]) -> None:
    """Add `attributes` to the innermost recorded span around the caller."""
    span = current_span()
    if span is not None:
        span.attributes.update(attributes)


async def recorded_result() -> tuple[Any] | None:
    """In a replay, return the recorded result of the surrounding tool at its recorded time, else None."""
    recorder, span = active(), current_span()
    if recorder is None or span is None or span.kind != "tool":
        return None
    reply = recorder.upstream.tool(span)
    if reply is None:
        return None
    await recorder.upstream.hold_async(reply.end_ns)
    return (reply.result,)


def run_id() -> str:
    """The id of the run around the caller; empty while nothing is recorded."""
    return _run_id() or ""


@guarded
def _run_id() -> str:
    span = current_span()
    return span.run.info.id if span is not None and span.run is not None else ""
