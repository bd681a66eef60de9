"""The tables, which are those of the row classes. They are private: queries go through the views."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracekit.errors import DamagedStoreError, NewerStoreError
from tracekit.model.columns import columns_of
from tracekit.model.summary import RunSummary
from tracekit.store.rows import FindingRow, JournalRow, MessageRow, PracticeRow, SegmentRow
from tracekit.store.span_row import SpanRow
from tracekit.store.views import definitions, sql_literal, sql_type

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = [
    "BY_RUN",
    "FINDINGS",
    "JOURNALS",
    "MESSAGES",
    "PRACTICES",
    "RUNS",
    "SEGMENTS",
    "SPANS",
    "TABLES",
    "create",
    "is_current",
    "migrate",
    "names_of",
    "newest_version",
    "version_of",
]

JOURNALS, SEGMENTS = "journal", "segment"
RUNS, SPANS, MESSAGES, FINDINGS, PRACTICES = "run", "span", "message", "finding", "practice"
BY_RUN = (JOURNALS, SEGMENTS)
"""Tables whose rows name their run; those of all others bear the number of its copy."""

TABLES: dict[str, type] = {
    JOURNALS: JournalRow,
    SEGMENTS: SegmentRow,
    RUNS: RunSummary,
    SPANS: SpanRow,
    MESSAGES: MessageRow,
    FINDINGS: FindingRow,
    PRACTICES: PracticeRow,
}
"""The tables by name, each with the class of its rows. `journal` and `run` have one row per run.

Columns are only ever added: their number is the version of the store. Rows whose copy `run` does not name are seen by no
view: those of a run that is being written in several parts.
"""


def names_of(table: str) -> list[str]:
    """Return the names of the columns of a table, in order."""
    own = [column.name for column in columns_of(TABLES[table])]
    return own if table in BY_RUN else ["copy", *own]


def newest_version() -> int:
    """Return the version of the stores that this tracekit makes."""
    return sum(len(names_of(table)) for table in TABLES)


def create(table: str, place: str) -> str:
    """Return the statement that makes a table as `place`, where there is none of that name."""
    own = [f"{column.name} {sql_type(column)}" for column in columns_of(TABLES[table])]
    columns = ", ".join(own if table in BY_RUN else ["copy BIGINT", *own])
    return f"CREATE TABLE IF NOT EXISTS {place} ({columns})"


def version_of(store: DuckDBPyConnection) -> int:
    """Return the version of the attached store; 0 if it is empty.

    Raises:
        DamagedStoreError: It is another program's file.
        NewerStoreError: A newer tracekit made it.
    """
    return _number(_meta(store))


def is_current(store: DuckDBPyConnection) -> bool:
    """Return whether the attached store needs no migration, and has the views of this version.

    Raises:
        DamagedStoreError: It is another program's file.
        NewerStoreError: A newer tracekit made it.
    """
    meta = _meta(store)
    return _number(meta) == newest_version() and meta is not None and meta.get("views") == _views()


def _meta(store: DuckDBPyConnection) -> dict[str, str] | None:
    """Return the store's own table of names and values, or None if the store is empty."""
    import duckdb  # noqa: PLC0415  a tenth of a second, for those who open a store

    try:
        rows = store.execute("SELECT name, value FROM store.meta WHERE name IN ('schema', 'views')").fetchall()
    except (duckdb.CatalogException, duckdb.BinderException):
        tables = store.execute("SELECT count(*) FROM duckdb_tables() WHERE database_name = 'store'").fetchone()
        if tables == (0,):
            return None
        raise DamagedStoreError("it has other tables than tracekit's") from None
    return dict(rows)


def _number(meta: dict[str, str] | None) -> int:
    if meta is None:
        return 0
    text = str(meta.get("schema"))
    if not text.isdigit():
        raise DamagedStoreError("it does not say which version it has")
    version = int(text)
    if version > newest_version():
        raise NewerStoreError(
            f"it has version {version}, and this tracekit knows up to {newest_version()}: upgrade tracekit-agents; "
            "the store is left as it is"
        )
    return version


def migrate(store: DuckDBPyConnection) -> None:
    """Bring the attached store, which may be empty, to this version, as a whole or not at all.

    All runs are read again where a column is new, so that it is filled.
    """
    version_of(store)
    store.execute("BEGIN")
    store.execute("USE store")
    store.execute("CREATE TABLE IF NOT EXISTS meta (name VARCHAR, value VARCHAR)")
    is_wider = False
    for table in TABLES:
        store.execute(create(table, table))
        is_wider |= _widen(store, table)
    if is_wider:
        store.execute(f"UPDATE {JOURNALS} SET maker = ''")  # noqa: S608  our own name
    for definition in definitions():
        store.execute(definition)
    store.execute("DELETE FROM meta WHERE name IN ('schema', 'views')")
    store.execute("INSERT INTO meta VALUES ('schema', ?), ('views', ?)", [str(newest_version()), _views()])
    store.execute("COMMIT")
    store.execute("USE memory")


def _widen(store: DuckDBPyConnection, table: str) -> bool:
    """Add the columns that a table lacks, and return whether there were any."""
    known = {name for name, *_ in store.execute(f"DESCRIBE {table}").fetchall()}
    lacking = [column for column in columns_of(TABLES[table]) if column.name not in known]
    for column in lacking:
        value = sql_literal(column.empty)
        store.execute(f"ALTER TABLE {table} ADD COLUMN {column.name} {sql_type(column)} DEFAULT {value}")
    return bool(lacking)


def _views() -> str:
    return "\n".join(definitions())
