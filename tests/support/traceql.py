"""The part of TraceQL that the dashboards use, and its structural operators: read strictly, and answered as Tempo does.

The forms are those that a real Tempo answered, or that its documentation and its own tests give; everything else is
refused, even if Tempo would take it. Spans are answered from the pieces that Tempo cuts a trace into.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import eq, ge, gt, le, lt, ne
from statistics import fmean
from typing import Any

from tests.support.collector import Received

__all__ = ["IDLE_S", "LIVE_S", "Groups", "Query", "Trace", "listed", "matching", "parse", "pieces", "result"]

Groups = dict[Any, float]
"""By the value of the attribute that a query groups by, or by the tuple of them: a number."""

IDLE_S, LIVE_S = 5.0, 30.0
"""Tempo cuts a trace after so many seconds without a span of it, and after so many in all."""

_FIELD = r"(?:(?:span|resource)\.[\w.-]*\w|trace:id|instrumentation:name|nestedSetParent|duration|status|name)"
_FIELDS = rf"{_FIELD}(?:, {_FIELD})*"
_VALUE = r'"[^"]*"|-?\d+(?:\.\d+)?|nil|error|ok|unset'
_CONDITION = re.compile(rf"({_FIELD}) (=|!=|>=|<=|>|<) ({_VALUE})")
_QUERY = re.compile(r"(?P<left>\{[^{}]*\})(?: (?P<relation>>>|<<) (?P<right>\{[^{}]*\}))?(?: \| (?P<stage>.+))?")
_BY = rf"(?: by \((?P<by>{_FIELDS})\))?(?: \| topk\(\d+\))?"
_STAGES = (
    re.compile(rf"(?P<function>count_over_time)\((?P<of>)\){_BY}"),
    re.compile(rf"(?P<function>sum_over_time)\((?P<of>{_FIELD})\){_BY}"),
    re.compile(rf"(?P<function>avg_over_time|max_over_time)\((?P<of>duration)\){_BY}"),
    re.compile(rf"(?P<function>quantile_over_time)\((?P<of>duration)(?:, 0?\.\d+)+\){_BY}"),
    re.compile(rf"(?P<each>by\(span:id\) \| )?(?P<function>select)\((?P<of>{_FIELDS})\)(?P<by>)"),
)
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {"=": eq, "!=": ne, ">": gt, "<": lt, ">=": ge, "<=": le}

_REDUCERS: dict[str, Callable[[list[float]], float]] = {"avg_over_time": fmean, "max_over_time": max}

Condition = tuple[str, str, str]
"""A field, an operator and a value, text in its quotes."""


@dataclass(frozen=True)
class Spanset:
    """Spans that meet one condition of each group."""

    groups: tuple[tuple[Condition, ...], ...]


@dataclass(frozen=True)
class Query:
    """One query. `right` has the spans that are asked for where there is a `relation`, else `left` has them.

    A search makes a set of `each` span, or one of all.
    """

    left: Spanset
    relation: str
    right: Spanset | None
    function: str
    of: tuple[str, ...]
    by: tuple[str, ...]
    each: bool = False

    @property
    def fields(self) -> set[str]:
        """The fields that the query names."""
        sets = [self.left, *([self.right] if self.right else [])]
        named = {field for each in sets for group in each.groups for field, _, _ in group}
        return named | set(self.of) | set(self.by)


@dataclass
class Trace:
    """A piece of a trace: its spans, and its root, from which Tempo numbers the others."""

    spans: list[Received] = field(default_factory=list)

    def ancestors(self, span: Received) -> list[Received]:
        """The spans above `span` in this piece; none unless they lead to the root."""
        known = {each.id: each for each in self.spans}
        found: list[Received] = []
        while span.parent:
            if span.parent not in known:
                return []
            span = known[span.parent]
            found.append(span)
        return found


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def parse(text: str) -> Query:
    """Read a query. Raises ValueError if it has none of the known forms, or one that Tempo answers with nothing."""
    match = _QUERY.fullmatch(text)
    if match is None:
        raise ValueError(f"not a query: {text}")
    left = _spanset(match["left"])
    right = _spanset(match["right"]) if match["right"] else None
    function, of, by = _stage(match["stage"])
    query = Query(left, match["relation"] or "", right, function, of, by, " | by(span:id) | " in text)
    if function == "sum_over_time" and of != ("duration",) and ((of[0], "!=", "nil"),) not in (right or left).groups:
        raise ValueError(f"the sum is empty as soon as one of the spans lacks {of[0]}: {text}")
    return query


def _spanset(text: str) -> Spanset:
    inner = text[1:-1]
    if not (inner.startswith(" ") and inner.endswith(" ")):
        raise ValueError(f"no set of spans: {text}")
    return Spanset(tuple(_group(part) for part in inner[1:-1].split(" && ")))


def _group(text: str) -> tuple[Condition, ...]:
    is_group = text.startswith("(") and text.endswith(")")
    parts = text[1:-1].split(" || ") if is_group else [text]
    matches = [_CONDITION.fullmatch(part) for part in parts]
    conditions = tuple((match[1], match[2], match[3]) for match in matches if match)
    if len(conditions) < len(parts):
        raise ValueError(f"no condition: {parts}")
    return conditions


def _stage(text: str | None) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    if text is None:
        return "", (), ()
    for stage in _STAGES:
        match = stage.fullmatch(text)
        if match is not None:
            return match["function"], _names(match["of"]), _names(match["by"] or "")
    raise ValueError(f"no stage: {text}")


def _names(text: str) -> tuple[str, ...]:
    return tuple(each for each in text.split(", ") if each)


# ── answering ────────────────────────────────────────────────────────────────────────────────────────────────────────


def pieces(spans: Sequence[Received]) -> list[Trace]:
    """Cut the traces of `spans` as Tempo does, which gets each span when it ends."""
    found: list[Trace] = []
    open_pieces: dict[str, tuple[Trace, int, int]] = {}
    for span in sorted(spans, key=lambda span: span.end_ns):
        piece, first, last = open_pieces.get(span.trace, (None, 0, 0))
        if piece is None or span.end_ns - last > IDLE_S * 1e9 or span.end_ns - first > LIVE_S * 1e9:
            piece, first = Trace(), span.end_ns
            found.append(piece)
        piece.spans.append(span)
        open_pieces[span.trace] = piece, first, span.end_ns
    return found


def matching(query: Query, traces: Sequence[Trace]) -> list[Received]:
    """The spans that the query is about, each piece of a trace for itself."""
    return [span for trace in traces for span in _in_piece(query, trace)]


def listed(query: Query, traces: Sequence[Trace]) -> list[Received]:
    """Return the spans that a search lists: for each trace, the spans of the piece with most.

    With `query.each`, all matching spans are listed.
    """
    if query.each:
        return matching(query, traces)
    best: dict[str, list[Received]] = {}
    for trace in traces:
        found = _in_piece(query, trace)
        if found and len(found) > len(best.get(found[0].trace, ())):
            best[found[0].trace] = found
    return [span for found in best.values() for span in found]


def result(query: Query, traces: Sequence[Trace]) -> Groups:
    """Return the number that a metrics query comes to, by group; without `by`, by None."""
    values: dict[Any, list[float]] = defaultdict(list)
    for span in matching(query, traces):
        key = tuple(_value(span, each) for each in query.by)
        value = 1.0 if query.function == "count_over_time" else float(_value(span, query.of[0]))
        values[key if len(key) > 1 else key[0] if key else None].append(value)
    reduce = _REDUCERS.get(query.function, sum)
    return {key: reduce(each) for key, each in values.items()}


def _in_piece(query: Query, trace: Trace) -> list[Received]:
    left = [span for span in trace.spans if _meets(span, query.left)]
    if query.right is None:
        return left
    right = [span for span in trace.spans if _meets(span, query.right)]
    if query.relation == ">>":
        return [span for span in right if any(each in left for each in trace.ancestors(span))]
    above = [each for span in left for each in trace.ancestors(span)]
    return [span for span in right if span in above]


def _meets(span: Received, spanset: Spanset) -> bool:
    return all(any(_holds(_value(span, field), *rest) for field, *rest in group) for group in spanset.groups)


def _holds(value: Any, operator: str, text: str) -> bool:
    if text == "nil":
        return (value is not None) == (operator == "!=")
    wanted: Any = text.strip('"') if text[0] in '"eou' else float(text)
    return (
        value is not None and isinstance(value, str) == isinstance(wanted, str) and _OPERATORS[operator](value, wanted)
    )


def _value(span: Received, field: str) -> Any:
    match field:
        case "name":
            return span.name
        case "status":
            return span.status.removeprefix("STATUS_CODE_").lower()
        case "duration":
            return (span.end_ns - span.start_ns) / 1e9
        case "instrumentation:name":
            return span.scope
        case "trace:id":
            # Tempo shows and compares ids without leading zeros.
            return span.trace.lstrip("0")
        case "nestedSetParent":
            return 1 if span.parent else -1
    scope, _, attribute = field.partition(".")
    return (span.attributes if scope == "span" else span.resource).get(attribute)
