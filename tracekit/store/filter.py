"""The filter of runs: one language for `tracekit ls`, the viewer and Python, as SQL with parameters.

A filter is a list of terms, all of which a run must fit: ``agent:lead cost>0.5 since:7d "rate limit"``. A term without a
key is a part of a name or the beginning of an id.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, get_args

from tracekit.errors import FilterError
from tracekit.formatting import format_list
from tracekit.model.age import AGE_HINT, seconds_of_age
from tracekit.model.summary import OWN_SOURCE
from tracekit.model.tree import Status

__all__ = ["FILTERS", "RunFilter", "parse_filter"]

_TERM = re.compile(r'(?:[^\s"]|"[^"]*"?)+')
_KEYED = re.compile(r"([A-Za-z_]+)(>=|<=|>|<|:|=)(.*)", re.DOTALL)
_AMOUNT = re.compile(r"\$?(\d+(?:\.\d*)?|\.\d+)\s*([A-Za-z]*)")
_BARE = re.compile(r"(>=|<=|!=|>|<|=).*|[A-Za-z_]+!=.*", re.DOTALL)
_MOST_TERMS = 100
"""Each term asks the database a question; a filter that a person types has a few."""


class Condition(NamedTuple):
    """A condition on `run r` in SQL, and the values of its parameters."""

    sql: str
    values: tuple[str | float, ...]


@dataclass(frozen=True, slots=True)
class RunFilter:
    """A parsed filter.

    Attributes:
        conditions: Conditions that a run must all meet; none for a filter that every run fits.
    """

    conditions: tuple[Condition, ...] = ()

    @property
    def sql(self) -> str:
        """The conditions on `run r`, joined with AND."""
        return " AND ".join(f"({each.sql})" for each in self.conditions) or "true"

    @property
    def values(self) -> list[str | float]:
        """The values of the parameters of `sql`, in order."""
        return [value for each in self.conditions for value in each.values]


class _Key(NamedTuple):
    """A key of the language: the comparisons that it takes, and its condition for a comparison and a value."""

    says: str
    is_number: bool
    condition: Callable[[str, str], Condition]


def _contains(column: str) -> str:
    return f"contains(lower({column}), lower(?))"


def _of_run(column: str) -> Callable[[str, str], Condition]:
    return lambda _, value: Condition(_contains(f"r.{column}"), (value,))


def _of_spans(kind: str, column: str) -> Callable[[str, str], Condition]:
    sql = f"r.copy IN (SELECT copy FROM span WHERE kind = '{kind}' AND {_contains(column)})"  # noqa: S608  our own
    return lambda _, value: Condition(sql, (value,))


def _said(_: str, value: str) -> Condition:
    # Attributes are JSON, in which a line break or a quotation mark stands escaped.
    sql = (
        f"r.copy IN (SELECT copy FROM message WHERE {_contains('text')} UNION ALL "  # noqa: S608  our own names
        f"SELECT copy FROM span WHERE kind = 'tool' AND {_contains('attributes')})"
    )
    return Condition(sql, (value, json.dumps(value, ensure_ascii=False)[1:-1]))


def _status(_: str, value: str) -> Condition:
    if not any(each.startswith(value.lower()) for each in get_args(Status)):
        raise FilterError(f"status:{value} matches no status: there are {format_list(get_args(Status))}")
    return Condition("starts_with(r.status, ?)", (value.lower(),))


def _source(_: str, value: str) -> Condition:
    return Condition(f"starts_with(CASE WHEN r.source = '' THEN '{OWN_SOURCE}' ELSE r.source END, lower(?))", (value,))


def _code(_: str, value: str) -> Condition:
    return Condition("r.copy IN (SELECT copy FROM finding WHERE starts_with(code, upper(?)))", (value,))


def _since(_: str, value: str) -> Condition:
    seconds = seconds_of_age(value)
    if seconds is not None:
        return Condition("r.recorded_at_ns >= ?", (time.time_ns() - round(seconds * 1e9),))
    try:
        day = datetime.fromisoformat(value).astimezone()
    except ValueError:
        raise FilterError(f"since:{value} is not a time: give {AGE_HINT}, or a date, as in 2026-11-28") from None
    return Condition("r.recorded_at_ns >= ?", (round(day.timestamp() * 1e9),))


_SUFFIXES: dict[str, dict[str, float]] = {
    "time": {"": 1e9, "ms": 1e6, "s": 1e9, "m": 60e9, "min": 60e9, "h": 3600e9},
    "tokens": {"": 1, "k": 1e3, "m": 1e6},
    "cost": {"": 1},
}


def _number(key: str, sql: str) -> Callable[[str, str], Condition]:
    suffixes = _SUFFIXES.get(key, {"": 1})

    def condition(comparison: str, value: str) -> Condition:
        match = _AMOUNT.fullmatch(value)
        if match is None or match[2].lower() not in suffixes:
            units = format_list([each for each in suffixes if each])
            raise FilterError(f"{value} is not a number for {key}: {_example(key, units)}")
        number = float(match[1]) * suffixes[match[2].lower()]
        return Condition(f"{sql} {'=' if comparison == ':' else comparison} ?", (number,))

    return condition


def _example(key: str, units: str) -> str:
    return f"write {key}>2{f', with the units {units}' if units else ''}"


def _counted(column: str) -> _Key:
    return _Key(f"the number of {column}", is_number=True, condition=_number(column, f"r.{column}"))


FILTERS: dict[str, _Key] = {
    "name": _Key("a part of the run's name", is_number=False, condition=_of_run("name")),
    "agent": _Key("a part of an agent's name", is_number=False, condition=_of_spans("agent", "agent")),
    "model": _Key("a part of a model's name", is_number=False, condition=_of_spans("llm", "model")),
    "tool": _Key("a part of a tool's name", is_number=False, condition=_of_spans("tool", "tool")),
    "status": _Key(format_list(get_args(Status)), is_number=False, condition=_status),
    "code": _Key("the code of a finding, or its beginning: TK1", is_number=False, condition=_code),
    "said": _Key("a text in a message, tool input or tool result", is_number=False, condition=_said),
    "source": _Key("where the run comes from: tracekit, claude-code, otlp", is_number=False, condition=_source),
    "since": _Key("recorded since an age or a date: 7d, 2026-11-28", is_number=False, condition=_since),
    "cost": _Key("the cost in US dollars", is_number=True, condition=_number("cost", "r.cost_usd")),
    "time": _Key(
        "the duration, in s, ms, m or h",
        is_number=True,
        condition=_number("time", "(coalesce(r.end_ns, r.last_ns) - r.start_ns)"),
    ),
    "tokens": _Key(
        "input and output tokens; 20k is 20,000",
        is_number=True,
        condition=_number("tokens", "(r.input_tokens + r.output_tokens)"),
    ),
    **{column: _counted(column) for column in ("retries", "calls", "agents", "findings")},
}
"""The keys of the language, each with its description."""


def parse_filter(text: str) -> RunFilter:
    """Return the filter that `text` means.

    Raises:
        FilterError: A key, a comparison or a value is wrong. The message names what exists.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise FilterError("the filter has bytes that are no UTF-8 text: type it again") from None
    terms = _TERM.findall(text)
    if len(terms) > _MOST_TERMS:
        raise FilterError(f"the filter has {len(terms):,} terms; give at most {_MOST_TERMS}")
    return RunFilter(tuple(_condition(term) for term in terms))


def _condition(term: str) -> Condition:
    match = None if term.startswith('"') else _KEYED.fullmatch(term)
    if match is None:
        if _BARE.fullmatch(term):
            raise FilterError(f'{term} is no filter: write cost>2 without spaces (put "…" around a text); {_keys()}')
        return _named(term.replace('"', ""))
    name, comparison, value = match[1].lower(), match[2], match[3].replace('"', "")
    key = FILTERS.get(name)
    if key is None:
        raise FilterError(f'there is no filter {match[1]}{comparison} (put "…" around a text); {_keys()}')
    if not key.is_number and comparison not in (":", "="):
        raise FilterError(f"{name} takes a colon and a text: {name}:…")
    if comparison in (":", "=") and key.is_number:
        inner = re.match(r">=|<=|>|<", value)
        comparison, value = (inner[0], value[inner.end() :]) if inner else ("=", value)
    if not value:
        raise FilterError(f"{match[1]}{match[2]} has no value: {key.says}")
    return key.condition(comparison, value)


def _keys() -> str:
    texts = [f"{name}:" for name, key in FILTERS.items() if not key.is_number]
    return f"the filters are {format_list([*texts, *(f'{name}>' for name, key in FILTERS.items() if key.is_number)])}"


def _named(word: str) -> Condition:
    """Return the condition that the name of a run, agent, tool or model matches `word`, or the run's id does."""
    named = _contains("CASE kind WHEN 'agent' THEN agent WHEN 'tool' THEN tool WHEN 'llm' THEN model END")
    of_spans = f"r.copy IN (SELECT copy FROM span WHERE {named})"  # noqa: S608  our own names
    return Condition(f"{_contains('r.name')} OR starts_with(r.id, lower(?)) OR {of_spans}", (word, word, word))
