"""The terminal of the viewer, which may disappear without notice."""

from __future__ import annotations

import os
import select
import signal
import sys

__all__ = ["leave_if_gone"]


def leave_if_gone() -> None:
    """End this process if its terminal is gone, as the signal for that would have done.

    A terminal may vanish without SIGHUP, as where another process leads the session. Reading then returns nothing at once,
    again and again.
    """
    try:
        gone = sys.__stdin__ is not None and _has_hung_up(sys.__stdin__.fileno())
    except (OSError, ValueError):
        return
    if gone:
        # Whoever started it with `nohup` wanted it to outlive a terminal, but a viewer without one can do nothing.
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGHUP)


def _has_hung_up(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, 0)
    return any(event & (select.POLLHUP | select.POLLERR) for _, event in poll.poll(0))
