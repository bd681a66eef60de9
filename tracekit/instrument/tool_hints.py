"""Notes what MCP servers say of their tools: whether a tool only reads, destroys, or may be repeated."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any

from tracekit import semconv
from tracekit.instrument.guard import guarded
from tracekit.instrument.importing import when_imported

__all__ = ["hear_of_tools", "hints_of"]

Replace = Callable[[type | ModuleType, str, Callable[[Any], Any]], object]

_HINTS = ("readOnlyHint", "destructiveHint", "idempotentHint")
_MOST_TOOLS = 10_000
_hints: dict[str, dict[str, bool]] = {}
"""The hints of each tool that was listed, by its name; empty where two servers say different things of one name."""


def hear_of_tools(replace: Replace) -> None:
    """Replace, with `replace`, the method with which an MCP client lists a server's tools."""
    when_imported("mcp.client.session", lambda module: replace(module.ClientSession, "list_tools", _list_tools))


def hints_of(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return the attribute with the hints for the tool that `attributes` name; empty where none are known."""
    found = _hints.get(str(attributes.get(semconv.TOOL_NAME))) if _hints else None
    return {semconv.TOOL_ANNOTATIONS: dict(found)} if found else {}


def _list_tools(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    async def list_tools(*args: Any, **kwargs: Any) -> Any:
        listed = await original(*args, **kwargs)
        _note(listed)
        return listed

    return list_tools


@guarded
def _note(listed: Any) -> None:
    for tool in listed.tools:
        annotations = getattr(tool, "annotations", None)
        given = {} if annotations is None else annotations.model_dump(by_alias=True, exclude_none=True)
        hints = {name: given[name] for name in _HINTS if type(given.get(name)) is bool}
        if len(_hints) < _MOST_TOOLS:
            _hints[tool.name] = hints if _hints.get(tool.name, hints) == hints else {}
