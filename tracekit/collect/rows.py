"""A run's tree as rows."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

from tracekit import semconv
from tracekit.analysis.earlier import Practice
from tracekit.analysis.facts import Facts
from tracekit.collect.said import messages_of
from tracekit.model.finding import Finding
from tracekit.model.summary import RunSummary, summary_of
from tracekit.model.tree import Node, Run
from tracekit.rules.default import default_findings, grave
from tracekit.store.rows import File, FindingRow, Fit, MessageRow, PracticeRow, RunRows, SpanRow

__all__ = ["rows_of"]

_MOST = (1 << 63) - 1
_LONGEST_TEXT = 100_000
"""Characters of a text that the store takes: it has some thousands of rows in memory at once. The journal has the rest."""
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
    """The rows of `run`, which was read from the `files` of `id` from the monotonic time `began` on."""
    fit = _Fit()
    ids = [node.id for node in run.root.walk()]
    if len(set(ids)) < len(ids):
        fit.exact = False
    # The tree is as exact, whatever its messages say.
    words = _Fit()
    messages = (_message(row, words) for row in messages_of(run))
    damage = [(fit.text(segment.path), fit.text(said)) for segment in run.recording.segments for said in segment.damage]
    found = default_findings(run)
    findings = [_finding(finding, words) for finding in found]
    summary = _summary(summary_of(run, grave(found)), fit)
    took_s = time.monotonic() - began
    alive = frozenset(alive)
    spans = _spans(run, fit)
    practices = (_practice(practice, words) for practice in Facts(run).practices.values())
    return RunRows(
        id, files, alive, maker, took_s, summary, len(ids), spans, messages, findings, practices, damage, fit
    )


def _summary(summary: RunSummary, fit: _Fit) -> RunSummary:
    return replace(
        summary,
        name=fit.text(summary.name),
        recorded_at_ns=fit.number(summary.recorded_at_ns),
        start_ns=fit.number(summary.start_ns),
        end_ns=None if summary.end_ns is None else fit.number(summary.end_ns),
        last_ns=fit.number(summary.last_ns),
    )


def _finding(finding: Finding, fit: _Fit) -> FindingRow:
    return FindingRow(
        finding.code,
        finding.rule,
        finding.confidence,
        fit.text(finding.message),
        fit.json(list(finding.evidence)),
        fit.json(list(finding.spans)),
        finding.saved_ms,
        finding.saved_usd,
        fit.text(finding.remedy),
    )


def _practice(practice: Practice, fit: _Fit) -> PracticeRow:
    names = [fit.json(sorted(each)) for each in (practice.offered, practice.called, practice.together)]
    # More names than a row takes: what was not called is not known then.
    is_whole = practice.is_whole and all(text.startswith("[") for text in names)
    name = fit.text(practice.agent.name)
    return PracticeRow(name, practice.agent.prompt, practice.tools, names[0], names[1], names[2], is_whole)


def _message(row: MessageRow, fit: _Fit) -> MessageRow:
    return row._replace(
        role=fit.text(row.role),
        block=fit.text(row.block),
        text=None if row.text is None else fit.text(row.text),
        tool=None if row.tool is None else fit.text(row.tool),
        tool_call_id=None if row.tool_call_id is None else fit.text(row.tool_call_id),
    )


def _spans(run: Run, fit: _Fit) -> Iterator[SpanRow]:
    positions = count()
    stack: list[tuple[Node, Node | None, int, Node | None, int | None]] = [(run.root, None, 0, None, None)]
    while stack:
        node, parent, depth, agent, number = stack.pop()
        if node.kind == "agent":
            agent = node
        yield _span(node, parent, next(positions), depth, agent, number, fit)
        attempts = sum(child.kind == "attempt" for child in node.children)
        for child in reversed(node.children):
            number = attempts if child.kind == "attempt" else None
            attempts -= child.kind == "attempt"
            stack.append((child, node, depth + 1, agent, number))


def _span(
    node: Node, parent: Node | None, position: int, depth: int, agent: Node | None, number: int | None, fit: _Fit
) -> SpanRow:
    attributes = node.attributes
    is_tool, is_attempt = node.kind == "tool", node.kind == "attempt"
    wait = attributes.get(semconv.WAIT_MS) if is_attempt else None
    status = attributes.get(semconv.HTTP_STATUS) if is_attempt else None
    return SpanRow(
        position,
        depth,
        node.id,
        None if parent is None else parent.id,
        node.kind,
        fit.text(node.name),
        None if agent is None else fit.text(agent.agent or ""),
        None if agent is None else agent.id,
        None if node.model is None else fit.text(node.model),
        fit.text(node.lane),
        node.status,
        None if node.failure is None else fit.text(node.failure.type),
        None if node.failure is None else fit.text(node.failure.message),
        node.inferred,
        fit.number(node.start_ns),
        None if node.end_ns is None else fit.number(node.end_ns),
        fit.number(node.tokens.input),
        fit.number(node.tokens.output),
        fit.number(node.tokens.cache_read),
        fit.number(node.tokens.cache_write),
        node.cost_usd,
        node.cost_complete,
        node.retries,
        _word(attributes, semconv.STOP_REASON, fit),
        _word(attributes, semconv.OUTCOME, fit),
        number,
        fit.number(status) if isinstance(status, int) else None,
        float(wait) if isinstance(wait, (int, float)) else None,
        _word(attributes, semconv.REQUEST_ID, fit) if is_attempt else None,
        _word(attributes, semconv.TOOL_NAME, fit) or fit.text(node.name) if is_tool else None,
        _word(attributes, semconv.TOOL_CALL_ID, fit) if is_tool else None,
        fit.json(attributes) if attributes else "{}",
    )


def _word(attributes: Any, name: str, fit: _Fit) -> str | None:
    value = attributes.get(name)
    return None if value is None else fit.text(str(value))
