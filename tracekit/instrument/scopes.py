"""`run`, `agent`, `turn` and `tool`: blocks and decorators that say what the code does.

A scope is a context manager, sync and async, and a decorator for functions, coroutines and generators of both kinds.
As a decorator it makes a new span for each call.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, TypeVar, overload

from opentelemetry import trace as otel_trace
from opentelemetry.trace import SpanKind

from tracekit import semconv
from tracekit.instrument.context import Attached, current_span, withdraw
from tracekit.instrument.decorating import decorate
from tracekit.instrument.failures import failure_of
from tracekit.instrument.guard import finishing, guarded
from tracekit.instrument.lanes import current_lane
from tracekit.instrument.live import LiveSpan
from tracekit.instrument.otel_ids import exports_itself
from tracekit.instrument.recorder import Recorder, active
from tracekit.instrument.telling import begin_attributes, end_exported
from tracekit.instrument.upstream import ToolReply
from tracekit.instrument.values import arguments_of, filled, recorded_value
from tracekit.instrument.watched_loop import watch_loop
from tracekit.model.events import Failure, Kind
from tracekit.origin import interrupts
from tracekit.privacy import span_name

__all__ = ["Handle", "Scope", "agent", "run", "tool", "turn"]

F = TypeVar("F", bound=Callable[..., Any])


class Handle:
    """The object that the block of a scope receives, with the id in the record, empty while nothing is recorded."""

    __slots__ = ("id", "name")

    def __init__(self, id: str, name: str) -> None:
        self.id = id
        self.name = name

    def __repr__(self) -> str:
        return f"Handle(id={self.id!r}, name={self.name!r})"


class _OpenScope:
    """One span of a scope, from its begin to its end.

    A tool that is `joined` has no span of its own: the SDK's tool runner has one for this very execution, which takes
    what ours would say.
    """

    def __init__(self, recorder: Recorder, live: LiveSpan, *, joined: bool = False) -> None:
        self.recorder = recorder
        self.live = live
        self._attached = None if joined else Attached(live)
        self._loop = watch_loop() if live.kind == "tool" and not joined else None

    @property
    def is_current(self) -> bool:
        """Return whether this span is the caller's current span."""
        return self._attached is not None and self._attached.is_current

    def recorded(self) -> ToolReply | None:
        """Return the result to give in place of running the tool that this is, if there is one."""
        return self.recorder.upstream.tool(self.live) if self.live.kind == "tool" else None

    def hold(self, until_ns: int) -> None:
        """Let time pass until `until_ns`."""
        self.recorder.upstream.hold(until_ns)

    async def hold_async(self, until_ns: int) -> None:
        """The same in a coroutine."""
        await self.recorder.upstream.hold_async(until_ns)

    @finishing
    def pause(self) -> None:
        """The code of the span stops running for now."""
        if self._attached is not None:
            self._attached.pause()

    @guarded
    def resume(self) -> None:
        """The code of the span runs again, maybe in another context."""
        if self._attached is not None:
            self._attached.resume()

    @finishing
    def returned(self, result: Any) -> None:
        """The decorated function returned `result`."""
        if self.live.kind == "tool" and not self.live.ended:
            self.live.attributes.update(recorded_value(result))
        self.end()

    @finishing
    def end(self, error: BaseException | None = None) -> None:
        """The span is over."""
        live = self.live
        if self._attached is None:
            return
        if error is not None and interrupts(error):
            for inner in self._attached.left_over():
                self.recorder.abandon(inner, error)
        if not self._attached.detach():
            live.leaked = True
        # A coroutine or a generator that is closed has not failed.
        failure = None if error is None or isinstance(error, GeneratorExit) else failure_of(error)
        if (
            self._loop is not None
            and live.can_end
            and self._loop.was_blocked(self.recorder.end_ns(live) - live.begin_ns)
        ):
            live.attributes[semconv.SYNC_IN_EVENT_LOOP] = True
        _end_otel(self.recorder, live, failure)
        self.recorder.end(live, failure)


class Scope:
    """A span to be: its kind, name and attributes. Made by `run`, `agent`, `turn` and `tool`.

    It may be entered again while it is open, by the same task or by others.
    """

    def __init__(self, kind: Kind, name: str | None, attributes: dict[str, Any] | None = None) -> None:
        self._kind: Kind = kind
        self._name = name
        self._attributes = attributes or {}
        self._open: list[_OpenScope] = []

    # ── as a block ───────────────────────────────────────────────────────────────────────────────────────────────

    def __enter__(self) -> Handle:
        name = self._name or self._kind
        opened = self._begin(name)
        if opened is None:
            return Handle("", name)
        try:
            self._open.append(opened)
            live = opened.live
            return Handle(live.run.info.id if self._kind == "run" and live.run else live.id, name)
        except BaseException as error:
            # The block is not entered, so nobody leaves it.
            self._leave([opened], error)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave([], error)

    async def __aenter__(self) -> Handle:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    @finishing
    def _leave(self, left: list[_OpenScope], error: BaseException | None) -> None:
        """End the block that the caller leaves: its current one, else its lane's newest, else the newest of all.

        `left` keeps the choice for when this is called again.
        """
        if not left and self._open:
            lane = current_lane()
            left.append(min(reversed(self._open), key=lambda each: (not each.is_current, each.live.lane is not lane)))
        for opened in left:
            opened.end(error)
            if opened in self._open:
                self._open.remove(opened)

    # ── as a decorator ───────────────────────────────────────────────────────────────────────────────────────────

    def __call__(self, function: F) -> F:
        """`function`, each call of which has a span."""
        name = self._name or str(getattr(function, "__name__", self._kind))
        return decorate(function, functools.partial(self._begin_call, name, function))

    # ── inside ───────────────────────────────────────────────────────────────────────────────────────────────────

    @guarded
    def _begin(self, name: str, arguments: Callable[[], dict[str, Any]] | None = None) -> _OpenScope | None:
        recorder = active()
        if recorder is None:
            return None
        parent = current_span()
        attributes = _with_arguments({**self._attributes, **(arguments() if arguments is not None else {})})
        if self._kind == "tool" and parent is not None and _is_same_tool(parent, name):
            parent.attributes.update(attributes)
            return _OpenScope(recorder, parent, joined=True)
        full_name, named = _named(self._kind, name)
        attributes.update(named)
        otel = _start_otel(recorder, self._kind, full_name, attributes)
        live = recorder.begin(self._kind, full_name, parent, otel=otel, attributes=attributes)
        try:
            return _OpenScope(recorder, live)
        except BaseException as error:
            withdraw(live)
            recorder.abandon(live, error)
            raise

    @guarded
    def _begin_call(self, name: str, function: Callable[..., Any], args: Any, kwargs: Any) -> _OpenScope | None:
        """Begin the span of one call of a decorated function."""
        arguments = functools.partial(arguments_of, function, args, kwargs) if self._kind == "tool" else None
        return self._begin(name, arguments)


@guarded
def _start_otel(recorder: Recorder, kind: Kind, name: str, attributes: dict[str, Any]) -> Any:
    """Start OpenTelemetry's span; None where the application's own span processors or samplers raise."""
    tracer = otel_trace.get_tracer(semconv.TRACEKIT_SCOPE)
    if not exports_itself():
        return tracer.start_span(name, kind=SpanKind.INTERNAL)
    shown = begin_attributes(recorder, kind, attributes)
    return tracer.start_span(span_name(name, recorder.span_rules), kind=SpanKind.INTERNAL, attributes=shown)


@guarded
def _end_otel(recorder: Recorder, live: LiveSpan, failure: Failure | None) -> None:
    if live.otel is not None:
        end_exported(recorder, live, failure, live.otel)


def _named(kind: Kind, name: str) -> tuple[str, dict[str, Any]]:
    """The span's name by the GenAI conventions, and the attributes that say it."""
    if kind == "agent":
        operation = semconv.Operation.INVOKE_AGENT
        return f"{operation} {name}", {semconv.OPERATION_NAME: operation, semconv.AGENT_NAME: name}
    if kind == "tool":
        operation = semconv.Operation.EXECUTE_TOOL
        return f"{operation} {name}", {semconv.OPERATION_NAME: operation, semconv.TOOL_NAME: name}
    return name, {}


def _is_same_tool(parent: LiveSpan, name: str) -> bool:
    """Return whether `parent` is the span of this execution, made by the SDK's tool runner or by a team."""
    return (
        parent.kind == "tool"
        and not parent.ended
        and (semconv.PROVIDER_NAME in parent.attributes_at_begin or semconv.TOOL_CALL_ID in parent.attributes_at_begin)
        and parent.attributes_at_begin.get(semconv.TOOL_NAME) == name
    )


# ── the public functions ─────────────────────────────────────────────────────────────────────────────────────────────


def run(name: str) -> Scope:
    """A run: one task given to an agent or a team. `with tracekit.run("support-ticket") as r:` gives `r.id`."""
    return Scope("run", name)


@overload
def agent(name: str) -> Scope: ...
@overload
def agent(name: F) -> F: ...
def agent(name: str | F) -> Scope | F:
    """An orchestrator or a subagent at work: ``with tracekit.agent("lead"):``, or a decorator with or without a name.

    An agent with no run around it begins one.
    """
    return Scope("agent", None)(name) if callable(name) else Scope("agent", name)


@overload
def turn() -> Scope: ...
@overload
def turn(function: F) -> F: ...
def turn(function: F | None = None) -> Scope | F:
    """One answer of the agent's model and the work it asked for: ``with tracekit.turn():``, or a decorator."""
    return Scope("turn", "turn") if function is None else Scope("turn", None)(function)


@overload
def tool(
    name: str | None = None,
    *,
    call_id: str | None = None,
    input: Any = None,
    reads: Sequence[str] | None = None,
    writes: Sequence[str] | None = None,
) -> Scope: ...
@overload
def tool(name: F) -> F: ...
def tool(
    name: str | F | None = None,
    *,
    call_id: str | None = None,
    input: Any = None,
    reads: Sequence[str] | None = None,
    writes: Sequence[str] | None = None,
) -> Scope | F:
    """One tool execution: a decorator (``@tracekit.tool``), or ``with tracekit.tool("read_file", call_id=block.id):``.

    The decorator records the arguments and the result.

    Args:
        name: The tool's name; by default that of the decorated function.
        call_id: The id of the `tool_use` block that the execution serves.
        input: Its input.
        reads: What it reads, declared to those who judge what may run in parallel: paths or any other names, in which an
            argument may stand in braces (``@tracekit.tool(reads=["docs/{path}"])``). With an empty list, and none for
            `writes`, the tool touches nothing that others touch.
        writes: What it writes, in the same way.

    Raises:
        TypeError: `reads` or `writes` is a single text.
    """
    if callable(name):
        return Scope("tool", None)(name)
    attributes: dict[str, Any] = _declared(reads, writes)
    if call_id is not None:
        attributes[semconv.TOOL_CALL_ID] = call_id
    if input is not None:
        attributes[semconv.TOOL_CALL_ARGUMENTS] = input
    return Scope("tool", name, attributes)


def _declared(reads: Sequence[str] | None, writes: Sequence[str] | None) -> dict[str, Any]:
    """Return the attributes for what a tool's author declares; none where nothing is declared."""
    if reads is None and writes is None:
        return {}
    for what, names in (("reads", reads), ("writes", writes)):
        if isinstance(names, str | bytes):
            raise TypeError(f"{what} is a list of paths or names, not {names!r}")
    return {semconv.DECLARED_READS: list(reads or ()), semconv.DECLARED_WRITES: list(writes or ())}


def _with_arguments(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return `attributes`, where what is declared names the arguments that it depends on."""
    given = attributes.get(semconv.TOOL_CALL_ARGUMENTS)
    if not isinstance(given, Mapping):
        return attributes
    declared = (semconv.DECLARED_READS, semconv.DECLARED_WRITES)
    return {**attributes, **{name: filled(attributes[name], given) for name in declared if attributes.get(name)}}
