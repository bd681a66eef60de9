"""What a replay records is redacted by the rules of its recording, in whatever folder it runs."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from typing_extensions import override

from tracekit.instrument.protocols import Sink
from tracekit.model.events import Event, SpanBegin, SpanEnd
from tracekit.model.run import RunInfo
from tracekit.privacy.credentials import redact
from tracekit.privacy.own_rules import OwnRules

__all__ = ["RedactingSink"]


class RedactingSink(Sink):
    """Hands everything on to `sink` after `rules`, those of the recording's own, and those for credentials."""

    def __init__(self, sink: Sink, rules: OwnRules) -> None:
        self._sink = sink
        self._rules = rules

    @override
    def write(self, run: RunInfo, event: Event) -> None:
        event = self._rules.over(event)
        if isinstance(event, SpanBegin | SpanEnd) and event.attributes:
            event = replace(event, attributes=_without_credentials(dict(event.attributes)))
        self._sink.write(run, event)

    @override
    def release(self, run: RunInfo) -> None:
        self._sink.release(run)

    @override
    def forked(self) -> None:
        self._sink.forked()

    @override
    def exit(self, at_ns: int) -> None:
        self._sink.exit(at_ns)


def _without_credentials(attributes: dict[str, Any]) -> dict[str, Any]:
    try:
        text = json.dumps(attributes, ensure_ascii=False)
    except (TypeError, ValueError):
        return attributes
    redacted = redact(text)
    return attributes if redacted == text else dict(json.loads(redacted))
