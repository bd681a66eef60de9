"""The warm processes behind `warm.py`: one imports the SDK, one tracekit too; each forks a program for each connection."""

from __future__ import annotations

import atexit
import contextlib
import gc
import io
import os
import pkgutil
import runpy
import select
import selectors
import signal
import site
import socket
import sys
import types
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import NamedTuple, NoReturn

_PLAIN = list(warnings.filters)
"""The filters of an interpreter that nothing was imported into."""


class Request(NamedTuple):
    """A program to start: as the interpreter would get it."""

    streams: list[int]
    umask: int
    folder: bytes
    executable: str
    arguments: list[str]
    environment: dict[bytes, bytes]


def serve(programs: int, commands: int, lifeline: int) -> Callable[[], None]:
    """Fork for each connection, until `lifeline` is closed; returns only in a fork, with the program to run."""
    # The first that is registered is the last that is called.
    atexit.register(_leave)
    for name in ("anthropic", "click", "genai_prices", "rich.console"):
        import_module(name)
    sys.path.remove("")  # of this process's own `-c`
    is_for_commands = os.fork() == 0
    listener, other = (commands, programs) if is_for_commands else (programs, commands)
    os.close(other)
    os.set_inheritable(listener, False)
    os.set_inheritable(lifeline, False)
    if is_for_commands:
        _import_tracekit(listener, lifeline)
    gc.collect()
    gc.freeze()
    return _Server(socket.socket(fileno=listener), lifeline).loop()


def _import_tracekit(listener: int, lifeline: int) -> None:
    """Import all that a command may need, once there is a first one."""
    if lifeline in select.select([listener, lifeline], [], [])[0]:
        os._exit(0)
    import tracekit

    programs = ("demo", "hook", "pytest_plugin", "testing")  # what runs outside of the command line
    for module in pkgutil.walk_packages(tracekit.__path__, "tracekit."):
        if module.name.split(".")[1] not in programs and not module.name.endswith("__main__"):
            import_module(module.name)


class _Server:
    def __init__(self, listener: socket.socket, lifeline: int) -> None:
        self._listener, self._lifeline = listener, lifeline
        self._programs: dict[int, socket.socket] = {}
        self._woken, self._wake = socket.socketpair()
        self._wake.setblocking(False)
        self._woken.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        self._selector = selectors.DefaultSelector()
        for each in (listener, lifeline, self._woken):
            self._selector.register(each, selectors.EVENT_READ)

    def loop(self) -> Callable[[], None]:
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._lifeline:
                    self._end()
                elif key.fileobj is self._listener:
                    program = self._start(self._listener.accept()[0])
                    if program is not None:
                        return program
                elif key.fileobj is self._woken:
                    self._woken.recv(4096)
                    self._reap()
                else:
                    self._hand_on(key.data)

    def _end(self) -> NoReturn:
        for pid in self._programs:
            os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):  # there is none left, also not the other warm process
            while True:
                os.wait()
        os._exit(0)

    def _start(self, connection: socket.socket) -> Callable[[], None] | None:
        """Fork; returns the program in the child, None here."""
        request = _receive(connection)
        if request is None:
            connection.close()
            return None
        pid = os.fork()
        if pid == 0:
            self._close()
            connection.close()
            return _take_over(request)
        for stream in request.streams:
            os.close(stream)
        self._programs[pid] = connection
        self._selector.register(connection, selectors.EVENT_READ, pid)
        return None

    def _close(self) -> None:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._selector.close()
        for each in (self._listener, self._woken, self._wake, *self._programs.values()):
            each.close()
        os.close(self._lifeline)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            connection = self._programs.pop(pid, None)
            if (
                connection is None or connection.fileno() < 0
            ):  # the other warm process; a program whose launcher is gone
                continue
            self._selector.unregister(connection)
            with contextlib.suppress(OSError):  # the launcher is killed at this moment
                connection.sendall(status.to_bytes(4, "little"))
            connection.close()

    def _hand_on(self, pid: int) -> None:
        """Hand the signals on to the program that its launcher was sent; if that is gone, it was killed."""
        connection = self._programs.get(pid)
        if connection is None:
            return
        try:
            numbers = connection.recv(64)
        except OSError:
            numbers = b""
        for number in numbers or [signal.SIGKILL]:
            os.kill(pid, number)
        if not numbers:
            self._selector.unregister(connection)
            connection.close()


def _receive(connection: socket.socket) -> Request | None:
    """Return what the launcher asks for; None if it was killed before it had said so."""
    head, streams, _, _ = socket.recv_fds(connection, 8, 3)
    size, data = int.from_bytes(head, "little"), b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            return None
        data += piece
    if len(streams) < 3:
        return None
    umask, folder, executable, count, *rest = data.split(b"\0")
    arguments, pairs = rest[: int(count)], rest[int(count) :]
    environment = dict(zip(pairs[::2], pairs[1::2], strict=True))
    return Request(
        streams, int(umask), folder, os.fsdecode(executable), [os.fsdecode(each) for each in arguments], environment
    )


# ── the program ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _take_over(request: Request) -> Callable[[], None]:
    """Become the process that `request` describes; returns its program."""
    for number, stream in enumerate(request.streams):
        os.dup2(stream, number)
        os.close(stream)
    os.umask(request.umask)
    os.chdir(request.folder)
    os.environb.clear()
    os.environb.update(request.environment)
    sys.executable = request.executable
    sys.orig_argv = [request.executable, *request.arguments]
    options, kind, given = _parse(request.arguments)
    _reopen(is_unbuffered="-u" in options or bool(os.environ.get("PYTHONUNBUFFERED")))
    _warn([*filter(None, os.environ.get("PYTHONWARNINGS", "").split(",")), *options])
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    sys.path[:0] = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    if os.environ.get("PYTHONPATH"):
        site.execsitecustomize()
    return _program(kind, given)


def _parse(arguments: list[str]) -> tuple[list[str], str, list[str]]:
    """Return the interpreter's options, the way to run the program (-c, -m or neither), and the program's `sys.argv`."""
    options: list[str] = []
    rest = list(arguments)
    while rest[0].startswith("-W") or rest[0] == "-u":
        option = rest.pop(0)
        options.append(rest.pop(0) if option == "-W" else option.removeprefix("-W"))
    return (options, rest[0], rest[1:]) if rest[0] in ("-c", "-m") else (options, "", rest)


def _reopen(*, is_unbuffered: bool) -> None:
    """Give `sys` new streams: those of this process know whether its own were terminals."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        binary = io.FileIO(number, "rb" if name == "stdin" else "wb", closefd=False)
        buffered = io.BufferedReader(binary) if name == "stdin" else io.BufferedWriter(binary)
        stream = io.TextIOWrapper(
            buffered,
            "utf-8",
            "backslashreplace" if name == "stderr" else "strict",
            line_buffering=name == "stderr" or binary.isatty(),
            write_through=is_unbuffered and name != "stdin",
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _warn(options: list[str]) -> None:
    imported = [each for each in warnings.filters if each not in _PLAIN]
    warnings.filters[:] = _PLAIN  # type: ignore[index]
    options = [option for option in options if option != "-u"]
    sys.warnoptions[:] = options
    warnings._processoptions(options)  # type: ignore[attr-defined]
    warnings.filters[:0] = imported  # type: ignore[index]
    warnings._filters_mutated()  # type: ignore[attr-defined]


def _program(kind: str, given: list[str]) -> Callable[[], None]:
    module = types.ModuleType("__main__")
    module.__dict__["__builtins__"] = __builtins__
    sys.modules["__main__"] = module
    sys.argv = [kind or given[0], *given[1:]]
    if kind == "-m":
        sys.path.insert(0, str(Path.cwd()))
        return lambda: runpy._run_module_as_main(given[0])  # type: ignore[attr-defined]
    if kind == "-c":
        sys.path.insert(0, "")
        code = compile(given[0], "<string>", "exec")
    else:
        file = Path(given[0]).absolute()
        sys.path.insert(0, str(file.resolve().parent))
        loader = SourceFileLoader("__main__", str(file))
        module.__dict__.update(__file__=str(file), __cached__=None, __loader__=loader)
        code = compile(file.read_bytes(), file, "exec")
    return lambda: exec(code, module.__dict__)


# ── its end ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class _End:
    code: int | None = None
    """The exit code, where it is known."""


@contextlib.contextmanager
def ending() -> Iterator[None]:
    """Note the exit code of the program that is the block."""
    try:
        yield
    except SystemExit as end:
        _End.code = 0 if end.code is None else end.code & 0xFF if isinstance(end.code, int) else 1
        raise
    except Exception:
        _End.code = 1
        raise
    _End.code = 0


def _leave() -> None:
    """End the process after all other exit functions, without the slow teardown of the SDK's modules."""
    if _End.code is None:
        return
    sys.modules["__main__"].__dict__.clear()
    gc.collect()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            _End.code = 120
    os._exit(_End.code)
