"""The times of the events in a replay.

A replay *follows* the recording as long as it can: each recognised event happens exactly when it did. It *projects*,
from then to its end, once a call is made later than recorded, or while another is in flight that had ended in the
recording before this one could be made. Then each event happens its *own time* after the events before it in its lane,
and lasts as long as it did. Own time is the time that the program itself took: counted from the lane's first step, from
the end of the lane's previous event, or from the last event in the lanes that it started, whichever is latest.

All times are nanoseconds since the epoch on the replay's clock, which starts where the recording does.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from typing import TypeAlias

from tracekit import semconv
from tracekit.instrument.reply import Reply
from tracekit.model.recording import Piece, RecordedLane, RecordedSpan
from tracekit.replayer.script import RecordedAttempt, RecordedCall, Script, SlotWait

__all__ = ["ReplayTimeline"]

_HOST_ATTRIBUTES = frozenset(
    (
        semconv.SERVER_ADDRESS,
        semconv.SERVER_PORT,
        semconv.TIME_TO_FIRST_CHUNK,
        semconv.URL_FULL,
        semconv.URL_SCHEME,
    )
)
_PATIENCE_NS = 60_000_000_000
"""Time that a call which was cancelled in the recording waits to be cancelled again."""

_SOON_NS = 25_000_000
"""Time that a program needs for its next call, about."""
_SURELY = 0.3
"""Share of a wait that must have passed to count as the lane's own computation: machines differ in speed."""
_AT_ONCE_NS = 1_000_000
"""Time on this clock within which an event counts as caused by the end that its lane waited for."""

PendingCall: TypeAlias = tuple[RecordedCall, str]
"""A call that is in flight, and the lane that made it."""


class ReplayTimeline:
    """Assigns each event of a replay its times.

    Args:
        script: The recorded calls and spans.
        now_ns: The replay's clock.
        when_projected: Called once, as soon as the replay no longer follows: a forked process may end without notice.
    """

    def __init__(self, script: Script, now_ns: Callable[[], int], when_projected: Callable[[], None]) -> None:
        self._follows = True
        self._when_projected = when_projected
        self.last_ns = script.start_ns
        self._script = script
        self._now_ns = now_ns
        self._latest: dict[str, int] = defaultdict(int)
        self._slots: dict[str, int] = defaultdict(int)
        self._ended_ns = 0
        self._real_ns: dict[str, int] = defaultdict(time.monotonic_ns)

    @property
    def follows(self) -> bool:
        """True while the replay follows the recording."""
        return self._follows

    def project(self) -> None:
        """Project from now on."""
        if self._follows:
            self._follows = False
            self._when_projected()

    # ── calls ────────────────────────────────────────────────────────────────────────────────────────────────────

    def watch(self, lane: str, call: RecordedCall, part: RecordedAttempt, in_flight: list[PendingCall]) -> None:
        """Decide whether the replay still follows, now that `lane` makes `part` of `call` while `in_flight` run."""
        if not self.follows:
            return
        if part is call.parts[0]:
            self._take_slot(lane, call.slot_wait)
        is_late = self._now_ns() > part.span.start_ns
        if is_late or self._took_slot_early(lane) or self._is_early([*in_flight, (call, lane)]):
            self.project()

    def watch_span(self, lane: str, recorded: RecordedSpan, in_flight: list[PendingCall]) -> None:
        """Decide whether the replay still follows, now that the span `recorded` begins."""
        if not self.follows:
            return
        # In a lane that had to wait for another the first thing seen may well be a span around the call.
        key = recorded.segment, recorded.lane
        self._take_slot(lane, self._script.slot_wait_before(key, self._latest[lane], recorded.start_ns))
        could_ns = max(self._script.could_ns(key, recorded.start_ns), self._slot_ns(lane))
        if self._took_slot_early(lane) or self._is_early(in_flight, could_ns):
            self.project()

    def _take_slot(self, lane: str, turn: SlotWait | None) -> None:
        """Note a slot that `lane` takes without having waited for it."""
        if turn is not None and not self._has_worked(lane, turn.waited_ns):
            self._slots[lane] = max(self._slots[lane], turn.freed_ns)

    def _has_worked(self, lane: str, waited_ns: int) -> bool:
        """Return whether `lane` itself used the time that it seems to have waited for its slot.

        A sleep passes again on this clock, and does not end just when a call does; a process takes real time again.
        """
        passed_ns = self._now_ns() - self._latest[lane]
        if passed_ns >= waited_ns * _SURELY and self._now_ns() - self._ended_ns > _AT_ONCE_NS:
            return True
        return time.monotonic_ns() - self._real_ns[lane] >= (waited_ns - passed_ns) * _SURELY

    def _slot_ns(self, lane: str) -> int:
        """Return when `lane`, or a lane above it, got the last slot that it took without waiting."""
        steps = lane.split(".")
        return max(self._slots.get(".".join(steps[:depth]), 0) for depth in range(1, len(steps) + 1))

    def _took_slot_early(self, lane: str) -> bool:
        """Return whether `lane` took a slot before the call that frees it has ended or even begun."""
        return self._slot_ns(lane) > self._now_ns() + _SOON_NS

    def _is_early(self, in_flight: list[PendingCall], could_ns: int = 0) -> bool:
        """Return whether a call of `in_flight` had ended before another could be made, or by `could_ns`.

        A call that is about to end may have ended while the program prepared its next request, which takes no time
        here: then it is not early.
        """
        latest_ns = max([could_ns, *(max(call.could_ns, self._slot_ns(lane)) for call, lane in in_flight)])
        soon_ns = self._now_ns() + _SOON_NS
        return any(soon_ns < call.parts[-1].end_ns <= latest_ns for call, _ in in_flight)

    def reply(self, lane: str, call: RecordedCall, part: RecordedAttempt, before: Reply | None) -> Reply:
        """Return `part` of `call`, made in `lane`, with its times in the replay; `before` is the attempt before it."""
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
        """Note that the attempt of `reply`, made in `lane`, is over."""
        now_ns = self._ended_ns = self._now_ns()
        self.happened(lane, reply.call_end_ns if now_ns >= reply.end_ns else max(now_ns, reply.begin_ns))

    # ── other spans ──────────────────────────────────────────────────────────────────────────────────────────────

    def begin_ns(self, lane: str, recorded: RecordedSpan | None) -> int:
        """Return when a span begins in `lane`; `recorded` is its recorded span, if it was recognised."""
        return self._at(lane, recorded, recorded.start_ns if recorded is not None else None)

    def end_ns(self, lane: str, recorded: RecordedSpan | None, begin_ns: int) -> int:
        """Return when the span ends that began in `lane` at `begin_ns`."""
        return max(begin_ns, self._at(lane, recorded, recorded.end_ns if recorded is not None else None))

    def first_step_ns(self, recorded: RecordedLane | None, first_ns: int) -> int:
        """Return the time of a lane's first step: that of the `recorded` lane, or `first_ns` of the process."""
        return recorded.first_ns if self.follows and recorded is not None else first_ns

    def started(self, lane: str) -> None:
        """Note that the lane above starts `lane`, which comes after the events before it there."""
        self._latest[lane] = self._latest[lane.rpartition(".")[0]]
        self._real_ns[lane] = time.monotonic_ns()

    def began(self, lane: str, first_ns: int) -> None:
        """Note that `lane` took its first step."""
        self._latest[lane] = max(self._latest[lane], first_ns)

    def happened(self, lane: str, at_ns: int) -> None:
        """Note an event in `lane` at `at_ns`, for which the lanes above may have waited."""
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


def _shifted(call: RecordedCall, part: RecordedAttempt, call_begin: int, begin: int) -> Reply:
    """Return `part` as it was recorded, moved so that it begins at `begin`."""
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
        host_attributes={name: value for name, value in call.span.attributes.items() if name in _HOST_ATTRIBUTES},
    )
