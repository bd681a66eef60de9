"""The documented views: what queries may rely on. Their SQL, their help and the manual's table come from here.

The columns are those of the row classes, and a few more that are computed when a query asks for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tracekit import semconv
from tracekit.model.columns import RowColumn, columns_of
from tracekit.model.summary import RunSummary
from tracekit.store.rows import FindingRow, MessageRow
from tracekit.store.span_row import SpanRow

__all__ = ["REPLAYS", "VIEWS", "Column", "View", "definitions", "listing", "markdown", "sql_literal", "sql_type"]


REPLAYS = "tracekit_replays"
"""The variable of a connection that is true where its views show replays, too."""

_SQL_TYPES = {str: "VARCHAR", int: "BIGINT", float: "DOUBLE", bool: "BOOLEAN"}


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


def sql_type(column: RowColumn) -> str:
    """Return the type of a column in the tables."""
    return _SQL_TYPES[column.type]


def sql_literal(value: str | float | bool | None) -> str:
    """Return a value of the program itself as SQL: an empty text, a number, true or false, or NULL."""
    return "NULL" if value is None else f"'{value}'" if isinstance(value, str) else str(value)


def _attribute(name: str, type: str, says: str, attribute: str) -> Column:
    """A column that is read out of the attributes when a query asks for it."""
    path = f"'$.\"{attribute}\"'"
    if type == "JSON":
        return Column(name, type, says, f"s.attributes::JSON -> {path}")
    return Column(name, type, says, f"TRY_CAST(s.attributes ->> {path} AS {type})")


def _duration(table: str, says: str) -> Column:
    sql = f"round((coalesce({table}.end_ns, r.last_ns) - {table}.start_ns) / 1e6, 3)"
    return Column("duration_ms", "DOUBLE", says, sql)


_RUN_DURATION = _duration("r", "milliseconds from begin to end; if it has no end, to the last that is known of it")
_SPAN_DURATION = _duration(
    "s", "milliseconds from begin to end; while it is open, to the last that is known of its run"
)

_COMPUTED: dict[tuple[str, str], tuple[Column, ...]] = {
    ("runs", "end_ns"): (_RUN_DURATION,),
    ("spans", "end_ns"): (_SPAN_DURATION,),
    ("agents", "end_ns"): (_SPAN_DURATION,),
    ("tools", "end_ns"): (_SPAN_DURATION,),
    ("attempts", "end_ns"): (_SPAN_DURATION,),
    ("llm_calls", "end_ns"): (
        _SPAN_DURATION,
        _attribute("first_chunk_s", "DOUBLE", "seconds to the first content of a stream", semconv.TIME_TO_FIRST_CHUNK),
    ),
    ("llm_calls", "retries"): (
        _attribute("reasoning_tokens", "BIGINT", "tokens out that were thinking", semconv.REASONING_TOKENS),
        _attribute("response_id", "VARCHAR", "the answer's id", semconv.RESPONSE_ID),
    ),
    ("tools", "tool_call_id"): (
        _attribute("arguments", "JSON", "what it was called with", semconv.TOOL_CALL_ARGUMENTS),
        _attribute("result", "JSON", "what it returned", semconv.TOOL_CALL_RESULT),
    ),
}
"""The columns of a view that are computed, by the column that they follow."""

_RUN = Column("run", "VARCHAR", "the run's id", "r.id")
_CALL = Column("call", "VARCHAR", "the id of its call in llm_calls", "s.parent")


def _columns(view: str, row: type, table: str) -> Iterator[Column]:
    """Yield the columns of `view` over the rows of `table`."""
    for column in columns_of(row):
        if column.views is None or view in column.views:
            if column.moment:
                sql = f"make_timestamp({table}.{column.name} // 1000)"
                yield Column(column.moment, "TIMESTAMP", f"{column.doc}, UTC", sql)
            yield _CALL if (view, column.name) == ("attempts", "parent") else _column(column, table)
            yield from _COMPUTED.get((view, column.name), ())


def _column(column: RowColumn, table: str) -> Column:
    name, says, sql = column.name, column.doc, f"{table}.{column.name}"
    if column.holds_json:
        return Column(name, "JSON", says, f"{sql}::JSON")
    if column.moment:
        says = "the same in nanoseconds since the epoch"
    elif name == "cost_usd":
        # A replay asks nobody.
        sql = f"CASE WHEN r.replay_of IS NULL THEN {sql} ELSE 0 END"
    elif name == "output_tokens":
        # Nothing is known of the output: 0 would be a number.
        sql = f"CASE WHEN {table}.is_output_partial THEN nullif({sql}, 0) ELSE {sql} END"
    return Column(name, sql_type(column), says, sql)


def _spans(name: str, says: str, kind: str = "") -> View:
    """A view of spans, of one `kind` or of all."""
    source = "run r JOIN span s USING (copy)" + (f" WHERE s.kind = '{kind}'" if kind else "")
    return View(name, says, source, (_RUN, *_columns(name, SpanRow, "s")))


VIEWS = (
    View("runs", "one row a run: a task given to an agent or a team", "run r", (*_columns("runs", RunSummary, "r"),)),
    _spans("spans", "one row a span of a run's tree, of every kind"),
    _spans("agents", "one row an orchestrator or subagent at work", "agent"),
    _spans("llm_calls", "one row a call of the model: all its attempts and the reading of its stream", "llm"),
    _spans("attempts", "one row an HTTP request within a call", "attempt"),
    _spans("tools", "one row a tool execution", "tool"),
    View(
        "messages",
        "one row a block of a message, under the call that first brought it: each message stands once",
        "run r JOIN message m USING (copy)",
        (_RUN, *_columns("messages", MessageRow, "m")),
    ),
    View(
        "findings",
        "one row a finding of `tracekit check`, by its default settings",
        "run r JOIN finding f USING (copy)",
        (_RUN, *_columns("findings", FindingRow, "f")),
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
