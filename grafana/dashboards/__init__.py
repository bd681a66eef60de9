"""The dashboards, as code and as the JSON that Grafana loads: ``python -m grafana.dashboards`` writes it anew."""

from __future__ import annotations

from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.dashboards import overview, run

__all__ = ["FOLDER", "as_json", "dashboards"]

FOLDER = Path(__file__).parent
"""Where the JSON stands, beside the code."""


def dashboards() -> dict[str, Dashboard]:
    """Each dashboard, by the name of its JSON file."""
    return {"overview.json": overview.dashboard(), "run.json": run.dashboard()}


def as_json(dashboard: Dashboard) -> str:
    """Return what Grafana loads, with a stable order of keys."""
    return JSONEncoder(sort_keys=True, indent=2).encode(dashboard) + "\n"
