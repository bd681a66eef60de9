"""Mask the ids that the API assigned in a run: two equal runs have different ones."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tracekit.model.messages import answer_of
from tracekit.model.recording import Exchange

__all__ = ["IdMask"]

_WORD = re.compile(r"[A-Za-z0-9_-]{8,}")
"""A piece of text that may be an id; anything shorter could be an ordinary word."""
_MODEL_WRITTEN = ("input", "text", "thinking")
"""Members of a response that hold the model's own text: an `id` in there is content."""


class IdMask:
    """Replaces ids of the API by their kind, so that the content of two runs can be compared.

    An id is a value of a member ``id`` or ``…_id`` of a response, such as that of a message, a tool call, a container
    or a file.
    """

    def __init__(self) -> None:
        self._ids: set[str] = set()

    def learn(self, exchange: Exchange) -> None:
        """Remember the ids of the response of `exchange`."""
        self._ids.update(_ids_in(answer_of(exchange.body, exchange.headers.get("content-type", "")).message))

    def over(self, value: Any) -> Any:
        """Return the JSON `value` with each known id in it replaced: ``msg_01Xyz`` by ``msg_…``."""
        if isinstance(value, str):
            return _WORD.sub(self._masked, value) if self._ids else value
        if isinstance(value, Mapping):
            return {name: self.over(item) for name, item in value.items()}
        return [self.over(item) for item in value] if isinstance(value, list) else value

    def _masked(self, word: re.Match[str]) -> str:
        return f"{word[0].partition('_')[0]}_…" if word[0] in self._ids else word[0]


def _ids_in(value: Any) -> Iterator[str]:
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, Mapping):
            for name, member in item.items():
                if isinstance(member, str) and (name == "id" or name.endswith("_id")):
                    yield member
                elif name not in _MODEL_WRITTEN:
                    stack.append(member)
        elif isinstance(item, list):
            stack.extend(item)
