"""Which of the works that one answer asked for are free of each other, or may have been meant to be done in order.

The model asked without having seen what would come of any of it, so nothing flows between its parts. Still one may be
there for what another changes. *Free* are those of which nothing shows that: no path or name that one of two changes,
no session that both use, no task that points to what none was told. That the order of free ones is not meant is sure
where none changes anything, or all put something of their own into its place; else there is a *doubt*, as there is where
it was said that they go one at a time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tracekit.analysis.batches import Work
from tracekit.analysis.content import leaves
from tracekit.analysis.facts import Facts
from tracekit.analysis.footprint import Footprint
from tracekit.analysis.likeness import has_order
from tracekit.analysis.ordering import is_one_at_a_time, is_ordered
from tracekit.analysis.profile import Profile
from tracekit.analysis.roles import asks_people, converses, describes_things, prepares, puts_in_place, reckons, role_of
from tracekit.analysis.steps import only_looks
from tracekit.analysis.wording import POINTS_BACK, kind_of

__all__ = ["Free", "free_of_each_other", "tied_through"]


class Free(NamedTuple):
    """Those of a batch that are free of each other, and why their order may be meant all the same; empty where it is not."""

    works: tuple[Work, ...]
    doubt: str = ""


def free_of_each_other(facts: Facts, works: Sequence[Work]) -> Free:
    """Which of `works`, for which one answer asked, are free of each other."""
    profiles = list(_asked_once(facts.profile(work) for work in works))
    names = {work.name for work in works}
    is_declared = any(work.comes_after & names for work in works)
    if not is_declared and all(_is_reader(profile) for profile in profiles):
        return Free(tuple(profile.work for profile in profiles), _said_doubt(facts, profiles))
    backward = _pointing_back(facts, profiles)
    free = [profile for profile in _free(profiles, names) if profile.work.node.id not in backward]
    doubt = _doubt(free)
    if doubt:
        sure = max(
            (part for part in _alike(free) if not _doubt(part) and _is_a_row(part, profiles)), key=len, default=[]
        )
        free, doubt = (sure, "") if len(sure) > 1 else (free, doubt)
    return Free(tuple(profile.work for profile in free), doubt or _said_doubt(facts, free))


def tied_through(facts: Facts, works: Sequence[Work], unseen: Sequence[Work]) -> list[Work]:
    """Return those of `works`, free of each other, that wait for one before by way of an `unseen` tool between the two.

    An example is a tool that copies the file that one writes to where the other reads it. All are in the order requested.
    """
    ids = facts.requested(facts.parents[unseen[0].node.id])
    order = {id: number for number, id in enumerate(ids)}
    together = sorted([*works, *unseen], key=lambda work: order.get(work.call_id or "", -1))
    free = {
        profile.work.node.id for profile in _free(list(map(facts.profile, together)), {work.name for work in together})
    }
    tied = [work for work in together if work.node.id not in free]
    between = next((number for number, work in enumerate(tied) if work in unseen), len(tied))
    return [work for work in tied[between:] if work in works]


def _asked_once(profiles: Iterable[Profile]) -> Iterable[Profile]:
    """`profiles` without those of which the same was asked before: measured again, or asked until it changes."""
    once: dict[tuple[str, str], Profile] = {}
    for profile in profiles:
        recorded = profile.work.arguments
        given = profile.given if recorded is None else str(recorded)
        once.setdefault((profile.work.name, profile.work.node.id if given is None else given), profile)
    return once.values()


def _is_reader(profile: Profile) -> bool:
    """Whether it is a plain tool whose name says that it looks at something."""
    name = profile.work.name
    return profile.is_tool and role_of(name) == "reads" and not profile.changes and not prepares(name)


def _free(profiles: Sequence[Profile], names: set[str]) -> list[Profile]:
    """Those that wait for none of the others, and touch nothing that one before changes, or the other way round."""
    footprint, free = Footprint(), []
    filled: dict[str, str] = {}
    for profile in profiles:
        work, effects = profile.work, profile.effects
        in_the_way = footprint.path_conflict(effects, work.name) or footprint.run_conflict(effects, work.name)
        if profile.is_tool:
            in_the_way = in_the_way or footprint.tool_conflict(effects, work.name)
        footprint.add(effects, work.name)
        is_handed_on = effects.changes and _is_handed_on(profile, filled)
        if in_the_way is None and not is_handed_on and not work.comes_after & names:
            free.append(profile)
    return free


def _is_handed_on(profile: Profile, filled: dict[str, str]) -> bool:
    """Whether it was given as one thing what one before was given as another: an account to pay from, once paid into.

    `filled` has as what each text was given before, and takes those of `profile`.
    """
    arguments = profile.arguments if isinstance(profile.arguments, dict) else {}
    texts = {each.lower(): key for key, each in arguments.items() if isinstance(each, str) and len(each) > 1}
    is_handed_on = any(filled.get(text, key) != key for text, key in texts.items())
    filled.update(texts)
    return is_handed_on


def _pointing_back(facts: Facts, profiles: Sequence[Profile]) -> set[str]:
    """The ids of those, but the first, whose task means something that neither the model nor another was told of."""
    asked = profiles[0].work.asked
    found = {
        profile.work.node.id: {match[0].lower() for match in POINTS_BACK.finditer(profile.given or "")}
        for profile in profiles
    }
    if asked is None or not any(found.values()):
        return set()
    known = facts.content.asked_text(asked).lower()
    tasks = Counter(words for each in found.values() for words in each)
    return {
        profile.work.node.id
        for profile in profiles[1:]
        if any(tasks[words] == 1 and words not in known for words in found[profile.work.node.id])
    }


# ── doubts ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _said_doubt(facts: Facts, free: Sequence[Profile]) -> str:
    """Whether the model, or who describes the tools to it, was told of an order."""
    asked = free[0].work.asked if free else None
    if asked is None:
        return ""
    system = leaves(facts.content.request(asked).get("system"))
    task = leaves(facts.content.messages(asked)[:1])
    told = [*system, *task, *{profile.work.name: profile.described for profile in free}.values()]
    if any(map(is_one_at_a_time, told)):
        return "it is said that they go one at a time"
    if all(map(_is_harmless, free)):
        return ""
    spoken = any(is_ordered(text) or has_order(text.lower()) for text in task) or any(map(is_ordered, system))
    return "an order is spoken of" if spoken else ""


def _doubt(free: Sequence[Profile]) -> str:
    """Why the order of `free` may be meant."""
    harmful = next((profile for profile in free if not _is_harmless(profile)), None)
    if harmful is None:
        return ""
    other = next((profile for profile in free if _kind(profile) != _kind(harmful)), None)
    if other is not None:
        return f"{harmful.work.name} may change what {other.work.name} finds, or the other way round"
    is_in_line = harmful.is_tool and not puts_in_place(harmful.work.name)
    return f"each {harmful.work.name} may go on from where the one before ended" if is_in_line else ""


def _alike(free: Sequence[Profile]) -> list[list[Profile]]:
    """The parts of `free` of which none is there for another: those that change nothing, and those of each kind."""
    parts: dict[str, list[Profile]] = {"": []}
    for profile in free:
        if _is_harmless(profile):
            parts[""].append(profile)
        else:
            parts.setdefault(_kind(profile), []).append(profile)
    return list(parts.values())


def _is_a_row(part: Sequence[Profile], profiles: Sequence[Profile]) -> bool:
    """Whether nothing else was asked for between the first and the last of `part`."""
    ids = {profile.work.node.id for profile in part}
    places = [place for place, profile in enumerate(profiles) if profile.work.node.id in ids]
    return bool(places) and places[-1] - places[0] == len(places) - 1


def _kind(profile: Profile) -> str:
    return kind_of(profile.work.name)


def _is_harmless(profile: Profile) -> bool:
    """Whether, as far as can be told, it changes nothing that another could find."""
    name = profile.work.name
    if not profile.is_tool:
        return not profile.effects.changes and (profile.role in ("reads", "tells") or only_looks(profile))
    if converses(name):
        return not asks_people(name)
    if _is_sum(profile):
        return True
    if role_of(name) == "unknown" and describes_things(profile.described):
        return True
    return profile.role == "reads" and not profile.effects.changes


def _is_sum(profile: Profile) -> bool:
    """Whether it reckons with numbers: adding two of them adds nothing to anything."""
    arguments = profile.arguments if isinstance(profile.arguments, dict) else {}
    is_of_numbers = bool(arguments) and all(isinstance(each, int | float | list) for each in arguments.values())
    return is_of_numbers and reckons(profile.work.name)
