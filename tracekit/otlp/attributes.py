"""The exported form of a recorded span: names and attributes by the conventions, without content that may not be exported."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tracekit import semconv
from tracekit.cost import derived_attributes
from tracekit.otlp.content import messages_of
from tracekit.otlp.told import Rules, Told, Wired, span_id_of
from tracekit.privacy.texts import URL_ATTRIBUTES, rewritten_url

__all__ = ["wired"]


def wired(told: Told, rules: Rules) -> Wired:
    """The span as it is sent. A span that the SDK started keeps the SDK's scope."""
    is_sdks = semconv.PROVIDER_NAME in told.attributes
    failure = told.failure
    attributes = _attributes(told, rules)
    return Wired(
        told.trace,
        span_id_of(told.id),
        span_id_of(told.parent) if told.parent else None,
        _text(rewritten_url(told.name, rules.redact), rules),
        told.kind in ("llm", "attempt") or (is_sdks and told.kind == "span"),
        semconv.SDK_SCOPE_PREFIX if is_sdks else semconv.TRACEKIT_SCOPE,
        told.start_ns,
        max(told.end_ns, told.start_ns),
        failure is not None,
        _text(failure.message, rules) if failure is not None and rules.content else "",
        attributes,
    )


def _attributes(told: Told, rules: Rules) -> dict[str, Any]:
    found = rules.allowed(told.attributes)
    found[semconv.KIND] = told.kind
    found[semconv.RUN_ID] = told.run
    found[semconv.RUN_NAME] = told.run_name
    if told.failure is not None:
        found[semconv.ERROR_TYPE] = told.failure.type
    if told.kind == "llm":
        found.update(derived_attributes(told.attributes, told.start_ns))
        if rules.content and told.exchange is not None:
            found = {**messages_of(told.exchange), **found}
    return {name: _named(name, value, rules) for name, value in found.items() if value is not None}


def _named(name: str, value: Any, rules: Rules) -> Any:
    if name in URL_ATTRIBUTES and isinstance(value, str):
        value = rewritten_url(value, rules.redact)
    return _value(value, rules)


def _value(value: Any, rules: Rules) -> Any:
    """`value` as OTLP can hold it and receivers can query it; anything nested as JSON."""
    if isinstance(value, str):
        return _text(value, rules)
    if isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if -(1 << 63) <= value < 1 << 63 else str(value)
    if isinstance(value, list | tuple) and len({type(each) for each in value}) <= 1:
        parts = [_value(each, rules) for each in value]
        if not any(isinstance(each, list | tuple | Mapping) for each in value):
            return parts
    return json.dumps(_redacted(value, rules), ensure_ascii=False, separators=(",", ":"), default=str)


def _redacted(value: Any, rules: Rules) -> Any:
    if isinstance(value, str):
        return _text(value, rules)
    if isinstance(value, list | tuple):
        return [_redacted(each, rules) for each in value]
    if isinstance(value, Mapping):
        return {_text(str(name), rules): _redacted(each, rules) for name, each in value.items()}
    return value


def _text(text: str, rules: Rules) -> str:
    """`text` after redaction. Half of a surrogate pair, which the wire cannot hold, becomes its escape."""
    return rules.redact(text).encode("utf-8", "backslashreplace").decode("utf-8")
