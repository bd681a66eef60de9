"""The tables, by numbered migrations. They are private: queries go through the views."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracekit.errors import DamagedStoreError, NewerStoreError
from tracekit.store.views import definitions

if TYPE_CHECKING:
    from collections.abc import Callable

    from duckdb import DuckDBPyConnection

__all__ = [
    "BY_RUN",
    "FINDINGS",
    "MESSAGES",
    "MIGRATIONS",
    "PRACTICES",
    "RUNS",
    "SPANS",
    "TABLES",
    "is_current",
    "migrate",
    "version_of",
]


def _first(store: DuckDBPyConnection) -> None:
    """Make the tables. `journal` and `run` have one row per run; all other rows name the copy of their run.

    Rows whose copy `run` does not name are seen by no view: those of a run that is being written in several parts.
    """
    store.execute("CREATE TABLE meta (name VARCHAR, value VARCHAR)")
    store.execute(
        "CREATE TABLE journal (run VARCHAR, copy BIGINT, maker VARCHAR, recorded_at_ns BIGINT, collected_at_ns BIGINT, "
        "took_s DOUBLE, exact BOOLEAN, damage VARCHAR, problem VARCHAR)"
    )
    store.execute(
        "CREATE TABLE segment (run VARCHAR, path VARCHAR, size BIGINT, mtime_ns BIGINT, inode BIGINT, alive BOOLEAN)"
    )
    totals = (
        "input_tokens BIGINT, output_tokens BIGINT, cache_read_tokens BIGINT, cache_write_tokens BIGINT, "
        "cost_usd DOUBLE, cost_complete BOOLEAN, retries BIGINT"
    )
    store.execute(
        "CREATE TABLE run (copy BIGINT, id VARCHAR, name VARCHAR, status VARCHAR, recorded_at_ns BIGINT, start_ns BIGINT, "
        f"end_ns BIGINT, last_ns BIGINT, {totals}, agents BIGINT, calls BIGINT, findings BIGINT, spans BIGINT, "
        "replay_of VARCHAR, replay VARCHAR)"
    )
    store.execute(
        "CREATE TABLE span (copy BIGINT, position BIGINT, depth BIGINT, id VARCHAR, parent VARCHAR, kind VARCHAR, "
        "name VARCHAR, agent VARCHAR, agent_id VARCHAR, model VARCHAR, lane VARCHAR, status VARCHAR, "
        "error_type VARCHAR, error_message VARCHAR, inferred BOOLEAN, start_ns BIGINT, end_ns BIGINT, "
        f"{totals}, stop_reason VARCHAR, outcome VARCHAR, number BIGINT, http_status BIGINT, wait_ms DOUBLE, "
        "request_id VARCHAR, tool VARCHAR, tool_call_id VARCHAR, attributes VARCHAR)"
    )
    store.execute(
        "CREATE TABLE message (copy BIGINT, call VARCHAR, position BIGINT, is_answer BOOLEAN, role VARCHAR, "
        "block VARCHAR, text VARCHAR, tool VARCHAR, tool_call_id VARCHAR)"
    )
    store.execute(
        "CREATE TABLE finding (copy BIGINT, code VARCHAR, rule VARCHAR, confidence VARCHAR, message VARCHAR, "
        "evidence VARCHAR, spans VARCHAR, saved_ms DOUBLE, saved_usd DOUBLE, remedy VARCHAR)"
    )


def _practices(store: DuckDBPyConnection) -> None:
    """One row for each agent of a run: which tools its requests offered, and which its model requested."""
    store.execute(
        "CREATE TABLE practice (copy BIGINT, agent VARCHAR, prompt VARCHAR, tools VARCHAR, offered VARCHAR, "
        "called VARCHAR, together VARCHAR, is_whole BOOLEAN)"
    )


MIGRATIONS: tuple[Callable[[DuckDBPyConnection], None], ...] = (_first, _practices)
"""Each makes the store of its number from the one before. Only ever added to, at the end."""

RUNS, SPANS, MESSAGES, FINDINGS, PRACTICES = "run", "span", "message", "finding", "practice"
BY_RUN = ("journal", "segment")
"""Tables whose rows name their run; those of all others bear the number of its copy."""

TABLES = (*BY_RUN, RUNS, SPANS, MESSAGES, FINDINGS, PRACTICES)


def version_of(store: DuckDBPyConnection) -> int:
    """The number of the newest migration that the attached store has; 0 if it is empty.

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
    return _number(meta) == len(MIGRATIONS) and meta is not None and meta.get("views") == _views()


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
    if version > len(MIGRATIONS):
        raise NewerStoreError(
            f"it has version {version}, and this tracekit knows up to {len(MIGRATIONS)}: upgrade tracekit-agents; "
            "the store is left as it is"
        )
    return version


def migrate(store: DuckDBPyConnection) -> None:
    """Bring the attached store, which may be empty, to this version, as a whole or not at all."""
    version = version_of(store)
    store.execute("BEGIN")
    store.execute("USE store")
    for migration in MIGRATIONS[version:]:
        migration(store)
    for definition in definitions():
        store.execute(definition)
    store.execute("DELETE FROM meta WHERE name IN ('schema', 'views')")
    store.execute("INSERT INTO meta VALUES ('schema', ?), ('views', ?)", [str(len(MIGRATIONS)), _views()])
    store.execute("COMMIT")
    store.execute("USE memory")


def _views() -> str:
    return "\n".join(definitions())
