"""An upstream that answers from a recording, whatever client asks: nothing is sent."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from typing_extensions import override

from tracekit.instrument.upstream import OnlyRun, Upstream
from tracekit.model.events import Request
from tracekit.system_clock import wall_ns

if TYPE_CHECKING:
    from tracekit.instrument.http.call import Sending
    from tracekit.instrument.live import LiveSpan
    from tracekit.instrument.reply import Reply
    from tracekit.instrument.sdk.call import Call

__all__ = ["Answerer", "Later"]

C = TypeVar("C", bound="Call")


class Later(BaseException):
    """The recording has no answer, which counts only if the program still asks at `until_ns` on the replay's clock."""

    def __init__(self, until_ns: int) -> None:
        super().__init__(until_ns)
        self.until_ns = until_ns


class Answerer(Upstream):
    """Answers in place of the API, from a recording, on a clock of its own.

    Exceptions of its methods are meant for the program.

    `replay_of` is the id of the run that is replayed, and `only_run` that run as it is recorded anew.
    """

    is_live = False

    def __init__(self, replay_of: str, only_run: OnlyRun) -> None:
        self.replay_of = replay_of
        self.only_run = only_run

    # ── to be given by the replay, beside times and tools ────────────────────────────────────────────────────────

    @abstractmethod
    def answer(self, request: Request, call: object, parent: LiveSpan | None) -> Reply:
        """Return the answer to `request`, the next attempt of `call`, which stands under `parent`.

        Raises:
            ReplayDivergence: The recording has no answer to it.
            Later: The same, but what ends the program may still come first: hold, and ask again.
        """

    @abstractmethod
    def unanswered(self, what: str) -> None:
        """The program does `what`, whose requests the recording does not answer; they lead nowhere."""

    @abstractmethod
    def beyond(self, reply: Reply) -> BaseException:
        """Return the exception for a program that reads more of `reply` than was in the recording."""

    @abstractmethod
    def ended(self, reply: Reply) -> None:
        """The attempt that `reply` answered is over."""

    # ── an upstream ──────────────────────────────────────────────────────────────────────────────────────────────

    @override
    def recorded_at_ns(self) -> int:
        return wall_ns()

    @override
    def reaches_api(self, program: str) -> bool:
        self.unanswered(f"the program {program}")
        return False

    @override
    def call_type(self, kind: type[C]) -> type[C]:
        from tracekit.instrument.answering.calls import answered_type  # noqa: PLC0415  loads with the first call

        return answered_type(kind)

    @override
    def attempt(
        self, recorded: Callable[..., Any], new_call: Callable[[], Call], client: Any, *args: Any, **kwargs: Any
    ) -> Any:
        from tracekit.instrument.answering import sdk  # noqa: PLC0415  loads with the first call
        from tracekit.instrument.answering.calls import AnsweredCall, answered  # noqa: PLC0415  the same
        from tracekit.instrument.sdk.current import current_call  # noqa: PLC0415  the same

        call = current_call()
        if not isinstance(call, AnsweredCall):
            # One that began before the replay goes on in it as another.
            call = answered(new_call())
        return (sdk.answer_async if _is_async(client) else sdk.answer)(client, self, call, *args, **kwargs)

    @override
    def send(self, recorded: Callable[..., Any], sending: Sending, client: Any, request: Any, **kwargs: Any) -> Any:
        from tracekit.instrument.answering import http  # noqa: PLC0415  loads with the first call

        answer = http.answer_async if _is_async(client) else http.answer
        return answer(client, self, sending, request, stream=kwargs.get("stream", False))

    @override
    async def send_aiohttp(self, recorded: Callable[..., Any], sending: Sending, session: Any, request: Any) -> Any:
        from tracekit.instrument.answering import aio  # noqa: PLC0415  loads with the first call

        return await aio.answer(session, self, sending, request)

    @override
    def prepare_options(self, client: Any, options: Any) -> Any:
        from tracekit.instrument.answering import sdk  # noqa: PLC0415  loads with the first call

        return (sdk.prepare_async if _is_async(client) else sdk.prepare)(client, options)

    @override
    def prepare_request(self, client: Any, request: Any) -> Any:
        return _nothing() if _is_async(client) else None

    @override
    def send_prepared(
        self, recorded: Callable[..., Any], call: Call, client: Any, request: Any, options: Mapping[str, Any]
    ) -> Any:
        from tracekit.instrument.answering import sdk  # noqa: PLC0415  loads with the first call
        from tracekit.instrument.answering.calls import answered  # noqa: PLC0415  the same

        asked = sdk.PendingRequest(client, self, answered(call), request, bool(options.get("stream")), as_sent=True)
        return (sdk.respond_async if _is_async(client) else sdk.respond)(asked)


def _is_async(client: Any) -> bool:
    return hasattr(client, "__aenter__")


async def _nothing() -> None:
    """Sign nothing."""
