"""A batch ran with less concurrency than it has calls.

## What it finds

A batch that ran only partly in parallel. Either a fixed number ran at once, and each next one began when another ended
(a limit, such as a semaphore or a small thread pool), or they began one after another with gaps between (staggered
starts). An agent begins with its first call or tool; before that, it may wait at a semaphore. Agents of one name that
the program itself started as tasks count as a batch if none received another's output. Possible, since somebody may
have set the limit for a reason that the record does not show. Likely if the setting `concurrency` allows more, unless
the program started the agents itself, or attempts nearby got a 429 or 529 response, which the limit may be meant to
prevent.

## Why it matters

With eight calls and two places, a batch takes four rounds instead of one.

## Example

    places = asyncio.Semaphore(2)
    ...
    await asyncio.gather(*(run(block) for block in blocks))     # eight blocks

## What to do

Raise the limit, or start all before waiting for any.

## Settings

`min-saving` hides findings that save less. `concurrency` says how many may work at once: a batch that uses as many is
not found, and one that uses fewer is likely.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tracekit.analysis.batches import Batch, Task, rounds_of
from tracekit.analysis.facts import Facts
from tracekit.analysis.lineage.conflict import free_of_each_other
from tracekit.analysis.lineage.verdict import Team
from tracekit.analysis.timing.overlap import SLOT_NS, begun_at_an_end, is_limited
from tracekit.analysis.timing.schedule import packed
from tracekit.formatting import format_count, format_duration
from tracekit.model.change import Saving
from tracekit.model.finding import Finding
from tracekit.rules.rearrange import saved_together
from tracekit.rules.rule import Rule
from tracekit.rules.words import MOST_TIMES, counted, distinguishing_labels, times

__all__ = ["RULE"]

_LEAST_SPREAD_NS = 500_000_000
"""Begins within this time are spread by chance on a busy machine."""

_LEAST_SAVED_NS = 150_000_000
"""The least saving that counts, for the same reason."""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield findings for each batch, and each round of the program's own, that ran partly side by side."""
    blocked = {id for held in facts.held for id in held.children}
    for batch in facts.batches:
        asked_ns = batch.asked.end_ns if batch.asked is not None else None
        is_eager = asked_ns is not None and any(work.node.start_ns < asked_ns for work in batch.timed)
        if not is_eager:
            yield from _narrow(facts, batch, blocked)
    for crew in facts.crews:
        for each in rounds_of(crew):
            if _are_set_to_work_at_once(facts, each.works):
                yield from _narrow(facts, each, blocked)


def _are_set_to_work_at_once(facts: Facts, works: Sequence[Task]) -> bool:
    """Return whether the program started `works`, agents of one name, as tasks before any had ended."""
    if len({work.name for work in works}) > 1 or len({work.lane for work in works}) < len(works):
        return False
    first_end_ns = min(work.node.start_ns + work.duration_ns for work in works)
    return all(0 < facts.set_to_work_ns(work) < first_end_ns for work in works)


def _narrow(facts: Facts, batch: Batch, blocked: set[str]) -> Iterator[Finding]:
    works, most = batch.timed, batch.at_once
    if most < 2 or any(work.node.id in blocked for work in works) or not facts.is_one_clock(works):
        return
    # What the program begins by itself may come bit by bit.
    how = _limited(works, most) or ("" if batch.asked is None else _staggered(works))
    if (
        not how
        or most >= (facts.limit or len(works) + 1)
        or len(free_of_each_other(map(facts.profile, works))) < len(works)
    ):
        return
    lengths = [work.duration_ns - work.waited_ns for work in works]
    saving = saved_together(facts, batch.container, works, packed(lengths, facts.limit), let_in=True)
    may_wait_for_another = batch.asked is None or any(work.waited_ns > SLOT_NS for work in works)
    if saving.ns > _LEAST_SAVED_NS and not (may_wait_for_another and _are_tied(facts, works)):
        yield _finding(facts, batch, works, how, saving)


def _are_tied(facts: Facts, works: Sequence[Task]) -> bool:
    """Return whether one of `works`, in the order of their first calls, may use the output of another."""
    team = Team()
    for number, work in enumerate(sorted(works, key=lambda work: work.busy or (0, 0))):
        profile = facts.profile(work)
        if number and not team.verdict(profile).is_independent:
            return True
        team.add(profile)
    return False


def _limited(works: Sequence[Task], most: int) -> str:
    """Return the apparent limit of parallel work as a sentence, or ""."""
    busy = [interval for work in works if (interval := work.busy) is not None]
    waited = [work for work in works if work.waited_ns > SLOT_NS]
    # That a single agent made its first call when another had ended may be chance.
    if is_limited(busy, most) and len(waited) != 1:
        late = begun_at_an_end(busy)
        return f"never more than {most} at once: {len(late)} of them began only when another had ended"
    return ""


def _staggered(works: Sequence[Task]) -> str:
    """Return the spread of the begins as a sentence; "" where they began together or one after another."""
    ordered = sorted(interval for work in works if (interval := work.interval) is not None)
    ends = sorted(interval.end_ns for interval in ordered)
    spread_ns = ordered[-1].start_ns - ordered[0].start_ns
    is_overlapping = all(after.start_ns < end_ns for after, end_ns in zip(ordered[1:], ends[:-1], strict=True))
    if is_overlapping and not begun_at_an_end(ordered) and spread_ns > _LEAST_SPREAD_NS:
        return f"their begins are spread over {format_duration(spread_ns)}, although none waited for another"
    return ""


def _finding(facts: Facts, batch: Batch, works: Sequence[Task], how: str, saving: Saving) -> Finding:
    overloads = facts.overloads_within(batch.container)
    origin_ns = facts.run.root.start_ns
    evidence = [how, *times(works, origin_ns, about=distinguishing_labels(facts, works[:MOST_TIMES]))]
    if overloads:
        evidence.append(f"{format_count(overloads, 'attempt was', 'attempts were')} told 429 or 529 meanwhile")
    is_own = batch.asked is None
    if is_own:
        evidence.append("the program set them to work by itself, and may have the limit for a reason")
    who = "the program set to work" if is_own else "one answer asked for"
    is_allowed = facts.limit is not None and not (overloads or is_own)
    if is_allowed:
        evidence.append(f"the settings say that {facts.limit} may work at once")
    elif not is_own:
        evidence.append("the limit may be meant; `concurrency` in the settings says how many may work at once")
    return RULE.finding(
        "likely" if is_allowed else "possible",
        f"{who} {counted(works)}; {how.partition(':')[0].partition(',')[0]}",
        evidence=evidence,
        spans=[*(work.node.id for work in works), batch.container.id],
        saving=saving,
        remedy="Begin all of a batch before waiting for any of it: raise the limit of the semaphore, thread pool or "
        "`max_concurrency` that stands before it, as far as the rate limits allow.",
    )


RULE = Rule("TK104", "narrow-fan-out", check, __doc__)
