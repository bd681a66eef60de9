"""When things happen in a replay.

It *follows* the recording: whatever is recognised happens exactly when it did. It *projects*, from there to its end,
once a call is asked while another is in flight that in the recording had ended before this one could be asked, or
later than recorded: then each thing happens its *own time* after what came before it in its lane, and lasts as long
as it did. Own time is what the program itself took: from the latest of the lane's first step, the end of what the lane
did before, and what lanes that it started had done by then.

All times are nanoseconds since the epoch on the replay's clock, which starts where the recording does.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from typing import TypeAlias

from tracekit import semconv
from tracekit.instrument.reply import Reply
from tracekit.model.recording import Lane, Piece, RecordedSpan
from tracekit.replayer.script import Call, Part, Script, Turn

__all__ = ["Timeline"]

_TOLD = frozenset(
    (
        semconv.SERVER_ADDRESS,
        semconv.SERVER_PORT,
        semconv.TIME_TO_FIRST_CHUNK,
        semconv.URL_FULL,
        semconv.URL_SCHEME,
    )
)
_PATIENCE_NS = 60_000_000_000
"""How long a call that was cancelled in the recording waits to be cancelled again."""

_SOON_NS = 25_000_000
"""About as long as a program needs to go about its next call."""
_SURELY = 0.3
"""The part of a wait that must have passed for it to have been the lane's own work: machines differ in speed."""
_AT_ONCE_NS = 1_000_000
"""On this clock what one waits for is followed by what one does then at the same time."""

Asked: TypeAlias = tuple[Call, str]
"""A call that is in flight, and the lane that asked it."""


class Timeline:
    """Gives each thing its times.

    Args:
        script: What is played.
        now_ns: The replay's clock.
        when_projected: Called once, when it no longer follows: a process that is forked may end without another word.
    """

    def __init__(self, script: Script, now_ns: Callable[[], int], when_projected: Callable[[], None]) -> None:
        self._follows = True
        self._when_projected = when_projected
        self.last_ns = script.start_ns
        self._script = script
        self._now_ns = now_ns
        self._latest: dict[str, int] = defaultdict(int)
        self._turns: dict[str, int] = defaultdict(int)
        self._ended_ns = 0
        self._real_ns: dict[str, int] = defaultdict(time.monotonic_ns)

    @property
    def follows(self) -> bool:
        """Whether it follows the recording so far."""
        return self._follows

    def project(self) -> None:
        """From here on it projects."""
        if self._follows:
            self._follows = False
            self._when_projected()

    # ── calls ────────────────────────────────────────────────────────────────────────────────────────────────────

    def watch(self, lane: str, call: Call, part: Part, in_flight: list[Asked]) -> None:
        """Decide whether the replay still follows, now that `part` of `call` is asked in `lane` while `in_flight` are."""
        if not self.follows:
            return
        if part is call.parts[0]:
            self._take_turn(lane, call.turn)
        is_late = self._now_ns() > part.span.start_ns
        if is_late or self._has_jumped(lane) or self._is_early([*in_flight, (call, lane)]):
            self.project()

    def watch_span(self, lane: str, recorded: RecordedSpan, in_flight: list[Asked]) -> None:
        """The same now that `recorded` begins."""
        if not self.follows:
            return
        # In a lane that had to wait for another the first thing seen may well be a span around the call.
        key = recorded.segment, recorded.lane
        self._take_turn(lane, self._script.turn_before(key, self._latest[lane], recorded.start_ns))
        could_ns = max(self._script.could_ns(key, recorded.start_ns), self._turn_ns(lane))
        if self._has_jumped(lane) or self._is_early(in_flight, could_ns):
            self.project()

    def _take_turn(self, lane: str, turn: Turn | None) -> None:
        """Note a turn that `lane` takes without having waited for it."""
        if turn is not None and not self._has_worked(lane, turn.waited_ns):
            self._turns[lane] = max(self._turns[lane], turn.given_ns)

    def _has_worked(self, lane: str, waited_ns: int) -> bool:
        """Whether `lane` itself took the time that it seems to have waited for its turn.

        A sleep passes again on this clock, and does not end just when a call does; a process takes real time again.
        """
        passed_ns = self._now_ns() - self._latest[lane]
        if passed_ns >= waited_ns * _SURELY and self._now_ns() - self._ended_ns > _AT_ONCE_NS:
            return True
        return time.monotonic_ns() - self._real_ns[lane] >= (waited_ns - passed_ns) * _SURELY

    def _turn_ns(self, lane: str) -> int:
        """When `lane`, or one that started it, was given the last turn that it took without having waited for it."""
        steps = lane.split(".")
        return max(self._turns.get(".".join(steps[:depth]), 0) for depth in range(1, len(steps) + 1))

    def _has_jumped(self, lane: str) -> bool:
        """Return whether `lane` took a turn before the call that gives it has ended, or was asked at all."""
        return self._turn_ns(lane) > self._now_ns() + _SOON_NS

    def _is_early(self, in_flight: list[Asked], could_ns: int = 0) -> bool:
        """Whether one of `in_flight` had ended when another could be asked, or by `could_ns`.

        One that is about to end may have done so while the program went about what it asks now, which takes no time
        here: then it is not early.
        """
        latest_ns = max([could_ns, *(max(call.could_ns, self._turn_ns(lane)) for call, lane in in_flight)])
        soon_ns = self._now_ns() + _SOON_NS
        return any(soon_ns < call.parts[-1].end_ns <= latest_ns for call, _ in in_flight)

    def reply(self, lane: str, call: Call, part: Part, before: Reply | None) -> Reply:
        """`part` of `call`, asked in `lane`, with its times in the replay; `before` is the attempt before it."""
        number = call.parts.index(part)
        if self.follows:
            call_begin, begin = call.span.start_ns, part.span.start_ns
        elif before is not None:
            call_begin = before.call_begin_ns
            wait_ns = part.span.start_ns - call.parts[number - 1].end_ns
            begin = max(self._now_ns(), before.end_ns + wait_ns)
        else:
            own = self._script.own_ns(call.lane, call.span.start_ns)
            call_begin = max(self._now_ns(), self._latest[lane] + own)
            begin = call_begin + part.span.start_ns - call.span.start_ns
        reply = _shifted(call, part, call_begin, begin)
        self.happened(lane, reply.begin_ns)
        return reply

    def ended(self, lane: str, reply: Reply) -> None:
        """The attempt of `reply`, asked in `lane`, is over."""
        now_ns = self._ended_ns = self._now_ns()
        self.happened(lane, reply.call_end_ns if now_ns >= reply.end_ns else max(now_ns, reply.begin_ns))

    # ── other spans ──────────────────────────────────────────────────────────────────────────────────────────────

    def begin_ns(self, lane: str, recorded: RecordedSpan | None) -> int:
        """When a span begins in `lane` that is `recorded`, if it is recognised."""
        return self._at(lane, recorded, recorded.start_ns if recorded is not None else None)

    def end_ns(self, lane: str, recorded: RecordedSpan | None, begin_ns: int) -> int:
        """When the span ends that began in `lane` at `begin_ns`."""
        return max(begin_ns, self._at(lane, recorded, recorded.end_ns if recorded is not None else None))

    def first_step_ns(self, recorded: Lane | None, first_ns: int) -> int:
        """The first step of a lane that is `recorded`, which the process took at `first_ns`."""
        return recorded.first_ns if self.follows and recorded is not None else first_ns

    def started(self, lane: str) -> None:
        """`lane` is started by the one above it, and comes after what that one has done."""
        self._latest[lane] = self._latest[lane.rpartition(".")[0]]
        self._real_ns[lane] = time.monotonic_ns()

    def began(self, lane: str, first_ns: int) -> None:
        """`lane` took its first step."""
        self._latest[lane] = max(self._latest[lane], first_ns)

    def happened(self, lane: str, at_ns: int) -> None:
        """Something happened in `lane` at `at_ns`, which those that started it may have waited for."""
        self.last_ns = max(self.last_ns, at_ns)
        self._real_ns[lane] = time.monotonic_ns()
        while lane:
            self._latest[lane] = max(self._latest[lane], at_ns)
            lane = lane.rpartition(".")[0]

    def _at(self, lane: str, recorded: RecordedSpan | None, recorded_ns: int | None) -> int:
        if recorded is None or recorded_ns is None:
            at = max(self._now_ns(), self._latest[lane])
        elif self.follows:
            at = recorded_ns
        else:
            own = self._script.own_ns((recorded.segment, recorded.lane), recorded_ns)
            at = max(self._now_ns(), self._latest[lane] + own)
        self.happened(lane, at)
        return at


def _shifted(call: Call, part: Part, call_begin: int, begin: int) -> Reply:
    """`part` as it was, moved so that it begins at `begin`."""
    shift = begin - part.span.start_ns
    exchange, failure = part.exchange, part.span.failure
    is_last = part is call.parts[-1]
    answered = part.end_ns if exchange.answered_ns is None else exchange.answered_ns
    outcome = part.outcome
    refused = part.end_ns + (_PATIENCE_NS if outcome == "cancelled" else 0)
    return Reply(
        id=part.span.id,
        call_begin_ns=call_begin,
        begin_ns=begin,
        answered_ns=(answered if exchange.status or outcome != "cancelled" else refused) + shift,
        end_ns=part.end_ns + shift,
        call_end_ns=(call.end_ns if is_last else part.end_ns) + shift,
        status=exchange.status,
        headers=exchange.headers,
        form=exchange.form,
        pieces=tuple(Piece(piece.at_ns + shift, piece.data) for piece in exchange.pieces),
        failure=failure if part.broke else None,
        is_partial=part.is_partial,
        refused_ns=refused + shift,
        wait_s=None if is_last else call.wait_s(part),
        told={name: value for name, value in call.span.attributes.items() if name in _TOLD},
    )
