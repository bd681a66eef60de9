"""A Python process below a replay that is not replayed itself, and must not reach the API.

Its connections to the API's hosts fail as they do without a network, and so do those of the processes that it starts.
Only the standard library is needed here, since every Python process below a replay loads this module as it starts.
"""

from __future__ import annotations

import errno
import os
from typing import NoReturn

from tracekit.replayer.blocked import note_blocked
from tracekit.replayer.children import close_children
from tracekit.replayer.closed import refuse
from tracekit.replayer.environment import CLOSED_VARIABLE, NOWHERE, Closing

__all__ = ["close", "start"]

_WHY = "this process was started in a tracekit replay, and is not replayed itself"


def start() -> None:
    """Close this process as the environment asks."""
    close(Closing.loads(os.environ[CLOSED_VARIABLE]))


def close(closing: Closing) -> None:
    """Refuse connections to the hosts of `closing` from now on, in this process and in those that it starts."""
    # An address that leads nowhere is asked in place of the API's.
    refuse(closing._replace(hosts=(*closing.hosts, NOWHERE)), _Teller(closing.folder))
    close_children()


class _Teller:
    """Raises the errors that a program expects without a network, so that a pool's worker survives them."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def connects(self, where: str) -> NoReturn:
        note_blocked(self._folder, where)
        raise ConnectionRefusedError(errno.ECONNREFUSED, f"{_WHY}: nothing reaches {where}")

    def escapes(self, what: str) -> NoReturn:
        raise PermissionError(errno.EPERM, f"{_WHY}: {what}")
