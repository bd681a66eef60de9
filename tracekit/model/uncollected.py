"""Work on whole runs without Python's search for cycles."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["uncollected"]


class _Process:
    has_frozen = False
    """The program has frozen objects. Remembered, since Python counts them one by one."""


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
            _Process.has_frozen = _Process.has_frozen or gc.get_freeze_count() > 0
            if not _Process.has_frozen:
                # What was made meanwhile counts as old: as young objects all of it would be looked through at once.
                gc.freeze()
                gc.unfreeze()
            gc.enable()
