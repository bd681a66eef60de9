"""The processes that `multiprocessing` starts within ``tracekit.replay()``: there every call is refused."""

from __future__ import annotations

from typing_extensions import override

from tracekit.configure import hook_in
from tracekit.errors import ReplayError
from tracekit.instrument.answering.answerer import Answerer
from tracekit.instrument.clock import AnchoredClock
from tracekit.instrument.lanes import Lane
from tracekit.instrument.live import LiveSpan
from tracekit.instrument.protocols import RunSink
from tracekit.instrument.recorder import Recorder, install
from tracekit.instrument.reply import Reply
from tracekit.instrument.upstream import OnlyRun, ToolReply
from tracekit.model.events import Event, Request
from tracekit.model.run import RunInfo
from tracekit.replayer import closed_child
from tracekit.replayer.blocked import note_blocked
from tracekit.replayer.environment import Closing

__all__ = ["refuse_calls"]


def refuse_calls(closing: Closing) -> None:
    """In a process that was started within ``tracekit.replay()``: refuse each call. Pickled by its name."""
    install(Recorder(_Nowhere(), AnchoredClock(), upstream=_Refusing(closing.folder)))
    hook_in()
    closed_child.close(closing)


class _Nowhere(RunSink):
    """Keeps nothing."""

    @override
    def write(self, run: RunInfo, *events: Event) -> None: ...

    @override
    def release(self, run: RunInfo) -> None: ...

    @override
    def has_others(self, run: RunInfo) -> bool:
        return False

    @override
    def forked(self) -> None: ...

    @override
    def exit(self, at_ns: int) -> None: ...


class _Refusing(Answerer):
    """Answers nothing. Its error is an `Exception`, which a pool hands on to who waits for the result."""

    def __init__(self, folder: str) -> None:
        super().__init__("", OnlyRun("", is_rootless=True))
        self._folder = folder
        self._clock = AnchoredClock()

    @override
    def answer(self, request: Request, call: object, parent: LiveSpan | None) -> Reply:
        note_blocked(self._folder, f"{request.host}{request.path}")
        raise ReplayError(
            "this call was made in another process, which tracekit.replay() does not control; "
            "use `tracekit replay RUN -- PROGRAM`, which replays every process of a program"
        )

    @override
    def unanswered(self, what: str) -> None:
        note_blocked(self._folder, what)

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
    def lane_started(self, lane: Lane) -> None: ...

    @override
    def lane_ns(self, lane: Lane) -> int:
        return lane.first_ns

    @override
    def tool(self, live: LiveSpan) -> ToolReply | None:
        return None
