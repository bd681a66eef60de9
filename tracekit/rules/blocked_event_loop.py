"""A sync client, or a tool that blocks, held up the event loop: parallel tasks ran one by one.

## What it finds

Tasks of one event loop (`asyncio.gather`, a `TaskGroup`) that call Claude through a sync client, or run a tool that
never awaits: `time.sleep`, `requests`, `subprocess.run`, a sync database driver. While such a call runs, nothing else
on the loop can run, so the tasks take turns. Tasks whose input contains another task's output had to wait for it and
do not count. Certain: the record shows whether each call was made on a running loop, whether the loop ran other code
during each recorded tool (`tracekit.tool`), and the task of each.

## Why it matters

The code looks concurrent and is not. Three analyses of 20 s each take a minute instead of 20 s.

## Example

    client = anthropic.Anthropic()

    async def analyse(path):
        return client.messages.create(...)          # blocks the loop

    await asyncio.gather(analyse("a.py"), analyse("b.py"))

## What to do

Use the async client, and await its calls:

    client = anthropic.AsyncAnthropic()

    async def analyse(path):
        return await client.messages.create(...)

or run the sync call on a thread: `await asyncio.to_thread(client.messages.create, ...)`. The same goes for what a tool
waits for.

## Settings

`min-saving` hides findings that save less.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from tracekit import semconv
from tracekit.analysis.batches import Task
from tracekit.analysis.facts import Facts
from tracekit.analysis.lineage.verdict import Team
from tracekit.analysis.timing.blocked import HeldUp
from tracekit.analysis.timing.overlap import Interval, beside_others
from tracekit.formatting import format_count, format_duration
from tracekit.model.change import Change, Saving
from tracekit.model.finding import Finding
from tracekit.model.tree import Node
from tracekit.rules.rule import Rule
from tracekit.rules.words import listed, not_counted, times

__all__ = ["RULE"]

_OF_SDK = "anthropic."
"""Prefix of the names of the SDK's own spans, before the method."""
_MOST_READ = 200
"""Tasks whose inputs and outputs are read."""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield findings for each node whose children held one another up."""
    for together in facts.held:
        held = _without_bound(facts, together)
        if len(held.branches) > 1 and (saving := facts.schedule.saving(_freed(facts, held))).ns > 0:
            yield _finding(facts, held, saving)


def _without_bound(facts: Facts, held: HeldUp) -> HeldUp:
    """Return `held` without the tasks that had the output of another as input: they had to wait for it.

    Tasks that one response requested had no output of one another. Of very many tasks only the first are read; they are
    representative.
    """
    if held.container.kind == "turn":
        return held
    team, bound = Team(), set()
    begins = {id: min((call.start_ns for call in calls), default=0) for id, calls in held.branches.items()}
    # A task may wait for another within its span, before it calls.
    for id in sorted(held.branches, key=lambda id: begins[id] or held.children[id].start_ns)[:_MOST_READ]:
        profile = facts.profile(Task(held.children[id], None))
        if team.need(profile) is not None:
            bound.add(id)
        team.add(profile)
    return held._replace(branches={id: calls for id, calls in held.branches.items() if id not in bound})


def _finding(facts: Facts, held: HeldUp, saving: Saving) -> Finding:
    children = [held.children[id] for id in held.branches]
    calls = sorted((call for calls in held.branches.values() for call in calls), key=lambda call: call.start_ns)
    works = [Task(child, None) for child in children]
    whole_ns = max(map(facts.schedule.end, children)) - min(child.start_ns for child in children)
    lanes = list(dict.fromkeys(call.lane for call in calls))
    came = "ran one by one" if all(held.branches.values()) else "waited for it"
    return RULE.finding(
        "certain",
        f"{_culprit(calls)} blocks the event loop: {_counted(children)} were started together and {came}",
        evidence=[
            f"{_how_many(calls)} {_how(calls)}, in the tasks {listed(lanes)}",
            *times(works, facts.run.root.start_ns),
            f"together that took {format_duration(whole_ns)}; side by side it takes {format_duration(whole_ns - saving.ns)}",
            *not_counted([work for child in held.container.children if (work := Task(child, None)).is_bounded]),
        ],
        spans=[*(child.id for child in children), *(call.id for call in calls if call.id not in held.branches)],
        saving=saving,
        remedy=_remedy(calls),
    )


def _method(calls: Sequence[Node]) -> str:
    """Return the name of the sync client's method that was called."""
    others = [call.name for call in calls if call.kind == "span"]
    if len(others) == len(calls):
        return others[0].removeprefix(_OF_SDK)
    is_streamed = all(call.attributes.get(semconv.REQUEST_STREAM) for call in calls)
    return "messages.stream" if is_streamed else "messages.create"


def _tools(calls: Sequence[Node]) -> str:
    """Return the names of the tools that blocked; "" where a sync client blocked, too."""
    is_by_tools = all(call.kind == "tool" for call in calls)
    return (
        listed(list(dict.fromkeys(str(call.attributes.get(semconv.TOOL_NAME)) for call in calls)))
        if is_by_tools
        else ""
    )


def _culprit(calls: Sequence[Node]) -> str:
    return _tools(calls) or f"the sync client's `{_method(calls)}`"


def _how_many(calls: Sequence[Node]) -> str:
    """Return the number of calls and tools that blocked the loop, and of other requests, in words."""
    others = sum(call.kind == "span" for call in calls)
    named = [(len(calls) - others, "call"), (others, "other request")]
    return listed([format_count(count, name) for count, name in named if count])


def _how(calls: Sequence[Node]) -> str:
    return "during which the loop never turned" if _tools(calls) else "of a sync client on the running loop"


def _remedy(calls: Sequence[Node]) -> str:
    tools, method = _tools(calls), _method(calls)
    if tools:
        return (
            f"Await what {tools} waits for (an async client, `asyncio.sleep`, `asyncio.create_subprocess_exec`), or run it on "
            "a thread: `await asyncio.to_thread(...)`."
        )
    return (
        f"Use `anthropic.AsyncAnthropic` and `await client.{method}(...)` there, or run the sync call on a thread: "
        f"`await asyncio.to_thread(client.{method}, ...)`."
    )


def _freed(facts: Facts, held: HeldUp) -> Change:
    """Return the change in which all begin with the first, each without the time of waiting for others."""
    first = min((held.children[id] for id in held.branches), key=lambda child: child.start_ns)
    begins, durations = {}, {}
    busy = {
        id: [Interval(call.start_ns, facts.schedule.end(call)) for call in calls] for id, calls in held.branches.items()
    }
    ends = {id: facts.schedule.end(held.children[id]) for id in held.branches}
    waited = beside_others(busy, first.start_ns, ends)
    for id, end_ns in ends.items():
        child = held.children[id]
        durations[id] = max(0, end_ns - first.start_ns - waited[id])
        if child is not first:
            begins[id] = (first.id, 0)
    return Change(begins, durations)


def _counted(children: Sequence[Node]) -> str:
    names = Counter(map(_called, children))
    return listed([f"{count} x {name}" for name, count in names.items()])


def _called(child: Node) -> str:
    """Return the user's name for `child`; an inferred agent around a single call is shown as that call."""
    calls = [node for node in child.walk() if node.kind == "llm"]
    if child.kind == "agent" and child.inferred and len(calls) == 1:
        return f"call of {calls[0].model}"
    own_name = child.name.removeprefix(_OF_SDK) if child.kind == "span" else f"call of {child.model}"
    return str(child.agent or child.attributes.get(semconv.TOOL_NAME) or own_name)


RULE = Rule("TK101", "blocked-event-loop", check, __doc__)
