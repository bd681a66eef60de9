"""The documented views: what queries may rely on. Their SQL, their help and the manual's table come from here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["REPLAYS", "VIEWS", "Column", "View", "definitions", "listing", "markdown"]


REPLAYS = "tracekit_replays"
"""The variable of a connection that is true where its views show replays, too."""


class Column(NamedTuple):
    """A column of a view. `sql` is how the view gets it from the tables."""

    name: str
    type: str
    says: str
    sql: str


class View(NamedTuple):
    """A view over the tables `source`."""

    name: str
    says: str
    source: str
    columns: tuple[Column, ...]

    def definition(self) -> str:
        """The statement that makes the view. Replays are left out where the connection does not ask for them."""
        columns = ", ".join(f"{column.sql} AS {column.name}" for column in self.columns)
        word = "AND" if " WHERE " in self.source else "WHERE"
        source = f"{self.source} {word} (r.replay_of IS NULL OR coalesce(getvariable('{REPLAYS}'), false))"
        return f"CREATE OR REPLACE VIEW {self.name} AS SELECT {columns} FROM {source}"  # noqa: S608  our own names


def _same(name: str, type: str, says: str, table: str) -> Column:
    return Column(name, type, says, f"{table}.{name}")


def _attribute(name: str, type: str, says: str, attribute: str) -> Column:
    """A column that is read out of the attributes when a query asks for it."""
    path = f"'$.\"{attribute}\"'"
    if type == "JSON":
        return Column(name, type, says, f"s.attributes::JSON -> {path}")
    return Column(name, type, says, f"TRY_CAST(s.attributes ->> {path} AS {type})")


def _time(name: str, says: str, ns: str) -> Column:
    return Column(name, "TIMESTAMP", f"{says}, UTC", f"make_timestamp({ns} // 1000)")


def _totals(table: str, of: str) -> tuple[Column, ...]:
    return (
        _same("input_tokens", "BIGINT", f"{of}: tokens in, those read from and written to the cache included", table),
        _same("output_tokens", "BIGINT", f"{of}: tokens out", table),
        _same("cache_read_tokens", "BIGINT", f"{of}: tokens read from the cache", table),
        _same("cache_write_tokens", "BIGINT", f"{of}: tokens written to the cache", table),
        Column(
            "cost_usd",
            "DOUBLE",
            f"{of}: the known prices in US dollars; null if none is known, 0 for a replay",
            f"CASE WHEN r.replay_of IS NULL THEN {table}.cost_usd ELSE 0 END",
        ),
        _same("cost_complete", "BOOLEAN", f"{of}: whether every price is known", table),
        _same("retries", "BIGINT", f"{of}: attempts beyond the first of a call", table),
    )


_RUN = Column("run", "VARCHAR", "the run's id", "r.id")
_ID = _same("id", "VARCHAR", "the span's id, unique within its run", "s")
_PARENT = _same("parent", "VARCHAR", "the id of the span above", "s")
_AGENT = _same("agent", "VARCHAR", "the agent at work: the nearest one, itself included", "s")
_AGENT_ID = _same("agent_id", "VARCHAR", "the id of that agent's span", "s")
_MODEL = _same("model", "VARCHAR", "the model that answered, else the one that was asked", "s")
_LANE = _same("lane", "VARCHAR", "who asks: the path of tasks, jobs and threads from the root", "s")
_INFERRED = _same("inferred", "BOOLEAN", "whether it was concluded from what was asked and answered", "s")
_STANDING = (
    _same("status", "VARCHAR", "ok, error, open, or interrupted: its process ended before it did", "s"),
    _same("error_type", "VARCHAR", "the type of the error that it ended with", "s"),
    _same("error_message", "VARCHAR", "its message", "s"),
)
_TIMES = (
    _time("started_at", "when it began", "s.start_ns"),
    _same("start_ns", "BIGINT", "the same in nanoseconds since the epoch", "s"),
    _time("ended_at", "when it ended; null while it is open", "s.end_ns"),
    _same("end_ns", "BIGINT", "the same in nanoseconds since the epoch", "s"),
    Column(
        "duration_ms",
        "DOUBLE",
        "milliseconds from begin to end; while it is open, to the last that is known of its run",
        "round((coalesce(s.end_ns, r.last_ns) - s.start_ns) / 1e6, 3)",
    ),
)
_OUTCOME = _same("outcome", "VARCHAR", "how it ended if it was not plainly read: closed, cancelled, incomplete …", "s")
_ATTRIBUTES = Column("attributes", "JSON", "all that was recorded with it", "s.attributes::JSON")
_SUBTREE = _totals("s", "of it and all below")
_SPANS_OF = "run r JOIN span s USING (copy)"

VIEWS = (
    View(
        "runs",
        "one row a run: a task given to an agent or a team",
        "run r",
        (
            _same("id", "VARCHAR", "32 hex digits", "r"),
            _same("name", "VARCHAR", "what it was called when it was recorded", "r"),
            _same("status", "VARCHAR", "ok, error, open, or interrupted: its process ended before it did", "r"),
            _time("recorded_at", "when its record began", "r.recorded_at_ns"),
            _same("recorded_at_ns", "BIGINT", "the same in nanoseconds since the epoch", "r"),
            _time("started_at", "when it began", "r.start_ns"),
            _same("start_ns", "BIGINT", "the same in nanoseconds since the epoch", "r"),
            _time("ended_at", "when it ended; null if it is open or was interrupted", "r.end_ns"),
            _same("end_ns", "BIGINT", "the same in nanoseconds since the epoch", "r"),
            Column(
                "duration_ms",
                "DOUBLE",
                "milliseconds from begin to end; if it has no end, to the last that is known of it",
                "round((coalesce(r.end_ns, r.last_ns) - r.start_ns) / 1e6, 3)",
            ),
            *_totals("r", "of all calls"),
            _same("agents", "BIGINT", "how many agents were at work", "r"),
            _same("calls", "BIGINT", "how many calls of the model there were", "r"),
            _same("findings", "BIGINT", "how many findings are likely or certain", "r"),
            _same("spans", "BIGINT", "how many spans its tree has", "r"),
            _same("replay_of", "VARCHAR", "the id of the run that it replayed", "r"),
            _same("replay", "VARCHAR", "followed, projected or diverged, if it is a replay", "r"),
        ),
    ),
    View(
        "spans",
        "one row a span of a run's tree, of every kind",
        _SPANS_OF,
        (
            _RUN,
            _ID,
            _PARENT,
            _same("depth", "BIGINT", "how many spans stand above it", "s"),
            _same("position", "BIGINT", "its place in the tree, from the root down, 0 first", "s"),
            _same("kind", "VARCHAR", "run, agent, turn, llm, attempt, tool or span", "s"),
            _same("name", "VARCHAR", "the span's name", "s"),
            _AGENT,
            _AGENT_ID,
            _MODEL,
            _LANE,
            *_STANDING,
            _INFERRED,
            *_TIMES,
            *_SUBTREE,
            _ATTRIBUTES,
        ),
    ),
    View(
        "agents",
        "one row an orchestrator or subagent at work",
        f"{_SPANS_OF} WHERE s.kind = 'agent'",
        (_RUN, _ID, _PARENT, _AGENT, _LANE, *_STANDING, _INFERRED, *_TIMES, *_SUBTREE, _ATTRIBUTES),
    ),
    View(
        "llm_calls",
        "one row a call of the model: all its attempts and the reading of its stream",
        f"{_SPANS_OF} WHERE s.kind = 'llm'",
        (
            _RUN,
            _ID,
            _PARENT,
            _AGENT,
            _AGENT_ID,
            _MODEL,
            _LANE,
            *_STANDING,
            _same("stop_reason", "VARCHAR", "why the model stopped", "s"),
            _OUTCOME,
            *_TIMES,
            _attribute(
                "first_chunk_s",
                "DOUBLE",
                "seconds to the first content of a stream",
                "gen_ai.response.time_to_first_chunk",
            ),
            *_SUBTREE,
            _attribute(
                "reasoning_tokens", "BIGINT", "tokens out that were thinking", "gen_ai.usage.reasoning.output_tokens"
            ),
            _attribute("response_id", "VARCHAR", "the answer's id", "gen_ai.response.id"),
            _ATTRIBUTES,
        ),
    ),
    View(
        "attempts",
        "one row an HTTP request within a call",
        f"{_SPANS_OF} WHERE s.kind = 'attempt'",
        (
            _RUN,
            _ID,
            Column("call", "VARCHAR", "the id of its call in llm_calls", "s.parent"),
            _same("number", "BIGINT", "1 for the first attempt of its call", "s"),
            _AGENT,
            _LANE,
            *_STANDING,
            _same("http_status", "BIGINT", "the status of the answer; null if none came", "s"),
            _same("wait_ms", "DOUBLE", "milliseconds that the SDK decided to wait before it", "s"),
            _same("request_id", "VARCHAR", "the API's id of the request", "s"),
            _OUTCOME,
            *_TIMES,
            _ATTRIBUTES,
        ),
    ),
    View(
        "tools",
        "one row a tool execution",
        f"{_SPANS_OF} WHERE s.kind = 'tool'",
        (
            _RUN,
            _ID,
            _PARENT,
            _same("tool", "VARCHAR", "the tool's name", "s"),
            _same("tool_call_id", "VARCHAR", "the id of the tool_use block that it serves", "s"),
            _attribute("arguments", "JSON", "what it was called with", "gen_ai.tool.call.arguments"),
            _attribute("result", "JSON", "what it returned", "gen_ai.tool.call.result"),
            _AGENT,
            _AGENT_ID,
            _LANE,
            *_STANDING,
            _INFERRED,
            *_TIMES,
            *_SUBTREE,
            _ATTRIBUTES,
        ),
    ),
    View(
        "messages",
        "one row a block of a message, under the call that first brought it: history is told once",
        "run r JOIN message m USING (copy)",
        (
            _RUN,
            Column("call", "VARCHAR", "the id of the call in llm_calls", "m.call"),
            _same("position", "BIGINT", "its place within the call, 0 first", "m"),
            _same("is_answer", "BOOLEAN", "whether the model answered it; else it was asked", "m"),
            _same("role", "VARCHAR", "system, user or assistant", "m"),
            _same("block", "VARCHAR", "the block's type: text, thinking, tool_use, tool_result, image …", "m"),
            _same(
                "text",
                "VARCHAR",
                "its text, up to 100,000 characters; a tool's input and other blocks as JSON, long data left out",
                "m",
            ),
            _same("tool", "VARCHAR", "the tool that a tool_use block asks for", "m"),
            _same("tool_call_id", "VARCHAR", "the id of the tool_use block that it is, or answers", "m"),
        ),
    ),
    View(
        "findings",
        "one row a finding of `tracekit check`, by its default settings",
        "run r JOIN finding f USING (copy)",
        (
            _RUN,
            _same("code", "VARCHAR", "the rule's code", "f"),
            _same("rule", "VARCHAR", "the rule's name", "f"),
            _same("confidence", "VARCHAR", "certain, likely or possible", "f"),
            _same("message", "VARCHAR", "what was found", "f"),
            Column("evidence", "JSON", "why", "f.evidence::JSON"),
            Column("spans", "JSON", "the ids of the spans it is about", "f.spans::JSON"),
            _same("saved_ms", "DOUBLE", "milliseconds that the remedy would save", "f"),
            _same("saved_usd", "DOUBLE", "US dollars that the remedy would save", "f"),
            _same("remedy", "VARCHAR", "what to do", "f"),
        ),
    ),
)


def definitions() -> list[str]:
    """The statements that make every view."""
    return [view.definition() for view in VIEWS]


def listing() -> Iterator[str]:
    """Every view and column as lines of text."""
    for view in VIEWS:
        yield f"{view.name}: {view.says}"
        width = max(len(column.name) for column in view.columns)
        for column in view.columns:
            yield f"  {column.name:<{width}}  {column.type:<9}  {column.says}"
        yield ""


def markdown() -> str:
    """Return the manual's table of views."""
    lines = ["| view | has | columns |", "| --- | --- | --- |"]
    for view in VIEWS:
        columns = ", ".join(f"`{column.name}`" for column in view.columns)
        lines.append(f"| `{view.name}` | {view.says} | {columns} |")
    return "\n".join(lines)
