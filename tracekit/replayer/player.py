"""Plays a recording to a program: answers its requests, returns its tools' results, and notices where it leaves."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any, NoReturn
from weakref import WeakKeyDictionary

from typing_extensions import override

from tracekit import semconv
from tracekit.errors import ReplayDivergence
from tracekit.instrument.answering.answerer import Answerer, Later
from tracekit.instrument.lanes import Lane, current_lane
from tracekit.instrument.live import LiveSpan
from tracekit.instrument.reply import Reply
from tracekit.instrument.upstream import OnlyRun, ToolReply
from tracekit.model.events import ReplayMode, Request
from tracekit.replayer.clock import VirtualClock
from tracekit.replayer.divergence import Divergence, explain, places, unplayed
from tracekit.replayer.failure import ReplayFailure
from tracekit.replayer.loops import Loops
from tracekit.replayer.matcher import Asker, Matcher, Miss
from tracekit.replayer.progress import Progress
from tracekit.replayer.script import RecordedCall, Script, SpanPath
from tracekit.replayer.sharing import Sharing
from tracekit.replayer.spans import Spans, path_of
from tracekit.replayer.timeline import ReplayTimeline
from tracekit.replayer.unsupported import unsupported_loop

__all__ = ["Player"]

_PATIENCE_NS = 60_000_000_000
"""How long after the recorded end a program may still come to its own."""
_MOST_LOOKS = 500
"""How many starts of lanes are looked at, which takes a millisecond each."""


class Player(Answerer):
    """The answerer of one process of a replay.

    `tell` is called once with why the replay cannot go on, before that is raised for the first time; `when_played` with
    the number of each recorded call that is given; `when_extra` with what it asked after all that was recorded, when the recording had not ended yet.
    """

    def __init__(
        self, script: Script, clock: VirtualClock, loops: Loops, tell: Callable[[Divergence | str], None] | None = None
    ) -> None:
        is_rootless = any(segment.rootless for segment in script.recording.segments)
        super().__init__(script.recording.id, OnlyRun(script.recording.name, is_rootless))
        self.script = script
        self.asked = 0
        self.when_played: Callable[[int], None] = lambda _: None
        self.when_projected: Callable[[], None] = lambda: None
        self.when_extra: Callable[[str], None] = lambda _: None
        self._clock = clock
        self._loops = loops
        self._failure = ReplayFailure(tell)
        self._progress = Progress(script)
        self._matcher = Matcher(script, self._progress)
        self._timeline = ReplayTimeline(script, clock.now_ns, self._projected)
        self._spans = Spans(script, self._matcher, self._timeline, self._failure)
        self._calls: WeakKeyDictionary[object, tuple[RecordedCall, Reply]] = WeakKeyDictionary()
        self._in_flight: dict[str, tuple[RecordedCall, str]] = {}
        self._skipped: list[str] = []
        self._loose: set[str] = set()
        self._rested: dict[str, Request] = {}
        self._arrived: set[str] = set()
        self._sharing = Sharing()
        self._looks = count()
        self._alias = ("", "")
        self._lock = threading.RLock()

    def _projected(self) -> None:
        self.when_projected()

    @property
    def divergence(self) -> Divergence | None:
        """The first place where the program has left the recording."""
        return self._failure.divergence

    @property
    def impossible(self) -> str:
        """The reason why the program cannot be replayed, or ""."""
        return self._failure.impossible

    @property
    def live_tools(self) -> set[str]:
        """The names of the tools that ran, since their recorded results are no JSON."""
        return self._spans.live_tools

    def when_refused(self, notice: Callable[[int], None]) -> None:
        """Call `notice` with the number of refused requests at each request after the divergence."""
        self._failure.when_refused = notice

    def begin_in(self, lane: str) -> None:
        """Map `lane`, in which the replayed run begins, to the lane in which the recorded run began."""
        recorded = self.script.root_lane
        if recorded and lane != recorded:
            self._alias = lane, recorded

    def _id_of(self, lane: Lane) -> str:
        """Return the id of `lane` in the recording."""
        return self._recorded_id(lane.id)

    def _recorded_id(self, lane: str) -> str:
        ours, recorded = self._alias
        if ours and (lane == ours or lane.startswith(f"{ours}.")):
            return recorded + lane[len(ours) :]
        return lane

    @property
    def mode(self) -> ReplayMode:
        """The mode of the replay so far."""
        if self.divergence is not None:
            return "diverged"
        return "followed" if self._timeline.follows else "projected"

    @property
    def last_ns(self) -> int:
        """The latest that anything has happened."""
        return self._timeline.last_ns

    @property
    def unplayed(self) -> list[RecordedCall]:
        """The recorded calls that were not made."""
        return list(self._matcher.unplayed)

    def room_ns(self) -> int:
        """Return the time to which the clock may advance so that this process's next recorded call is in time."""
        with self._lock:
            if not self._timeline.follows:
                return sys.maxsize
            begins = [call.parts[0].span.start_ns for call in self._matcher.unplayed if self._matcher.is_here(call)]
            return min(begins, default=self.script.end_ns)

    def play_out(self) -> None:
        """End the program: let tasks that it does not wait for run as long as in the recording."""
        if self._failure.is_good and self._matcher.unplayed:
            self._clock.wait_until(self.script.end_ns)

    def finish(self) -> None:
        """End the replay; recorded calls that were not made are a divergence."""
        if self._failure.is_good and self._matcher.unplayed:
            self._failure.leave(unplayed(self.script, self.unplayed, self._skipped))

    # ── calls ────────────────────────────────────────────────────────────────────────────────────────────────────

    @override
    def answer(self, request: Request, call: object, parent: LiveSpan | None) -> Reply:
        with self._lock:
            self.asked += 1
            self._failure.raise_again()
            what = unsupported_loop(self._loops)
            if what:
                raise self._failure.cannot(what)
            lane = current_lane()
            with self._failure.comparing():
                asked = self.script.keys.redacted(request)
            known = self._calls.get(call)
            id = self._id_of(lane)
            if known is None:
                self._began(lane)
                recorded = self._match(asked, lane.id, self._path_of(parent))
                part, before = recorded.parts[0], None
            else:
                recorded, before = known
                part = self._next_part(recorded, before, asked)
            others = [other for other in self._in_flight.values() if other[0] is not recorded]
            self._timeline.watch(id, recorded, part, others)
            reply = self._timeline.reply(id, recorded, part, before)
            reply = replace(reply, request=_as_sent_to(part.exchange.request, asked))
            self._calls[call] = recorded, reply
            self._in_flight[reply.id] = recorded, id
            return reply

    def _match(self, asked: Request, lane: str, path: SpanPath) -> RecordedCall:
        key = self._key(asked)
        if key in self.script.twins:
            self._sharing.look(lane)
            for each in self._sharing.takers(lane):
                self.loosen(each)
            self._failure.raise_again()
        id = self._recorded_id(lane)
        asker = Asker(id, path, lane in self._loose, self._sharing.counts(lane), lane in self._arrived)
        try:
            call = self._matcher.match(key, asker)
        except Miss as miss:
            played = [call for call in self.script.calls if call not in self._matcher.unplayed]
            found = explain(self.script, miss.why, asked, miss.calls, played, self._skipped)
            if self._may_end_first(miss, id):
                self._failure.extra = self._failure.extra or found.asked
                self.when_extra(self._failure.extra)
                raise Later(self.script.end_ns + _PATIENCE_NS) from None
            if self._clock.is_over:
                # It outlives the replay, which has concluded without it.
                raise ReplayDivergence(str(found)) from None
            raise self._failure.leave(found) from None
        if self._matcher.rests_on_asker:
            self._rested[lane] = asked
        self._arrived.discard(lane)
        self._progress.asked(id)
        self.when_played(call.number)
        return call

    def _may_end_first(self, miss: Miss, lane: str) -> bool:
        """Return whether `lane` has made all its recorded calls, and its recorded end may still come.

        A process may take longer than it did; where there is none, the clock is there at once.
        """
        is_past = miss.why != "ambiguous" and all(call.lane[1] != lane for call in self._matcher.unplayed)
        is_time = self._clock.now_ns() < self.script.end_ns + _PATIENCE_NS
        return is_past and is_time and not self._clock.is_over

    def _next_part(self, recorded: RecordedCall, before: Reply, asked: Request) -> Any:
        """The attempt after `before`: the SDK tries again, as it did in the recording."""
        number = next(number for number, part in enumerate(recorded.parts) if part.span.id == before.id) + 1
        if number >= len(recorded.parts):
            found = explain(self.script, "used", asked, [recorded], [recorded], self._skipped)
            raise self._failure.leave(found)
        part = recorded.parts[number]
        if part.key != self._key(asked):
            raise self._failure.leave(explain(self.script, "unrecorded", asked, [], [recorded], self._skipped))
        return part

    @override
    def unanswered(self, what: str) -> None:
        with self._lock:
            self._failure.leave(Divergence("child", "", asked=what, tools=tuple(self._skipped)))

    @override
    def beyond(self, reply: Reply) -> BaseException:
        with self._lock:
            call = next(call for call in self.script.calls for part in call.parts if part.span.id == reply.id)
            path = places(self.script)[call.number]
            return self._failure.leave(Divergence("beyond", path, tools=tuple(self._skipped)))

    @override
    def ended(self, reply: Reply) -> None:
        with self._lock:
            call, lane = self._in_flight.pop(reply.id, (None, ""))
            if call is not None:
                self._timeline.ended(lane, reply)
                if reply.id == call.parts[-1].span.id:
                    self._progress.ended(call)

    # ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────

    @override
    def hold(self, until_ns: int) -> None:
        self._clock.wait_until(until_ns)

    @override
    async def hold_async(self, until_ns: int) -> None:
        if until_ns <= self._clock.now_ns():
            return
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        timer = loop.call_at(self._loops.when_s(loop, until_ns), _set, done)
        try:
            await done
        finally:
            timer.cancel()

    @override
    def begin_ns(self, live: LiveSpan) -> int:
        with self._lock:
            if live.kind == "run" or (live.kind == "agent" and live.parent is None):
                self.begin_in(live.lane.id)
            self._began(live.lane)
            if live.kind in ("llm", "attempt"):
                return self._clock.now_ns()
            recorded = self._spans.recognise(live, self._id_of(live.lane))
            if recorded is not None:
                self._timeline.watch_span(self._id_of(live.lane), recorded, list(self._in_flight.values()))
            return self._timeline.begin_ns(self._id_of(live.lane), recorded)

    @override
    def end_ns(self, live: LiveSpan) -> int:
        with self._lock:
            if live.kind in ("llm", "attempt"):
                return self._clock.now_ns()
            return self._timeline.end_ns(self._id_of(live.lane), self._spans.ended(live), live.begin_ns)

    @override
    def lane_started(self, lane: Lane) -> None:
        with self._lock:
            self._timeline.started(self._id_of(lane))
            self._progress.started(self._id_of(lane))
            if self.script.twins and next(self._looks) < _MOST_LOOKS:
                self._sharing.look()

    @override
    def lane_ns(self, lane: Lane) -> int:
        with self._lock:
            lanes, id = self.script.recording.lanes, self._id_of(lane)
            recorded = next((each for key, each in lanes.items() if self._matcher.is_lane(key, id)), None)
            return self._timeline.first_step_ns(recorded, lane.first_ns)

    def loosen(self, lane: str) -> None:
        """Note that the work of `lane` depends on the order in which other lanes finish."""
        with self._lock:
            self._loose.add(lane)
            asked = self._rested.get(lane)
            if asked is not None:
                # It was told from others by its lane, which it turns out could not tell.
                same = self._matcher.same(self._key(asked))
                self._failure.leave(explain(self.script, "ambiguous", asked, same, [], self._skipped))

    def share(self, lane: str) -> None:
        """Note that the further work of `lane` comes from a queue that other lanes may share."""
        with self._lock:
            self._rested.pop(lane, None)

    def arrive(self, lane: str) -> None:
        """Note that the next request of `lane` may depend on which other lane finished first."""
        with self._lock:
            self._arrived.add(lane)

    def _began(self, lane: Lane) -> None:
        if lane.first_ns:
            self._timeline.began(self._id_of(lane), lane.first_ns)

    def _key(self, asked: Request) -> str:
        with self._failure.comparing():
            return self.script.keys.key(asked)

    def _path_of(self, span: LiveSpan | None) -> SpanPath:
        with self._failure.comparing():
            return self.script.keys.path(path_of(span))

    # ── tools ────────────────────────────────────────────────────────────────────────────────────────────────────

    @override
    def tool(self, live: LiveSpan) -> ToolReply | None:
        with self._lock:
            recorded = self._spans.result_of(live)
            if recorded is None or recorded.end_ns is None:
                return None
            self._skipped.append(str(live.attributes_at_begin.get(semconv.TOOL_NAME, live.name)))
            end_ns = max(self._clock.now_ns(), live.begin_ns + recorded.end_ns - recorded.start_ns)
            return ToolReply(recorded.attributes[semconv.TOOL_CALL_RESULT], end_ns)

    # ── the way out ──────────────────────────────────────────────────────────────────────────────────────────────

    def connects(self, where: str) -> NoReturn:
        """The program opens a connection to `where` by itself.

        Raises:
            ReplayDivergence: Always.
        """
        with self._lock:
            raise self._failure.leave(Divergence("network", "", asked=where, tools=tuple(self._skipped)))

    def connected_before(self, where: str) -> None:
        """The program used a connection to `where` that it had opened before the replay."""
        with self._lock:
            self._failure.leave(Divergence("network", "", asked=where, tools=tuple(self._skipped)))

    def escapes(self, what: str) -> NoReturn:
        """Stop the program, since it does `what`, whose access to the network cannot be blocked.

        Raises:
            ReplayImpossible: Always.
        """
        with self._lock:
            raise self._failure.cannot(
                f"the program was stopped, since the replay could not block its access to the network: {what}; move this to a function with "
                "@tracekit.tool, whose recorded result is returned instead"
            )


def _as_sent_to(recorded: Request, asked: Request) -> Request:
    """Return the request `asked` with the recorded host and headers, since those of a replay are made up."""
    return replace(asked, host=recorded.host, headers=recorded.headers)


def _set(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)
