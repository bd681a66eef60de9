"""Divert connections to the API that a process opened before its replay, such as those that clients keep alive.

No audit event reports data that is sent on an open connection. So its descriptor leads, during the replay, to a socket
from which nothing can be read; data written there shows that the program used it. Afterwards the descriptor is
restored.
"""

from __future__ import annotations

import os
import socket
import stat
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

__all__ = ["EarlierConnections"]

_FOLDERS = ("/proc/self/fd", "/dev/fd")
_GOODBYE = 64
"""Bytes of a TLS close message at most, which a client sends when it drops a connection. A request is longer."""

_TLS = (b"\x15", b"\x17")


class EarlierConnections:
    """The connections of this process whose peer's address and port `is_closed` rejects."""

    def __init__(self, is_closed: Callable[[str, int], bool]) -> None:
        self._is_closed = is_closed
        self._taken: list[tuple[int, int, socket.socket, socket.socket, str]] = []

    def take(self) -> None:
        """Divert these connections from now on."""
        connected = list(_connections())
        served = {local[1] for _, local, peer in connected if peer is None}
        for number, local, peer in connected:
            # What others opened to a server of this process is none of its own.
            if peer is not None and local[1] not in served and self._is_closed(peer[0], peer[1]):
                with suppress(OSError):
                    self._take(number, f"{peer[0]}:{peer[1]}")

    def _take(self, number: int, where: str) -> None:
        inner, outer = socket.socketpair()
        # Reading there comes to the end at once, and writing goes to `outer`.
        outer.shutdown(socket.SHUT_WR)
        outer.setblocking(False)
        inner.setblocking(os.get_blocking(number))
        # Whoever writes more than fits is not kept waiting.
        inner.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("@ll", 1, 0))
        kept = os.dup(number)
        os.dup2(inner.fileno(), number, inheritable=os.get_inheritable(number))
        self._taken.append((number, kept, inner, outer, where))

    def give_back(self) -> list[str]:
        """Restore the connections; return the addresses of those that the program used meanwhile."""
        used = []
        for number, kept, inner, outer, where in self._taken:
            with suppress(OSError):
                # The program may have closed it, and the number may be another file's.
                if _same_file(number, inner.fileno()):
                    os.dup2(kept, number, inheritable=os.get_inheritable(number))
            os.close(kept)
            inner.close()
            if _is_request(_read(outer)):
                used.append(where)
            outer.close()
        self._taken = []
        return used


def _connections() -> Iterator[tuple[int, Any, Any]]:
    """Yield each socket's descriptor, its own address and its peer's address, which is None for a listening socket."""
    folder = next(filter(os.path.isdir, _FOLDERS), None)
    for name in os.listdir(folder) if folder is not None else ():  # noqa: PTH208  numbers, no paths
        try:
            if not stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                continue
            is_blocking = os.get_blocking(int(name))
            with socket.socket(fileno=os.dup(int(name))) as found:
                # A default timeout has just made it a socket that does not block.
                os.set_blocking(int(name), is_blocking)
                if found.family not in (socket.AF_INET, socket.AF_INET6):
                    continue
                listens = bool(found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
                yield int(name), found.getsockname(), None if listens else found.getpeername()
        except OSError:
            # It is not connected, or was closed by another thread.
            continue


def _same_file(one: int, other: int) -> bool:
    return os.path.samestat(os.fstat(one), os.fstat(other))


def _read(source: socket.socket) -> bytes:
    with suppress(BlockingIOError):
        return source.recv(4096)
    return b""


def _is_request(sent: bytes) -> bool:
    return bool(sent) and (not sent.startswith(_TLS) or len(sent) > _GOODBYE)
