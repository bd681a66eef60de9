"""How far the calls of a replay have got, beside how far they had got in the recording.

A lane may do what it does because of what others had done by then: it was started when another had ended, counts on
from where others have come, or handles results as they arrive. Then its name proves who it is only as long as the
others have got as far as they had.
"""

from __future__ import annotations

from collections.abc import Callable

from tracekit.replayer.script import Call, LaneKey, Script

__all__ = ["Progress"]

_AT_ONCE_NS = 25_000_000
"""Within this time the order of two lanes may be another each time."""
_OWN_NS = 50_000_000
"""The time that a program may have taken itself, which takes none on the replay's clock."""


class Progress:
    """The order in which the calls of one process end."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._ended: list[Call] = []
        self._at_start: dict[str, int] = {}
        self._at_last: dict[str, int] = {}

    def started(self, lane: str) -> None:
        """`lane` is started."""
        self._at_start[lane] = len(self._ended)

    def asked(self, lane: str) -> None:
        """`lane` asks."""
        self._at_last[lane] = len(self._ended)

    def ended(self, call: Call) -> None:
        """`call` is over."""
        self._ended.append(call)

    def is_lane_as_recorded(self, call: Call, lane: str) -> bool:
        """Whether `lane` was started when as much had ended as in the recording, where it asked `call`."""
        recorded = self._script.recording.lanes.get(call.lane)
        if lane not in self._at_start or recorded is None or not recorded.first_ns:
            return True
        # A job may have waited long for its turn at the pool, after it was started.
        from_ns = 0 if recorded.kind == "job" else recorded.first_ns - _OWN_NS
        return self._agrees(call.lane, self._at_start[lane], from_ns, recorded.first_ns)

    def is_turn_as_recorded(self, call: Call, lane: str) -> bool:
        """Whether as much has ended as in the recording now that `lane` asks, and it was certainly its turn there.

        Two lanes that go on at about the same time may do so in either order; those that begin do so in theirs.
        """
        begin_ns = call.parts[0].span.start_ns
        if not self._agrees(call.lane, len(self._ended), call.could_ns, begin_ns):
            return False
        if lane not in self._at_last:
            return True
        is_near = _around(call.lane)
        from_ns, to_ns = call.could_ns - _AT_ONCE_NS, begin_ns + _AT_ONCE_NS
        others = (each for each in self._script.calls if each.lane != call.lane and is_near(each))
        return not any(from_ns < at < to_ns for each in others for at in (each.parts[0].span.start_ns, each.end_ns))

    def is_arrival_as_recorded(self, call: Call, lane: str) -> bool:
        """Whether calls of others have ended since `lane` last asked, and all in the order of the recording."""
        order = [each.end_ns for each in self._ended if each.lane[0] == call.lane[0]]
        since = self._ended[self._at_last.get(lane, 0) :]
        is_seen = any(each.lane != call.lane for each in since)
        return is_seen and order == sorted(order) and self.is_turn_as_recorded(call, lane)

    def _agrees(self, lane: LaneKey, ended: int, from_ns: int, to_ns: int) -> bool:
        """Whether the first `ended` calls are those that had ended in the recording at some time between the two.

        Only calls around `lane` count: its siblings', those of the lane that started it, and of all below.
        """
        is_near = _around(lane)
        now = {call.number for call in self._ended[:ended] if is_near(call)}
        near = [call for call in self._script.calls if is_near(call)]
        must = {call.number for call in near if call.end_ns <= from_ns}
        may = {call.number for call in near if call.end_ns <= to_ns}
        return must <= now <= may


def _around(lane: LaneKey) -> Callable[[Call], bool]:
    segment, id = lane
    above = id.rpartition(".")[0]
    return lambda call: call.lane[0] == segment and f"{call.lane[1]}.".startswith(f"{above}." if above else "")
