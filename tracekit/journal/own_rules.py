"""The user's own rules of redaction: regular expressions over what is said, from ``[tool.tracekit.redact]``.

A rule sees texts as they were before JSON escaped them, one string at a time: a name, a message, a value in a tool's
input. What it matches becomes ``[redacted:NAME]``, the same for every match, so a recording's rules can be applied again
to whatever is compared with it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tracekit.errors import SettingsError
from tracekit.journal.bodies import compact
from tracekit.model.events import Chunk, Event, Request, SpanBegin, SpanEnd
from tracekit.origin import pass_on
from tracekit.settings import project_settings

__all__ = ["OwnRules", "own_rules"]

_PLACEHOLDER = re.compile(r"(\[redacted:[^\]]*\])")


def own_rules() -> OwnRules:
    """The rules of the project in whose folder the process stands.

    Raises:
        SettingsError: A rule is no regular expression.
    """
    settings = project_settings()
    table = settings.table.get("redact", {})
    patterns: dict[str, re.Pattern[str]] = {}
    for name, pattern in dict(table).items():
        try:
            patterns[name] = re.compile(pattern)
        except (re.error, TypeError) as error:
            pass_on(error)
            raise SettingsError(
                f"{settings.where}: redact.{name} = {pattern!r} is no regular expression: {error}"
            ) from error
    return OwnRules(patterns)


class OwnRules:
    """Applies the rules to events. `patterns` are by their names; without any, events pass as they are."""

    def __init__(self, patterns: Mapping[str, re.Pattern[str]]) -> None:
        self.patterns = patterns

    def described(self) -> list[dict[str, str]]:
        """The rules as a journal's header lists them, so that they can be applied again."""
        return [{"name": name, "pattern": pattern.pattern} for name, pattern in self.patterns.items()]

    def over(self, event: Event) -> Event:
        """`event` with a placeholder for each match."""
        if not self.patterns:
            return event
        match event:
            case SpanBegin():
                request = event.request and self._request(event.request)
                attributes = self._value(dict(event.attributes))
                return replace(event, name=self.text(event.name), attributes=attributes, request=request)
            case SpanEnd():
                failure = event.failure and replace(event.failure, message=self.text(event.failure.message))
                response = event.response and replace(event.response, body=self._body(event.response.body))
                attributes = self._value(dict(event.attributes))
                return replace(event, failure=failure, response=response, attributes=attributes)
            case Chunk():
                return replace(event, data=self._body(event.data))
        return event

    def text(self, text: str) -> str:
        """`text` with a placeholder for each match; a placeholder that is there already stays one."""
        parts = _PLACEHOLDER.split(text)
        for name, pattern in self.patterns.items():
            parts[::2] = [pattern.sub(f"[redacted:{name}]", part) for part in parts[::2]]
        return "".join(parts)

    def _request(self, request: Request) -> Request:
        body = None if request.body is None else self._body(request.body)
        return replace(request, query=self.text(request.query), body=body)

    def _body(self, body: bytes) -> bytes:
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError as error:
            pass_on(error)
            return body
        if text.startswith(("event:", "data:")):
            return "\n".join(self._event_line(line) for line in text.split("\n")).encode()
        return self._json(text).encode()

    def _event_line(self, line: str) -> str:
        return f"data: {self._json(line[5:].strip())}" if line.startswith("data:") else line

    def _json(self, text: str) -> str:
        """`text` as it is unless a rule matches in it: then as compact JSON, or as text if it is none."""
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            pass_on(error)
            return self.text(text)
        redacted = self._value(value)
        return text if redacted == value else compact(redacted)

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self._value(item) for item in value]
        if isinstance(value, dict):
            return {name: self._value(item) for name, item in value.items()}
        return value
