"""Sizes of spans on the wire, and spans that are made smaller because no request could hold them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tracekit import semconv
from tracekit.otlp.span_data import WireSpan

__all__ = ["reduced", "size_of"]

_SPAN = 160
_ATTRIBUTE = 24
_ITEM = 14
"""Upper bounds of the bytes that the protocol adds to a span, an attribute and an item of a list."""
_SHORT = 256
"""To how many characters a text is cut that is no content."""


def size_of(span: WireSpan) -> int:
    """Return how many bytes `span` takes in a request, or some more."""
    return _SPAN + _bytes(span.name) + _bytes(span.description) + _size_of_all(span.attributes)


def reduced(span: WireSpan, most: int) -> WireSpan:
    """Return `span` within `most` bytes: without its largest contents first, then with other texts cut.

    The names of the attributes that were left out or cut stand on the span.
    """
    attributes = dict(span.attributes)
    sizes = {name: _size(name, value) for name, value in attributes.items()}
    left, dropped = size_of(span), list(attributes.get(semconv.CONTENT_DROPPED, ()))
    for name in sorted(sizes, key=lambda each: (not semconv.is_content(each), -sizes[each])):
        if left <= most or not _can_shrink(name, attributes[name]):
            continue
        if semconv.is_content(name):
            del attributes[name]
            left -= sizes[name]
        else:
            attributes[name] = _cut(attributes[name])
            left -= sizes[name] - _size(name, attributes[name])
        dropped.append(name)
        left += _ITEM + _bytes(name)
    attributes[semconv.CONTENT_DROPPED] = dropped
    return replace(span, name=span.name[:_SHORT], description=span.description[:_SHORT], attributes=attributes)


def _size_of_all(attributes: Mapping[str, Any]) -> int:
    return sum(_size(name, value) for name, value in attributes.items())


def _size(name: str, value: Any) -> int:
    if isinstance(value, list):
        return _ATTRIBUTE + _bytes(name) + sum(_ITEM + _bytes(each) for each in value)
    return _ATTRIBUTE + _bytes(name) + _bytes(value)


def _bytes(value: Any) -> int:
    """The bytes of a text; none for a number, which the protocol's own share covers."""
    if not isinstance(value, str):
        return 0
    return len(value) if value.isascii() else len(value.encode("utf-8", "backslashreplace"))


def _can_shrink(name: str, value: Any) -> bool:
    if name == semconv.CONTENT_DROPPED:
        return False
    return semconv.is_content(name) or _bytes(value) > _SHORT or (isinstance(value, list) and len(value) > 1)


def _cut(value: Any) -> Any:
    return (
        [each[:_SHORT] if isinstance(each, str) else each for each in value[:1]]
        if isinstance(value, list)
        else value[:_SHORT]
    )
