"""What several works touch together, and whether one more is in their way."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from tracekit.analysis.effects import Effects
from tracekit.analysis.roles import addresses, prepares, role_of

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
        """Who touches what that contains `path` or lies in it."""
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
    """What several works touch together, and which of them touched it."""

    _reads: _Paths = field(default_factory=_Paths)
    _writes: _Paths = field(default_factory=_Paths)
    _names: dict[str, str] = field(default_factory=dict)
    _written_names: dict[str, str] = field(default_factory=dict)
    _reads_all: str = ""
    _writes_all: str = ""
    _changes: str = ""
    _looks: str = ""
    _programs: str = ""
    _running: str = ""
    _tools: dict[str, None] = field(default_factory=dict)
    _preparing: dict[str, None] = field(default_factory=dict)

    def add(self, effects: Effects, who: str) -> None:
        """Add what `who` touches."""
        self._reads.add(effects.reads, who)
        self._writes.add(effects.writes, who)
        for name in effects.names:
            (self._written_names if effects.writes_names else self._names).setdefault(name, who)
        self._reads_all = self._reads_all or (who if effects.reads_all else "")
        self._writes_all = self._writes_all or (who if effects.writes_all else "")
        self._changes = self._changes or (who if effects.changes else "")
        self._tools[who] = None
        if prepares(who):
            self._preparing[who] = None
        self._running = self._running or (who if role_of(who) == "runs" else "")
        self._programs = self._programs or (who if effects.reads_all and effects.writes_all else "")
        self._looks = self._looks or (who if effects.looks or effects.changes else "")

    def conflict(self, effects: Effects, who: str) -> str | None:
        """Why `who`, with these `effects`, may not run beside those added so far; None where it may."""
        return self.path_conflict(effects, who) or self._other_conflict(effects, who)

    def path_conflict(self, effects: Effects, who: str) -> str | None:
        """Which path both `who` and one of those added so far touch, where one of them writes it."""
        for path in sorted(effects.writes):
            other = self._writes.touching(path) or self._reads.touching(path)
            if other is not None:
                return f"{other[0]} touches {other[1]}, and {who} writes {path}"
        for path in sorted(effects.reads):
            other = self._writes.touching(path)
            if other is not None:
                return f"{other[0]} writes {other[1]}, and {who} reads {path}"
        return None

    def tool_conflict(self, effects: Effects, who: str) -> str | None:
        """Why a plain tool may have to run in the order asked: one session's commands, or one name under two tools."""
        for name in sorted(effects.names):
            user = self._written_names.get(name) or (self._names.get(name) if effects.writes_names else None)
            if user is not None and (user != who or addresses(who)):
                return f"{user} and {who} are both given {name!r}, and one of them changes it"
        runs = effects.reads_all and effects.writes_all
        if (runs and self._looks) or (self._programs and (effects.looks or effects.changes)):
            return f"{self._programs or who} may touch what {who if self._programs else self._looks} does"
        if self._others(self._tools, who) and prepares(who):
            return f"{who} may change what {self._others(self._tools, who)} finds"
        if self._others(self._preparing, who):
            return f"{self._others(self._preparing, who)} may change what {who} finds"
        return None

    def run_conflict(self, effects: Effects, who: str) -> str | None:
        """Why `who` may have to run in the order asked: one of them runs, or tests, what another changes."""
        if role_of(who) == "runs" and self._changes:
            return f"{who} may touch what {self._changes} changes"
        if self._running and effects.changes and self._running != who:
            return f"{self._running} may touch what {who} changes"
        return None

    def _others(self, names: dict[str, None], who: str) -> str:
        return next((name for name in names if name != who), "")

    def _other_conflict(self, effects: Effects, who: str) -> str | None:
        for name in sorted(effects.names):
            user = self._written_names.get(name) or (self._names.get(name) if effects.writes_names else None)
            if user is not None:
                return f"{user} and {who} are both given {name!r}, and one of them changes it"
        if (effects.reads_all and self._changes) or (effects.writes_all and self._looks):
            return f"{who} may touch what {self._changes or self._looks} does: its name or arguments do not tell what"
        if (self._reads_all and effects.changes) or (self._writes_all and (effects.looks or effects.changes)):
            other_name = self._reads_all or self._writes_all
            return f"{other_name} may touch what {who} does: its name or arguments do not tell what"
        return None


def _runs_of(path: str) -> Iterator[str]:
    """Each run of components of `path`: a relative path may begin at any folder of an absolute one."""
    parts = path.split("/")[-12:]
    for begin in range(len(parts)):
        for end in range(begin + 1, len(parts) + 1):
            yield "/".join(parts[begin:end])
