"""The tools of an agent, and their results.

Functions become tools by the SDK's own `beta_tool` and `beta_async_tool`, which derive the schema and check the input.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import pydantic_core
from anthropic import beta_async_tool, beta_tool
from anthropic.lib import tools as sdk_tools
from pydantic import ValidationError

from tracekit.origin import pass_on
from tracekit.runtime.inputs import errors_of
from tracekit.runtime.threads import in_thread

__all__ = ["Tool", "as_tool", "content_of", "failure_content", "refuse_same_names"]

_CONTENT_TYPES = frozenset(("text", "image", "document", "search_result", "tool_reference"))
"""Types of the blocks that a tool's result may consist of."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool: its definition for the API, and the function that runs it, unless the API does."""

    name: str
    definition: Any
    call: Callable[[Any], Awaitable[Any]] | None = None


def as_tool(given: Any) -> Tool:
    """Return `given` as a tool: a function, a tool of the SDK, or a dict for the API.

    Raises:
        TypeError: It is none of these.
    """
    if isinstance(given, Mapping):
        return Tool(str(given.get("name", "")), given)
    if not (hasattr(given, "to_dict") and hasattr(given, "call")):
        if not callable(given) or not hasattr(given, "__name__"):
            raise TypeError(f"a tool is a function, one of the SDK's tools or a dict, not {given!r}")
        given = beta_async_tool(given) if inspect.iscoroutinefunction(given) else beta_tool(given)
    return Tool(given.name, given.to_dict(), partial(_call, given))


async def _call(tool: Any, input: Any) -> Any:
    if inspect.iscoroutinefunction(tool.call):
        return await tool.call(input)
    result = await in_thread(tool.call, input)
    return await result if inspect.isawaitable(result) else result


def refuse_same_names(owner: str, names: Iterable[str]) -> None:
    """Raise if the model could not tell two tools or subagents of `owner` apart.

    Raises:
        ValueError: Two have one name.
    """
    twice = [name for name, times in Counter(names).items() if name and times > 1]
    if twice:
        raise ValueError(f"{owner!r} has more than one tool or subagent called {', '.join(map(repr, twice))}")


def content_of(result: Any) -> Any:
    """`result` as the content of a `tool_result` block.

    A text is itself, and so is a list of content blocks. All else is its JSON as pydantic makes it, of models,
    dataclasses, dates, paths and sets too, in which what JSON can't hold stands as its `str`; what has no JSON even so
    (it contains itself) is its `str` as a whole.
    """
    if isinstance(result, str):
        return _sendable(result)
    if isinstance(result, Iterator):
        result = list(result)
    if isinstance(result, list) and result and all(_is_block(item) for item in result):
        return result
    try:
        made = pydantic_core.to_json(result, fallback=str, bytes_mode="base64", inf_nan_mode="constants")
    except ValueError as error:
        pass_on(error)
        return _sendable(str(result))
    return made.decode()


def failure_content(error: BaseException) -> Any:
    """Return the result of a failed tool or subagent: `Type: message`, or the content of a `ToolError`."""
    # Older SDKs have no such class.
    kind: Any = getattr(sdk_tools, "ToolError", ())
    if isinstance(error, kind):
        return content_of(error.content)
    cause = error.__cause__
    # The SDK says that arguments are invalid, and pydantic below it which and why.
    reason = f": {errors_of(cause)}" if isinstance(cause, ValidationError) else ""
    return _sendable(f"{type(error).__name__}: {error}{reason}")


def _is_block(item: Any) -> bool:
    return isinstance(item, Mapping) and item.get("type") in _CONTENT_TYPES


def _sendable(text: str) -> str:
    """Return `text` with escapes for characters that UTF-8 cannot encode, as in some file names."""
    return text.encode("utf-8", "backslashreplace").decode()
