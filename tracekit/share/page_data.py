"""The data of the HTML page: a run as JSON, of which every text is safe to show."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from tracekit import __version__, semconv
from tracekit.analysis.agent_totals import AgentRow, agent_rows
from tracekit.analysis.alike import AlikeNodes
from tracekit.analysis.timing.critical import critical_path
from tracekit.analysis.timing.path_line import path_line
from tracekit.analysis.tree_facts import TreeFacts
from tracekit.model.finding import Finding
from tracekit.model.text import printable
from tracekit.model.tree import Node, Run, Tokens
from tracekit.model.unrecorded import in_words, misses_of
from tracekit.share.page_calls import calls_data, results_in
from tracekit.share.page_changes import changes_data
from tracekit.share.rows import bars_interval, rows_of, title_of, trouble_of
from tracekit.share.safe import safe_text

__all__ = ["page_data"]

_LONGEST_NAME = 200
_OF_CONTENT = frozenset((semconv.TOOL_CALL_ARGUMENTS, semconv.TOOL_CALL_RESULT))


def page_data(run: Run, findings: Sequence[Finding]) -> dict[str, Any]:
    """Return what the page shows of `run`. Times are nanoseconds since the begin of the run."""
    nodes = list(run.root.walk())
    places = {node.id: place for place, node in enumerate(nodes)}
    zero_ns = run.root.start_ns
    start_ns, end_ns = bars_interval(run)
    steps = critical_path(run.root, TreeFacts(run).schedule)
    calls = calls_data(run, places)
    return {
        "run": _run_data(run, findings),
        "axis": [start_ns - zero_ns, end_ns - zero_ns],
        "nodes": list(_nodes_data(nodes, places, run, results_in(calls))),
        "rows": list(_rows_data(run, findings, places, zero_ns)),
        "path": [[places[step.node.id], step.start_ns - zero_ns, step.end_ns - zero_ns] for step in steps],
        "findings": [_finding_data(finding, places) for finding in findings],
        "changes": changes_data(run, findings, places),
        "agents": [_totals_data(row, places) for row in agent_rows(run, run.last_ns)],
        "calls": calls,
    }


def _run_data(run: Run, findings: Sequence[Finding]) -> dict[str, Any]:
    root = run.root
    modes = {segment.content for segment in run.recording.segments} - {"full"}
    notes = [in_words(misses_of(run.unrecorded)) and f"partial: {in_words(misses_of(run.unrecorded))}"]
    notes += [f"{path.rpartition('/')[2]}: {said}" for path, said in run.damage]
    return {
        "id": run.id,
        "name": printable(run.name, most=_LONGEST_NAME),
        "status": run.status,
        "recorded": datetime.fromtimestamp(run.recorded_at_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
        "duration": run.last_ns - root.start_ns,
        "tokens": _tokens_data(root.tokens),
        "cost": root.cost_usd,
        "costComplete": root.cost_complete,
        "retries": root.retries,
        "agents": run.count("agent"),
        "calls": run.count("llm"),
        "replay": run.replay,
        "replayOf": run.replay_of and printable(run.replay_of),
        "content": printable(next(iter(sorted(modes)), "full")),
        "pathLine": path_line(run, findings),
        "notes": [printable(note) for note in notes if note],
        "version": __version__,
    }


def _tokens_data(tokens: Tokens) -> list[int]:
    """Return input, output, cache read, cache write, and 1 where the output is the least that there was."""
    return [tokens.input, tokens.output, tokens.cache_read, tokens.cache_write, int(tokens.is_partial)]


def _nodes_data(
    nodes: Sequence[Node], places: Mapping[str, int], run: Run, results: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    """Yield each node, parents first, without the fields that have their usual values.

    `results` are the texts of tool results that stand in conversations; they are not repeated.
    """
    zero_ns, last_ns = run.root.start_ns, run.last_ns
    parents = {child.id: places[node.id] for node in nodes for child in node.children}
    turns: dict[int, int] = {}
    for node in nodes:
        parent = parents.get(node.id, -1)
        turns[parent] = turns.get(parent, 0) + (node.kind == "turn")
        shown: dict[str, Any] = {
            "id": node.id,
            "kind": node.kind,
            "parent": parent,
            "title": title_of(node, turns[parent]),
            "start": node.start_ns - zero_ns,
            "end": max(node.start_ns, last_ns if node.end_ns is None else node.end_ns) - zero_ns,
            "status": node.status,
            "trouble": trouble_of(node),
            "inferred": node.inferred,
            "model": node.model and printable(node.model, most=_LONGEST_NAME),
            "retries": node.retries,
            "attributes": _attributes_data(node, results),
        }
        if node.kind != "attempt" and (node.tokens.input or node.tokens.output):
            shown["tokens"] = _tokens_data(node.tokens)
        if node.cost_usd is not None:
            shown["cost"], shown["costPartial"] = node.cost_usd, not node.cost_complete
        if node.failure is not None:
            shown["error"] = safe_text(f"{node.failure.type}: {node.failure.message}".removesuffix(": "))
        if isinstance(node.attributes.get(semconv.TOOL_CALL_ID), str):
            shown["call"] = printable(node.attributes[semconv.TOOL_CALL_ID])
        yield {key: value for key, value in shown.items() if value or key in ("start", "end", "parent", "cost")}


def _attributes_data(node: Node, results: Mapping[str, str]) -> list[list[str]]:
    """Return names and values as text; JSON of a tool's arguments and result is indented."""
    shown = [[printable(name), _value_text(name, value)] for name, value in node.attributes.items()]
    known = results.get(printable(str(node.attributes.get(semconv.TOOL_CALL_ID, ""))))
    return [each for each in shown if each[0] != semconv.TOOL_CALL_RESULT or each[1] != known]


def _value_text(name: str, value: Any) -> str:
    if isinstance(value, str):
        return safe_text(value)
    return safe_text(json.dumps(value, ensure_ascii=False, default=str, indent=2 if name in _OF_CONTENT else None))


def _rows_data(
    run: Run, findings: Sequence[Finding], places: Mapping[str, int], zero_ns: int
) -> Iterator[dict[str, Any]]:
    for row in rows_of(run, findings, members=True):
        node = row.node
        shown: dict[str, Any] = {"depth": row.depth, "title": row.title, "aside": row.aside, "trouble": row.trouble}
        shown["codes"] = list(row.codes)
        if isinstance(node, AlikeNodes):
            shown["nodes"] = []
            shown["group"] = {
                "kind": node.kind,
                "start": node.start_ns - zero_ns,
                "end": max(node.start_ns, run.last_ns if node.end_ns is None else node.end_ns) - zero_ns,
                "tokens": _tokens_data(node.tokens),
                "cost": node.cost_usd,
                "members": [places[child.id] for child in node.children],
            }
        else:
            shown["nodes"] = [places[each.id] for each in row.nodes]
        yield {key: value for key, value in shown.items() if value or key in ("depth", "nodes")}


def _finding_data(finding: Finding, places: Mapping[str, int]) -> dict[str, Any]:
    return {
        "code": finding.code,
        "rule": finding.rule,
        "confidence": finding.confidence,
        "message": printable(finding.message),
        "evidence": [printable(each) for each in finding.evidence],
        "nodes": [places[span] for span in finding.spans if span in places],
        "savedMs": finding.saved_ms,
        "savedUsd": finding.saved_usd,
        "remedy": printable(finding.remedy),
    }


def _totals_data(row: AgentRow, places: Mapping[str, int]) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "name": printable(row.name, most=_LONGEST_NAME),
        "nodes": [places[id] for id in row.ids],
        "calls": row.calls,
        "time": row.time_ns,
        "self": row.self_ns,
        "path": row.path,
        "tokens": _tokens_data(row.tokens),
        "cost": row.cost_usd,
        "costComplete": row.cost_complete,
        "retries": row.retries,
    }
