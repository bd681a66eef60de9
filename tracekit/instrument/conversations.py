"""Finds the run of a call without a parent: the run whose conversation the call continues."""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import Any

from tracekit.instrument.live import LiveRun
from tracekit.origin import pass_on

__all__ = ["ConversationIndex"]

_MOST = 4096
_MOST_ALIKE = 16
"""How many answers to the very same request are told apart."""


class ConversationIndex:
    """Remembers the newest requests and answers of calls that have no parent, and the run of each."""

    def __init__(self) -> None:
        self._asked: OrderedDict[bytes, list[tuple[str, LiveRun]]] = OrderedDict()
        self._answers: OrderedDict[str, LiveRun] = OrderedDict()

    def continued_by(self, body: bytes | None) -> LiveRun | None:
        """The run that the request with this `body` continues, or None if it continues none that is known."""
        from tracekit.model.conversation import (  # noqa: PLC0415  with the first call, since its digests take a while to load
            answer_signature,
            prefix_keys,
            previous_message_id,
        )

        request = _json_object(body)
        previous = previous_message_id(request)
        if previous is not None:
            return self._answers.get(previous)
        messages = request.get("messages")
        if not isinstance(messages, list):
            return None
        keys = prefix_keys(messages)
        for length in range(len(messages) - 1, 0, -1):
            candidates = self._asked.get(keys[length - 1])
            if candidates:
                expected = answer_signature(_content(messages[length]))
                matching = [run for signature, run in candidates if signature == expected]
                return matching[-1] if matching else None
        return None

    def remember(self, body: bytes | None, message: dict[str, Any], run: LiveRun) -> None:
        """The request with this `body` was answered with `message` in `run`."""
        from tracekit.model.conversation import answer_signature, prefix_keys  # noqa: PLC0415  see above

        messages = _json_object(body).get("messages")
        if isinstance(messages, list) and messages:
            entry = self._asked.setdefault(prefix_keys(messages)[-1], [])
            entry.append((answer_signature(message.get("content")), run))
            del entry[:-_MOST_ALIKE]
        if isinstance(message.get("id"), str):
            self._answers[message["id"]] = run
        while len(self._asked) > _MOST:
            self._asked.popitem(last=False)
        while len(self._answers) > _MOST:
            self._answers.popitem(last=False)


def _json_object(body: bytes | None) -> dict[str, Any]:
    try:
        data = json.loads(body or b"{}")
    except ValueError as error:
        pass_on(error)
        return {}
    return data if isinstance(data, dict) else {}


def _content(message: Any) -> Any:
    return message.get("content") if isinstance(message, dict) else None
