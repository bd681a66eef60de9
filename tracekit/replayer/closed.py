"""Keeps a process closed: nothing that it does by itself reaches the API's hosts.

An audit hook sees every connection and every look-up of a name that Python code makes, in any library. Hooks cannot be
removed, so there is one, which does nothing while nothing is refused. A connection over TLS names its host, whatever
address it goes to, and is refused by that name. A proxy would carry a request past both, so those that the environment
names are bypassed for the API's hosts.

Only the standard library is needed here, since closed child processes load this module as they start.
"""

from __future__ import annotations

import functools
import os
import ssl
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NoReturn, Protocol
from urllib.parse import urlsplit

from tracekit.instrument.replaced import Replaced
from tracekit.replayer.addresses import Hosts, address_of, is_resolving, spelled
from tracekit.replayer.commands import own_environment
from tracekit.replayer.environment import Closing, closed_environment, open_environment, shut_environment

__all__ = ["Teller", "allow", "for_child", "refuse"]

_NO_PROXY = ("NO_PROXY", "no_proxy")
_LIBC = ("libc.", "libc-", "libSystem", "libpthread")
_BEHIND_US = frozenset(
    (
        *("connect", "sendto", "sendmsg", "sendmmsg"),
        *("execve", "execvpe", "fexecve", "posix_spawn", "posix_spawnp", "clearenv"),
    )
)
"""Functions of the C library that connect, or start a program, without an audit event."""


class Teller(Protocol):
    """Is called for each refused connection, and raises."""

    def connects(self, where: str) -> NoReturn:
        """Raise because the process opens a connection to `where`."""

    def escapes(self, what: str) -> NoReturn:
        """Raise because the process does `what`, which would escape the closed environment."""


class _Refused:
    """The hosts that are refused now, and the teller that is called."""

    hosts: Hosts | None = None
    closing = Closing(())
    teller: Teller | None = None
    is_hooked = False
    bypassed: Mapping[str, str | None] = {}


_replaced = Replaced()


def refuse(closing: Closing, teller: Teller) -> Hosts:
    """Refuse connections to the hosts of `closing` by calling `teller`, in this process and those that it starts."""
    hosts = Hosts(closing.hosts)
    _Refused.hosts, _Refused.closing = hosts, closing._replace(hosts=hosts.given)
    by_address = [host for host in closing.hosts if spelled(urlsplit(host).hostname or "") not in hosts.names]
    _bypass_proxies([*sorted(hosts.names), *(urlsplit(host).netloc for host in by_address)])
    shut_environment(_Refused.closing)
    for name in ("wrap_socket", "wrap_bio"):
        _replaced.replace(ssl.SSLContext, name, _closed_tls)
    _Refused.teller = teller
    if not _Refused.is_hooked:
        _Refused.is_hooked = True
        sys.addaudithook(_hook)
    return hosts


def allow() -> None:
    """Stop refusing connections."""
    _Refused.teller = None
    _replaced.restore()
    for name, before in _Refused.bypassed.items():
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before
    _Refused.bypassed = {}
    open_environment()


def for_child(environment: Mapping[Any, Any] | None) -> dict[str, Any]:
    """Return `environment`, by default this process's own, closed for a process that is started with it."""
    return closed_environment(os.environ if environment is None else environment, _Refused.closing)


def _bypass_proxies(names: Sequence[str]) -> None:
    _Refused.bypassed = {name: os.environ.get(name) for name in _NO_PROXY}
    for name, before in _Refused.bypassed.items():
        # Where one of the two is set, the other may be what a library reads.
        known = before or next(filter(None, _Refused.bypassed.values()), "")
        if known.strip() != "*":
            os.environ[name] = ",".join(filter(None, [known, *names]))


# ── what is seen ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    teller = _Refused.teller
    if teller is None:
        return
    look = _LOOKS.get(event)
    if look is not None and not is_resolving():
        look(teller, arguments)


def _connects(teller: Teller, arguments: tuple[Any, ...]) -> None:
    address = arguments[1] if len(arguments) > 1 else None
    if not isinstance(address, tuple) or len(address) < 2 or _Refused.hosts is None:
        # A socket of this machine's file system, or one that is connected already.
        return
    if _Refused.closing.everything or _Refused.hosts.has(address[0], address[1]):
        with suppress(Exception):
            # Who opened it expects no exception but an OSError, and would leave it open.
            arguments[0].close()
        teller.connects(_shown(address[0], address[1]))


def _looks_up(teller: Teller, arguments: tuple[Any, ...]) -> None:
    host, port = arguments[0] if arguments else None, arguments[1] if len(arguments) > 1 else 0
    if not host or _Refused.hosts is None:
        return
    if _Refused.closing.everything:
        is_refused = address_of(spelled(host)) is None
    else:
        is_refused = _Refused.hosts.has_literal(host, port)
    if is_refused:
        teller.connects(_shown(host, port))


def _closed_tls(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap `SSLContext.wrap_socket` and `wrap_bio`, which get the host's name whatever address is connected to."""
    # Where `server_hostname` stands, if it is given by position.
    place = 4 if original.__name__ == "wrap_socket" else 3

    @functools.wraps(original)
    def wrap(context: Any, *args: Any, **kwargs: Any) -> Any:
        name = kwargs.get("server_hostname") or (args[place] if len(args) > place else None)
        teller, hosts = _Refused.teller, _Refused.hosts
        if teller is not None and hosts is not None and name and hosts.has_name(name):
            teller.connects(_shown(name, 0))
        return original(context, *args, **kwargs)

    return wrap


def _starts(teller: Teller, arguments: tuple[Any, ...]) -> None:
    """Check the command of a process that is about to start: `arguments` are its program and its argument list."""
    # The program may have set a variable since.
    shut_environment(_Refused.closing)
    command = arguments[1] if len(arguments) > 1 else arguments[0] if arguments else None
    left = own_environment(command)
    if left:
        teller.escapes(f"it starts a program with an environment of its own: {left}")


def _starts_with(teller: Teller, arguments: tuple[Any, ...]) -> None:
    """Check a start that has its own environment, which can no longer be closed by then."""
    _starts(teller, arguments)
    environment = arguments[2]
    if environment is not None and not _is_closed(environment):
        teller.escapes(f"it starts {os.fsdecode(arguments[0])} by a function that it got before the replay began")


def _is_closed(environment: Mapping[Any, Any]) -> bool:
    given = {os.fsdecode(name): value for name, value in environment.items()}
    closed = closed_environment(given, _Refused.closing)
    return given.keys() == closed.keys() and all(
        os.fsdecode(given[name]) == os.fsdecode(value) for name, value in closed.items()
    )


def _looks_for_symbol(teller: Teller, arguments: tuple[Any, ...]) -> None:
    library, symbol = arguments[0], arguments[1] if len(arguments) > 1 else ""
    if symbol in _BEHIND_US:
        file = os.path.basename(str(getattr(library, "_name", None) or ""))  # noqa: PTH119  as the loader knows it
        if not file or file.startswith(_LIBC):
            teller.escapes(f"it calls {symbol!r} of the C library by ctypes")


def _makes_interpreter(teller: Teller, _arguments: tuple[Any, ...]) -> None:
    teller.escapes("it starts a sub-interpreter, where no audit hook is")


def _shown(host: Any, port: Any) -> str:
    name = bytes(host).decode("utf-8", "replace") if isinstance(host, (bytes, bytearray)) else str(host)
    return f"{name}:{port}" if port else name


_LOOKS: Mapping[str, Callable[[Teller, tuple[Any, ...]], None]] = {
    "socket.connect": _connects,
    "socket.sendto": _connects,
    "socket.sendmsg": _connects,
    "socket.getaddrinfo": _looks_up,
    "socket.gethostbyname": _looks_up,
    "socket.gethostbyaddr": _looks_up,
    "os.system": _starts,
    "os.fork": _starts,
    "os.forkpty": _starts,
    "subprocess.Popen": _starts,
    "os.exec": _starts_with,
    "os.posix_spawn": _starts_with,
    "ctypes.dlsym": _looks_for_symbol,
    "cpython.PyInterpreterState_New": _makes_interpreter,
}
