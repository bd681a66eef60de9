"""The effects of several steps together, and which of them are in each other's way.

Of the works that one response asked for, nothing flows between them: the model asked without having seen what would come
of any. Their order can only be meant where the author declared it, or where one writes what another touches. Of plain
tools whose effects are unknown nobody can tell that, if two were given the same path or id: that leaves a *doubt*.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from tracekit.analysis.content import leaves
from tracekit.analysis.lineage.effects import Effects
from tracekit.analysis.lineage.profile import Profile
from tracekit.analysis.lineage.values import features_of, names_in

__all__ = ["Footprint", "doubt_about", "doubt_between", "free_of_each_other"]

_MOST_NAMED = 2_000
"""Works of one batch of which it is compared what they were given."""
_MOST_PARTS = 12


@dataclass(slots=True)
class _Paths:
    """Paths, looked up by any path that is the same, above or below, wherever each of them begins."""

    whole: dict[str, tuple[str, str]] = field(default_factory=dict)
    parts: dict[str, tuple[str, str]] = field(default_factory=dict)

    def add(self, paths: Collection[str], who: str) -> None:
        for path in paths:
            self.whole.setdefault(path, (who, path))
            for part in _runs_of(path):
                self.parts.setdefault(part, (who, path))

    def touching(self, path: str) -> tuple[str, str] | None:
        """Return who touches something that contains `path` or lies in it, and what; None for nobody."""
        if path == "." and self.whole:
            return next(iter(self.whole.values()))
        above = (self.whole[part] for part in (*_runs_of(path), ".") if part in self.whole)
        return next(above, None) or self.parts.get(path)


@dataclass(slots=True)
class Footprint:
    """The known effects of several steps, each with whose they are."""

    _reads: _Paths = field(default_factory=_Paths)
    _writes: _Paths = field(default_factory=_Paths)
    _reads_anything: bool = False
    _all_known: bool = True

    def add(self, effects: Effects, who: str) -> None:
        """Add what `who` touches."""
        self._reads.add(effects.reads, who)
        self._writes.add(effects.writes, who)
        self._reads_anything |= effects.reads_anything
        self._all_known &= effects.is_known

    def conflict(self, effects: Effects, who: str) -> str:
        """Describe the first path or name on which `who` conflicts with an earlier step, or return ""."""
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
        """Return whether all effects are known and no step may read what another writes; `effects` have no `conflict`."""
        may_meet = (self._reads_anything and effects.writes) or (effects.reads_anything and self._writes.whole)
        return self._all_known and effects.is_known and not may_meet


def free_of_each_other(profiles: Iterable[Profile]) -> list[Profile]:
    """Return those `profiles`, requested in one response, that do not conflict with each other.

    The same asked for again is left out: it is measured again, or asked until it changes.
    """
    once: dict[tuple[str, str], Profile] = {}
    for profile in profiles:
        recorded = profile.work.arguments
        given = profile.given if recorded is None else str(recorded)
        once.setdefault((profile.work.name, profile.work.node.id if given is None else given), profile)
    footprint, free, names = Footprint(), [], {name for name, _ in once}
    for profile in once.values():
        name, effects = profile.work.name, profile.effects
        if not (footprint.conflict(effects, name) or profile.work.comes_after & names):
            free.append(profile)
        footprint.add(effects, name)
    return free


def doubt_about(free: Sequence[Profile]) -> str:
    """Describe a path or id shared by two steps of unknown effects, so that order may matter, or return ""."""
    given: dict[str, Profile] = {}
    for profile in free[:_MOST_NAMED]:
        for name in _named(profile):
            other = given.setdefault(name, profile)
            if other is not profile and not (profile.effects.is_known and other.effects.is_known):
                one, two = other.work.name, profile.work.name
                return f"{f'two {one}' if one == two else f'{one} and {two}'} are given {name!r}"
    return ""


def doubt_between(free: Sequence[Profile], unseen: Iterable[Profile], requested: Sequence[str]) -> str:
    """Describe a step of `unseen`, requested between two of `free`, that may pass on the first one's output.

    `requested` are the ids of the tool calls of the response, in order.
    """
    places = {id: number for number, id in enumerate(requested)}
    for profile in unseen:
        place = places.get(profile.work.call_id or "", -1)
        for name in () if profile.effects.is_known else _named(profile):
            given = [places.get(each.work.call_id or "", -1) for each in free if name in (each.given or "").lower()]
            if given and min(given) < place < max(given):
                return (
                    f"{profile.work.name}, whose time was not recorded, was given {name!r} between two that were, too"
                )
    return ""


def _named(profile: Profile) -> list[str]:
    """Return the paths and ids in the arguments of a plain tool; an agent may use a name for anything."""
    names = names_in(leaves(profile.arguments)) if profile.is_tool else ()
    return sorted(name for name in names if "/" in name or name in features_of(name).values)


def _runs_of(path: str) -> Iterator[str]:
    """Each run of components of `path`: a relative path may begin at any folder of an absolute one."""
    parts = path.split("/")[-_MOST_PARTS:]
    for begin in range(len(parts)):
        for end in range(begin + 1, len(parts) + 1):
            yield "/".join(parts[begin:end])
