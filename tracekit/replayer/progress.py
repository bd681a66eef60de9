"""Compare how far the calls of a replay have got with how far they had got in the recording.

The behaviour of a lane may depend on the progress of other lanes: it starts when another lane ends, continues a count
that others share, or handles results as they arrive. Then the lane's name identifies it only as long as the other lanes
have got as far as in the recording.
"""

from __future__ import annotations

from collections.abc import Callable

from tracekit.replayer.script import Call, LaneKey, Script

__all__ = ["Progress"]

_AT_ONCE_NS = 25_000_000
"""Time within which two lanes may come in either order."""
_OWN_NS = 50_000_000
"""Time that the program's own computation may have taken; it takes none on the replay's clock."""


class Progress:
    """The order in which the calls of one process end."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._ended: list[Call] = []
        self._at_start: dict[str, int] = {}
        self._at_last: dict[str, int] = {}

    def started(self, lane: str) -> None:
        """Note that `lane` starts."""
        self._at_start[lane] = len(self._ended)

    def asked(self, lane: str) -> None:
        """Note that `lane` makes a request."""
        self._at_last[lane] = len(self._ended)

    def ended(self, call: Call) -> None:
        """Note that `call` has ended."""
        self._ended.append(call)

    def is_lane_as_recorded(self, call: Call, lane: str) -> bool:
        """Return whether as many calls had ended when `lane` started as in the recording of `call`."""
        recorded = self._script.recording.lanes.get(call.lane)
        if lane not in self._at_start or recorded is None or not recorded.first_ns:
            return True
        # A job may have waited long for its turn at the pool, after it was started.
        from_ns = 0 if recorded.kind == "job" else recorded.first_ns - _OWN_NS
        return self._agrees(call.lane, self._at_start[lane], from_ns, recorded.first_ns)

    def is_turn_as_recorded(self, call: Call, lane: str) -> bool:
        """Return whether as many calls have ended as in the recording, and `lane` was certainly next there.

        Two lanes that continue at about the same time may do so in either order; those that begin do so in their own
        order.
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
        """Return whether calls of other lanes have ended since `lane` last made a request, in the recorded order."""
        order = [each.end_ns for each in self._ended if each.lane[0] == call.lane[0]]
        since = self._ended[self._at_last.get(lane, 0) :]
        is_seen = any(each.lane != call.lane for each in since)
        return is_seen and order == sorted(order) and self.is_turn_as_recorded(call, lane)

    def _agrees(self, lane: LaneKey, ended: int, from_ns: int, to_ns: int) -> bool:
        """Return whether exactly the first `ended` calls had ended in the recording at a time between the two given.

        Only calls around `lane` count: those of its siblings, of the lane that started it, and of all lanes below.
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
