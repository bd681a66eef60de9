"""Find the recorded call of a request by its content and its lane, never by the order of arrival."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tracekit.replayer.progress import Progress
from tracekit.replayer.script import Call, LaneKey, Script, SpanPath

__all__ = ["Asker", "Matcher", "Miss"]


@dataclass(frozen=True, slots=True)
class Asker:
    """The sender of a request: its lane, and the spans around it.

    `is_loose` is True if the lane's number, or its input, depends on the order in which other lanes finish, as with
    `as_completed` and with workers that share a queue: then the lane's name proves nothing. With `counts` (the lane
    shares a number with others) or `arrived` (it handles the results of others as they arrive) the name proves
    something only as long as the order is that of the recording.
    """

    lane: str
    path: SpanPath
    is_loose: bool = False
    counts: bool = False
    arrived: bool = False


class Miss(Exception):  # noqa: N818  the caller makes a report of it
    """Raised when no recorded call can be identified as the one requested.

    `why`: no such request was recorded (`unrecorded`), all calls with its key were used already (`used`), or several
    are left with different responses (`ambiguous`). `calls` are those with the same key.
    """

    def __init__(self, why: Literal["unrecorded", "used", "ambiguous"], calls: Sequence[Call]) -> None:
        super().__init__(why)
        self.why: Literal["unrecorded", "used", "ambiguous"] = why
        self.calls = calls


class Matcher:
    """Hands out each recorded call once. `rests_on_asker` is True if the last match was decided by the sender.

    A process of the program plays one segment: the only one with calls, or that of its first call that only one segment
    has.
    """

    def __init__(self, script: Script, progress: Progress) -> None:
        self.rests_on_asker = False
        self._progress = progress
        self.unplayed = dict.fromkeys(script.calls)
        self._by_key: dict[str, list[Call]] = defaultdict(list)
        for call in script.calls:
            self._by_key[call.key].append(call)
        self._occurrences: dict[tuple[str, str], int] = defaultdict(int)
        segments = {call.lane[0] for call in script.calls}
        self._segment: int | None = segments.pop() if len(segments) == 1 else None

    def match(self, key: str, asker: Asker) -> Call:
        """Return the recorded call with `key` that `asker` now begins.

        Raises:
            Miss: None is.
        """
        same = self.same(key)
        if not same:
            raise Miss("unrecorded", same)
        occurrence = self._occurrences[asker.lane, key]
        self._occurrences[asker.lane, key] += 1
        call = self._found(same, asker, occurrence)
        del self.unplayed[call]
        if self._segment is None and len({each.lane[0] for each in same}) == 1:
            self._segment = call.lane[0]
        return call

    def same(self, key: str) -> Sequence[Call]:
        """Return the recorded calls with `key`."""
        return self._by_key.get(key, [])

    def is_lane(self, recorded: LaneKey, lane: str) -> bool:
        """Return whether `lane` of this process is the `recorded` one, as far as is known."""
        return recorded[1] == lane and self._segment in (None, recorded[0])

    def is_here(self, call: Call) -> bool:
        """Return whether this process may be the one that makes `call`."""
        return self._segment in (None, call.lane[0])

    def _found(self, same: Sequence[Call], asker: Asker, occurrence: int) -> Call:
        left = [call for call in same if call in self.unplayed]
        self.rests_on_asker = False
        if not left:
            raise Miss("used", same)
        if len(same) == 1 or _are_equal(same):
            return left[0]
        self.rests_on_asker = True
        in_lane = [call for call in same if self.is_lane(call.lane, asker.lane)]
        segments = {call.lane[0] for call in in_lane}
        is_loose = asker.is_loose
        if not is_loose and len(segments) == 1 and occurrence < len(in_lane) and in_lane[occurrence] in left:
            if self._is_in_order(in_lane[occurrence], asker):
                return in_lane[occurrence]
            is_loose = True
        on_path = [call for call in left if call.path == asker.path]
        if len(on_path) == 1 and not is_loose:
            return on_path[0]
        if _are_equal(left) and not is_loose:
            return left[0]
        raise Miss("ambiguous", left)

    def _is_in_order(self, call: Call, asker: Asker) -> bool:
        """Return whether the lane of `asker` proves that it makes `call`, judging by the order of calls."""
        progress = self._progress
        if not progress.is_lane_as_recorded(call, asker.lane):
            return False
        if asker.arrived and not progress.is_arrival_as_recorded(call, asker.lane):
            return False
        return not asker.counts or progress.is_turn_as_recorded(call, asker.lane)


def _are_equal(calls: Sequence[Call]) -> bool:
    """Return whether all of `calls` had the same responses."""
    return all(call.answers == calls[0].answers for call in calls[1:])
