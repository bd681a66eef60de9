"""Format quantities and names in findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import takewhile

from tracekit import semconv
from tracekit.analysis.batches import Task
from tracekit.analysis.content import leaves
from tracekit.analysis.facts import Facts
from tracekit.formatting import format_count, format_duration, format_list
from tracekit.model.tree import Node

__all__ = [
    "MOST_TIMES",
    "at",
    "counted",
    "distinguishing_labels",
    "kind_and_name",
    "listed",
    "not_counted",
    "own_name",
    "span_of",
    "subject",
    "times",
    "tokens",
]

MOST_TIMES = 8
"""Tasks whose times are listed one by one."""
_LONGEST = 60
_MARKS = " .,;:!?()\"'"
_LEAST_WAIT_NS = 50_000_000
"""Waits before a first call that are worth showing."""


def at(nanoseconds: int, origin_ns: int) -> str:
    """A moment as seconds since `origin_ns`: ``1.20``."""
    return f"{(nanoseconds - origin_ns) / 1e9:.2f}"


def span_of(node: Node, origin_ns: int) -> str:
    """Return the times of `node` as seconds since `origin_ns`: ``1.20-2.21 s``."""
    end = "…" if node.end_ns is None else at(node.end_ns, origin_ns)
    return f"{at(node.start_ns, origin_ns)}-{end} s"


def tokens(number: int) -> str:
    """Return a count of tokens: ``812 tokens``, ``12,400 tokens``."""
    return format_count(number, "token")


def counted(works: Iterable[Task]) -> str:
    """Return the names of `works` with their counts: ``3 x analysis_agent, test_agent``."""
    names = Counter(work.name for work in works)
    return listed([name if count == 1 else f"{count} x {name}" for name, count in names.items()])


def listed(names: Sequence[str], most: int = 5) -> str:
    """Return names in a row, as findings show them: ``a, b and c``; of many, the first ones."""
    return format_list(names, most)


def not_counted(unseen: Sequence[Task]) -> list[str]:
    """Return a line about the tools whose times were not recorded, and are not in a saving; or nothing."""
    names = listed(list(dict.fromkeys(work.name for work in unseen)))
    return [f"the times of {names} were not recorded, so the saving leaves them out"] if unseen else []


def subject(work: Task) -> str:
    """Return the input text that identifies `work`: the shortest one, rather a path or an id than a sentence."""
    texts = [text.strip() for text in leaves(work.arguments) if text.strip()]
    return min(texts, key=lambda text: (" " in text, len(text)), default="")[:_LONGEST]


def own_name(facts: Facts, agent: Node | None) -> str:
    """The name of `agent`; empty for one that was only inferred around a single call: its program knows of none."""
    if agent is None:
        return ""
    parent = facts.parents.get(agent.id)
    is_bare = agent.inferred and len(agent.children) == 1 and not (parent is not None and parent.kind == "tool")
    return "" if is_bare else agent.agent or ""


def kind_and_name(node: Node) -> str:
    """Return the kind and the name of `node`: ``agent analysis_agent``, ``tool read_file``."""
    name = node.agent if node.kind == "agent" else node.attributes.get(semconv.TOOL_NAME, node.model or node.name)
    return f"{node.kind} {name}"


def distinguishing_labels(facts: Facts, works: Sequence[Task]) -> list[str]:
    """Return for each of `works` a text that distinguishes it: its subject, or the words of its own task."""
    tasks = [facts.content.question(work.calls[0]).split() if work.calls else [] for work in works]
    begin = _shared(tasks)
    end = _shared([task[begin:][::-1] for task in tasks])
    return [
        (subject(work) or " ".join(task[begin : len(task) - end]).strip(_MARKS))[:_LONGEST]
        for work, task in zip(works, tasks, strict=True)
    ]


def _shared(tasks: Sequence[Sequence[str]]) -> int:
    """Return the number of leading words that all of `tasks` share."""
    return sum(1 for _ in takewhile(lambda words: len(set(words)) == 1, zip(*tasks, strict=False)))


def _called(work: Task, about: str) -> str:
    agent = "" if work.agent is None or work.agent.agent in (None, work.name) else f"({work.agent.agent})"
    return " ".join(filter(None, (work.name, agent, about)))


def _wait_of(work: Task) -> str:
    is_long = work.waited_ns >= max(_LEAST_WAIT_NS, work.duration_ns // 10)
    return f", of which {format_duration(work.waited_ns)} before its first call" if is_long else ""


def times(
    works: Sequence[Task], origin_ns: int, most: int = MOST_TIMES, about: Sequence[str] | None = None
) -> list[str]:
    """Return a line with the times of each of `works`: ``analysis_agent shop/cart.py 1.20-2.21 s``.

    `about` are their subjects.
    """
    named = [subject(work) for work in works[:most]] if about is None else about[:most]
    lines = [
        f"{_called(work, subject)} {span_of(work.node, origin_ns)}{_wait_of(work)}"
        for work, subject in zip(works[:most], named, strict=True)
    ]
    return lines + ([f"and {len(works) - most} more"] if len(works) > most else [])
