"""The upstream of a program: the network and the clock, or their replacement.

The recorder and the seams ask an `Upstream` for what is not theirs to decide: where a request goes, what a tool returns,
and when a span begins and ends. `Network` lets the program do as it does. `Recorder(upstream=...)` is the one place where
something else is plugged in, as `tracekit.instrument.answering` is for a replay.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from typing_extensions import override

from tracekit.instrument.lanes import Lane
from tracekit.instrument.live import LiveSpan

if TYPE_CHECKING:
    from tracekit.instrument.http.call import Sending
    from tracekit.instrument.sdk.call import Call

__all__ = ["Network", "OnlyRun", "ToolReply", "Upstream"]

C = TypeVar("C", bound="Call")


class ToolReply(NamedTuple):
    """The result to return in place of running a tool, and when to do so by the recorder's clock."""

    result: Any
    end_ns: int


class OnlyRun(NamedTuple):
    """The run of all spans of the process that have no parent."""

    name: str
    is_rootless: bool


class Upstream(Protocol):
    """The network and the clock of a program, or their replacement. Methods may raise what is meant for the program."""

    is_live: bool
    """Whether requests reach the API. If not, each one goes through here, whichever clients are recorded."""

    replay_of: str | None
    """The id of the run that is replayed; None if none is."""

    only_run: OnlyRun | None
    """The one run of the process, if there is no more than one."""

    # ── times ────────────────────────────────────────────────────────────────────────────────────────────────────

    def recorded_at_ns(self) -> int | None:
        """Return when a run is recorded that begins now; None for the time of the recorder's clock."""

    def begin_ns(self, live: LiveSpan) -> int:
        """Return the begin of `live`, which is neither a call nor an attempt."""

    def end_ns(self, live: LiveSpan) -> int | None:
        """Return when `live` ends, which is about to; None for the time of the recorder's clock."""

    def lane_started(self, lane: Lane) -> None:
        """The caller starts `lane`, which has made no step yet."""

    def lane_ns(self, lane: Lane) -> int:
        """Return when `lane` made its first step."""

    def hold(self, until_ns: int) -> None:
        """Let time pass on this thread until `until_ns`."""

    async def hold_async(self, until_ns: int) -> None:
        """Let time pass in this task until `until_ns`."""

    # ── tools and programs ───────────────────────────────────────────────────────────────────────────────────────

    def tool(self, live: LiveSpan) -> ToolReply | None:
        """Return the result of the tool `live`, in place of running it; None if it is to be run."""

    def reaches_api(self, program: str) -> bool:
        """Return whether `program`, which is about to start and asks Claude by itself, reaches the API."""

    # ── requests ─────────────────────────────────────────────────────────────────────────────────────────────────

    def call_type(self, kind: type[C]) -> type[C]:
        """Return the class of a call that would be of `kind`."""

    def attempt(
        self, recorded: Callable[..., Any], new_call: Callable[[], Call], client: Any, *args: Any, **kwargs: Any
    ) -> Any:
        """Return what ``_attempt_request`` of the SDK's `client` returns, or a coroutine for it.

        `recorded` sends and records it, and takes what follows `new_call`.
        """

    def send(self, recorded: Callable[..., Any], sending: Sending, client: Any, request: Any, **kwargs: Any) -> Any:
        """Return the response that `client`, of httpx or httpx2, gets to `request`, or a coroutine for it.

        `recorded` sends and records it, and takes what follows.
        """

    async def send_aiohttp(self, recorded: Callable[..., Any], sending: Sending, session: Any, request: Any) -> Any:
        """Return the response that a `session` of aiohttp gets to `request`; `recorded` sends and records it."""

    # ── requests of an SDK that has no method for one attempt ────────────────────────────────────────────────────

    def prepare_options(self, client: Any, options: Any) -> Any:
        """Return what ``_prepare_options`` of the SDK's `client` returns: `options`, or a coroutine for them."""

    def prepare_request(self, client: Any, request: Any) -> Any:
        """Return what ``_prepare_request`` of the SDK's `client` returns: None, or a coroutine for it."""

    def send_prepared(
        self, recorded: Callable[..., Any], call: Call, client: Any, request: Any, options: Mapping[str, Any]
    ) -> Any:
        """Return the response that the SDK's `client` gets to `request`, or a coroutine for it.

        `recorded` sends and records it; `options` are the arguments of ``send``.
        """


class Network(Upstream):
    """The program reaches the API, runs its tools, and lives by the recorder's clock."""

    is_live = True
    replay_of = None
    only_run = None

    @override
    def recorded_at_ns(self) -> int | None:
        return None

    @override
    def begin_ns(self, live: LiveSpan) -> int:
        return live.begin_ns

    @override
    def end_ns(self, live: LiveSpan) -> int | None:
        return None

    @override
    def lane_started(self, lane: Lane) -> None:
        """Do nothing: the first step of the lane sets its time."""

    @override
    def lane_ns(self, lane: Lane) -> int:
        return lane.first_ns

    @override
    def hold(self, until_ns: int) -> None:
        """Time passes by itself."""

    @override
    async def hold_async(self, until_ns: int) -> None:
        """Time passes by itself."""

    @override
    def tool(self, live: LiveSpan) -> ToolReply | None:
        return None

    @override
    def reaches_api(self, program: str) -> bool:
        return True

    @override
    def call_type(self, kind: type[C]) -> type[C]:
        return kind

    @override
    def attempt(
        self, recorded: Callable[..., Any], new_call: Callable[[], Call], client: Any, *args: Any, **kwargs: Any
    ) -> Any:
        return recorded(client, *args, **kwargs)

    @override
    def send(self, recorded: Callable[..., Any], sending: Sending, client: Any, request: Any, **kwargs: Any) -> Any:
        return recorded(sending, client, request, **kwargs)

    @override
    async def send_aiohttp(self, recorded: Callable[..., Any], sending: Sending, session: Any, request: Any) -> Any:
        return await recorded(sending, request)

    @override
    def prepare_options(self, client: Any, options: Any) -> Any:
        return client._prepare_options(options)  # noqa: SLF001  see `tracekit.instrument.sdk.points`

    @override
    def prepare_request(self, client: Any, request: Any) -> Any:
        return client._prepare_request(request)  # noqa: SLF001  see `tracekit.instrument.sdk.points`

    @override
    def send_prepared(
        self, recorded: Callable[..., Any], call: Call, client: Any, request: Any, options: Mapping[str, Any]
    ) -> Any:
        return recorded(call, client, request, **options)
