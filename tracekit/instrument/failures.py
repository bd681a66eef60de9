"""Exceptions as failures: by the name of their class, or for a call in the SDK's own words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tracekit import semconv
from tracekit.model.events import Failure
from tracekit.origin import pass_on

__all__ = ["CANCELLED", "call_failure", "failure_of"]

CANCELLED: Final = semconv.Outcome.CANCELLED


def failure_of(error: BaseException) -> Failure:
    """Return the failure that `error` stands for; a cancellation looks the same for every async library."""
    if _is_cancellation(error):
        return Failure(CANCELLED)
    return Failure(type(error).__name__, _text_of(error))


def call_failure(error: BaseException) -> Failure:
    """Return the failure of a call, with the `error.type` that the SDK sets on its span for `error`."""
    if _is_cancellation(error):
        return Failure(CANCELLED)
    names = {kind.__name__ for kind in type(error).__mro__}
    api_type, status = _api_type(error), getattr(error, "status_code", None)
    if names & {"APITimeoutError", "TimeoutException"}:
        name = "client_timeout_error"
    elif names & {"APIConnectionError", "TransportError"}:
        name = "connection_error"
    elif "APIStatusError" in names and isinstance(api_type, str):
        name = api_type
    elif "APIStatusError" in names and isinstance(status, int) and status >= 400:
        name = str(status)
    elif isinstance(error, Exception):
        name = "client_error"
    else:
        name = type(error).__name__
    return Failure(name, _text_of(error))


def _api_type(error: BaseException) -> object:
    """Return the type of an API error, from the attribute of newer SDKs or from the body of the response."""
    if hasattr(error, "type"):
        return error.type
    body = getattr(error, "body", None)
    details = body.get("error") if isinstance(body, Mapping) else None
    return details.get("type") if isinstance(details, Mapping) else None


def _text_of(error: BaseException) -> str:
    """The message of `error`, whose own code may fail to tell it."""
    try:
        return str(error)
    except Exception as fault:  # noqa: BLE001  whatever that code raises
        pass_on(fault)
        return f"<the text of this {type(error).__name__} cannot be shown: its __str__ raises {type(fault).__name__}>"


def _is_cancellation(error: BaseException) -> bool:
    """Return whether `error` is the cancellation of a task, or a group of nothing else.

    Trio's nurseries raise such groups, as while a connection is opened. Neither asyncio nor Trio is imported for this.
    """
    if isinstance(error, BaseExceptionGroup):
        return all(map(_is_cancellation, error.exceptions))
    kinds = {(kind.__module__.partition(".")[0], kind.__name__) for kind in type(error).__mro__}
    return not kinds.isdisjoint((("asyncio", "CancelledError"), ("trio", "Cancelled")))
