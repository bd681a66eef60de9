"""Request fields outside of the blocks that the API's prompt cache depends on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tracekit.analysis.caching.blocks import Section
from tracekit.model.history import RequestFields

__all__ = ["Setting", "settings_in"]

_BEFORE: tuple[tuple[str, Section], ...] = (
    ("speed", "system"),
    ("tool_choice", "messages"),
    ("thinking", "messages"),
    ("output_config.effort", "messages"),
    ("output_config.format", "messages"),
    ("output_format", "messages"),
)
"""Fields, each with the first section that a change of the field removes from the cache."""

_DEFAULTS: Mapping[str, Any] = {"speed": "standard", "tool_choice": {"type": "auto"}}

_OPTIONAL = "output_config.effort"
"""A field whose model default may be written out, so that its absence is no other value."""


class Setting(NamedTuple):
    """A field that has another value in the later request, and the first section that it removes from the cache."""

    name: str
    section: Section


def settings_in(before: RequestFields, after: RequestFields) -> Iterator[Setting]:
    """Iterate over the fields that differ, those first that remove most from the cache."""
    for name, section in _BEFORE:
        one, other = (_value(request, name) for request in (before, after))
        if one != other and not (name == _OPTIONAL and None in (one, other)):
            yield Setting(name, section)


def _value(request: RequestFields, name: str) -> Any:
    outer, _, inner = name.partition(".")
    value = request.get(outer, _DEFAULTS.get(name))
    if inner:
        return value.get(inner) if isinstance(value, Mapping) else None
    return value
