"""The words of requests, looked through without reading again what requests have in common."""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import Any

from tracekit.model.history import Asked, Message, Part

__all__ = ["LONGEST_TASK", "LONGEST_TEXT", "Prompted", "leaves", "shortened"]

LONGEST_TEXT = 200_000
"""Characters of one text that are looked at, and of all that a request says."""

LONGEST_TASK = 40_000
"""Characters of what a work was given that are looked at: it is compared with what others were, word for word."""

_KEPT_CHARACTERS = 8_000_000
_LONGEST_KEPT = _KEPT_CHARACTERS // 8
_MOST_FOUND = 100_000
_MOST_SEARCHED = 8
"""Texts that are looked for in all of several requests, of which it is remembered where they were found."""


class Prompted:
    """Reads the words of requests. Those of a long history are the words of its begin and its end."""

    def __init__(self) -> None:
        self._low: OrderedDict[Part, str] = OrderedDict()
        self._characters = 0
        self._found: OrderedDict[str, dict[bytes, bool]] = OrderedDict()

    def text(self, request: Asked) -> str:
        """The system prompt, the tools and the messages as text, inputs of tools too."""
        told = [request.get("system"), request.get("tools")]
        head = "\n".join(text for value in told for text in leaves(value))
        texts = [head] if head else []
        return shortened("\n".join([*texts, *self._texts(request)]))

    def messages_text(self, request: Asked) -> str:
        """The messages alone as text."""
        return shortened("\n".join(self._texts(request)), LONGEST_TASK)

    def has_anywhere(self, request: Asked, text: str) -> bool:
        """Whether `text` stands in the request in any case, however long its history is.

        Each message is looked through once for a `text`.
        """
        text = text.lower()
        if any(text in self._lowered(part) for name in request if (part := request.part(name)) is not None):
            return True
        found = self._found.pop(text, {})
        self._found[text] = found if len(found) < _MOST_FOUND else {}
        if len(self._found) > _MOST_SEARCHED:
            self._found.popitem(last=False)
        new: list[Message] = []
        is_found = False
        for message in request.messages.back():
            if message.key in found:
                is_found = found[message.key]
                break
            new.append(message)
        for message in reversed(new):
            is_found = is_found or text in self._lowered(message.part)
            found[message.key] = is_found
        return is_found

    def _texts(self, request: Asked) -> list[str]:
        return ["\n".join(leaves(message.value)) for message in _ends(request)]

    def _lowered(self, part: Part) -> str:
        text = self._low.pop(part, None)
        if text is None:
            text = json.dumps(part.value, ensure_ascii=False, default=str).lower()
            if len(text) > _LONGEST_KEPT:
                return text
            self._characters += len(text)
        self._low[part] = text
        while self._characters > _KEPT_CHARACTERS:
            self._characters -= len(self._low.popitem(last=False)[1])
        return text


def _ends(request: Asked) -> list[Message]:
    """The first message and the newest ones, in order: all of them where they are not very long."""
    messages = request.messages
    newest: list[Message] = []
    size = 0
    for message in messages.back():
        size += message.part.size
        if size > LONGEST_TEXT and newest:
            break
        newest.append(message)
    if newest and newest[-1].count > 1:
        newest += messages.between(0, 1)
    return newest[::-1]


def shortened(text: str, most: int = LONGEST_TEXT) -> str:
    """`text`, or its begin and its end, where it has more than `most` characters."""
    return text if len(text) <= most else f"{text[: most // 2]}\n{text[-most // 2 :]}"


def leaves(value: Any) -> list[str]:
    """The strings and numbers in a JSON value, as text, without the base64 of images and documents."""
    if type(value) is str:
        return [value]
    found: list[str] = []
    stack = [value]
    while stack:
        item = stack.pop()
        kind = type(item)
        # Everything comes from JSON, or from attributes, which are as plain.
        if kind is str:
            found.append(item)
        elif kind is dict:
            if item.get("type") != "base64":
                stack.extend(reversed(item.values()))
        elif kind is list or kind is tuple:
            stack.extend(reversed(item))
        elif kind is int or kind is float:
            found.append(str(item))
    return found
