"""Search all runs in the store: with a filter, or with SQL."""

from __future__ import annotations

from itertools import islice
from typing import Any, NamedTuple

from tracekit.collect.aside import collected
from tracekit.collect.collect import Progress
from tracekit.collect.look import Listing
from tracekit.errors import StoreError
from tracekit.store import queries
from tracekit.store.ask import QueryResult, ask
from tracekit.store.filter import RunFilter

__all__ = ["QueryAnswer", "query_runs", "search_runs"]


def search_runs(
    wanted: RunFilter, *, replays: bool = False, progress: Progress | None = None, budget_s: float | None = None
) -> Listing:
    """Return the runs that fit `wanted`, newest recorded first, and messages for the user; with `replays` also replays.

    Journals are collected first, for at most `budget_s` seconds.

    Raises:
        HomeError: There is no folder for journals.
        StoreError: No store can be made or used.
    """
    with collected(progress, budget_s=budget_s) as found:
        if not found.store.exists:
            return Listing([], found.warnings)
        with found.store.reading() as store:
            runs = queries.newest_runs(store, replays=replays, wanted=wanted)
            problems = queries.problems(store)
            damage = queries.damage_of(store, [run.id for run in runs])
    left_out = [f"run {id[:8]} is left out: {problem}" for id, problem in problems]
    return Listing(runs, [*found.warnings, *left_out, *(f"{path}: {said}" for path, said in damage)])


class QueryAnswer(NamedTuple):
    """The first rows of a query, the names of their columns, whether there are more, and messages for the user."""

    columns: list[str]
    rows: list[tuple[Any, ...]]
    is_cut: bool
    warnings: list[str]


def query_runs(query: str, *, most: int, budget_s: float | None = None) -> QueryAnswer:
    """Return the first `most` rows of one SELECT over the views; journals are collected first, within `budget_s`.

    Raises:
        HomeError: There is no folder for journals.
        QueryError: The query is wrong, or would write.
        StoreError: No store can be made or used.
    """

    def take(result: QueryResult) -> QueryAnswer:
        rows = list(islice(result.rows, most + 1))
        return QueryAnswer([name for name, _ in result.columns], rows[:most], len(rows) > most, [])

    with collected(budget_s=budget_s) as found:
        if not found.store.exists:
            raise StoreError("nothing is recorded yet")
        return ask(found.store, query, take)._replace(warnings=found.warnings)
