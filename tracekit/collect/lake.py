"""Runs of this machine into a lake, and the runs of a lake."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from tracekit.collect.collect import Progress
from tracekit.collect.look import Listing
from tracekit.journal.home import home
from tracekit.journal.process import file_host
from tracekit.model.summary import RunSummary
from tracekit.store import queries
from tracekit.store.filter import RunFilter
from tracekit.store.lake.lake import Lake
from tracekit.store.lake.writer import LakeReport, write_lake
from tracekit.store.store import Store

__all__ = ["add_to_lake", "list_lake"]


def add_to_lake(url: str, progress: Progress | None = None) -> LakeReport:
    """Write the runs of the store that the lake at `url` has not, or not as they are now.

    Raises:
        LakeError: The lake cannot be written.
        StoreError: The store cannot be read.
    """
    lake, store = Lake(url), Store(home())
    if not store.exists:
        lake.folder.open_for_writing()
        return LakeReport()
    return write_lake(store, lake, file_host(), os.getpid(), progress=progress)


def list_lake(
    url: str,
    limit: int,
    wanted: RunFilter,
    sort: Callable[[RunSummary], Any] | None = None,
    *,
    replays: bool = False,
) -> tuple[Listing, int]:
    """Return at most `limit` runs that fit `wanted`, and the number of all that do.

    The newest come first, or those with the least value of `sort`.

    Raises:
        LakeError: It is no lake, or a file of it cannot be read.
    """
    with Lake(url).reading_runs(wanted) as lake:
        many = queries.count_runs(lake, replays=replays, wanted=wanted)
        runs = queries.newest_runs(lake, None if sort else limit, replays=replays, wanted=wanted)
    return Listing(sorted(runs, key=sort)[:limit] if sort else runs, []), many
