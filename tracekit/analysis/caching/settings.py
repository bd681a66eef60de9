"""Fields of a request outside of its blocks that the API's prompt cache depends on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tracekit.analysis.caching.blocks import Section
from tracekit.model.history import Asked

__all__ = ["Setting", "settings_in"]

_BEFORE: tuple[tuple[str, Section], ...] = (
    ("speed", "system"),
    ("tool_choice", "messages"),
    ("thinking", "messages"),
    ("output_config.effort", "messages"),
    ("output_config.format", "messages"),
    ("output_format", "messages"),
)
"""Fields by their names, and the first section that a change of each takes out of the cache."""

_DEFAULTS: Mapping[str, Any] = {"speed": "standard", "tool_choice": {"type": "auto"}}

_OPTIONAL = "output_config.effort"
"""A model's default may be written out: there being none is no other value."""


class Setting(NamedTuple):
    """A field that has another value in the later request. `section` is the first that it takes out of the cache."""

    name: str
    section: Section


def settings_in(before: Asked, after: Asked) -> Iterator[Setting]:
    """The fields that differ, those first that take most out of the cache."""
    for name, section in _BEFORE:
        one, other = (_value(request, name) for request in (before, after))
        if one != other and not (name == _OPTIONAL and None in (one, other)):
            yield Setting(name, section)


def _value(request: Asked, name: str) -> Any:
    outer, _, inner = name.partition(".")
    value = request.get(outer, _DEFAULTS.get(name))
    if inner:
        return value.get(inner) if isinstance(value, Mapping) else None
    return value
