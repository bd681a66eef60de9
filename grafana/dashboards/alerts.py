"""Alert rules over the metrics, as Grafana provisions them from a file. Thresholds are to be changed to one's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import yaml

from grafana.dashboards.metrics import UID
from grafana.dashboards.promql import COST, DURATION, FAILED, RETRIES, added, quantile, share

__all__ = ["DATA_SOURCE", "RULES", "Rule", "as_yaml"]

DATA_SOURCE: Final = "prometheus"
"""The uid of the data source. An alert rule cannot choose one by a variable."""

_OVER: Final = "15m"
_CALLS: Final = added(f"{DURATION}_count", over=_OVER)

_HEAD = """\
# Alert rules of tracekit, for Grafana's provisioning/alerting folder. `tracekit grafana alerts` prints this file.
# They ask the data source whose uid is "prometheus": put that of your own. Thresholds stand under "params".
"""


@dataclass(frozen=True)
class Rule:
    """One rule: it fires if `query` is above `threshold` for five minutes."""

    uid: str
    title: str
    query: str
    threshold: float
    says: str


RULES: Final = (
    Rule(
        "tracekit-failed-calls",
        "tracekit: calls of the model fail",
        share(added(f"{DURATION}_count", FAILED, over=_OVER), _CALLS),
        0.1,
        "More than a tenth of the calls of the last 15 minutes failed, after all retries.",
    ),
    Rule(
        "tracekit-retries",
        "tracekit: calls of the model are retried",
        share(added(RETRIES, over=_OVER), _CALLS),
        0.5,
        "A call of the last 15 minutes needed more than half a retry on average: the API is overloaded, or limits you.",
    ),
    Rule(
        "tracekit-cost",
        "tracekit: agents cost much",
        added(COST, over="1h"),
        20,
        "Agents cost more than 20 US dollars in an hour, at list prices.",
    ),
    Rule(
        "tracekit-slow-calls",
        "tracekit: calls of the model are slow",
        quantile(0.95, DURATION, over=_OVER, by=()),
        60,
        "One call in twenty of the last 15 minutes took longer than a minute, retries included.",
    ),
)


def as_yaml() -> str:
    """Return the provisioning file."""
    group = {
        "orgId": 1,
        "name": "tracekit",
        "folder": "tracekit",
        "interval": "1m",
        "rules": [_provisioned(rule) for rule in RULES],
    }
    return _HEAD + yaml.safe_dump({"apiVersion": 1, "groups": [group]}, sort_keys=False, width=120)


def _provisioned(rule: Rule) -> dict[str, Any]:
    evaluator = {"type": "gt", "params": [rule.threshold]}
    return {
        "uid": rule.uid,
        "title": rule.title,
        "condition": "B",
        "data": [
            _query("A", DATA_SOURCE, {"expr": rule.query, "instant": True}, since_s=3600),
            _query("B", "__expr__", {"type": "threshold", "expression": "A", "conditions": [{"evaluator": evaluator}]}),
        ],
        "for": "5m",
        "noDataState": "OK",
        "execErrState": "Error",
        "annotations": {"summary": rule.says, "__dashboardUid__": UID},
        "labels": {"source": "tracekit"},
    }


def _query(id: str, source: str, model: dict[str, Any], *, since_s: int = 0) -> dict[str, Any]:
    times = {"from": since_s, "to": 0}
    return {"refId": id, "relativeTimeRange": times, "datasourceUid": source, "model": {"refId": id, **model}}
