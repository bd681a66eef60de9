"""The part of TraceQL that the dashboards use: read strictly, and answered from the spans that a program exported.

What is read here has the forms that a real Tempo answered, or that its documentation and its own tests give; all else
is refused, whether or not Tempo would take it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan

Groups = dict[Any, float]

_FIELD = r"(?:(?:span|resource)\.[\w.-]*\w|trace:id|nestedSetParent|duration|status|name)"
_VALUE = r'"[^"]*"|-?\d+(?:\.\d+)?|nil|error|ok|unset'
_CONDITION = re.compile(rf"({_FIELD}) (=|!=|>=|<=|>|<) ({_VALUE})")
_QUERY = re.compile(r"(?P<left>\{[^{}]*\})(?: (?P<relation>>>|<<) (?P<right>\{[^{}]*\}))?(?: \| (?P<stage>.+))?")
_BY = rf"(?: by \((?P<by>{_FIELD})\))?"
_STAGES = (
    re.compile(rf"(?P<function>count_over_time)\((?P<of>)\){_BY}"),
    re.compile(rf"(?P<function>sum_over_time)\((?P<of>{_FIELD})\){_BY}"),
    re.compile(rf"(?P<function>quantile_over_time)\((?P<of>duration)(?:, 0?\.\d+)+\){_BY}"),
    re.compile(rf"(?P<function>select)\((?P<of>{_FIELD}(?:, {_FIELD})*)\)(?P<by>)"),
)
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {"=": eq, "!=": ne, ">": gt, "<": lt, ">=": ge, "<=": le}


@dataclass(frozen=True)
class Spanset:
    """Spans that meet all conditions, or any of them: (field, operator, value), with text in its quotes."""

    conditions: tuple[tuple[str, str, str], ...]
    either: bool = False


@dataclass(frozen=True)
class Query:
    """One query. `right` has the spans that are asked for where there is a `relation`, else `left` has them."""

    left: Spanset
    relation: str
    right: Spanset | None
    function: str
    of: tuple[str, ...]
    by: str

    @property
    def fields(self) -> set[str]:
        """All fields that the query names."""
        sets = [self.left, *([self.right] if self.right else [])]
        named = {field for each in sets for field, _, _ in each.conditions}
        return named | set(self.of) | ({self.by} if self.by else set())


def parse(text: str) -> Query:
    """Read a query. Raises ValueError if it has none of the known forms, or one that Tempo answers with nothing."""
    match = _QUERY.fullmatch(text)
    if match is None:
        raise ValueError(f"not a query: {text}")
    left = _spanset(match["left"])
    right = _spanset(match["right"]) if match["right"] else None
    function, of, by = _stage(match["stage"])
    query = Query(left, match["relation"] or "", right, function, of, by)
    if function == "sum_over_time" and of != ("duration",) and (of[0], "!=", "nil") not in (right or left).conditions:
        raise ValueError(f"the sum is empty as soon as one of the spans lacks {of[0]}: {text}")
    return query


def _spanset(text: str) -> Spanset:
    inner = text[1:-1]
    if not (inner.startswith(" ") and inner.endswith(" ")) or ("&&" in inner and "||" in inner):
        raise ValueError(f"no set of spans: {text}")
    parts = re.split(r" (?:&&|\|\|) ", inner[1:-1])
    matches = [_CONDITION.fullmatch(part) for part in parts]
    conditions = tuple((match[1], match[2], match[3]) for match in matches if match)
    if len(conditions) < len(parts):
        raise ValueError(f"no condition: {parts}")
    return Spanset(conditions, either="||" in inner)


def _stage(text: str | None) -> tuple[str, tuple[str, ...], str]:
    if text is None:
        return "", (), ""
    for stage in _STAGES:
        match = stage.fullmatch(text)
        if match is not None:
            return match["function"], tuple(each for each in match["of"].split(", ") if each), match["by"] or ""
    raise ValueError(f"no stage: {text}")


def matching(query: Query, spans: Sequence[ReadableSpan]) -> list[ReadableSpan]:
    """The spans that the query is about."""
    left = [span for span in spans if _meets(span, query.left)]
    if query.right is None:
        return left
    right = [span for span in spans if _meets(span, query.right)]
    known = {_id(span): span for span in spans}
    if query.relation == ">>":
        return [span for span in right if any(each in left for each in _ancestors(span, known))]
    above = [each for span in left for each in _ancestors(span, known)]
    return [span for span in right if span in above]


def result(query: Query, spans: Sequence[ReadableSpan]) -> Groups:
    """What a count or a sum comes to, by group; without `by`, by None."""
    groups: Groups = defaultdict(float)
    for span in matching(query, spans):
        value = 1.0 if query.function == "count_over_time" else float(_value(span, query.of[0]))
        groups[_value(span, query.by) if query.by else None] += value
    return dict(groups)


def _meets(span: ReadableSpan, spanset: Spanset) -> bool:
    return (any if spanset.either else all)(_holds(_value(span, field), *rest) for field, *rest in spanset.conditions)


def _holds(value: Any, operator: str, text: str) -> bool:
    if text == "nil":
        return (value is not None) == (operator == "!=")
    wanted: Any = text.strip('"') if text[0] in '"eou' else float(text)
    return (
        value is not None and isinstance(value, str) == isinstance(wanted, str) and _OPERATORS[operator](value, wanted)
    )


def _value(span: ReadableSpan, field: str) -> Any:
    match field:
        case "name":
            return span.name
        case "status":
            return span.status.status_code.name.lower()
        case "duration":
            return ((span.end_time or 0) - (span.start_time or 0)) / 1e9
        case "trace:id":
            # Tempo shows and compares ids without leading zeros.
            return f"{_id(span)[0]:x}"
        case "nestedSetParent":
            return -1 if span.parent is None else 1
    scope, _, attribute = field.partition(".")
    return ((span.attributes if scope == "span" else span.resource.attributes) or {}).get(attribute)


def _id(span: ReadableSpan) -> tuple[int, int]:
    assert span.context is not None
    return span.context.trace_id, span.context.span_id


def _ancestors(span: ReadableSpan, known: dict[tuple[int, int], ReadableSpan]) -> list[ReadableSpan]:
    found: list[ReadableSpan] = []
    while span.parent is not None and (span.parent.trace_id, span.parent.span_id) in known:
        span = known[span.parent.trace_id, span.parent.span_id]
        found.append(span)
    return found
