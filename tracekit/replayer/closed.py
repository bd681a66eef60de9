"""Keeps a replay closed: nothing that the program does by itself reaches the API's hosts.

An audit hook sees every connection and every look-up of a name that Python code makes, in any library. Hooks cannot be
removed, so there is one, which does nothing while nobody refuses anything. A proxy would carry a request past it, so
those that the environment names are bypassed for the API's hosts.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

__all__ = ["allow", "refuse"]

_CONNECTING = frozenset(("socket.connect", "socket.sendto", "socket.sendmsg"))
_LOOKING_UP = frozenset(("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"))
_NO_PROXY = ("NO_PROXY", "no_proxy")
_API_HOSTS = ("api.anthropic.com",)


class _Refused:
    """What is refused now, and whom to tell: names of hosts, and addresses with their ports."""

    names: frozenset[str] = frozenset()
    addresses: frozenset[tuple[str, int]] = frozenset()
    everything = False
    tell: Callable[[str], None] | None = None
    is_hooked = False
    bypassed: Mapping[str, str | None] = {}


def refuse(hosts: Iterable[str], tell: Callable[[str], None], *, everything: bool = False) -> None:
    """Refuse connections to `hosts`, given as ``scheme://host:port``, or to all, by calling `tell`, which raises."""
    names, addresses = set(_API_HOSTS), set()
    for host in hosts:
        parts = urlsplit(host)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        name = parts.hostname or ""
        if _is_address(name) or name == "localhost":
            # Other services of this machine may be the tools'.
            addresses |= {
                (name, port),
                *((each, port) for each in ("127.0.0.1", "::1", "localhost") if name == "localhost"),
            }
        else:
            names.add(name)
    _Refused.names, _Refused.addresses = frozenset(names), frozenset(addresses)
    _Refused.everything, _Refused.tell = everything, tell
    _bypass_proxies(names)
    if not _Refused.is_hooked:
        _Refused.is_hooked = True
        sys.addaudithook(_hook)


def allow() -> None:
    """Refuse nothing any more."""
    _Refused.tell = None
    for name, before in _Refused.bypassed.items():
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before
    _Refused.bypassed = {}


def _bypass_proxies(hosts: Iterable[str]) -> None:
    _Refused.bypassed = {name: os.environ.get(name) for name in _NO_PROXY}
    for name, before in _Refused.bypassed.items():
        # Where one of the two is set, the other may be what a library reads.
        known = before or next(filter(None, _Refused.bypassed.values()), "")
        if known.strip() != "*":
            os.environ[name] = ",".join(filter(None, [known, *sorted(hosts)]))


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _Refused.tell is None:
        return
    if event in _CONNECTING:
        address = arguments[1] if len(arguments) > 1 else None
        if isinstance(address, tuple) and len(address) >= 2 and _is_refused(str(address[0]), address[1]):
            with suppress(Exception):
                # Who opened it expects no exception but an OSError, and would leave it open.
                arguments[0].close()
            _Refused.tell(f"{address[0]}:{address[1]}")
    elif event in _LOOKING_UP:
        host = arguments[0] if arguments else None
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host or "")
        port = arguments[1] if len(arguments) > 1 else 0
        if name and _is_refused(name, port) and not (_Refused.everything and _is_address(name)):
            _Refused.tell(f"{name}:{port}" if port else name)


def _is_refused(name: str, port: Any) -> bool:
    if _Refused.everything:
        return True
    number = int(port) if isinstance(port, int) or (isinstance(port, str) and port.isdigit()) else 0
    return name.rstrip(".").lower() in _Refused.names or (name, number) in _Refused.addresses


def _is_address(name: str) -> bool:
    return ":" in name or name.replace(".", "").isdigit()
