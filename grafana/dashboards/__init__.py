"""Dashboards and alert rules, as code and as the files that Grafana loads: ``python -m grafana.dashboards`` writes them."""

from __future__ import annotations

from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.dashboards import alerts, metrics, overview, run

__all__ = ["FOLDER", "written"]

FOLDER = Path(__file__).parents[2] / "tracekit" / "cli" / "dashboards"
"""Where the files stand: in the package, so that `tracekit grafana` prints them wherever tracekit is installed."""


def written() -> dict[str, str]:
    """Return the content of each file, by its path in `FOLDER`."""
    dashboards = {"metrics": metrics.dashboard(), "overview": overview.dashboard(), "run": run.dashboard()}
    files = {f"{name}.json": _as_json(each) for name, each in dashboards.items()}
    return {**files, "alerting/tracekit.yaml": alerts.as_yaml()}


def _as_json(dashboard: Dashboard) -> str:
    """Return the JSON that Grafana loads, with a stable order of keys."""
    return JSONEncoder(sort_keys=True, indent=2).encode(dashboard) + "\n"
