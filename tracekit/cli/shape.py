"""The JSON of `show` and `ls`. Scripts depend on it: names and types stay as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tracekit.analysis.facts import Facts
from tracekit.analysis.timing.critical import Margin, Step, critical_path, margins
from tracekit.cli.missed import missed_json
from tracekit.model.finding import Finding, is_at_least
from tracekit.model.summary import RunSummary, summary_of
from tracekit.model.tree import Node, Run, Tokens

__all__ = ["codes_by_span", "node_json", "run_json", "show_json"]


def show_json(run: Run, findings: Sequence[Finding] = ()) -> dict[str, Any]:
    """What `tracekit show --format json` prints; of `findings`, those that are likely or certain."""
    grave = [finding for finding in findings if is_at_least(finding.confidence, "likely")]
    schedule = Facts(run).schedule
    return {
        "run": run_json(summary_of(run, len(grave))),
        "unrecorded": missed_json(run.recording.unrecorded),
        "critical_path": [_step_json(step) for step in critical_path(run.root, schedule)],
        "root": node_json(run.root, codes_by_span(grave), margins(run.root, schedule)),
    }


def codes_by_span(findings: Sequence[Finding]) -> dict[str, list[str]]:
    """The codes of the `findings` about each span, by its id."""
    codes: dict[str, list[str]] = {}
    for finding in findings:
        for span in finding.spans:
            known = codes.setdefault(span, [])
            if finding.code not in known:
                known.append(finding.code)
    return codes


def run_json(run: RunSummary) -> dict[str, Any]:
    """A run as `ls` lists it. Times are nanoseconds since the epoch; an open or interrupted run has no end."""
    return {
        "id": run.id,
        "name": run.name,
        "recorded_at_ns": run.recorded_at_ns,
        "start_ns": run.start_ns,
        "end_ns": run.end_ns,
        "duration_ms": round(run.duration_ns / 1e6, 3),
        "status": run.status,
        "tokens": _tokens_json(run.tokens),
        "cost_usd": _usd(run.cost_usd),
        "cost_complete": run.cost_complete,
        "agents": run.agents,
        "calls": run.calls,
        "retries": run.retries,
        "findings": run.findings,
        "replay_of": run.replay_of,
        "replay": run.replay,
    }


def _step_json(step: Step) -> dict[str, Any]:
    """A part of the critical path: the span that decided it, the name of the agent around it, and when it was."""
    return {
        "id": step.node.id,
        "agent": None if step.agent is None else step.agent.agent,
        "start_ns": step.start_ns,
        "end_ns": step.end_ns,
    }


def node_json(node: Node, findings: Mapping[str, list[str]], margins: Mapping[str, Margin]) -> dict[str, Any]:
    """A node and all below it; `tokens` and `retries` are totals of the subtree.

    `findings` are codes by span, `margins` the slack and the drag of each span.
    """
    shaped: dict[int, dict[str, Any]] = {}
    for each in reversed(list(node.walk())):
        shaped[id(each)] = {
            "id": each.id,
            "kind": each.kind,
            "name": each.name,
            "agent": each.agent,
            "start_ns": each.start_ns,
            "end_ns": each.end_ns,
            "slack_ns": margins[each.id].slack_ns,
            "drag_ns": margins[each.id].drag_ns,
            "status": each.status,
            "inferred": each.inferred,
            "model": each.model,
            "tokens": _tokens_json(each.tokens),
            "cost_usd": _usd(each.cost_usd),
            "retries": each.retries,
            "findings": list(findings.get(each.id, [])),
            "attributes": _attributes_json(each),
            "children": [shaped.pop(id(child)) for child in each.children],
        }
    return shaped[id(node)]


def _attributes_json(node: Node) -> dict[str, Any]:
    attributes = dict(node.attributes)
    if node.failure is not None:
        attributes["error.type"] = node.failure.type
        if node.failure.message:
            attributes["error.message"] = node.failure.message
    return attributes


def _usd(cost: float | None) -> float | None:
    """A cost without the digits that adding fractions leaves; prices have far fewer."""
    return None if cost is None else round(cost, 10)


def _tokens_json(tokens: Tokens) -> dict[str, int]:
    return {
        "input": tokens.input,
        "output": tokens.output,
        "cache_read": tokens.cache_read,
        "cache_write": tokens.cache_write,
    }
