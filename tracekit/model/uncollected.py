"""Work on whole runs without Python's search for cycles."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["uncollected"]


@contextmanager
def uncollected() -> Iterator[None]:
    """Keep Python from looking for cycles, where some hundred thousand objects are made that have none.

    Each look goes through all of a run's objects: it is half of the time that reading 100,000 spans takes.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            if not gc.get_freeze_count():
                # What was made meanwhile counts as old: as young objects all of it would be looked through at once.
                gc.freeze()
                gc.unfreeze()
            gc.enable()
