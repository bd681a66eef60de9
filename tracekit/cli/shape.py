"""The JSON of `show` and `ls`. Scripts depend on it: names and types stay as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tracekit.analysis.timing.critical import CriticalStep, Margin, critical_path, margins
from tracekit.analysis.tree_facts import TreeFacts
from tracekit.cli.missed import missed_json
from tracekit.model.columns import columns_of, json_of
from tracekit.model.finding import Finding, codes_by_span, likely_of
from tracekit.model.summary import RunSummary, summary_of
from tracekit.model.tree import Node, RunTree, Tokens
from tracekit.store.span_row import PlacedNode, SpanRow

__all__ = ["node_json", "run_json", "show_json"]


def show_json(run: RunTree, findings: Sequence[Finding] = ()) -> dict[str, Any]:
    """Return the JSON of `tracekit show --format json`; of `findings`, those that are likely or certain."""
    likely = likely_of(findings)
    schedule = TreeFacts(run).schedule
    return {
        "run": run_json(summary_of(run, len(likely))),
        "unrecorded": missed_json(run.unrecorded),
        "critical_path": [_step_json(step) for step in critical_path(run.root, schedule)],
        "root": node_json(run.root, codes_by_span(likely), margins(run.root, schedule)),
    }


_RUN_KEYS = ("id", "name", "recorded_at_ns", "start_ns", "end_ns", "duration_ms", "status", "tokens", "cost_usd",
             "cost_complete", "agents", "calls", "retries", "findings", "replay_of", "replay")  # fmt: skip
"""The keys of a run in the order that scripts know; a new column follows them."""

_SPAN_KEYS = ("id", "kind", "name", "agent", "start_ns", "end_ns", "slack_ns", "drag_ns", "status", "inferred", "model",
              "tokens", "cost_usd", "retries")  # fmt: skip
"""The same for a span; findings, attributes and children are the last."""


def run_json(run: RunSummary) -> dict[str, Any]:
    """Return the JSON of a run as `ls` lists it. Times are nanoseconds since the epoch.

    An open or interrupted run has no end.
    """
    shaped = json_of(columns_of(RunSummary), lambda column: _plain(getattr(run, column.name)))
    _leave_unknown(shaped, run.tokens)
    return _in_order({**shaped, "duration_ms": round(run.duration_ns / 1e6, 3)}, _RUN_KEYS)


def _in_order(shaped: dict[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    return {key: shaped[key] for key in dict.fromkeys((*keys, *shaped))}


def _step_json(step: CriticalStep) -> dict[str, Any]:
    """Return the JSON of a part of the critical path: the deciding span, the agent around it, and its times."""
    return {
        "id": step.node.id,
        "agent": None if step.agent is None else step.agent.agent,
        "start_ns": step.start_ns,
        "end_ns": step.end_ns,
    }


def node_json(node: Node, findings: Mapping[str, list[str]], margins: Mapping[str, Margin]) -> dict[str, Any]:
    """Return the JSON of a node and all below it; `tokens` and `retries` are totals of the subtree.

    `findings` are codes by span, `margins` the slack and the drag of each span.
    """
    shaped: dict[int, dict[str, Any]] = {}
    for each in reversed(list(node.walk())):
        margin = margins[each.id]
        own = {"agent": each.agent, "slack_ns": margin.slack_ns, "drag_ns": margin.drag_ns}
        shaped[id(each)] = {
            **_in_order({**_columns_json(PlacedNode(each)), **own}, _SPAN_KEYS),
            "findings": list(findings.get(each.id, [])),
            "attributes": _attributes_json(each),
            "children": [shaped.pop(id(child)) for child in each.children],
        }
    return shaped[id(node)]


def _plain(value: Any) -> Any:
    """Return `value`; a fraction without the digits that adding leaves, which prices do not have."""
    return round(value, 10) if isinstance(value, float) else value


def _columns_json(at: PlacedNode) -> dict[str, Any]:
    shaped = json_of(columns_of(SpanRow), lambda column: _plain(column.get(at)))
    _leave_unknown(shaped, at.node.tokens)
    return shaped


def _leave_unknown(shaped: dict[str, Any], tokens: Tokens) -> None:
    """Replace an output of which nothing is known by null in the JSON of a run or a span."""
    if tokens.is_partial and not tokens.output:
        shaped["tokens"]["output"] = None


def _attributes_json(node: Node) -> dict[str, Any]:
    attributes = dict(node.attributes)
    if node.failure is not None:
        attributes["error.type"] = node.failure.type
        if node.failure.message:
            attributes["error.message"] = node.failure.message
    return attributes
