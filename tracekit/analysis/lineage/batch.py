"""Which of the works that one response asked for are free of each other.

The model asked without having seen what would come of any of it, so nothing flows between its parts. Their order can
only be meant where the author declared it, or where one writes what another touches. Of plain tools whose effects are
unknown nobody can tell that, if two were given the same path or id: that leaves a *doubt*.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tracekit.analysis.batches import Work
from tracekit.analysis.content import leaves
from tracekit.analysis.facts import Facts
from tracekit.analysis.lineage.conflict import Footprint
from tracekit.analysis.lineage.profile import Profile
from tracekit.analysis.lineage.values import names_in, said_in

__all__ = ["Free", "free_of_each_other"]


_MOST_NAMED = 2_000
"""Works of one batch of which it is compared what they were given."""


class Free(NamedTuple):
    """Those of a batch that are free of each other, and why their order may be meant all the same; empty if it is not.

    `unknown` are the names of those whose effects are unknown.
    """

    works: tuple[Work, ...]
    doubt: str = ""
    unknown: tuple[str, ...] = ()


def free_of_each_other(facts: Facts, works: Sequence[Work], unseen: Sequence[Work] = ()) -> Free:
    """Return which of `works`, for which one response asked, are free of each other.

    `unseen` are tools that it asked for, too, and that ran at an unknown time: one may hand on what a work before it made.
    """
    profiles = _asked_once(list(map(facts.profile, works)))
    free = _free(profiles, {work.name for work in works})
    unknown = tuple(dict.fromkeys(profile.work.name for profile in free if not profile.effects.is_known))
    return Free(tuple(profile.work for profile in free), _doubt(free) or _doubt_between(facts, free, unseen), unknown)


def _asked_once(profiles: Sequence[Profile]) -> list[Profile]:
    """Return `profiles` without those of which the same was asked before: measured again, or asked until it changes."""
    once: dict[tuple[str, str], Profile] = {}
    for profile in profiles:
        recorded = profile.work.arguments
        given = profile.given if recorded is None else str(recorded)
        once.setdefault((profile.work.name, profile.work.node.id if given is None else given), profile)
    return list(once.values())


def _free(profiles: Sequence[Profile], names: set[str]) -> list[Profile]:
    """Return those that wait for none of the others, and touch nothing that one before writes, or the other way round."""
    footprint, free = Footprint(), []
    for profile in profiles:
        work, effects = profile.work, profile.effects
        is_in_the_way = effects.is_known and bool(footprint.conflict(effects, work.name))
        if effects.is_known:
            footprint.add(effects, work.name)
        if not is_in_the_way and not ((work.node.children or work.node.kind == "agent") and work.comes_after & names):
            free.append(profile)
    return free


def _doubt(free: Sequence[Profile]) -> str:
    """Say why the order of `free` may be meant: two of unknown effects were given one path or id."""
    given: dict[str, Profile] = {}
    for profile in free[:_MOST_NAMED]:
        for name in sorted(_named(profile)):
            other = given.setdefault(name, profile)
            if other is not profile and not (profile.effects.is_known and other.effects.is_known):
                one, two = other.work.name, profile.work.name
                return f"{f'two {one}' if one == two else f'{one} and {two}'} are given {name!r}"
    return ""


def _doubt_between(facts: Facts, free: Sequence[Profile], unseen: Sequence[Work]) -> str:
    """Say which of `unseen`, requested between two of `free`, was given a path or an id that both of these were given."""
    if not unseen:
        return ""
    ids = facts.requested(facts.parents[unseen[0].node.id])
    order = {id: number for number, id in enumerate(ids)}
    for profile in map(facts.profile, unseen):
        place = order.get(profile.work.call_id or "", -1)
        for name in () if profile.effects.is_known else sorted(_named(profile)):
            places = [order.get(each.work.call_id or "", -1) for each in free if name in (each.given or "").lower()]
            if places and min(places) < place < max(places):
                return f"{profile.work.name}, whose time was not recorded, was given {name!r} between two that were given it, too"
    return ""


def _named(profile: Profile) -> frozenset[str]:
    """Return the paths and ids that a plain tool was given, each as a whole argument; none of an agent."""
    names = names_in(leaves(profile.arguments)) if profile.is_tool else frozenset()
    return frozenset(name for name in names if "/" in name or name in said_in(name).values)
