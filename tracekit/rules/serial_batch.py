"""One answer asked for several calls, and the code ran them one by one.

## What it finds

A turn whose answer asked for two or more tools or agents at once, which then ran strictly one after another. Certain:
the model itself asked for them together. Silent where two of them touch one path or name and one of them changes it, or
where they are commands or clicks in one session, since then the order may be meant.

## Why it matters

The time of such a turn is the sum of its calls instead of the longest of them.

## Example

    for block in asked_for:
        results.append(await run_subagent(block))

The SDK's own `tool_runner` does the same: it awaits one tool after another.

## What to do

Run them together, and bring their results in the order asked:

    results = await asyncio.gather(*(run_subagent(block) for block in asked_for))

`tracekit.Orchestrator` dispatches every batch concurrently.

## Settings

`min-saving` hides findings that save less. `concurrency` says how many may work at once; the saving is computed for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tracekit import semconv
from tracekit.analysis.batches import Batch, Work
from tracekit.analysis.facts import Facts
from tracekit.analysis.footprint import Footprint
from tracekit.analysis.overlap import is_serial
from tracekit.analysis.roles import prepares
from tracekit.analysis.schedule import packed
from tracekit.model.finding import Finding
from tracekit.rules.rearrange import saved_together
from tracekit.rules.rule import Rule
from tracekit.rules.words import counted, seconds, times

__all__ = ["RULE"]


def check(facts: Facts) -> Iterator[Finding]:
    """Findings for each batch that ran one by one."""
    blocked = {id for held in facts.held for id in held.branches}
    for batch in facts.batches:
        works = batch.timed
        if len(works) < 2 or not _ran_one_by_one(works):
            continue
        if blocked and any(
            facts.child_towards(batch.container, work.node).id in blocked or work.node.id in blocked for work in works
        ):
            continue
        saved_ns = _saved_ns(facts, batch, works)
        if saved_ns <= 0:
            continue
        free = free_of_each_other(facts, works)
        if len(free) < len(works):
            saved_ns = _saved_ns(facts, batch, free) if len(free) > 1 else 0
        if saved_ns > 0:
            yield _finding(facts, batch, free, saved_ns)


def _saved_ns(facts: Facts, batch: Batch, works: Sequence[Work]) -> int:
    offsets = packed([work.duration_ns for work in works], facts.limit)
    return saved_together(facts, batch.container, works, offsets)


def _ran_one_by_one(works: Sequence[Work]) -> bool:
    intervals = [work.interval for work in works]
    return is_serial([interval for interval in intervals if interval is not None])


def free_of_each_other(facts: Facts, works: Sequence[Work]) -> tuple[Work, ...]:
    """Those of `works` that wait for none of them, and touch nothing which one before changes, or the other way round."""
    profiles = [facts.profile(work) for work in works]
    names = {work.name for work in works}
    is_ordered = any(work.comes_after & names for work in works)
    if not is_ordered and not any(profile.changes or prepares(profile.work.name) for profile in profiles):
        return tuple(works)
    footprint, free = Footprint(), []
    for work, profile in zip(works, profiles, strict=True):
        effects = profile.effects
        in_the_way = footprint.path_conflict(effects, work.name) or footprint.run_conflict(effects, work.name)
        if not work.has_calls and work.agent is None:
            in_the_way = in_the_way or footprint.tool_conflict(effects, work.name)
        footprint.add(effects, work.name)
        if in_the_way is None and not work.comes_after & names:
            free.append(work)
    return tuple(free)


def _finding(facts: Facts, batch: Batch, works: Sequence[Work], saved_ns: int) -> Finding:
    agent = facts.agent_around(batch.container)
    is_runner = agent is not None and bool(agent.attributes.get(semconv.TOOL_RUNNER))
    who = "the SDK's `tool_runner`" if is_runner else "the code"
    origin_ns = facts.run.root.start_ns
    asked = batch.asked
    evidence = [
        f"one answer{f' of {asked.model}' if asked is not None and asked.model else ''} asked for all of them",
        *times(works, origin_ns),
        (
            f"together they take {seconds(max(work.duration_ns for work in works))} "
            f"instead of {seconds(sum(work.duration_ns for work in works))}"
        ),
    ]
    remedy = (
        "The SDK's runner awaits one tool after another: write the loop with `asyncio.gather`, or use "
        "`tracekit.Orchestrator`, which dispatches a batch concurrently."
        if is_runner
        else "Run what one answer asks for together: `await asyncio.gather(*(run(block) for block in blocks))`; with a sync "
        "client, `ThreadPoolExecutor.map`."
    )
    is_sure = facts.is_one_clock(tuple(works))
    return RULE.finding(
        "certain" if is_sure else "possible",
        f"one answer asked for {counted(works)}; {who} ran them one by one",
        evidence=evidence if is_sure else [*evidence, "they ran on machines whose clocks may differ"],
        spans=[*(work.node.id for work in works), batch.container.id],
        saved_ns=saved_ns,
        remedy=remedy,
    )


RULE = Rule("TK102", "serial-batch", check, __doc__)
