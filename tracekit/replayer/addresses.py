"""The API's hosts in every spelling: names and IP addresses, with ports.

Only the standard library is needed here, since closed child processes load this module as they start.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

__all__ = ["API_HOSTS", "Hosts", "address_of", "is_resolving", "spelled"]

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

API_HOSTS: Final = ("https://api.anthropic.com",)
"""Hosts that are the API's, whatever a recording says."""

_NUMERIC = re.compile(r"(0x[0-9a-f]+|\d+)(\.(0x[0-9a-f]+|\d+)){0,3}")
"""The spellings of an IPv4 address that the C library reads: `127.1`, `0x7f.1`, `2130706433`, `0177.0.0.1`."""

_resolving = threading.local()


def is_resolving() -> bool:
    """Return whether this thread is looking up a name for `Hosts`, which is no request of the program's."""
    return getattr(_resolving, "now", False)


def spelled(host: Any) -> str:
    """Return `host`, which may be bytes, in one spelling: lower case, ASCII, without brackets, zone and last dot."""
    text = bytes(host).decode("utf-8", "replace") if isinstance(host, (bytes, bytearray)) else str(host)
    with suppress(UnicodeError):
        # It maps full-width characters and their dots, as `socket` does.
        text = text.encode("idna").decode("ascii")
    return text.strip().strip("[]").partition("%")[0].rstrip(".").lower()


def address_of(name: str) -> Address | None:
    """Return the IP address that `name`, as `spelled`, stands for by itself; None for the name of a host."""
    if name in ("", "<any>"):
        return ipaddress.IPv4Address(0)
    try:
        if _NUMERIC.fullmatch(name):
            return ipaddress.IPv4Address(socket.inet_aton(name))
        found: Address = ipaddress.ip_address(name)
    except (OSError, ValueError):
        return None
    return (found.ipv4_mapped or found) if isinstance(found, ipaddress.IPv6Address) else found


class Hosts:
    """Hosts, given as ``scheme://host:port``, that a replay must not reach.

    A host that is a name is refused on all its ports. One of this machine is refused on its own port alone, since other
    services of the machine may be the tools'.
    """

    def __init__(self, hosts: Iterable[str]) -> None:
        self.given = tuple(dict.fromkeys((*API_HOSTS, *hosts)))
        self.names: set[str] = set()
        self._ports: set[int] = set()
        self._local_ports: set[int] = set()
        self._addresses: set[tuple[Address, int]] = set()
        self._resolved: dict[str, frozenset[Address]] = {}
        for host in self.given:
            self._add(host)

    def _add(self, host: str) -> None:
        parts = urlsplit(host)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        name = spelled(parts.hostname or "")
        address = address_of(name)
        if name == "localhost" or (address is not None and _is_local(address)):
            self._local_ports.add(port)
        elif address is not None:
            self._addresses.add((address, port))
        else:
            self.names.add(name)
            self._ports.add(port)

    def has_name(self, host: Any) -> bool:
        """Return whether `host` is the name of one of these hosts, in any spelling."""
        return spelled(host) in self.names

    def has_literal(self, host: Any, port: Any) -> bool:
        """Return whether `host` and `port` are one of these hosts, as far as that shows without a look-up."""
        name, number = spelled(host), _number(port)
        if name in self.names or (name == "localhost" and number in self._local_ports):
            return True
        address = address_of(name)
        return address is not None and self._is_known(address, number)

    def is_local(self, host: Any) -> bool:
        """Return whether `host` is an address of this machine."""
        address = address_of(spelled(host))
        return address is not None and _is_local(address)

    def has(self, host: Any, port: Any, *, unsure: bool = False) -> bool:
        """Return whether a connection to `host` and `port` reaches one of these hosts.

        A name, or an address that may be behind one of theirs, is looked up only where the port is one of theirs. The
        answer is `unsure` where none of theirs can be looked up.
        """
        if self.has_literal(host, port):
            return True
        name, number = spelled(host), _number(port)
        if number not in self._ports and number not in self._local_ports:
            return False
        address = address_of(name)
        # A name is looked up each time: the hosts of another service may have moved.
        reached = [address] if address is not None else _look_up(name)
        if any(self._is_known(each, number) or self._is_behind_a_name(each, number) for each in reached):
            return True
        return unsure and number in self._ports and not all(self._resolved.get(name) for name in self.names)

    def _is_known(self, address: Address, port: int) -> bool:
        return (address, port) in self._addresses or (port in self._local_ports and _is_local(address))

    def _is_behind_a_name(self, address: Address, port: int) -> bool:
        if port not in self._ports:
            return False
        for name in self.names:
            if name not in self._resolved:
                self._resolved[name] = frozenset(_look_up(name))
            known = self._resolved[name]
            if address in known or (_is_local(address) and any(map(_is_local, known))):
                return True
        return False


def _number(port: Any) -> int:
    if isinstance(port, (bytes, bytearray)):
        port = bytes(port).decode("ascii", "replace")
    if isinstance(port, str):
        if port.isdigit():
            return int(port)
        try:
            return socket.getservbyname(port)
        except OSError:
            return 0
    return port if isinstance(port, int) else 0


def _look_up(name: str) -> list[Address]:
    """Return the addresses of `name`; none where it cannot be looked up."""
    _resolving.now = True
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    finally:
        _resolving.now = False
    return [address for each in found if (address := address_of(spelled(each[4][0]))) is not None]


def _is_local(address: Address) -> bool:
    """Return whether `address` belongs to this machine: only then can a socket be bound to it."""
    if address.is_loopback or address.is_unspecified:
        return True
    if address.is_global:
        return False
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True
