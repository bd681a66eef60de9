"""Units of work that reach a program from outside, such as web requests; each is its own run.

A script is one piece of work, however many tasks, threads and processes it starts. A server, a worker or a notebook gets
one after another. Where one begins is told by, in this order:

1. the web request on the caller's stack (WSGI, ASGI);
2. the lane: a task that an event loop's own callback starts for a connection, or a thread or job that is started where a
   connection was accepted, belongs to no task of the program. The outermost lane below it in which a server calls other
   code is one unit, with all that this lane starts;
3. the context, for what the standard library shows nothing of: a notebook's cell, a job of a scheduler or a task queue.
"""

from __future__ import annotations

import contextvars
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from opentelemetry import context as otel_context
from opentelemetry.context import Context

from tracekit.instrument.context import attach_context
from tracekit.instrument.lanes import Lane, current_lane, running_asyncio, running_task
from tracekit.instrument.live import LiveRun, LiveSpan
from tracekit.instrument.stacks import OwnFrame, Stack, read_stack, show_function

__all__ = ["Unit", "UnitKind", "accepted", "begin_unit", "end_unit", "note_start", "serves", "unit_of_caller"]

UnitKind = Literal["request", "job", "cell", "program"]

_KEY = otel_context.create_key("tracekit-unit")
_IN_REQUEST = "tracekit.unit"
_NOWHERE: OwnFrame = (0, 0)

_serving: contextvars.ContextVar[bool] = contextvars.ContextVar("tracekit_serving", default=False)
"""Whether the callbacks of an event loop that are registered here, and those that they register, serve connections."""


class Unit:
    """A piece of work that reached the program from outside; a run begins with its first span of interest.

    `lane` is the id of the lane in which it was found; `is_bound` says that a web request stands for it. A process that
    another one has started has that one's `program` for a unit, whose `span` is known.
    """

    __slots__ = ("is_bound", "kind", "lane", "name", "run", "span")

    def __init__(self, kind: UnitKind, name: str = "", lane: str = "") -> None:
        self.kind: UnitKind = kind
        self.name = name
        self.lane = lane
        self.run: LiveRun | None = None
        self.span: LiveSpan | None = None
        self.is_bound = False


class _Arrivals:
    """Tells whether anything has arrived in this process: a program that only calls others pays nothing."""

    are_seen = False


def unit_of_caller() -> Unit | None:
    """Return the unit of work that the caller's code belongs to; None where nothing shows one."""
    lane, stack = current_lane(), read_stack()
    unit = _of_request(stack.request, lane) if stack.request is not None else _of_asking(lane, stack)
    if unit is None:
        return otel_context.get_value(_KEY)  # type: ignore[return-value]  # only `begin_unit` sets it
    if not unit.name:
        unit.name = show_function(stack.function)
    return unit


def _of_request(request: dict[str, Any], lane: Lane) -> Unit:
    _Arrivals.are_seen = True
    found: Unit | None = request.get(_IN_REQUEST)
    # A thread, or a greenlet, may serve many requests in turn, and must not keep what it found for the last one.
    is_lanes = lane.arrives and lane.kind == "task"
    known: Unit | None = lane.unit if is_lanes else None
    if found is None and known is not None and not (known.is_bound and known.lane == lane.id):
        found = known
    if found is None:
        found = Unit("request", lane=lane.id)
    found.is_bound = True
    request[_IN_REQUEST] = found
    if is_lanes:
        lane.unit = found
    return found


def _of_asking(lane: Lane, stack: Stack) -> Unit | None:
    """Return the unit of `lane`, in which a call is made."""
    if lane.accepted is not None and not _waits_there(lane, lane.accepted, stack):
        return None
    if lane.unit is None and (lane.arrives or lane.accepted is not None):
        lane.unit = Unit("request", lane=lane.id)
    unit: Unit | None = lane.unit
    return unit


def _waits_there(lane: Lane, place: OwnFrame, stack: Stack) -> bool:
    """Return whether the caller was called by what accepted a connection at `place`, and waits there for the next."""
    # A library's own thread does nothing else; in the main thread of an installed server, any code may come next.
    return place in stack.own or (place == _NOWHERE and lane.kind != "main")


def _of_starting(lane: Lane, stack: Stack) -> Unit | None:
    """Return the unit of `lane`, which is about to start another lane; None while a server only sorts what arrives."""
    if lane.accepted is None and not stack.has_guest:
        unit: Unit | None = lane.unit
        return unit
    return _of_asking(lane, stack)


def note_start(lane: Lane) -> None:
    """Decide to which unit `lane` belongs, which the caller is about to start."""
    starter = lane.parent
    if not _Arrivals.are_seen or starter is None:
        return
    if _is_callback() and _serving.get():
        lane.arrives, lane.unit = True, None
        return
    stack = read_stack()
    if stack.request is not None:
        lane.unit = _of_request(stack.request, starter)
    elif starter.accepted is not None and starter.accepted == _place(stack):
        lane.arrives, lane.unit = True, None
    else:
        lane.unit = _of_starting(starter, stack)
    if lane.unit is not None and not lane.unit.name:
        lane.unit.name = show_function(stack.function)


def accepted() -> None:
    """The caller has accepted a connection."""
    _Arrivals.are_seen = True
    if _is_callback():
        _serving.set(True)
        return
    lane = current_lane()
    lane.accepted, lane.unit = _place(read_stack()), None


@contextmanager
def serves() -> Iterator[None]:
    """Let the callbacks of an event loop that are registered meanwhile serve connections."""
    _Arrivals.are_seen = True
    token = _serving.set(True)
    try:
        yield
    finally:
        _serving.reset(token)


def _place(stack: Stack) -> OwnFrame:
    """Return where the program's own code stands; nowhere if only installed code runs."""
    return stack.own[0] if stack.own else _NOWHERE


def _is_callback() -> bool:
    """Return whether the caller is a callback of an asyncio loop, outside any task."""
    return running_asyncio() is not None and running_task() is None


# ── what only the context tells ──────────────────────────────────────────────────────────────────────────────────────


def begin_unit(unit: Unit) -> Context:
    """Assign the caller's further spans to `unit` if nothing else shows a unit; returns the argument for `end_unit`."""
    return attach_context(otel_context.set_value(_KEY, unit))


def end_unit(before: Context | None) -> None:
    """Let the caller belong to what it belonged to before `begin_unit`."""
    if before is not None:
        attach_context(before)
