"""`check(run)`: what a run must have been, in words; a failure says what was seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import unified_diff
from itertools import combinations, pairwise
from textwrap import dedent
from typing import NamedTuple

from tracekit.analysis.diff.node_content import attempt_result
from tracekit.analysis.diff.order import overlap_ns
from tracekit.analysis.unseen import is_unseen
from tracekit.formatting import format_count, format_list
from tracekit.model.finding import is_at_least
from tracekit.model.text import printable
from tracekit.model.tree import Node, Run
from tracekit.rules.check import Options, findings_of
from tracekit.testing.outline import name_of, names
from tracekit.testing.source import RunSource, run_of

__all__ = ["Check", "check"]

_MOST_SHOWN = 12
_RECORD_IT = "its run was not recorded; decorate it with @tracekit.tool"


def check(run: RunSource) -> Check:
    """Begin to check `run`: a tree, replay, `trace`, orchestrator's result, id, name or file.

    Raises:
        TypeError: It is none of these.
        TracekitError: It means none or several of the recorded runs, or cannot be read.
    """
    return Check(run_of(run))


class Check:
    """The checks of a run. Every method raises AssertionError or returns this object, so that calls can be chained."""

    def __init__(self, run: Run) -> None:
        self.run = run

    # ── at once, or one by one ───────────────────────────────────────────────────────────────────────────────────

    def parallel(self, *agents: str) -> Check:
        """`agents` (or tools) were at work at once: each time that one was, each of the others was, too.

        One name alone means that it was at work several times, each time beside another. They overlap if they do so by
        a twentieth of the shorter one or more: a hand-over is no work at once. A tool whose run was not recorded has no
        times that could show it.
        """
        __tracebackhide__ = True
        _check_named(agents)
        works = [self._works(agent) for agent in dict.fromkeys(agents)]
        unseen = [work for each in works for work in each if is_unseen(work.node)]
        if unseen:
            self._fail(f"it is not known when {unseen[0].name} ran", *self._shown(unseen), _RECORD_IT)
        for one, other in combinations(works, 2) if len(works) > 1 else [(works[0], works[0])]:
            for mine, others in ((one, other), (other, one)):
                alone = [
                    work
                    for work in mine
                    if not any(overlap_ns(work.times, each.times) for each in others if each is not work)
                ]
                if alone:
                    self._fail(
                        f"{format_list(agents)} {_were(agents)} not at work at once",
                        *self._shown([work for each in works for work in each]),
                        f"{alone[0].name} worked {_nearest(alone[0], others)}",
                    )
        return self

    def serial(self, *agents: str) -> Check:
        """`agents` (or tools) were at work one after another: never two of them at once, and first in this order.

        One name alone was at work several times, never twice at once.
        """
        __tracebackhide__ = True
        _check_named(agents)
        works = [self._works(agent) for agent in dict.fromkeys(agents)]
        every = [work for each in works for work in each]
        for one, other in combinations(every, 2):
            both = overlap_ns(one.times, other.times)
            if both and (one.name != other.name or len(works) == 1):
                is_known = not (is_unseen(one.node) or is_unseen(other.node))
                self._fail(
                    f"{format_list(agents)} {_were(agents)} not {'' if is_known else 'shown to be '}at work one by one",
                    *self._shown(every),
                    f"two were at work at once for {_seconds(both)}" if is_known else _RECORD_IT,
                )
        firsts = [min(each, key=lambda work: work.times) for each in works]
        for one, other in pairwise(firsts):
            if other.times < one.times:
                self._fail(f"{other.name} came before {one.name}", *self._shown(every))
        return self

    # ── structure ────────────────────────────────────────────────────────────────────────────────────────────────

    def tree(self, expected: str) -> Check:
        """The agents and tools were these: a name a line, indented by who asked for whom, in the order asked.

        An agent stands for the tool by which it was asked for.
        """
        __tracebackhide__ = True
        seen, wanted = names(self.run).splitlines(), _outdented(expected)
        if seen != wanted:
            difference = list(unified_diff(wanted, seen, "expected", "seen", n=50, lineterm=""))
            self._fail("the tree has changed", *difference[:2], *difference[3:], indent="")
        return self

    def calls(self, agent: str, count: int) -> Check:
        """`agent` made `count` calls of its model, in all the times that it was at work, its subagents' not counted."""
        __tracebackhide__ = True
        works = self._works(agent, kinds=("agent",))
        calls = [len(list(_own_calls(work.node))) for work in works]
        if sum(calls) != count:
            lines = [
                f"{line}, {format_count(number, 'call')}"
                for line, number in zip(self._shown(works), calls, strict=False)
            ]
            self._fail(f"{agent} made {format_count(sum(calls), 'call')}, not {count}", *lines)
        return self

    def times(self, name: str, count: int) -> Check:
        """Check that the agent or tool `name` ran `count` times; 0 means never."""
        __tracebackhide__ = True
        works = self._works(name) if count or name in self._known(("agent", "tool")) else []
        if len(works) != count:
            self._fail(f"{name} was at work {format_count(len(works), 'time')}, not {count}", *self._shown(works))
        return self

    # ── totals ───────────────────────────────────────────────────────────────────────────────────────────────────

    def retries(self, count: int) -> Check:
        """The SDK tried again `count` times, in all calls together."""
        __tracebackhide__ = True
        if self.run.root.retries != count:
            tried = [node for node in self.run.root.walk() if node.kind == "llm" and node.retries]
            self._fail(
                f"there {'was' if self.run.root.retries == 1 else 'were'} "
                f"{format_count(self.run.root.retries, 'retry', 'retries')}, not {count}",
                *(f"{self._where(node)}: {_attempts(node)}" for node in tried),
            )
        return self

    def cost_below(self, usd: float) -> Check:
        """The run cost less than `usd` US dollars, all its prices being known."""
        __tracebackhide__ = True
        root = self.run.root
        if root.cost_usd is None or not root.cost_complete:
            without = {node.model for node in self.run.root.walk() if node.kind == "llm" and not node.cost_complete}
            known = "" if root.cost_usd is None else f"; the known part of its cost is ${root.cost_usd:.4f}"
            self._fail(
                f"it is not known whether the run cost less than ${usd:g}{known}",
                f"there is no price, or no usage, for calls of {format_list(sorted(map(str, without))) or 'any model'}; prices "
                "of your own go into [tool.tracekit.prices] of pyproject.toml",
            )
        elif root.cost_usd >= usd:
            dearest = sorted(self._agents(), key=lambda node: -(node.cost_usd or 0))
            self._fail(
                f"it cost ${root.cost_usd:.4f}, not less than ${usd:g}",
                *(f"${node.cost_usd or 0:.4f}  {self._where(node)}" for node in dearest),
            )
        return self

    def tokens_below(self, count: int) -> Check:
        """The run used fewer than `count` tokens: in, those of the cache included, and out."""
        __tracebackhide__ = True
        used = self.run.root.tokens.input + self.run.root.tokens.output
        if used >= count:
            most = sorted(self._agents(), key=lambda node: -(node.tokens.input + node.tokens.output))
            self._fail(
                f"it used {used} tokens, not fewer than {count}",
                *(f"{node.tokens.input} + {node.tokens.output}  {self._where(node)}" for node in most),
            )
        return self

    def duration_below(self, seconds: float) -> Check:
        """The recorded run took less than `seconds`. A replay has its recording's times, or projected ones."""
        __tracebackhide__ = True
        took = self.run.last_ns - self.run.root.start_ns
        if took >= seconds * 1e9:
            longest = sorted(self._agents(), key=lambda node: -node.duration_ns(self.run.last_ns))
            self._fail(
                f"it took {_seconds(took)}, not less than {seconds:g} s", *self._shown([self._work(n) for n in longest])
            )
        return self

    def no_errors(self) -> Check:
        """Assert that every agent, call and tool ended without an error. A retried attempt is not an error."""
        __tracebackhide__ = True
        failed = [node for node in self.run.root.walk() if node.kind != "attempt" and node.status != "ok"]
        if failed:
            # What is above a failure often fails with it, so the innermost come first.
            said = [f"{self._where(node)}: {_failure(node)}" for node in reversed(failed)]
            self._fail(f"{format_count(len(failed), 'error')}", *said)
        return self

    def no_findings(self, *codes: str) -> Check:
        """`tracekit check` finds nothing that is certain or likely: nothing at all, or nothing of `codes`.

        Codes may be beginnings (``TK1``) or names of rules.

        Raises:
            SettingsError: One of `codes` is no rule's.
        """
        __tracebackhide__ = True
        found = [
            each for each in findings_of(self.run, Options(select=codes)) if is_at_least(each.confidence, "likely")
        ]
        if found:
            said = [line for each in found for line in (f"{each.code} {each.message}", f"  {each.remedy}")]
            self._fail(format_count(len(found), "finding"), *map(printable, said))
        return self

    # ── inside ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _fail(self, said: str, *seen: str, indent: str = "  ") -> None:
        __tracebackhide__ = True
        shown = [f"{indent}{line}" for line in seen[: 4 * _MOST_SHOWN]]
        more = [f"{indent}… and {len(seen) - 4 * _MOST_SHOWN} more"] if len(seen) > 4 * _MOST_SHOWN else []
        about = f"in run {printable(self.run.name, most=60)} ({self.run.id[:8]})"
        # Names come from the program, whose data may have made them.
        raise AssertionError("\n".join(map(printable, [f"{said}, {about}{':' if seen else ''}", *shown, *more])))

    def _works(self, name: str, kinds: Sequence[str] = ("agent", "tool")) -> list[_Work]:
        """Return the times at which `name` ran. An agent counts, not the tool that it serves."""
        __tracebackhide__ = True
        nodes = [node for node in self.run.root.walk() if node.kind in kinds and name_of(node) == name]
        agents = [node for node in nodes if node.kind == "agent"]
        if not nodes:
            known = self._known(kinds)
            self._fail(f"{name} was never at work" + (f"; there were {format_list(known)}" if known else ""))
        return [self._work(node) for node in agents or nodes]

    def _known(self, kinds: Sequence[str]) -> list[str]:
        return list(dict.fromkeys(name_of(node) for node in self.run.root.walk() if node.kind in kinds))

    def _work(self, node: Node) -> _Work:
        end_ns = self.run.last_ns if node.end_ns is None else node.end_ns
        return _Work(name_of(node), node.start_ns, end_ns, node)

    def _agents(self) -> list[Node]:
        return [node for node in self.run.root.walk() if node.kind == "agent"]

    def _shown(self, works: Sequence[_Work]) -> list[str]:
        """A line for each, with its times since the run began."""
        begin = self.run.root.start_ns
        width = max((len(work.name) for work in works), default=0)
        return [
            f"{work.name:<{width}}  {'at some time from ' if is_unseen(work.node) else ''}"
            f"{_seconds(work.begin_ns - begin)} to {_seconds(work.end_ns - begin)}"
            for work in works
        ]

    def _where(self, node: Node) -> str:
        """The way to `node`: the agents and tools above it, and itself."""
        above: list[Node] = []
        current = self.run.root
        while current is not node:
            above.append(current)
            current = next(child for child in current.children if any(each is node for each in child.walk()))
        units = [name_of(each) for each in [*above, node] if each.kind in ("agent", "tool")]
        # An agent and the tool that it serves bear one name.
        way = [name for place, name in enumerate(units) if place == 0 or units[place - 1] != name]
        return " > ".join([*way, f"call {node.model or ''}".rstrip()] if node.kind == "llm" else way or [node.name])


class _Work(NamedTuple):
    """An agent or a tool at work."""

    name: str
    begin_ns: int
    end_ns: int
    node: Node

    @property
    def times(self) -> tuple[int, int]:
        """The begin and the end."""
        return self.begin_ns, self.end_ns


def _check_named(agents: Sequence[str]) -> None:
    if not agents:
        raise TypeError("give the names of the agents or tools to check")


def _own_calls(agent: Node) -> Iterator[Node]:
    stack = list(agent.children)
    while stack:
        node = stack.pop()
        if node.kind == "llm":
            yield node
        elif node.kind != "agent":
            stack.extend(node.children)


def _attempts(call: Node) -> str:
    return " ".join(attempt_result(attempt) for attempt in call.children if attempt.kind == "attempt")


def _failure(node: Node) -> str:
    if node.failure is None:
        return {"error": "its result is an error"}.get(node.status, node.status)
    return printable(f"{node.failure.type}: {node.failure.message}".removesuffix(": "), most=200)


def _nearest(work: _Work, others: Sequence[_Work]) -> str:
    """Describe the task in `others` that is nearest to `work` in time."""
    gaps = [
        (work.begin_ns - other.end_ns, f"{_seconds(work.begin_ns - other.end_ns)} after {other.name} had ended")
        if work.begin_ns >= other.end_ns
        else (other.begin_ns - work.end_ns, f"until {_seconds(other.begin_ns - work.end_ns)} before {other.name} began")
        for other in others
        if other is not work and (work.begin_ns >= other.end_ns or other.begin_ns >= work.end_ns)
    ]
    return min(gaps)[1] if gaps else "alone, but for a hand-over"


def _outdented(text: str) -> list[str]:
    """Return the lines of a tree with an indentation of two spaces a level."""
    lines = [line.rstrip() for line in dedent(text).splitlines() if line.strip()]
    depths: list[int] = []
    outdented = []
    for line in lines:
        depth = len(line) - len(line.lstrip())
        while depths and depths[-1] >= depth:
            depths.pop()
        outdented.append("  " * len(depths) + line.strip())
        depths.append(depth)
    return outdented


def _were(names: Sequence[str]) -> str:
    return "was" if len(names) == 1 else "were"


def _seconds(ns: int) -> str:
    return f"{ns / 1e9:.3f} s"
