"""A run's tree as rows."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from tracekit.analysis.earlier import Practice
from tracekit.analysis.facts import Facts
from tracekit.analysis.new_messages import messages_of
from tracekit.model.columns import RowColumn, columns_of
from tracekit.model.summary import RunSummary
from tracekit.model.tree import Run
from tracekit.rules.default import count_likely, default_findings
from tracekit.store.rows import File, FindingRow, Fit, MessageRow, PracticeRow, RunRows
from tracekit.store.span_row import SpanRow, placed

__all__ = ["rows_of"]

T = TypeVar("T")

_MOST = (1 << 63) - 1
_LONGEST_TEXT = 100_000
"""Characters of a text that the store keeps: it holds thousands of rows in memory. The journal has the rest."""
_LONGEST_PART = 10_000
"""Characters of a text within a JSON value that would be longer than that."""


class _Fit(Fit):
    """Makes values fit the tables, and remembers if one had to be changed.

    Journals are read from the disk, where anything may stand: a half of a surrogate pair, a number beyond 64 bits.
    """

    __slots__ = ()

    def text(self, text: str) -> str:
        if len(text) > _LONGEST_TEXT:
            self.exact = False
            text = _cut(text, _LONGEST_TEXT)
        if text.isascii():
            return text
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            self.exact = False
            return text.encode("utf-8", "replace").decode("utf-8")
        return text

    def number(self, number: int) -> int:
        if -_MOST <= number <= _MOST:
            return number
        self.exact = False
        return max(-_MOST, min(_MOST, number))

    def json(self, value: Any) -> str:
        try:
            text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
            if len(text) <= _LONGEST_TEXT:
                return self.text(text)
            value = _shortened(value)
        except (TypeError, ValueError, RecursionError):
            self.exact = False
        try:
            text = json.dumps(_finite(value), ensure_ascii=False, default=str, allow_nan=False)
            self.exact = False
            return self.text(text) if len(text) <= _LONGEST_TEXT else "{}"
        except (ValueError, RecursionError):
            return "{}"

    def row(self, cls: type[T], source: Any) -> T:
        """Return the row of `source`, with each value converted to the type of its column."""
        return cls(*(self.value(column, column.get(source)) for column in columns_of(cls)))

    def value(self, column: RowColumn, value: Any) -> Any:
        if value is None:
            return None
        if column.holds_json:
            return self.json(value)
        return self.text(value) if column.type is str else self.number(value) if column.type is int else value


def _cut(text: str, most: int) -> str:
    return f"{text[:most]} … {len(text) - most} more characters"


def _shortened(value: Any) -> Any:
    """`value` with its long texts cut."""
    if isinstance(value, dict):
        return {str(name): _shortened(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_shortened(item) for item in value]
    return _cut(value, _LONGEST_PART) if isinstance(value, str) and len(value) > _LONGEST_PART else value


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _finite(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return str(value) if isinstance(value, float) else value


def rows_of(id: str, run: Run, files: Sequence[File], alive: Iterable[str], maker: str, began: float) -> RunRows:
    """Return the rows of `run`, read from the `files` of `id` since the monotonic time `began`."""
    fit = _Fit()
    ids = [node.id for node in run.root.walk()]
    if len(set(ids)) < len(ids):
        fit.exact = False
    # The tree is as exact, whatever its messages say.
    words = _Fit()
    found = default_findings(run)
    return RunRows(
        id,
        files,
        frozenset(alive),
        maker,
        summary=replace(fit.row(RunSummary, run), findings=count_likely(found)),
        spans=(fit.row(SpanRow, each) for each in placed(run)),
        messages=(words.row(MessageRow, each) for each in messages_of(run)),
        findings=[words.row(FindingRow, each) for each in found],
        practices=(_practice(each, words) for each in Facts(run).practices.values()),
        damage=[(fit.text(path), fit.text(said)) for path, said in run.damage],
        unrecorded=[replace(each, caller=fit.text(each.caller), host=fit.text(each.host)) for each in run.unrecorded],
        fit=fit,
        took_s=time.monotonic() - began,
    )


def _practice(practice: Practice, fit: _Fit) -> PracticeRow:
    names = [fit.json(sorted(each)) for each in (practice.offered, practice.called, practice.together)]
    # More names than a row takes: what was not called is not known then.
    is_whole = practice.is_whole and all(text.startswith("[") for text in names)
    name = fit.text(practice.agent.name)
    return PracticeRow(name, practice.agent.prompt, practice.tools, names[0], names[1], names[2], is_whole)
