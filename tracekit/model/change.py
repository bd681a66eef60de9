"""A change to the times of a run: the spans that begin at another time, or take another time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

__all__ = ["Change", "Saving", "combined"]


@dataclass(frozen=True, slots=True)
class Change:
    """Spans that begin at another time or take another time, by their ids; times in nanoseconds.

    Attributes:
        begins: Offsets from the begin of another child of the same parent: ``{child: (other, offset)}``.
        durations: The duration of each of these spans; with 0 a span falls away.
    """

    begins: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    durations: Mapping[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.begins or self.durations)


class Saving(NamedTuple):
    """A change, and by how many nanoseconds the run is shorter with it."""

    change: Change
    ns: int


def combined(changes: Iterable[Change]) -> Change:
    """Return one change that makes all `changes`.

    Where several move a span, the first does; where several shorten a span, the shortest duration counts.
    """
    begins: dict[str, tuple[str, int]] = {}
    durations: dict[str, int] = {}
    for change in changes:
        begins = {**change.begins, **begins}
        for id, duration_ns in change.durations.items():
            durations[id] = min(duration_ns, durations.get(id, duration_ns))
    return Change(begins, durations)
