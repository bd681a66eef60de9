"""A recording prepared for replay: its calls with their attempts, its tools, and the times of each lane."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple, TypeAlias

from tracekit import __version__, semconv
from tracekit.errors import ReplayError
from tracekit.model.messages import answer_of
from tracekit.model.recording import Exchange, RecordedSpan, Recording
from tracekit.privacy import recorded_privacy
from tracekit.replayer.keys import Keys

__all__ = ["LaneKey", "RecordedAttempt", "RecordedCall", "Script", "SlotWait"]

_PARTIAL = frozenset(
    (semconv.Outcome.CLOSED, semconv.Outcome.CANCELLED, semconv.Outcome.ABANDONED, semconv.Outcome.UNREAD)
)

LaneKey: TypeAlias = tuple[int, str]
"""The segment and the id of a lane."""

SpanPath: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class RecordedAttempt:
    """One recorded attempt of a call."""

    span: RecordedSpan
    exchange: Exchange
    key: str

    @property
    def end_ns(self) -> int:
        """The time at which the attempt ended."""
        assert self.span.end_ns is not None
        return self.span.end_ns

    @property
    def outcome(self) -> str:
        """The attempt's `semconv.Outcome`, or "" if the response was read to its end."""
        return str(self.span.attributes.get(semconv.OUTCOME, ""))

    @property
    def is_partial(self) -> bool:
        """True if the response is known only as far as the application read it."""
        return self.exchange.status != 0 and self.outcome in _PARTIAL

    @property
    def broke(self) -> bool:
        """True if sending the request, or reading its response, raised."""
        if self.span.failure is None or self.outcome == semconv.Outcome.INCOMPLETE:
            return False
        if not self.exchange.status:
            return True
        # An answer may tell a failure by itself, in its status or in an event; then nothing was raised by reading it.
        if self.exchange.status >= 400:
            return self.span.failure.type != str(self.exchange.status)
        content_type = self.exchange.headers.get("content-type", "")
        return answer_of(self.exchange.body, content_type).error is None


class SlotWait(NamedTuple):
    """The wait of a lane for a slot, as at a semaphore.

    Nothing happened in the lane for `waited_ns`; then it went on as a call of another lane ended, at `freed_ns`.
    """

    freed_ns: int
    waited_ns: int


@dataclass(frozen=True, slots=True, eq=False)
class RecordedCall:
    """One recorded call with all its attempts. `number` counts the calls of the recording in the order of their begins.

    `could_ns` is the earliest time at which it could have been made: the end of the last call that it came after, in
    its own lane, in one that its lane had started, or in one that had started its lane. `slot_wait` is set if it seems
    to have waited for a slot besides.
    """

    number: int
    span: RecordedSpan
    parts: tuple[RecordedAttempt, ...]
    lane: LaneKey
    path: SpanPath
    could_ns: int
    slot_wait: SlotWait | None = None

    @property
    def key(self) -> str:
        """The key of the call's first request."""
        return self.parts[0].key

    @property
    def end_ns(self) -> int:
        """The time at which the call ended."""
        return self.span.end_ns or self.parts[-1].end_ns

    def wait_s(self, part: RecordedAttempt) -> float:
        """Return the seconds that the SDK waited between `part` and the attempt after it."""
        following = self.parts[self.parts.index(part) + 1]
        wait_ms = following.span.attributes.get(semconv.WAIT_MS)
        return float(wait_ms) / 1000 if wait_ms is not None else (following.span.start_ns - part.end_ns) / 1e9

    @property
    def answers(self) -> tuple[tuple[int, bytes], ...]:
        """The status and body of each attempt's response."""
        return tuple((part.exchange.status, part.exchange.body) for part in self.parts)


class Script:
    """The recorded calls, spans and times that a replay plays.

    Raises:
        ReplayError: The recording holds nothing that can be replayed, or only a part of it.
    """

    def __init__(self, recording: Recording, keys: Keys) -> None:
        self.recording = recording
        self.keys = keys
        _refuse_unusable(recording)
        self._points = _points(recording)
        self._ends = _ends_of_calls(recording)
        made = _made(recording, keys)
        self._ends_by_lane = _ends_by_lane(recording, made)
        self.calls = [
            replace(call, slot_wait=self.slot_wait_before(call.lane, call.could_ns, call.parts[0].span.start_ns))
            for call in _calls(recording, keys, made, self._ends_by_lane)
        ]
        self.start_ns = min((span.start_ns for span in recording.spans.values()), default=0)
        if recording.process_root is not None:
            self.start_ns = min(self.start_ns, recording.process_root.at_ns)

    @cached_property
    def root_lane(self) -> str:
        """The lane in which the run began; empty for the run of a whole process."""
        if self.recording.process_root is not None:
            return ""
        roots = [span for span in self.recording.spans.values() if span.parent is None]
        return min(roots, key=lambda span: span.start_ns).lane if roots else ""

    @cached_property
    def end_ns(self) -> int:
        """The end of the last recorded span."""
        return max((span.end_ns or span.start_ns for span in self.recording.spans.values()), default=self.start_ns)

    @cached_property
    def twins(self) -> frozenset[str]:
        """The keys of requests that were made several times with different responses."""
        answers: dict[str, set[tuple[tuple[int, bytes], ...]]] = defaultdict(set)
        for call in self.calls:
            answers[call.key].add(call.answers)
        return frozenset(key for key, different in answers.items() if len(different) > 1)

    @property
    def task_lane(self) -> str:
        """The lane of the first event loop's first task, for which the test's own task stands in a replay."""
        first = min(self.calls, key=lambda call: call.number).lane[1].split(".")
        tasks = [number for number, step in enumerate(first) if step.startswith("t")]
        return ".".join(first[: tasks[0] + 1]) if tasks else "m"

    @cached_property
    def spans(self) -> dict[tuple[str, str], list[RecordedSpan]]:
        """The spans that are neither calls nor attempts, by kind and name, in the order of their begins."""
        found: dict[tuple[str, str], list[RecordedSpan]] = defaultdict(list)
        asking = {call.span.id for call in self.calls}
        for span in sorted(self.recording.spans.values(), key=lambda span: span.start_ns):
            if span.kind not in ("llm", "attempt") and span.id not in asking:
                found[span.kind, self.keys.name(span.name)].append(span)
        return found

    @cached_property
    def busy(self) -> frozenset[str]:
        """The ids of the spans within which calls were made."""
        found: set[str] = set()
        for call in self.calls:
            parent = call.span.parent
            while parent is not None and parent not in found:
                found.add(parent)
                span = self.recording.spans.get(parent)
                parent = span.parent if span is not None else None
        return frozenset(found)

    def own_ns(self, lane: LaneKey, at_ns: int) -> int:
        """Return the nanoseconds from the last event in `lane`, or in a lane that it started, to `at_ns`."""
        points = self._points.get(lane, ())
        place = bisect_left(points, at_ns)
        if not place:
            return 0
        wait = self._slot_wait(lane, points[place - 1], at_ns)
        return at_ns - (points[place - 1] if wait is None else wait.freed_ns)

    def could_ns(self, lane: LaneKey, at_ns: int) -> int:
        """Return the earliest time at which an event of `lane`, recorded at `at_ns`, could have begun."""
        return _could_ns(self.recording, self._ends_by_lane, lane, at_ns)

    def slot_wait_before(self, lane: LaneKey, since_ns: int, at_ns: int) -> SlotWait | None:
        """Return the last slot that `lane` waited for between `since_ns` and `at_ns`, or None."""
        points = self._points.get(lane, ())
        for place in range(bisect_left(points, at_ns + 1) - 1, 0, -1):
            if points[place] <= since_ns:
                break
            wait = self._slot_wait(lane, points[place - 1], points[place])
            if wait is not None:
                return wait
        return None

    def _slot_wait(self, lane: LaneKey, from_ns: int, to_ns: int) -> SlotWait | None:
        waited_ns = to_ns - from_ns
        if waited_ns < _LONG_NS:
            return None
        place = bisect_left(self._ends, (to_ns + 1, (0, "")))
        while place and self._ends[place - 1][0] > max(from_ns, to_ns - _SOON_NS):
            place -= 1
            ended_ns, of = self._ends[place]
            if of[0] == lane[0] and not _is_above(of[1], lane[1]) and not _is_above(lane[1], of[1]):
                return SlotWait(ended_ns, waited_ns)
        return None


_LONG_NS = 50_000_000
"""Time that a program hardly ever takes between two recorded steps by computing alone."""
_SOON_NS = 15_000_000
"""Time after the end of another lane's call within which a start counts as caused by that end."""


def _is_above(lane: str, other: str) -> bool:
    return other == lane or other.startswith(f"{lane}.")


def _ends_of_calls(recording: Recording) -> list[tuple[int, LaneKey]]:
    """Return the end and the lane of each attempt, sorted by end."""
    spans = (recording.spans[id] for id in recording.exchanges)
    return sorted((span.end_ns or span.start_ns, (span.segment, span.lane)) for span in spans)


def _refuse_unusable(recording: Recording) -> None:
    damage = [f"{segment.path}: {said}" for segment in recording.segments for said in segment.damage]
    if damage:
        raise ReplayError(f"the recording is damaged, so a replay of it would prove nothing: {damage[0]}")
    kept = next((segment.content for segment in recording.segments if segment.content != "full"), None)
    if kept is not None:
        raise ReplayError(
            f"the recording was made with TRACEKIT_CONTENT={kept}: it has no content, so it cannot be replayed; "
            "record it again with TRACEKIT_CONTENT=full"
        )
    if recording.source:
        raise ReplayError(
            f"this run, or a part of it, was imported from {recording.source}: that record has no system prompts, tools or bytes of responses, "
            "so it cannot be replayed; record a program with `tracekit run` to replay it"
        )
    if recording.replay_of is not None and not recording.exchanges:
        raise ReplayError(
            f"this run is a replay itself, of run {recording.replay_of[:8]}; replay that one: `tracekit replay "
            f"{recording.replay_of[:8]} -- PROGRAM`"
        )
    if not recording.exchanges:
        raise ReplayError("the recording has no exchange with the API in it, so there is nothing to replay")
    cut = [id for id in recording.exchanges if recording.spans[id].end_ns is None]
    if cut:
        raise ReplayError(
            f"the recording is cut: {len(cut)} of its {len(recording.exchanges)} requests have no end, because the program "
            "was killed or is still running; record a run that ends"
        )


_Made: TypeAlias = "tuple[RecordedSpan, tuple[RecordedAttempt, ...]]"
"""A call's span and its attempts."""


def _made(recording: Recording, keys: Keys) -> list[_Made]:
    """Return each call's span with its attempts, in the order of their begins."""
    is_current = _is_redacted_as_now(recording)
    parts: dict[str, list[RecordedAttempt]] = defaultdict(list)
    for id, exchange in recording.exchanges.items():
        span = recording.spans[id]
        known = exchange if is_current else keys.recorded(exchange)
        parts[span.parent or id].append(RecordedAttempt(span, known, keys.key(known.request, known.digest)))
    made = []
    for id, attempts in parts.items():
        span = recording.spans.get(id, attempts[0].span)
        attempts.sort(key=lambda part: part.span.start_ns)
        made.append((span, tuple(attempts)))
    made.sort(key=lambda each: (each[1][0].span.start_ns, each[0].start_ns))
    return made


def _is_redacted_as_now(recording: Recording) -> bool:
    """Return whether redaction by the rules of today leaves every request as it is: then none has to be read."""
    rules = tuple(recorded_privacy(()).described())
    return all(
        segment.versions.get("tracekit") == __version__ and segment.redaction == rules for segment in recording.segments
    )


def _calls(recording: Recording, keys: Keys, made: list[_Made], ends: dict[LaneKey, list[int]]) -> list[RecordedCall]:
    return [
        RecordedCall(
            number,
            span,
            attempts,
            (span.segment, span.lane),
            keys.path(_path_of(recording, span)),
            _could_ns(recording, ends, (span.segment, span.lane), attempts[0].span.start_ns),
        )
        for number, (span, attempts) in enumerate(made)
    ]


def _path_of(recording: Recording, span: RecordedSpan) -> SpanPath:
    """Return the kinds and names of the spans around `span`, the outermost below the run first."""
    path = []
    parent = recording.spans.get(span.parent or "")
    seen: set[str] = set()
    while parent is not None and parent.id not in seen:
        seen.add(parent.id)
        if parent.kind != "run":
            path.append((parent.kind, parent.name))
        parent = recording.spans.get(parent.parent or "")
    return tuple(reversed(path))


# ── who came after what ──────────────────────────────────────────────────────────────────────────────────────────────


def _ancestors(recording: Recording, lane: LaneKey) -> list[LaneKey]:
    """Return `lane` and the lanes above it, the nearest first."""
    found = [lane]
    known = recording.lanes.get(lane)
    while known is not None and known.parent is not None and (known.segment, known.parent) not in found:
        found.append((known.segment, known.parent))
        known = recording.lanes.get(found[-1])
    return found


def _ends_by_lane(recording: Recording, calls: list[_Made]) -> dict[LaneKey, list[int]]:
    """Return the sorted ends of the calls of each lane and of the lanes that it started."""
    ends: dict[LaneKey, list[int]] = defaultdict(list)
    for span, attempts in calls:
        for lane in _ancestors(recording, (span.segment, span.lane)):
            ends[lane].append(attempts[-1].end_ns)
    return {lane: sorted(times) for lane, times in ends.items()}


def _could_ns(recording: Recording, ends: dict[LaneKey, list[int]], lane: LaneKey, begin_ns: int) -> int:
    could, before = 0, begin_ns
    for each in _ancestors(recording, lane):
        known = ends.get(each, [])
        place = bisect_left(known, before + 1)
        if place:
            could = max(could, known[place - 1])
        started = recording.lanes.get(each)
        if started is None:
            break
        # What the lane above did later, the lanes that it had started by then did not wait for.
        before = min(before, started.first_ns) if started.first_ns else before
    return could


def _points(recording: Recording) -> dict[LaneKey, list[int]]:
    """Return the sorted times of all events in each lane and in the lanes that it started."""
    points: dict[LaneKey, list[int]] = defaultdict(list)
    for key, lane in recording.lanes.items():
        if lane.first_ns:
            points[key].append(lane.first_ns)
    for span in recording.spans.values():
        times = [span.start_ns] if span.end_ns is None else [span.start_ns, span.end_ns]
        exchange = recording.exchanges.get(span.id)
        if exchange is not None and exchange.answered_ns is not None:
            times.append(exchange.answered_ns)
        for each in _ancestors(recording, (span.segment, span.lane)):
            points[each] += times
    return {key: sorted(times) for key, times in points.items()}
