"""Ports for servers that are told where to listen, and for addresses where nobody does."""

from __future__ import annotations

import random
import socket
from contextlib import suppress

__all__ = ["free_port"]

_PORTS = range(15_000, 30_000)
"""Below those that the system gives to sockets that ask for any: another test's would take a port before it is used."""


def free_port() -> int:
    """Return a port on which nobody listens, and on which nobody will by chance."""
    while True:
        port = random.choice(_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
