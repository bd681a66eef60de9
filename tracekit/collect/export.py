"""Export a run's rows as files, for other programs."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from tracekit.collect.collect import maker
from tracekit.collect.look import read_entry
from tracekit.collect.rows import rows_of
from tracekit.errors import StoreError
from tracekit.journal.catalog import Entry
from tracekit.store.ask import run_to_parquet
from tracekit.store.store import Store
from tracekit.store.writer import Writer

__all__ = ["export_parquet"]


def export_parquet(entry: Entry, folder: Path) -> list[Path]:
    """Write the run's rows of each view to a Parquet file in `folder`, which is made if missing.

    The run may be a file that the store does not know: a store of its own is made for it, and removed.

    Raises:
        JournalError: Its journal cannot be read.
        StoreError: `folder` cannot be made.
        OutputError: A file cannot be written.
    """
    began = time.monotonic()
    rows = rows_of(entry.id, read_entry(entry), [], [], maker(), began)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{folder} cannot be made: {error.strerror}; give another folder") from error
    with tempfile.TemporaryDirectory(prefix="tracekit-") as place:
        store = Store(Path(place))
        store.prepare()
        with Writer(store) as writer:
            writer.add(rows)
        assert rows.summary is not None
        return run_to_parquet(store, rows.summary.id, folder.absolute())
