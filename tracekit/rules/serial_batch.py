"""One answer asked for several calls, and the code ran them one by one.

## What it finds

A turn whose response requested two or more tools or agents at once, which then ran strictly one after another.
Certain: the model itself requested them together, before it saw any of their results. Their order can matter only
where one writes what another reads or writes, or is declared to come after it; tools and agents whose recorded or
declared effects conflict are left out. Possible where plain tools of unknown effects got the same path or id, and on
machines whose clocks may differ. A response that was still streaming one request when the tool of another had ended is
left out.

## Why it matters

The time of such a turn is the sum of its calls instead of the longest of them.

## Example

    for block in asked_for:
        results.append(await run_subagent(block))

The SDK's own `tool_runner` does the same: it awaits one tool after another.

## What to do

Run them together, and return their results in the order of the request:

    results = await asyncio.gather(*(run_subagent(block) for block in asked_for))

`tracekit.Orchestrator` dispatches every batch concurrently. Where one of them writes what another touches (a shell, a
page, a ledger), declare it: `@tracekit.tool(writes=["the shell"])`, `Subagent(writes=...)` or `Subagent(after=...)`.

## Settings

`min-saving` hides findings that save less. `concurrency` says how many may work at once; the saving is computed for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tracekit import semconv
from tracekit.analysis.batches import Batch, Task
from tracekit.analysis.facts import Facts
from tracekit.analysis.lineage.conflict import doubt_about, doubt_between, free_of_each_other
from tracekit.analysis.lineage.profile import Profile
from tracekit.analysis.timing.overlap import is_serial
from tracekit.analysis.timing.schedule import packed
from tracekit.formatting import format_duration
from tracekit.model.change import Saving
from tracekit.model.finding import Confidence, Finding
from tracekit.rules.calibration import measured_rate
from tracekit.rules.rearrange import NO_SAVING, saved_together
from tracekit.rules.rule import Rule
from tracekit.rules.words import counted, listed, not_counted, times

__all__ = ["RULE"]


def check(facts: Facts) -> Iterator[Finding]:
    """Findings for each batch that ran one by one."""
    blocked = {id for held in facts.held for id in held.branches}
    for batch in facts.batches:
        works, others = _asked_for(batch)
        if len(works) < 2 or not is_serial([interval for work in works if (interval := work.interval) is not None]):
            continue
        if _came_apart(works):
            continue
        if blocked and any(
            facts.child_towards(batch.container, work.node).id in blocked or work.node.id in blocked for work in works
        ):
            continue
        saving = _saving(facts, batch, works)
        if saving.ns <= 0:
            continue
        free = free_of_each_other(map(facts.profile, works))
        if len(free) < len(works):
            saving = _saving(facts, batch, [each.work for each in free]) if len(free) > 1 else NO_SAVING
        if saving.ns > 0:
            between = doubt_between(free, map(facts.profile, batch.unseen), facts.requested(batch.container))
            yield _finding(facts, batch, free, saving, doubt_about(free) or between or others)


def _came_apart(works: Sequence[Task]) -> bool:
    """Return whether a response was still streaming the request for one of `works` when another had ended."""
    ends = [work.interval.end_ns for work in works if work.interval is not None]
    requested = [work.node.attributes.get(semconv.TOOL_REQUESTED_NS) for work in works]
    return any(isinstance(at, int) and min(ends) <= at for at in requested) if ends else False


def _asked_for(batch: Batch) -> tuple[Sequence[Task], str]:
    """The works whose times are known and for which the answer asked, and what else the program did among them."""
    if all(work.call_id is None for work in batch.works):
        return batch.timed, ""
    asked = [work for work in batch.timed if work.call_id is not None]
    others = [work.name for work in batch.timed if work.call_id is None]
    return asked, f"the program ran {others[0]} among them, which nothing asked for" if others else ""


def _saving(facts: Facts, batch: Batch, works: Sequence[Task]) -> Saving:
    """The saving if `works` run together; what the program did between them stays as it was."""
    offsets = packed([work.duration_ns for work in works], facts.limit)
    return saved_together(facts, batch.container, works, offsets, keep_gaps=True)


def _finding(facts: Facts, batch: Batch, free: Sequence[Profile], saving: Saving, doubt: str) -> Finding:
    works = [each.work for each in free]
    agent = facts.agent_around(batch.container)
    is_runner = agent is not None and bool(agent.attributes.get(semconv.TOOL_RUNNER))
    who = "the SDK's `tool_runner`" if is_runner else "the code"
    asked = batch.asked
    evidence = [
        f"one answer{f' of {asked.model}' if asked is not None and asked.model else ''} asked for all of them",
        *times(works, facts.run.root.start_ns),
        (
            f"together they take {format_duration(max(work.duration_ns for work in works))} "
            f"instead of {format_duration(sum(work.duration_ns for work in works))}"
        ),
        *not_counted(batch.unseen),
        *_undeclared(free),
    ]
    remedy = (
        "The SDK's runner awaits one tool after another: write the loop with `asyncio.gather`, or use "
        "`tracekit.Orchestrator`, which dispatches a batch concurrently."
        if is_runner
        else "Run what one answer asks for together: `await asyncio.gather(*(run(block) for block in blocks))`; with a sync "
        "client, `ThreadPoolExecutor.map`."
    )
    doubt = doubt if facts.is_one_clock(tuple(works)) else "they ran on machines whose clocks may differ"
    confidence: Confidence = "possible" if doubt else "certain"
    evidence += [*([f"but {doubt}"] if doubt else []), measured_rate(f"{confidence}, one response")]
    return RULE.finding(
        confidence,
        f"one answer asked for {counted(works)}; {who} ran them one by one",
        evidence=evidence,
        spans=[*(work.node.id for work in works), batch.container.id],
        saving=saving,
        remedy=remedy,
    )


def _undeclared(free: Sequence[Profile]) -> list[str]:
    """Say that effects are unknown, where they are, and how to declare them."""
    names = listed(list(dict.fromkeys(each.work.name for each in free if not each.effects.is_known)))
    advice = f"if one of them writes what another touches, declare it: the effects of {names} are unknown"
    return [advice] if names else []


RULE = Rule("TK102", "serial-batch", check, __doc__)
