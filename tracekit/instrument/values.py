"""A tool's arguments and result as JSON, for the record."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tracekit import semconv
from tracekit.origin import pass_on

__all__ = ["arguments_of", "filled", "flat", "recorded_value"]


def arguments_of(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The attribute that holds the arguments of a call, by the names of the function's parameters.

    `self` and `cls` are left out. An argument that is not JSON stands as its type's name in angle brackets.
    """
    try:
        bound = inspect.signature(function).bind(*args, **kwargs)
    except Exception as error:  # noqa: BLE001  a signature is the program's own code, too
        pass_on(error)
        # Where the arguments do not fit, the call is about to fail with the same message, in the user's code.
        return {}
    bound.apply_defaults()
    named = {name: value for name, value in bound.arguments.items() if name not in ("self", "cls")}
    return {semconv.TOOL_CALL_ARGUMENTS: {name: _json_or_type(value) for name, value in named.items()}}


def filled(paths: Sequence[str], given: Mapping[str, Any]) -> list[str]:
    """Return `paths` with the values of `given` in place of its names in braces: `"shop/{file}"`."""
    done = []
    for path in paths:
        for name, value in given.items():
            path = path.replace(f"{{{name}}}", str(value))  # noqa: PLW2901  filled field by field
        done.append(path)
    return done


def recorded_value(result: Any) -> dict[str, Any]:
    """The attribute that holds a tool's result; if it is not JSON, one that says so."""
    if _is_json(result):
        return {semconv.TOOL_CALL_RESULT: result}
    return {semconv.TOOL_RESULT_OPAQUE: True}


def flat(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return `attributes` as OpenTelemetry takes them: what is nested becomes JSON."""
    return {name: _compact(value) if _is_nested(value) else value for name, value in attributes.items()}


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def _is_nested(value: Any) -> bool:
    return isinstance(value, Mapping) or (
        isinstance(value, list) and any(isinstance(each, list | Mapping) for each in value)
    )


def _json_or_type(value: Any) -> Any:
    return value if _is_json(value) else f"<{type(value).__name__}>"


def _is_json(value: Any) -> bool:
    """Return whether `value` survives a round trip through JSON: no tuples, and no keys but strings."""
    try:
        return bool(json.loads(json.dumps(value)) == value)
    except Exception as error:  # noqa: BLE001  the value's own code is called, which may raise anything
        pass_on(error)
        return False
