"""The types of attributes. An attribute of the wrong type that code computes with is left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

from tracekit import semconv
from tracekit.model.parsing import is_deeper

__all__ = ["typed_attributes"]

_MOST_COUNT = 1 << 40
"""The largest count, a million million: sums over millions of spans fit 64 bits."""


def _count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= _MOST_COUNT


def _integer(value: Any) -> bool:
    return type(value) is int and -_MOST_COUNT <= value <= _MOST_COUNT


def _number(value: Any) -> bool:
    return type(value) in (int, float) and isfinite(value) and abs(value) <= _MOST_COUNT


def _flag(value: Any) -> bool:
    return type(value) is bool


def _texts(value: Any) -> bool:
    return type(value) is list and all(type(each) is str for each in value)


def _object(value: Any) -> bool:
    return type(value) is dict


def _objects(value: Any) -> bool:
    return type(value) is list and all(type(each) is dict for each in value)


_COUNTS = (
    *semconv.USAGE,
    semconv.HTTP_STATUS,
    semconv.HTTP_RESEND_COUNT,
    semconv.WEB_SEARCHES,
    semconv.WEB_FETCHES,
    semconv.DROPPED,
)
_NUMBERS = (semconv.WAIT_MS, semconv.TIME_TO_FIRST_CHUNK, semconv.COST_USD)
_FLAGS = (
    semconv.REQUEST_STREAM,
    semconv.INFERRED,
    semconv.INTERRUPTED,
    semconv.SYNC_IN_EVENT_LOOP,
    semconv.TOOL_RUNNER,
    semconv.TOOL_RESULT_OPAQUE,
    semconv.INFERRED_BOUNDS,
    semconv.ORPHAN,
)
_LISTS = (
    semconv.CALLERS,
    semconv.COMMAND_ARGS,
    semconv.ASSUMED,
    semconv.FINISH_REASONS,
    semconv.DECLARED_AFTER,
    semconv.DECLARED_READS,
    semconv.DECLARED_WRITES,
    semconv.WORKSPACE_READS,
    semconv.WORKSPACE_WRITES,
)
_TEXTS = frozenset(
    (
        semconv.OPERATION_NAME,
        semconv.PROVIDER_NAME,
        semconv.AGENT_NAME,
        semconv.TOOL_NAME,
        semconv.TOOL_CALL_ID,
        semconv.REQUEST_MODEL,
        semconv.RESPONSE_ID,
        semconv.RESPONSE_MODEL,
        semconv.REQUEST_ID,
        semconv.STOP_REASON,
        semconv.RESPONSE_SERVICE_TIER,
        semconv.HTTP_METHOD,
        semconv.URL_FULL,
        semconv.URL_SCHEME,
        semconv.URL_PATH,
        semconv.SERVER_ADDRESS,
        semconv.ERROR_TYPE,
        semconv.REMOTE_PARENT,
        semconv.PARENT_RUN_ID,
        semconv.OUTCOME,
        semconv.INFERRED_FROM,
        semconv.DIALECT,
        semconv.AGENT_STOP_REASON,
        semconv.SPEED,
        semconv.INFERENCE_GEO,
    )
)
_TYPES: Mapping[str, Callable[[Any], bool]] = {
    **dict.fromkeys(_COUNTS, _count),
    **dict.fromkeys(_NUMBERS, _number),
    **dict.fromkeys(_FLAGS, _flag),
    **dict.fromkeys(_LISTS, _texts),
    semconv.EXIT_CODE: _integer,
    semconv.ITERATIONS: _objects,
    semconv.TOOL_ANNOTATIONS: _object,
}


def typed_attributes(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return `attributes` with the types that code counts on.

    An API may answer anything, and the SDK puts some of it on its spans: a text that isn't one becomes one, and any other
    value of a wrong type is left out. The recorded exchange still holds what was answered. A value with too many levels
    becomes the same text that the writer puts in the place of one that JSON cannot hold.
    """
    return {
        name: value if type(value) is str else _fit(name, value)
        for name, value in attributes.items()
        if name not in _TYPES or _TYPES[name](value)
    }


def _fit(name: str, value: Any) -> Any:
    if type(value) in (dict, list) and is_deeper(value):
        value = f"{type(value).__name__}, nested too deeply to be recorded"
    return str(value) if name in _TEXTS and type(value) is not str else value
