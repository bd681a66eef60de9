"""Search all runs with a filter, in the store."""

from __future__ import annotations

from tracekit.collect.aside import collected
from tracekit.collect.collect import Progress
from tracekit.collect.look import Listing
from tracekit.store import queries
from tracekit.store.filter import RunFilter

__all__ = ["search_runs"]


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
