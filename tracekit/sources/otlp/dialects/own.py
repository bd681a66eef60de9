"""Spans that tracekit exported: each names its level, and nothing about it is concluded anew."""

from __future__ import annotations

from typing import get_args

from tracekit import semconv
from tracekit.model.events import Kind
from tracekit.sources.otlp.dialects.table import Dialect, SpanLevel
from tracekit.sources.otlp.span import SourceSpan

__all__ = ["OWN"]

_KINDS: tuple[Kind, ...] = get_args(Kind)


def _level(span: SourceSpan) -> SpanLevel | None:
    return next((kind for kind in _KINDS if kind == span.attributes.get(semconv.KIND)), "span")


OWN = Dialect("tracekit", (semconv.TRACEKIT_SCOPE,), (semconv.KIND,), _level, cache="inside")
