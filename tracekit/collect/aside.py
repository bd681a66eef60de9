"""A store for one command, where ``TRACEKIT_HOME`` cannot hold one: it is read-only, full, or another user's."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tracekit.collect.collect import Progress, collect_into
from tracekit.collect.look import up_to_date
from tracekit.collect.scan import scan
from tracekit.errors import NewerStoreError, StoreBusyError, StoreError
from tracekit.journal.files import unreadable
from tracekit.journal.home import home, runs_folder
from tracekit.store.store import Store

__all__ = ["Collected", "collected"]


class Collected(NamedTuple):
    """A store that is up to date, and messages for the user."""

    store: Store
    warnings: list[str]
    is_aside: bool


@contextmanager
def collected(progress: Progress | None = None, *, budget_s: float | None = None) -> Iterator[Collected]:
    """Return the home's store, brought up to date, or a temporary store if that cannot be used.

    Journals are collected for at most `budget_s` seconds.

    Raises:
        HomeError: There is no folder for journals.
        StoreError: No store can be made, a newer version made the one that is there, or another program holds it.
    """
    store = Store(home())
    try:
        warnings = up_to_date(progress=progress, budget_s=budget_s)
    except (NewerStoreError, StoreBusyError):
        raise
    except StoreError as error:
        with tempfile.TemporaryDirectory(prefix="tracekit-") as folder:
            aside = Store(Path(folder))
            report = collect_into(aside, scan(runs_folder()), progress=progress)
            note = f"{error}; the journals are read into a temporary store instead"
            yield Collected(aside, [note, *unreadable(), *report.warnings], is_aside=True)
    else:
        yield Collected(store, [*unreadable(), *warnings], is_aside=False)
