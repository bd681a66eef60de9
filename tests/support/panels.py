"""The dashboards' panels, and for each the same question to the store: `tracekit sql`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from grafana.dashboards import FOLDER
from tests.support.cli import tracekit
from tests.support.traceql import Groups
from tracekit.demo.claude import ReceivedRequest, ScriptedResponse, error, message, reply, text

__all__ = ["OVERVIEW", "PROGRAM", "RUN", "differing", "queries", "recorded", "respond"]

PROGRAM = Path(__file__).parents[1] / "grafana" / "program.py"
USAGE = {"input_tokens": 30, "cache_creation_input_tokens": 12, "cache_read_input_tokens": 700, "output_tokens": 5}

_MODEL = "json_extract_string(attributes, '$.\"gen_ai.request.model\"')"
_ENDED = "ended_at IS NOT NULL"
_AGENTS = f"FROM agents WHERE {_ENDED} AND NOT inferred"
"""An agent that was killed has sent nothing; one that was concluded is not known while spans go out."""

_CALLS = {
    "Calls of the model": "NULL, count(*) FROM llm_calls WHERE true",
    "Cost": "NULL, sum(cost_usd) FROM llm_calls WHERE true",
    "Retries": "NULL, sum(retries) FROM llm_calls WHERE true",
    "Failed calls": "NULL, count(*) FROM llm_calls WHERE status = 'error'",
    "Tokens in, cached ones included": "NULL, sum(input_tokens) FROM llm_calls WHERE true",
    "Tokens out": "NULL, sum(output_tokens) FROM llm_calls WHERE true",
    "Mean time of a call": "NULL, avg(duration_ms) / 1000 FROM llm_calls WHERE true",
    "Longest call": "NULL, max(duration_ms) / 1000 FROM llm_calls WHERE true",
}

OVERVIEW = {
    **_CALLS,
    "Runs": "NULL, count(*) FROM runs WHERE true",
    "Failed tools": "NULL, count(*) FROM tools WHERE status = 'error'",
    "Tokens read from the cache": "NULL, sum(cache_read_tokens) FROM llm_calls WHERE true",
    "Tokens written to the cache": "NULL, sum(cache_write_tokens) FROM llm_calls WHERE true",
    "Longest runs (the first 50)": f"id || ' ' || name, duration_ms / 1000 FROM runs WHERE {_ENDED}",
    "Most expensive runs (the first 50)": "id || ' ' || name, cost_usd FROM runs WHERE true",
    "Calls by model": f"{_MODEL}, count(*) FROM llm_calls WHERE true",
    "Cost by model": f"{_MODEL}, sum(cost_usd) FROM llm_calls WHERE cost_usd IS NOT NULL",
    "Tokens in by model": f"{_MODEL}, sum(input_tokens) FROM llm_calls WHERE true",
    "Tokens out by model": f"{_MODEL}, sum(output_tokens) FROM llm_calls WHERE true",
    "Mean time of a call by model": f"{_MODEL}, avg(duration_ms) / 1000 FROM llm_calls WHERE true",
    "Longest call by model": f"{_MODEL}, max(duration_ms) / 1000 FROM llm_calls WHERE true",
    "Mean time of an agent": f"agent, avg(duration_ms) / 1000 {_AGENTS}",
    "Attempts by status": "http_status::VARCHAR, count(*) FROM attempts WHERE http_status IS NOT NULL",
    "Failed calls by error": "error_type, count(*) FROM llm_calls WHERE status = 'error'",
}
"""By panel: the key and the number of a row, and what they are selected from."""

RUN = {
    **_CALLS,
    "Calls of the model, one by one": "NULL, count(*) FROM llm_calls WHERE true",
    "Attempts that failed": "NULL, count(*) FROM attempts WHERE (status = 'error' OR http_status >= 300)",
    "Time by agent": f"agent, sum(duration_ms) / 1000 {_AGENTS}",
    "Tokens in by agent": "agent, sum(input_tokens) FROM llm_calls WHERE input_tokens IS NOT NULL",
    "Tokens out by agent": "agent, sum(output_tokens) FROM llm_calls WHERE output_tokens IS NOT NULL",
}
"""The same of one run's panels."""


def queries(name: str, **variables: str) -> dict[str, str]:
    """Return the query of each panel of the dashboard `name` that has one, by the panel's title."""
    panels = json.loads((FOLDER / name).read_text("utf-8"))["panels"]
    found = {panel["title"]: panel["targets"][0]["query"] for panel in panels if panel.get("targets")}
    for variable, value in variables.items():
        found = {title: query.replace(f"${{{variable}}}", value) for title, query in found.items()}
    return found


def _asked(selected: dict[str, str], run: str = "") -> str:
    """Return one SQL query for all of `selected`, of all runs or of one."""
    of = f" AND run = '{run}'" if run else ""
    parts = [
        f"SELECT '{panel}' AS panel, * FROM (SELECT {sql}{of} GROUP BY ALL) AS t(key, value)"
        for panel, sql in selected.items()
    ]
    return " UNION ALL ".join(f"({part.replace('SELECT NULL', 'SELECT NULL::VARCHAR')})" for part in parts)


def recorded(selected: dict[str, str], env: dict[str, str], run: str = "") -> dict[str, Groups]:
    """Return the numbers that `tracekit sql` gives for each panel of `selected`, without those that are 0."""
    done = tracekit("sql", _asked(selected, run), "--format", "json", env=env)
    assert done.returncode == 0, done.stderr
    found: dict[str, Groups] = {panel: {} for panel in selected}
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    for row in rows:
        if row["value"]:
            found[row["panel"]][row["key"]] = row["value"]
    return found


def differing(shown: dict[str, Groups], expected: dict[str, Groups]) -> dict[str, tuple[Groups, Groups]]:
    """Return the panels that show other numbers than the record has: those, and the record's."""
    pairs = {title: (shown[title], expected[title]) for title in expected}
    return {title: pair for title, pair in pairs.items() if pair[0] != pytest.approx(pair[1], rel=0.02, abs=0.01)}


def respond(asked: ReceivedRequest) -> ScriptedResponse:
    """Overloaded once or twice, or a refusal, as the words of the request want it."""
    words = asked.json()["messages"][-1]["content"]
    tried = int(asked.headers["x-stainless-retry-count"])
    if tried < {"busy": 1, "busy twice": 2}.get(words, 0):
        return error(529, "overloaded_error", "Overloaded", {"retry-after-ms": "1"})
    if words == "refused":
        return error(400, "invalid_request_error", "No.")
    return reply(asked, message(text("Well."), model=asked.json()["model"], usage=USAGE))
