"""Compare two runs, node by node."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tracekit.analysis.diff.align import ALIKE, align, by_likeness
from tracekit.analysis.diff.changes import TIMES, AlignedNodes, Diff, NodeChange, PathStep
from tracekit.analysis.diff.node_content import label_of, read_contents
from tracekit.analysis.diff.order import order_changes
from tracekit.model.tree import Node, Run

__all__ = ["compare"]

_UNITS = ("tool", "agent")
_OF_ONE_CALL = TIMES | {
    *("node", "status", "error", "stop reason", "outcome", "attempts", "prompt", "answer"),
    *("tokens in", "tokens out", "tokens read from cache", "tokens written to cache"),
}
"""Fields of a single call; all others are the agent's, which sends them with each call."""


def compare(a: Run, b: Run, *, times: bool = False) -> Diff:
    """Return the differences of `b` from `a`.

    Structure, order, names, models, requests, texts, tokens, stop reasons and statuses count. Time, cost and overlap
    are reported, and count with `times`. Attempts are compared with their call. Ids never count.
    """
    comparison = _Comparison(a, b)
    changes = comparison.changes()
    if times:
        changes = [replace(change, counts=True) for change in changes]
    else:
        changes = [change for change in changes if change.counts or _is_notable(change)]
    return Diff(a, b, tuple(changes), comparison.rows)


def _is_notable(change: NodeChange) -> bool:
    """Return whether a difference of time or cost is large enough to report where it does not count."""
    if change.field == "overlap":
        return True
    if not isinstance(change.before, (int, float)) or not isinstance(change.after, (int, float)):
        return False
    least = 100_000_000 if change.field == "time" else 0.0001
    much = max(abs(change.before), abs(change.after))
    return change.path[-1].kind in ("run", *_UNITS) and abs(change.after - change.before) > max(least, much / 10)


class _Comparison:
    """One comparison: pairs of nodes, from the roots down, then nodes that moved."""

    def __init__(self, a: Run, b: Run) -> None:
        self._a, self._b = a, b
        self._contents, self._contents_b = read_contents(a), read_contents(b)
        self._paths, self._paths_b = _paths(a.root), _paths(b.root)
        self._pairs: list[tuple[Node, Node]] = []
        self._gone: list[Node] = []
        self._added: list[Node] = []
        self._changes: list[NodeChange] = []
        self.rows: tuple[AlignedNodes, ...] = ()
        self._order = {node.id: number for number, node in enumerate(a.root.walk())}
        self._order_b: dict[str, int] = {}

    def changes(self) -> list[NodeChange]:
        """Return every difference, in the order of the tree."""
        self.rows = tuple(self._descend(self._a.root, self._b.root))
        moved = self._find_moved()
        for one, other in self._pairs:
            self._changes += self._fields(one, other)
        for one, other in moved:
            self._changes.append(self._change(one, other, "node", "moved", self._text(one), self._text_b(other)))
        gone = [one for one, _ in moved]
        for node in self._gone:
            if not any(node is one for one in gone):
                self._changes.append(NodeChange(self._paths[node.id], "node", "only in a", a=node.id))
        for node in self._added:
            if not any(node is other for _, other in moved):
                self._changes.append(NodeChange(self._paths_b[node.id], "node", "only in b", b=node.id))
        self._changes += order_changes(self._pairs, self._paths, self._a.last_ns, self._b.last_ns)
        self._order_second()
        return _collapsed(sorted(self._changes, key=self._place))

    def _descend(self, a: Node, b: Node) -> list[AlignedNodes]:
        """Pair what is below a pair, and return it as rows."""
        rows = []
        stack = [AlignedNodes(0, a, b)]
        while stack:
            depth, one, other = row = stack.pop()
            rows.append(row)
            if one is not None and other is not None:
                self._pairs.append((one, other))
                below = align(_children(one), _children(other), self._contents, self._contents_b)
                stack.extend(AlignedNodes(depth + 1, *pair) for pair in reversed(below))
            elif one is not None:
                self._gone.append(one)
            elif other is not None:
                self._added.append(other)
        return rows

    def _find_moved(self) -> list[tuple[Node, Node]]:
        """Pair tools and agents that stand elsewhere: nodes that only one run has, alike by name and content."""
        moved: list[tuple[Node, Node]] = []
        ours = [node for top in self._gone for node in top.walk() if node.kind in _UNITS]
        theirs = [node for top in self._added for node in top.walk() if node.kind in _UNITS]
        taken: set[str] = set()
        taken_b: set[str] = set()
        for label in dict.fromkeys((node.kind, label_of(node)) for node in ours):
            one = [(index, node) for index, node in enumerate(ours) if (node.kind, label_of(node)) == label]
            other = [(index, node) for index, node in enumerate(theirs) if (node.kind, label_of(node)) == label]
            for index, index_b in sorted(by_likeness(one, other, self._contents, self._contents_b, least=ALIKE)):
                a, b = ours[index], theirs[index_b]
                if a.id in taken or b.id in taken_b:
                    continue
                taken.update(node.id for node in a.walk())
                taken_b.update(node.id for node in b.walk())
                moved.append((a, b))
                self._descend(a, b)
        return moved

    # ── one pair ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _fields(self, a: Node, b: Node) -> Iterator[NodeChange]:
        content, content_b = self._contents[a.id], self._contents_b[b.id]
        one, other = content.fields, content_b.fields
        if content.words is not None and content_b.words is not None:
            one, other = {**one, **content.words}, {**other, **content_b.words}
        if a is self._a.root:
            # Whoever compares two runs has named them.
            one, other = _without(one, "name"), _without(other, "name")
        if a.kind == "tool" and any(child.kind == "agent" for child in (*a.children, *b.children)):
            # What its agent says last is the agent's.
            one, other = _without(one, "result"), _without(other, "result")
        for field in dict.fromkeys((*one, *other)):
            for name, before, after in _leaves(field, one.get(field), other.get(field)):
                yield self._change(a, b, name, "changed", before, after)
        yield from self._quantities(a, b)

    def _quantities(self, a: Node, b: Node) -> Iterator[NodeChange]:
        if a.kind == "turn":
            return
        took, took_b = a.duration_ns(self._a.last_ns), b.duration_ns(self._b.last_ns)
        if took != took_b:
            yield self._change(a, b, "time", "changed", took, took_b)
        if a.cost_usd != b.cost_usd:
            yield self._change(a, b, "cost", "changed", a.cost_usd, b.cost_usd)

    def _change(self, a: Node, b: Node, field: str, how: Any, before: Any, after: Any) -> NodeChange:
        return NodeChange(self._paths[a.id], field, how, before, after, a.id, b.id, counts=field not in TIMES)

    def _text(self, node: Node) -> str:
        return _path_text(self._paths[node.id])

    def _text_b(self, node: Node) -> str:
        return _path_text(self._paths_b[node.id])

    def _place(self, change: NodeChange) -> tuple[int, int]:
        """Return the sort key of a change: its place in the first run's tree, or else in the second's."""
        if change.a is not None:
            return self._order[change.a], 0
        return self._order_b[change.b or ""], 1

    def _order_second(self) -> None:
        ours = {other.id: self._order[one.id] for one, other in self._pairs}
        last = 0
        for node in self._b.root.walk():
            last = self._order_b[node.id] = ours.get(node.id, last)


def _children(node: Node) -> list[Node]:
    """Return the children of `node` to compare: attempts are compared with their call."""
    return [child for child in node.children if child.kind != "attempt"]


def _without(fields: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {field: value for field, value in fields.items() if field != name}


def _leaves(name: str, before: Any, after: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield the places in which two JSON values differ, as paths; named list items go by their names."""
    stack = [(name, before, after)]
    while stack:
        name, before, after = stack.pop()
        if before == after and type(before) is type(after):
            continue
        one, other = _members(before), _members(after)
        if one is None or other is None:
            yield name, before, after
        else:
            keys = list(dict.fromkeys((*one, *other)))
            stack.extend((f"{name}.{key}", one.get(key), other.get(key)) for key in reversed(keys))


def _members(value: Any) -> dict[str, Any] | None:
    if isinstance(value, dict):
        return value
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value) or not value:
        return None
    names = [str(item.get("name", number)) for number, item in enumerate(value)]
    return dict(zip(names, value, strict=True)) if len(set(names)) == len(names) else None


def _paths(root: Node) -> dict[str, tuple[PathStep, ...]]:
    """Return the path to each node. A tool that an agent serves is shown by that agent's name."""
    paths: dict[str, tuple[PathStep, ...]] = {root.id: (PathStep(root.kind, label_of(root)),)}
    for node in root.walk():
        children = [child for child in node.children if child.kind != "attempt"]
        several = Counter((child.kind, label_of(child)) for child in children)
        number: Counter[tuple[str, str]] = Counter()
        for child in node.children:
            label = (child.kind, label_of(child))
            number[label] += 1
            name = label_of(child)
            if child.kind == "turn" or several[label] > 1:
                name = f"{name} {number[label]}" if child.kind in ("turn", "llm") else f"{name} #{number[label]}"
            if node.kind == "tool" and child.kind == "agent" and label_of(node) == label_of(child):
                paths[child.id] = paths[node.id]
            else:
                paths[child.id] = (*paths[node.id], PathStep(child.kind, name))
    return paths


def _path_text(path: Sequence[PathStep]) -> str:
    return " > ".join(step.name for step in path[1:]) or path[0].name


def _collapsed(changes: Sequence[NodeChange]) -> list[NodeChange]:
    """Return `changes` with each repeated difference of an agent's calls once: a system prompt goes with every call."""
    kept: dict[Any, int] = {}
    found: list[NodeChange] = []
    for change in changes:
        agent = next((step for step in reversed(change.path) if step.kind in _UNITS), None)
        within = change.path[: change.path.index(agent) + 1] if agent else ()
        key = (within, change.field, change.how, str(change.before), str(change.after))
        if change.path[-1].kind != "llm" or change.field in _OF_ONE_CALL:
            found.append(change)
        elif key in kept:
            found[kept[key]] = replace(found[kept[key]], repeated=found[kept[key]].repeated + 1)
        else:
            kept[key] = len(found)
            found.append(change)
    return found
