"""Puts the hooks into the SDK's classes, and takes them out again."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final
from weakref import WeakSet

from tracekit.instrument.guard import finishing, guarded
from tracekit.instrument.importing import when_imported
from tracekit.instrument.recorder import Recorder, active
from tracekit.instrument.replaced import Replaced
from tracekit.instrument.sdk.attempt import CURRENT_ATTEMPT, Attempt
from tracekit.instrument.sdk.call import Call
from tracekit.instrument.sdk.current import CURRENT_CALL, current_call
from tracekit.instrument.sdk.points import check
from tracekit.instrument.sdk.spans import AdoptedSpan, RecordingTracer
from tracekit.instrument.sdk.swallowed import LOG, MODULES, PassingLog
from tracekit.instrument.sdk.untraced import UntracedCall

__all__ = ["hook", "record_all", "record_client", "unhook"]

_replaced = Replaced()


class _Recorded:
    """The clients that are recorded: all clients, or those whose HTTP client is in a set."""

    def __init__(self) -> None:
        self.everything = False
        self.some: WeakSet[Any] = WeakSet()


_recorded = _Recorded()


def hook(base_client: ModuleType) -> None:
    """Hook into the classes of the module ``anthropic._base_client``. Harmless twice.

    Raises:
        UnsupportedSdkError: The module lacks a point to hook into.
    """
    if _replaced:
        return
    generation = check(base_client, _version)
    for class_name, attribute, _ in generation.points:
        if (make := _HOOKS.get(f"{class_name}.{attribute}")) is not None:
            _replaced.replace(getattr(base_client, class_name), attribute, make)
    for name in MODULES:
        when_imported(name, _let_exceptions_pass)


def _let_exceptions_pass(module: ModuleType) -> None:
    if hasattr(module, LOG) and not isinstance(getattr(module, LOG), PassingLog):
        _replaced.replace(module, LOG, PassingLog)


def unhook() -> None:
    """Restore the SDK's own methods, and record no client any more."""
    _replaced.restore()
    _recorded.everything = False
    _recorded.some.clear()


def record_all() -> None:
    """Record every client, those that exist and those to come."""
    _recorded.everything = True


def record_client(client: Any) -> None:
    """Record `client` and its copies, which share its HTTP client."""
    _recorded.some.add(client._client)  # noqa: SLF001  what copies of a client share


def _version() -> str:
    from importlib.metadata import version  # noqa: PLC0415  the SDK itself is still being imported

    return version("anthropic")


# ── the hooks ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _tracer(original: property) -> property:
    @guarded
    def recording(client: Any, real: Any) -> RecordingTracer | None:
        recorder = active()
        if recorder is None or not _is_recorded(client):
            return None
        return RecordingTracer(recorder, real, lambda: _new_call(recorder, client))

    def tracer(client: Any) -> Any:
        real = original.__get__(client)
        return recording(client, real) or real

    return property(tracer)


def _request(original: Callable[..., Any], kind: type[Call]) -> Callable[..., Any]:
    @functools.wraps(original)
    def request(client: Any, cast_to: Any, options: Any, **kwargs: Any) -> Any:
        entered: list[Call] = []
        before = current_call()
        try:
            _enter_call(client, options, kwargs.get("call"), entered, kind)
            result = original(_asking_client(client, entered, kind), cast_to, options, **kwargs)
            _returned(entered)
        except BaseException as error:
            _raised(entered, error)
            raise
        finally:
            _restore_call(entered, before)
        return result

    return request


def _async_request(original: Callable[..., Any], kind: type[Call]) -> Callable[..., Any]:
    @functools.wraps(original)
    async def request(client: Any, cast_to: Any, options: Any, **kwargs: Any) -> Any:
        entered: list[Call] = []
        before = current_call()
        try:
            _enter_call(client, options, kwargs.get("call"), entered, kind)
            result = await original(_asking_client(client, entered, kind), cast_to, options, **kwargs)
            _returned(entered)
        except BaseException as error:
            _raised(entered, error)
            raise
        finally:
            _restore_call(entered, before)
        return result

    return request


def _attempt_request(original: Callable[..., Any]) -> Callable[..., Any]:
    def recorded(client: Any, *args: Any, **kwargs: Any) -> Any:
        call = current_call()
        if call is None:
            return original(client, *args, **kwargs)
        attempt = Attempt(call)
        try:
            CURRENT_ATTEMPT.set(attempt)
            _keep_from_headers(call, kwargs.get("call"))
            response, prepared = original(client, *args, **kwargs)
        except BaseException as error:
            _attempt_raised(attempt, error)
            raise
        finally:
            CURRENT_ATTEMPT.set(None)
        attempt.answered(response)
        return response, prepared

    return _through_upstream(original, recorded)


def _async_attempt_request(original: Callable[..., Any]) -> Callable[..., Any]:
    async def recorded(client: Any, *args: Any, **kwargs: Any) -> Any:
        call = current_call()
        if call is None:
            return await original(client, *args, **kwargs)
        attempt = Attempt(call)
        try:
            CURRENT_ATTEMPT.set(attempt)
            _keep_from_headers(call, kwargs.get("call"))
            response, prepared = await original(client, *args, **kwargs)
        except BaseException as error:
            _attempt_raised(attempt, error)
            raise
        finally:
            CURRENT_ATTEMPT.set(None)
        attempt.answered(response)
        return response, prepared

    return _through_upstream(original, recorded)


def _through_upstream(original: Callable[..., Any], recorded: Callable[..., Any]) -> Callable[..., Any]:
    """Return `original`, in whose place `recorded` sends, or what the upstream has for it. Both may be coroutines."""

    @functools.wraps(original)
    def attempt_request(client: Any, *args: Any, **kwargs: Any) -> Any:
        recorder = active()
        if recorder is None:
            return recorded(client, *args, **kwargs)
        return recorder.upstream.attempt(
            recorded, functools.partial(_new_call, recorder, client), client, *args, **kwargs
        )

    return attempt_request


def _build_request(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def build_request(client: Any, *args: Any, **kwargs: Any) -> Any:
        request = original(client, *args, **kwargs)
        attempt = CURRENT_ATTEMPT.get()
        if attempt is not None:
            attempt.sending(request)
        return request

    return build_request


def _retry_timeout(original: Callable[..., float]) -> Callable[..., float]:
    @functools.wraps(original)
    def retry_timeout(client: Any, *args: Any, **kwargs: Any) -> float:
        wait_s = original(client, *args, **kwargs)
        call = current_call()
        return wait_s if call is None else call.waiting(wait_s)

    return retry_timeout


_HOOKS: Final[dict[str, Callable[[Any], Any]]] = {
    "BaseClient._tracer": _tracer,
    "BaseClient._build_request": _build_request,
    "BaseClient._calculate_retry_timeout": _retry_timeout,
    "SyncAPIClient._request": functools.partial(_request, kind=Call),
    "AsyncAPIClient._request": functools.partial(_async_request, kind=Call),
    "SyncAPIClient.request": functools.partial(_request, kind=UntracedCall),
    "AsyncAPIClient.request": functools.partial(_async_request, kind=UntracedCall),
    "SyncAPIClient._attempt_request": _attempt_request,
    "AsyncAPIClient._attempt_request": _async_attempt_request,
}
"""What stands before each of the `points`. Those that are not here are only called."""


# ── the guarded steps ────────────────────────────────────────────────────────────────────────────────────────────────


def _is_recorded(client: Any) -> bool:
    return _recorded.everything or client._client in _recorded.some  # noqa: SLF001  what copies of a client share


@guarded
def _enter_call(client: Any, options: Any, sdk_call: Any, entered: list[Call], kind: type[Call]) -> None:
    """Enter the call whose request is about to run: the call of the SDK's span, or a new call.

    The call is added to `entered`, which the caller has even where this is cut short.
    """
    span = getattr(sdk_call, "span", None)
    call = span.call if isinstance(span, AdoptedSpan) else None
    if call is None:
        recorder = active()
        if recorder is None or (recorder.upstream.is_live and not _is_recorded(client)):
            return
        call = _new_call(recorder, client, kind)
    entered.append(call)
    call.entered(str(options.url))
    CURRENT_CALL.set(call)
    call.make_current(client, options)


def _asking_client(client: Any, entered: list[Call], kind: type[Call]) -> Any:
    """Return the object as which `client` makes its request. Where none may go live, none does, whatever failed before."""
    recorder = active()
    if not entered and recorder is not None and not recorder.upstream.is_live:
        return _new_call(recorder, client, kind).asking_client(client)
    return entered[0].asking_client(client) if entered else client


def _new_call(recorder: Recorder, client: Any, kind: type[Call] = Call) -> Call:
    options = getattr(client, "_open_telemetry", {})
    return recorder.upstream.call_type(kind)(
        recorder,
        is_sync=hasattr(client, "__enter__"),
        tracer_provider=options.get("tracer_provider"),
        hidden=options.get("traces", {}).get("enabled") is False,
    )


@guarded
def _keep_from_headers(call: Call, sdk_call: Any) -> None:
    """Let a client that traces nothing send no trace context, as it would not without us."""
    if sdk_call is not None and call.span is not None and call.span.hidden:
        sdk_call.propagation = False


@finishing
def _raised(entered: list[Call], error: BaseException) -> None:
    for call in entered:
        call.raised(error)


@finishing
def _returned(entered: list[Call]) -> None:
    for call in entered:
        call.returned()


@finishing
def _attempt_raised(attempt: Attempt, error: BaseException) -> None:
    attempt.raised(error)


@finishing
def _restore_call(entered: list[Call], before: Call | None) -> None:
    """Leave the call, unless this is not the context in which it was entered (a coroutine closed late)."""
    if entered and CURRENT_CALL.get() is entered[0]:
        CURRENT_CALL.set(before)
        entered[0].restore_current()
