"""Which recorded call a request is: by what is asked and who asks, never by the order of arrival."""

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
    """Who asks: its lane, and the spans it stands in.

    `is_loose` says that the lane's number, or what it works on, depends on the order in which others finished, as with
    `as_completed` and with workers that share a queue: then being in that lane proves nothing. With `counts` and
    `arrived` it proves something only while the order is that of the recording: the lane shares a number with others,
    or handles what they bring as they bring it.
    """

    lane: str
    path: SpanPath
    is_loose: bool = False
    counts: bool = False
    arrived: bool = False


class Miss(Exception):  # noqa: N818  it is told to the caller, who makes a report of it
    """No recorded call can be said to be the one that is asked.

    `why`: nothing like it was recorded (`unrecorded`); all that was, has been given (`used`); or several are left with
    different answers (`ambiguous`). `calls` are those of the same key.
    """

    def __init__(self, why: Literal["unrecorded", "used", "ambiguous"], calls: Sequence[Call]) -> None:
        super().__init__(why)
        self.why: Literal["unrecorded", "used", "ambiguous"] = why
        self.calls = calls


class Matcher:
    """Gives each recorded call once. `rests_on_asker` says that the last was told from others by who asked.

    A process of the program plays one segment: the only one with calls, or that of its first call that only one has.
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
        """The recorded call that is the one with `key` that `asker` now begins.

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
        """The recorded calls with `key`."""
        return self._by_key.get(key, [])

    def is_lane(self, recorded: LaneKey, lane: str) -> bool:
        """Whether `lane` of this process is the `recorded` one, as far as is known."""
        return recorded[1] == lane and self._segment in (None, recorded[0])

    def is_here(self, call: Call) -> bool:
        """Whether this process may be the one that makes `call`."""
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
        """Whether the lane of `asker` means that it asks `call`, as far as the order of calls tells."""
        progress = self._progress
        if not progress.is_lane_as_recorded(call, asker.lane):
            return False
        if asker.arrived and not progress.is_arrival_as_recorded(call, asker.lane):
            return False
        return not asker.counts or progress.is_turn_as_recorded(call, asker.lane)


def _are_equal(calls: Sequence[Call]) -> bool:
    """Whether all of `calls` were answered the same."""
    return all(call.answers == calls[0].answers for call in calls[1:])
