"""The content that is kept: ``TRACEKIT_CONTENT``.

`full` keeps every byte. `metadata` keeps the form of what was asked and answered, and stands a keyed hash for each
text in it: equal texts have equal hashes within one process's part of a run, so its tree can still be concluded, and
nobody can guess a text from its hash, since the key is never kept. `off` keeps no bodies at all. What is not `full`
cannot be replayed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import blake2b
from typing import Any

from tracekit import semconv
from tracekit.model.batch import is_batch_results, usage_only
from tracekit.model.events import Answered, Chunk, Event, Response, SpanBegin, SpanEnd
from tracekit.model.messages import BodyReader, ResponseContent, answer_of
from tracekit.origin import pass_on
from tracekit.privacy.modes import Content, kept_arguments
from tracekit.privacy.texts import rewritten_value

__all__ = ["ContentFilter"]

_OPEN = frozenset(
    ("type", "role", "id", "name", "tool_use_id", "model", "stop_reason", "previous_message_id", "is_error")
)
"""Fields that say nothing of what was said: their texts are kept as they are."""

_PLAIN_PARTS = frozenset(("", ".", "..", "*", "**"))
"""Parts of paths that mean the same in every path."""


class ContentFilter:
    """Takes the content out of the events of one segment. `redact` is for texts that come in pieces, once joined."""

    def __init__(self, mode: Content, redact: Callable[[str], str]) -> None:
        self._mode = mode
        self._redact = redact
        self._key = os.urandom(16)
        self._bodies: dict[str, BodyReader] = {}
        self._results: dict[str, list[bytes]] = {}

    def over(self, event: Event) -> list[Event]:
        """Return the part of `event` that is kept."""
        if self._mode == "full":
            return [event]
        match event:
            case SpanBegin(request=request) if request is not None:
                body = self._veiled_body(request.body)
                if is_batch_results(request.path):
                    self._results[event.id] = []
                return [
                    event._replace(
                        attributes=self._attributes(event.attributes),
                        request=replace(request, query="", body=body),
                    )
                ]
            case SpanBegin():
                return [event._replace(attributes=self._attributes(event.attributes))]
            case Chunk():
                if event.id in self._results:
                    self._results[event.id].append(event.data)
                elif event.id in self._bodies:
                    self._bodies[event.id].feed(event.data)
                return []
            case Answered():
                self._bodies[event.id] = BodyReader(event.headers.get("content-type", ""))
                return [event]
            case SpanEnd():
                return self._end(event)
        return [event]

    def _end(self, event: SpanEnd) -> list[Event]:
        failure = event.failure and replace(event.failure, message="")
        event = event._replace(attributes=self._attributes(event.attributes), failure=failure)
        results = self._results.pop(event.id, None)
        if results is not None:
            return self._end_of_results(event, b"".join(results))
        if event.response is not None:
            answer = answer_of(event.response.body, event.response.headers.get("content-type", ""))
            headers = {**event.response.headers, "content-type": "application/json"}
            return [event._replace(response=Response(event.response.status, headers, self._message(answer)))]
        body = self._bodies.pop(event.id, None)
        # The message as a whole stands for the events that it was put together from.
        return [event] if body is None else [Chunk(event.id, event.at_ns, self._message(body.finish())), event]

    def _end_of_results(self, event: SpanEnd, streamed: bytes) -> list[Event]:
        """Keep the usage of a batch's results, which stands nowhere else in the record; it says nothing of the content."""
        if event.response is None:
            self._bodies.pop(event.id, None)
            return [Chunk(event.id, event.at_ns, usage_only(streamed)), event]
        response = event.response
        return [event._replace(response=response._replace(body=usage_only(response.body)))]

    def _message(self, answer: ResponseContent) -> bytes:
        if self._mode == "off" or answer.message is None:
            return b""
        return _dumps(self._veiled(rewritten_value(answer.message, self._redact)))

    def _veiled_body(self, body: bytes | None) -> bytes | None:
        if self._mode == "off" or body is None:
            return None
        try:
            return _dumps(self._veiled(json.loads(body)))
        except ValueError as error:
            pass_on(error)
            return None

    def _attributes(self, attributes: Mapping[str, Any]) -> dict[str, Any]:
        kept = {name: value for name, value in attributes.items() if not semconv.is_content(name)}
        if semconv.COMMAND_ARGS in kept:
            kept[semconv.COMMAND_ARGS] = list(kept_arguments(kept[semconv.COMMAND_ARGS], self._mode))
        for name in semconv.TOUCHED:
            if kept.get(name):
                if self._mode == "off":
                    del kept[name]
                else:
                    kept[name] = [self._path(str(path)) for path in kept[name]]
        return kept

    def _path(self, path: str) -> str:
        """Return `path` with a hash for each of its parts, so that two paths still show where they meet."""
        return "/".join(part if part in _PLAIN_PARTS else self._hash(part) for part in path.split("/"))

    def _veiled(self, value: Any, field: str = "") -> Any:
        if isinstance(value, str):
            return value if field in _OPEN else self._hash(value)
        if isinstance(value, list):
            return [self._veiled(item, field) for item in value]
        if isinstance(value, dict):
            # The input of a tool may have fields of any name.
            return {name: self._veiled(item, "input" if field == "input" else name) for name, item in value.items()}
        return value

    def _hash(self, text: str) -> str:
        return blake2b(text.strip().encode("utf-8", "surrogatepass"), key=self._key, digest_size=9).hexdigest()


def _dumps(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
