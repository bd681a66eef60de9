"""What the instrument needs from others: a place for events, the time, and in a replay the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from tracekit.model.events import Event, Request
from tracekit.model.run import RunInfo

if TYPE_CHECKING:
    from tracekit.instrument.lanes import Lane
    from tracekit.instrument.live import LiveSpan
    from tracekit.instrument.reply import Reply

__all__ = ["Answerer", "Clock", "Exporter", "Later", "Notes", "Sink", "ToolReply"]


class Sink(Protocol):
    """Takes what happens in a run, in the caller's thread, before the call returns to the user's code."""

    def write(self, run: RunInfo, event: Event) -> None:
        """Keep `event`, which happened in `run`."""

    def release(self, run: RunInfo) -> None:
        """No span of `run` is open any more: let go of what is held for it. Later events may reopen it."""

    def has_others(self, run: RunInfo) -> bool:
        """Return whether other processes have kept something of `run`."""

    def forked(self) -> None:
        """This process is a fresh fork: what the parent holds is the parent's."""

    def exit(self, at_ns: int) -> None:
        """The process ends in good order: say so in every run that is held, and let go."""


class Exporter(Sink, Protocol):
    """Takes the spans that no provider of the application's takes."""

    def trace_of(self, run: RunInfo, span: str) -> tuple[str, bool]:
        """The trace in which a span of `run` is exported, and whether it is sampled."""

    def settle(self) -> None:
        """Wait a little until what has ended is exported."""


class Notes(Protocol):
    """Hears of each request to Claude that is not recorded, whether or not a run is."""

    def add(self, caller: str, host: str) -> None:
        """`caller` sent a request to `host`, or started a program where that is empty."""

    def exit(self) -> None:
        """The process ends in good order."""


class Clock(Protocol):
    """Tells the time."""

    def now_ns(self) -> int:
        """Nanoseconds since the epoch, never less than the time before."""


class ToolReply(NamedTuple):
    """The result that a tool returned in the recording, and when it did on the replay's clock."""

    result: Any
    end_ns: int


class Later(BaseException):
    """The recording has no answer, which counts only if the program still asks at `until_ns` on the replay's clock."""

    def __init__(self, until_ns: int) -> None:
        super().__init__(until_ns)
        self.until_ns = until_ns


class Answerer(Protocol):
    """Answers in place of the API, from a recording, on a clock of its own. What it raises is meant to be raised."""

    replay_of: str
    """The id of the run that is replayed."""

    run_name: str
    """The name of that run."""

    is_rootless: bool
    """Whether that run had no span of its own."""

    def answer(self, request: Request, call: object, parent: LiveSpan | None) -> Reply:
        """What is answered to `request`, the next attempt of `call`, which stands under `parent`.

        Raises:
            ReplayDivergence: The recording has no answer to it.
            Later: The same, but what ends the program may still come first: hold, and ask again.
        """

    def unanswered(self, what: str) -> None:
        """The program does `what`, whose requests the recording does not answer; they lead nowhere."""

    def beyond(self, reply: Reply) -> BaseException:
        """What to raise where more is read of `reply` than was in the recording."""

    def ended(self, reply: Reply) -> None:
        """The attempt that `reply` answered is over."""

    def hold(self, until_ns: int) -> None:
        """Let time pass on this thread until `until_ns`."""

    async def hold_async(self, until_ns: int) -> None:
        """Let time pass in this task until `until_ns`."""

    def begin_ns(self, live: LiveSpan) -> int:
        """When `live`, which is no call and no attempt, begins."""

    def end_ns(self, live: LiveSpan) -> int:
        """When `live`, which is no call and no attempt, ends."""

    def started(self, lane: Lane) -> None:
        """The caller starts `lane`, which has made no step yet."""

    def lane_ns(self, lane: Lane) -> int:
        """The first step of `lane`."""

    def tool(self, live: LiveSpan) -> ToolReply | None:
        """The result of the tool `live`, in place of running it; None if it is to be run."""
