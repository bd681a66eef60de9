"""Reads the caller's stack: whose code runs there, and which web request it serves.

WSGI and ASGI hand each request to the application as a dictionary with keys that their specifications fix. So the
request is found in whatever server, and a key of ours in the dictionary lives exactly as long as the request.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any, NamedTuple

from tracekit.instrument.lanes import running_task

__all__ = ["OwnFrame", "Stack", "is_hosted", "read_stack", "show_function"]

OwnFrame = tuple[int, int]
"""A frame of the program's own code: its identity, and the instruction at which it stands."""

_LIBRARY = Path(os.__file__).parent.as_posix() + "/"
_OURS = Path(__file__).parents[1].as_posix() + "/"
_COMMANDS = {Path(sys.executable).parent.as_posix() + "/", Path(sys.prefix, "bin").as_posix() + "/"}
_INSTALLED = ("/site-packages/", "/dist-packages/")

_TYPED = ("<stdin>", "<string>", "<console>", "<ipython", "<python-input")
"""The beginnings of file names of code that the user has typed, as text or in a shell."""

_REQUEST_ARGUMENTS = ("environ", "env", "scope")
"""What applications call the dictionary of a request, which they get by position."""


class _Code(NamedTuple):
    """The properties of a frame's `code` that decide whose code it is.

    `owner` is the package of installed code, "" for Python's own code and ours, and None for the program's own.
    `argument` is the name of the argument that may hold a web request.
    """

    code: CodeType
    owner: str | None
    argument: str


class Stack(NamedTuple):
    """Facts from the caller's stack, down to the first frame of the caller's task or thread.

    `request` is the outermost web request. `own` are the frames of the program's own code, the innermost first, and
    `function` is the code of the outermost one within the request. `has_guest` says that an installed server, if there
    is one, has called other code: an application's framework, or the program's own.
    """

    request: dict[str, Any] | None
    own: tuple[OwnFrame, ...]
    function: CodeType | None
    has_guest: bool


_known: dict[int, _Code] = {}
"""By the identity of the code, which each entry keeps alive: its hash takes as long as the rest."""

_MOST_KNOWN = 20_000


def read_stack() -> Stack:
    """Read the stack of the caller's task, or of its thread or greenlet outside any task."""
    request, own, function = None, [], None
    candidate: CodeType | None = None
    owners: list[str | None] = []
    for frame in _frames():
        code = _of(frame.f_code)
        if code.owner is None:
            own.append((id(frame), frame.f_lasti))
            candidate = frame.f_code
        if code.owner != "" and code.owner not in owners:
            owners.append(code.owner)
        if code.argument:
            found = _request_in(frame.f_locals.get(code.argument))
            if found is not None:
                request, function = found, candidate
    return Stack(request, tuple(own), function if request is not None else candidate, bool(own) or len(owners) > 1)


def _frames() -> Iterator[FrameType]:
    task = running_task()
    coroutine = task.get_coro() if hasattr(task, "get_coro") else getattr(task, "coro", None)
    last = getattr(coroutine, "cr_frame", None) or getattr(coroutine, "gi_frame", None)
    frame: FrameType | None = sys._getframe(2)  # noqa: SLF001  the documented way to the stack
    while frame is not None:
        yield frame
        frame = frame.f_back if frame is not last else None


def _of(code: CodeType) -> _Code:
    known = _known.get(id(code))
    if known is None:
        if len(_known) >= _MOST_KNOWN:
            # A program that compiles code for ever, as a notebook does.
            _known.clear()
        names = code.co_varnames[: code.co_argcount]
        argument = next((name for name in _REQUEST_ARGUMENTS if name in names), "")
        known = _known[id(code)] = _Code(code, _owner(code.co_filename), argument)
    return known


def _owner(file: str) -> str | None:
    """Return the package of the installed code in `file`, "" for Python's own code and ours, None for the program's."""
    for folder in _INSTALLED:
        _, found, rest = file.partition(folder)
        if found:
            return rest.partition("/")[0].removesuffix(".py")
    # Generated code, such as a dataclass's methods, is part of whatever it was generated for.
    if file.startswith((_LIBRARY, _OURS, "<frozen ")) or (file.startswith("<") and not file.startswith(_TYPED)):
        return ""
    return None


def _request_in(value: Any) -> dict[str, Any] | None:
    """Return `value` if it is WSGI's environment or ASGI's scope of a request."""
    if type(value) is not dict:
        return None
    return value if "wsgi.input" in value or value.get("type") in ("http", "websocket") else None


def show_function(code: CodeType | None) -> str:
    """Return the name of a function as people know it; "" for code that is no named function."""
    name = code.co_qualname.rpartition("<locals>.")[2] if code is not None else ""
    return "" if name.startswith("<") else name


# ── the program ──────────────────────────────────────────────────────────────────────────────────────────────────────


def is_hosted() -> bool:
    """Return whether an installed program runs in this process and calls the user's code, as a server or pytest does.

    The main thread's outermost code tells: a script's own code, or that of an installed command. A command that runs a
    script as `__main__`, as a debugger does, hosts nothing; nor does one that has loaded no code but installed code.
    """
    if "IPython" in sys.modules and _is_interactive():
        return True
    frames = _main_frames()
    first = next((frame for frame in frames if not _is_starter(frame)), None)
    if first is None or _of(first.f_code).owner is None:
        return False
    if any(_of(frame.f_code).owner is None and _is_main_module(frame) for frame in frames if not _is_starter(frame)):
        return False
    return any(_is_own(module) for module in list(sys.modules.values()))


def _main_frames() -> list[FrameType]:
    """Return the frames of the main thread, the outermost first."""
    frame = sys._current_frames().get(threading.main_thread().ident or 0)  # noqa: SLF001  documented
    frames: list[FrameType] = []
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back
    return frames[::-1]


def _is_starter(frame: FrameType) -> bool:
    """Return whether `frame` only starts a program: Python's own code, a command's stub, or text given to Python."""
    file = frame.f_code.co_filename
    return _of(frame.f_code).owner == "" or file == "<string>" or any(file.startswith(each) for each in _COMMANDS)


def _is_main_module(frame: FrameType) -> bool:
    return frame.f_code.co_name == "<module>" and frame.f_globals.get("__name__") == "__main__"


def _is_own(module: ModuleType) -> bool:
    file = getattr(module, "__file__", None)
    if not isinstance(file, str) or getattr(module, "__name__", "") == "__main__":
        return False
    return file.endswith(".py") and _owner(file) is None and not any(file.startswith(each) for each in _COMMANDS)


def _is_interactive() -> bool:
    """Return whether an interactive shell of IPython's runs here, as in a notebook's kernel."""
    shell = getattr(sys.modules.get("IPython.core.interactiveshell"), "InteractiveShell", None)
    return bool(shell is not None and shell.initialized())
