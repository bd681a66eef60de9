"""Descriptors of journals: their lock, and forks at the moment at which they are opened or closed."""

from __future__ import annotations

import fcntl
import os
import time

from tracekit.origin import pass_on
from tracekit.system_clock import steady_ns

__all__ = ["moving", "take_lock"]


def take_lock(file: int, patience_s: float) -> bool:
    """Lock `file`, against which a reader's probe may stand for a moment; return whether that is settled."""
    until_ns = steady_ns() + int(patience_s * 1e9)
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            pass_on(error)
            if steady_ns() >= until_ns:
                return False
            time.sleep(0.0002)
        except OSError as error:
            pass_on(error)
            # A file system without locks: readers go by silence.
            return True
        else:
            return True


class _Moving:
    """Says that a descriptor is on its way between the system and the object that keeps it.

    A fork at that moment would leave the child with a descriptor that it does not know of, and with it the parent's
    lock. So a fork waits a little for such moments to pass, without a lock that could ever be waited for in a circle.
    """

    def __init__(self) -> None:
        self._now: list[None] = []

    def __enter__(self) -> None:
        self._now.append(None)

    def __exit__(self, *_: object) -> None:
        self._now.pop()

    def wait(self) -> None:
        """Wait until no other thread moves a descriptor; called right before a fork."""
        until_ns = steady_ns() + 100_000_000
        while self._now and steady_ns() < until_ns:
            time.sleep(0)

    def forget(self) -> None:
        """Reset the state in a child process, where the other threads are gone."""
        self._now = []


moving = _Moving()
os.register_at_fork(before=moving.wait, after_in_child=moving.forget)
