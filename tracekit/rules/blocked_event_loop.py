"""A sync client, or a tool that blocks, held up the event loop, so that work which was started together ran one by one.

## What it finds

Tasks of one event loop (`asyncio.gather`, a `TaskGroup`) that call Claude through a sync client, or run a tool which
never awaits: `time.sleep`, `requests`, `subprocess.run`, a sync driver of a database. Nothing else on the loop runs
meanwhile, so the tasks take turns. Certain: the record tells for each call whether it was made on a running loop, for
each recorded tool (`tracekit.tool`) whether its loop turned while it ran, and in which task that was.

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
from typing import NamedTuple

from tracekit import semconv
from tracekit.analysis.batches import Work
from tracekit.analysis.facts import Facts
from tracekit.analysis.overlap import Interval, beside_others, most_at_once
from tracekit.analysis.schedule import Change
from tracekit.model.finding import Finding
from tracekit.model.tree import Node
from tracekit.rules.rule import Rule
from tracekit.rules.words import listed, plural, seconds, times

__all__ = ["RULE", "Held", "held_up"]

_MOST_LEVELS = 64
_SOON_NS = 50_000_000


class Held(NamedTuple):
    """Children of `container` that were started as tasks and held one another up: each with its blocking calls, if any."""

    container: Node
    branches: dict[str, list[Node]]
    children: dict[str, Node]


def held_up(facts: Facts) -> Iterator[Held]:
    """The nodes whose children held one another up."""
    found: dict[str, Held] = {}
    for call in facts.blocking:
        child: Node = call
        for _ in range(_MOST_LEVELS):
            parent = facts.parents.get(child.id)
            if parent is None:
                break
            held = found.setdefault(parent.id, Held(parent, {}, {}))
            held.branches.setdefault(child.id, []).append(call)
            held.children[child.id] = child
            child = parent
    for held in found.values():
        together = _started_together(held)
        if len(together) > 1:
            yield Held(held.container, {id: held.branches[id] for id in together}, held.children)
        elif len(held.branches) == 1 and held.container.kind == "turn":
            late = {child.id: child for child in _kept_waiting(held)}
            if len(late) > 1:
                branches = {**held.branches, **{id: [] for id in late}}
                yield Held(held.container, branches, {**held.children, **late})


def _kept_waiting(held: Held) -> list[Node]:
    """What the answer of a turn asked for, too, and what began in sibling tasks only when the one that blocks was over.

    Two or more that ran at once were started together, and so was the one.
    """
    ((id, calls),) = held.branches.items()
    end_ns, home = max(call.end_ns or 0 for call in calls), calls[0].lane.rpartition(".")[0]
    works = [
        Work(child, None) for child in held.container.children if child.kind in ("tool", "agent") and child.id != id
    ]
    late = [
        work
        for work in works
        if 0 <= work.node.start_ns - end_ns <= _SOON_NS and work.lane.rpartition(".")[0] == home and home
    ]
    lanes = {calls[0].lane, *(work.lane for work in late)}
    is_all = len(late) == len(works) and len(lanes) == len(late) + 1
    intervals = [interval for work in late if (interval := work.interval) is not None]
    return [work.node for work in late] if is_all and most_at_once(intervals) == len(late) else []


def _started_together(held: Held) -> list[str]:
    """The children whose calls were made in sibling tasks: the most that stand under one lane, each in its own."""
    if len(held.branches) < 2:
        return []
    lanes = {id: calls[0].lane for id, calls in held.branches.items() if len({call.lane for call in calls}) == 1}
    split = _fork(list(lanes.values()))
    by_branch: dict[str, list[str]] = {}
    for id, lane in lanes.items():
        branch = lane[len(split) :].lstrip(".").partition(".")[0]
        if branch[:1] in ("t", "n"):
            by_branch.setdefault(branch, []).append(id)
    return [id for ids in by_branch.values() for id in ids] if len(by_branch) > 1 else []


def _fork(lanes: Sequence[str]) -> str:
    """The lane that all of `lanes` come from."""
    if not lanes:
        return ""
    paths = [lane.split(".") for lane in lanes]
    shared = []
    for steps in zip(*paths, strict=False):
        if len(set(steps)) > 1:
            break
        shared.append(steps[0])
    return ".".join(shared)


def check(facts: Facts) -> Iterator[Finding]:
    """Findings for each node whose children held one another up."""
    for held in held_up(facts):
        saved_ns = facts.schedule.saved_ns(held.container, _freed(facts, held))
        if saved_ns <= 0:
            continue
        yield _finding(facts, held, saved_ns)


def _finding(facts: Facts, held: Held, saved_ns: int) -> Finding:
    children = [held.children[id] for id in held.branches]
    calls = sorted((call for calls in held.branches.values() for call in calls), key=lambda call: call.start_ns)
    works = [Work(child, None) for child in children]
    whole_ns = facts.schedule.duration(held.container)
    lanes = list(dict.fromkeys(call.lane for call in calls))
    came = "ran one by one" if all(held.branches.values()) else "waited for it"
    return RULE.finding(
        "certain",
        f"{_culprit(calls)} blocks the event loop: {_counted(children)} were started together and {came}",
        evidence=[
            f"{plural(len(calls), 'call')} {_how(calls)}, in the tasks {listed(lanes)}",
            *times(works, facts.run.root.start_ns),
            f"together that took {seconds(whole_ns)}; side by side it takes {seconds(whole_ns - saved_ns)}",
        ],
        spans=[*(child.id for child in children), *(call.id for call in calls if call.id not in held.branches)],
        saved_ns=saved_ns,
        remedy=_remedy(calls),
    )


def _method(calls: Sequence[Node]) -> str:
    """The method of the sync client that was called."""
    is_streamed = all(call.attributes.get(semconv.REQUEST_STREAM) for call in calls)
    return "messages.stream" if is_streamed else "messages.create"


def _tools(calls: Sequence[Node]) -> str:
    """The names of the tools among what blocked; empty where a sync client did, too."""
    is_by_tools = all(call.kind == "tool" for call in calls)
    return (
        listed(list(dict.fromkeys(str(call.attributes.get(semconv.TOOL_NAME)) for call in calls)))
        if is_by_tools
        else ""
    )


def _culprit(calls: Sequence[Node]) -> str:
    return _tools(calls) or f"the sync client's `{_method(calls)}`"


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


def _freed(facts: Facts, held: Held) -> Change:
    """All begin with the first; each takes less by the time in which calls of the others held it up."""
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
    names = Counter(
        str(child.agent or child.attributes.get(semconv.TOOL_NAME) or f"call of {child.model}") for child in children
    )
    return listed([f"{count} x {name}" for name, count in names.items()])


RULE = Rule("TK101", "blocked-event-loop", check, __doc__)
