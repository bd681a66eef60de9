"""The form in which a span leaves this machine, whoever exports it: our exporter, or the application's own.

Both get their names, attributes and descriptions from here, so a dashboard shows the same on both ways.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from functools import lru_cache, reduce
from typing import Any, Final, NamedTuple

from tracekit import semconv
from tracekit.cost import derived_attributes
from tracekit.model.events import Failure, Kind
from tracekit.privacy.modes import content_mode
from tracekit.privacy.pipeline import Privacy
from tracekit.privacy.texts import rewritten_attribute, rewritten_url, rewritten_value

__all__ = [
    "SpanFacts",
    "SpanRules",
    "asks_for_content",
    "span_attributes",
    "span_description",
    "span_name",
    "span_rules",
]

_CONTENT_VARIABLES: Final = (
    ("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", ("span_only", "span_and_event", "true")),
    ("ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE", ("content",)),
)
"""Variables that ask for message content on spans, and the values by which they do: the conventions', and the SDK's."""

_ALSO_CONTENT = frozenset((semconv.COMMAND_ARGS, *semconv.TOUCHED))
"""What may hold a task's text though no message does: arguments of the program, and of tools in what they touch."""

_WORD_BITS = 63
_SMALL = 1 << 40
_SHORT = 256
"""Characters of the longest text whose exported form is remembered."""


@lru_cache(maxsize=1024)
def _is_content(name: str) -> bool:
    """Return whether the attribute `name` may hold content: of messages, or of what tools touch."""
    return name in _ALSO_CONTENT or semconv.is_content(name)


class SpanRules(NamedTuple):
    """The rules of an export: whether it includes content, and how each text is redacted.

    `sdks_content` lets content go that the SDK itself put on its span, since a client was told to (`content_mode`).
    """

    content: bool
    redact: Callable[[str], str]
    sdks_content: bool = False

    def allowed(self, attributes: Mapping[str, Any]) -> dict[str, Any]:
        """Return those of a span's `attributes` that may leave."""
        if self.content or (self.sdks_content and semconv.INPUT_MESSAGES in attributes):
            return dict(attributes)
        return {name: value for name, value in attributes.items() if not _is_content(name)}


class SpanFacts(NamedTuple):
    """Facts of a span that are not among its recorded attributes.

    `run` is "" where it is not decided yet. `agent` is the name of the nearest agent above, or None. `start_ns` counts
    from the epoch; the price of a call depends on it.
    """

    kind: Kind
    run: str
    run_name: str
    agent: str | None
    start_ns: int
    error_type: str | None = None


def asks_for_content(environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether spans carry the content of messages; by default they do not."""
    return any(environment.get(name, "").strip().lower() in values for name, values in _CONTENT_VARIABLES)


def span_rules(*each: Privacy) -> SpanRules:
    """Return the rules for exported spans: those of `each`, and no content that is not kept."""
    is_kept = content_mode() == "full"
    redact = each[0].text if len(each) == 1 else lambda text: reduce(lambda done, one: one.text(done), each, text)
    return SpanRules(is_kept and asks_for_content(), redact, is_kept)


def span_attributes(attributes: Mapping[str, Any], facts: SpanFacts, rules: SpanRules) -> dict[str, Any]:
    """Return the attributes that a span with these recorded `attributes` and `facts` is exported with."""
    found = rules.allowed(attributes)
    found[semconv.KIND] = facts.kind
    if facts.run:
        found[semconv.RUN_ID], found[semconv.RUN_NAME] = facts.run, facts.run_name
    if facts.error_type is not None:
        found[semconv.ERROR_TYPE] = facts.error_type
    if facts.kind == "llm":
        if facts.agent is not None:
            found[semconv.AGENT_NAME] = facts.agent
        found.update(derived_attributes(attributes, facts.start_ns))
    return {name: _exported_value(name, value, rules) for name, value in found.items() if value is not None}


def _exported_value(name: str, value: Any, rules: SpanRules) -> Any:
    """Return `_exported`, in less time for most values: small numbers, and short texts that are known."""
    kind = type(value)
    if kind is str:
        return (_known_text if len(value) <= _SHORT else _text)(name, value, rules.redact)
    if kind is int and -_SMALL < value < _SMALL:
        return value
    return _exported(name, value, rules)


def span_name(name: str, rules: SpanRules) -> str:
    """Return the exported form of a span's `name`."""
    return _as_wire(rewritten_url(name, rules.redact))


def span_description(failure: Failure | None, rules: SpanRules) -> str:
    """Return the description of a failed span's status: the error's message, "" unless content is exported."""
    return _as_wire(rules.redact(failure.message)) if failure is not None and rules.content else ""


def _exported(name: str, value: Any, rules: SpanRules) -> Any:
    """Return `value` as OTLP can hold it and receivers can query it; anything nested as JSON."""
    if isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if -(1 << _WORD_BITS) <= value < 1 << _WORD_BITS else str(value)
    if isinstance(value, str):
        return _text(name, value, rules.redact)
    if isinstance(value, list | tuple) and len({type(each) for each in value}) <= 1:
        parts = [_exported_value("", each, rules) for each in value]
        if not any(isinstance(each, list | tuple | Mapping) for each in value):
            return parts
    redacted = rewritten_value(_with_text_keys(value), rules.redact)
    return _as_wire(json.dumps(redacted, ensure_ascii=False, separators=(",", ":"), default=_plain(rules)))


def _text(name: str, value: str, redact: Callable[[str], str]) -> str:
    return _as_wire(rewritten_attribute(name, value, redact))


_known_text = lru_cache(maxsize=2048)(_text)
"""Most texts of a span, such as models and addresses, are those of the spans before."""


def _with_text_keys(value: Any) -> Any:
    """Return `value` with texts for the keys of its objects, since JSON has no others."""
    if isinstance(value, Mapping):
        return {str(name): _with_text_keys(item) for name, item in value.items()}
    return [_with_text_keys(item) for item in value] if isinstance(value, list | tuple) else value


def _plain(rules: SpanRules) -> Callable[[Any], str]:
    """Return what stands for a value that JSON cannot hold."""
    return lambda value: rules.redact(str(value))


def _as_wire(text: str) -> str:
    """Return `text` with the escape of each half of a surrogate pair, which the wire cannot hold."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
