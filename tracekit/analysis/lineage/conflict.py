"""The effects of several steps together, and whether one more is in their way."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from tracekit.analysis.lineage.effects import Effects

__all__ = ["Footprint"]


class _Paths:
    """Paths, looked up by any path that is the same, above or below, wherever each of them begins.

    They are indexed when one is first looked up: where nobody writes, nobody asks who reads.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[Collection[str], str]] = []
        self._whole: dict[str, tuple[str, str]] = {}
        self._parts: dict[str, tuple[str, str]] = {}

    def add(self, paths: Collection[str], who: str) -> None:
        if paths:
            self._waiting.append((paths, who))

    def touching(self, path: str) -> tuple[str, str] | None:
        """Return who touches something that contains `path` or lies in it, and what; None for nobody."""
        self._index()
        if not self._whole:
            return None
        if path == ".":
            return next(iter(self._whole.values()))
        for part in _runs_of(path):
            if part in self._whole:
                return self._whole[part]
        return self._parts.get(path) or self._whole.get(".")

    def _index(self) -> None:
        for paths, who in self._waiting:
            for path in paths:
                self._whole.setdefault(path, (who, path))
                for part in _runs_of(path):
                    self._parts.setdefault(part, (who, path))
        self._waiting.clear()


@dataclass(slots=True)
class Footprint:
    """The known effects of several steps, each with whose they are."""

    _reads: _Paths = field(default_factory=_Paths)
    _writes: _Paths = field(default_factory=_Paths)
    _reads_anything: bool = False
    _writes_something: bool = False
    _all_known: bool = True

    def add(self, effects: Effects, who: str) -> None:
        """Add what `who` touches."""
        self._reads.add(effects.reads, who)
        self._writes.add(effects.writes, who)
        self._reads_anything |= effects.reads_anything
        self._writes_something |= bool(effects.writes)
        self._all_known &= effects.is_known

    def conflict(self, effects: Effects, who: str) -> str:
        """Say which path or name both `who` and one of those before touch, and one writes; empty where there is none."""
        for path in sorted(effects.writes):
            other = self._writes.touching(path) or self._reads.touching(path)
            if other is not None:
                return f"{other[0]} touches {other[1]}, and {who} writes {path}"
        for path in sorted(effects.reads):
            other = self._writes.touching(path)
            if other is not None:
                return f"{other[0]} writes {other[1]}, and {who} reads {path}"
        return ""

    def is_disjoint(self, effects: Effects) -> bool:
        """Return whether `effects`, which have no `conflict`, are known like all others, and none may read what is written."""
        if not (self._all_known and effects.is_known):
            return False
        may_meet = self._reads_anything and bool(effects.writes)
        return not may_meet and not (effects.reads_anything and self._writes_something)


def _runs_of(path: str) -> Iterator[str]:
    """Each run of components of `path`: a relative path may begin at any folder of an absolute one."""
    parts = path.split("/")[-12:]
    for begin in range(len(parts)):
        for end in range(begin + 1, len(parts) + 1):
            yield "/".join(parts[begin:end])
