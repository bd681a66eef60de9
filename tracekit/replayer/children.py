"""The processes that a replayed program starts: whatever runs in them, their calls lead nowhere.

Those that load our hook are replayed like their parent, under `tracekit replay`. In all others an address of the API,
and proxies, that lead nowhere stand in the environment; and what `multiprocessing` starts within ``tracekit.replay()``,
where no hook is, refuses each call.
"""

from __future__ import annotations

import functools
import os
import subprocess
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from typing_extensions import override

from tracekit.configure import hook_in, init
from tracekit.errors import ReplayError
from tracekit.instrument.clock import AnchoredClock
from tracekit.instrument.lanes import Lane
from tracekit.instrument.live import LiveSpan
from tracekit.instrument.processes import when_entered
from tracekit.instrument.protocols import Answerer, Sink, ToolReply
from tracekit.instrument.recorder import Recorder, install
from tracekit.instrument.replaced import Replaced
from tracekit.instrument.reply import Reply
from tracekit.model.events import Event, Request
from tracekit.model.run import RunInfo

__all__ = ["PROXIES", "close_children", "closed_environment", "own_proxies", "release_children"]

_NOWHERE = "http://127.0.0.1:9"
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy")
_BASE_URLS = (
    "ANTHROPIC_BASE_URL",
    "ANTHROPIC_BEDROCK_BASE_URL",
    "ANTHROPIC_VERTEX_BASE_URL",
    "ANTHROPIC_FOUNDRY_BASE_URL",
)
_ENV = 10
"""The place of `env` among the arguments of `Popen`, for who gives it by position."""

_replaced = Replaced()


def closed_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """`environment` with addresses of the API, and proxies, that lead nowhere."""
    closed = {name: value for name, value in environment.items() if name not in PROXIES}
    closed |= {name: _NOWHERE for name in PROXIES if "NO_" not in name.upper()}
    for name in _BASE_URLS:
        if name == "ANTHROPIC_BASE_URL" or name in environment:
            # The path is part of what a request is matched by.
            closed[name] = _NOWHERE + urlsplit(environment.get(name, "")).path.rstrip("/")
    closed.setdefault("ANTHROPIC_API_KEY", "replayed")
    return closed


def own_proxies(environment: Mapping[str, str]) -> dict[str, str]:
    """The proxies that `environment` names."""
    return {name: environment[name] for name in PROXIES if name in environment}


def close_children(*, hooked: bool) -> None:
    """Let the processes that this one starts from now on reach nothing. `hooked` says that they load our hook themselves."""
    _replaced.replace(subprocess.Popen, "__init__", _closed_popen)
    if not hooked:
        when_entered(refuse)


def release_children() -> None:
    """Let the processes that this one starts be as they would be."""
    _replaced.restore()
    when_entered(init)


def _closed_popen(original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def start(process: Any, *args: Any, **kwargs: Any) -> None:
        given = args[_ENV] if len(args) > _ENV else kwargs.get("env")
        environment = closed_environment(os.environ if given is None else given)
        if len(args) > _ENV:
            args = (*args[:_ENV], environment, *args[_ENV + 1 :])
        else:
            kwargs["env"] = environment
        original(process, *args, **kwargs)

    return start


def refuse() -> None:
    """In a process that was started within ``tracekit.replay()``: refuse each call. Pickled by its name."""
    install(Recorder(_Nowhere(), AnchoredClock(), answerer=_Refusing()))
    hook_in()


class _Nowhere(Sink):
    """Keeps nothing."""

    @override
    def write(self, run: RunInfo, event: Event) -> None: ...

    @override
    def release(self, run: RunInfo) -> None: ...

    @override
    def forked(self) -> None: ...

    @override
    def exit(self, at_ns: int) -> None: ...


class _Refusing(Answerer):
    """Answers nothing. Its error is an `Exception`, which a pool hands on to who waits for the result."""

    replay_of = ""

    def __init__(self) -> None:
        self._clock = AnchoredClock()

    @override
    def answer(self, request: Request, call: object, parent: LiveSpan | None) -> Reply:
        raise ReplayError(
            "this call was made in a process of its own, which tracekit.replay() does not reach; "
            "what works: tracekit replay RUN -- PROGRAM, which replays every process of a program"
        )

    @override
    def beyond(self, reply: Reply) -> BaseException:
        return ReplayError("nothing is replayed here")

    @override
    def ended(self, reply: Reply) -> None: ...

    @override
    def hold(self, until_ns: int) -> None: ...

    @override
    async def hold_async(self, until_ns: int) -> None: ...

    @override
    def begin_ns(self, live: LiveSpan) -> int:
        return self._clock.now_ns()

    @override
    def end_ns(self, live: LiveSpan) -> int:
        return self._clock.now_ns()

    @override
    def started(self, lane: Lane) -> None: ...

    @override
    def lane_ns(self, lane: Lane) -> int:
        return lane.first_ns

    @override
    def tool(self, live: LiveSpan) -> ToolReply | None:
        return None
