"""Lay a run out in rows, of which each shows a span, a chain or a group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from tracekit import semconv
from tracekit.analysis.alike import AlikeNodes, chain_of, failed_in, grouped
from tracekit.analysis.compact import short_model, summary_of_group, telling_argument
from tracekit.formatting import format_count, format_duration
from tracekit.model.finding import Finding, codes_by_span, likely_of
from tracekit.model.text import printable
from tracekit.model.tree import Node, RunTree, first_work_ns

__all__ = ["ShareRow", "bars_interval", "rows_of", "title_of", "trouble_of"]

_LONGEST = 200
_MOST_ARGUMENT = 60


@dataclass(frozen=True, slots=True)
class ShareRow:
    """A row of a drawn run, with texts that are safe to show.

    Attributes:
        depth: The number of rows above this row in the tree.
        nodes: The spans that the row shows, outermost first; a group is one `AlikeNodes`.
        title: The name of the row.
        aside: Quiet text beside the name: an argument, a model, a group's times.
        trouble: The retries, errors and outcomes; "" if there are none.
        codes: The codes of certain and likely findings about the row.
    """

    depth: int
    nodes: tuple[Node, ...]
    title: str
    aside: str
    trouble: str
    codes: tuple[str, ...]

    @property
    def node(self) -> Node:
        """The first span, whose times and totals the row shows."""
        return self.nodes[0]

    @property
    def named(self) -> Node:
        """The span that the row is named by: its agent, else its first span."""
        return next((node for node in self.nodes if node.kind == "agent"), self.node)


def rows_of(run: RunTree, findings: Sequence[Finding] = (), *, members: bool = False) -> Iterator[ShareRow]:
    """Yield the rows of `run` in order; with `members` also those below each group."""
    codes = codes_by_span(likely_of(findings))
    stack: list[tuple[int, Node, int, tuple[Node, ...]]] = [(0, run.root, 1, ())]
    while stack:
        depth, node, number, beside = stack.pop()
        nodes = (node,) if node is run.root else chain_of(node)
        found = dict.fromkeys(code for each in nodes for code in codes.get(each.id, ()))
        yield _row(depth, nodes, number, beside, tuple(found), run.last_ns)
        children = _children(nodes[-1], members=members)
        turns = list(accumulate(int(child.kind == "turn") for child in children))
        stack.extend(
            (depth + 1, child, turn, children) for child, turn in zip(reversed(children), reversed(turns), strict=True)
        )


def _children(node: Node, *, members: bool) -> tuple[Node, ...]:
    children = tuple(child for child in node.children if child.kind != "attempt")
    if isinstance(node, AlikeNodes):
        return children if members else ()
    return grouped(children)


def _row(
    depth: int, nodes: tuple[Node, ...], number: int, beside: tuple[Node, ...], codes: tuple[str, ...], now_ns: int
) -> ShareRow:
    node = nodes[0]
    named = next((each for each in nodes if each.kind == "agent"), node)
    asides = [*_group_facts(node, now_ns)] if isinstance(node, AlikeNodes) else []
    if len(nodes) > 1:
        argument = telling_argument(node, beside) if node.kind == "tool" else ""
        asides += [printable(argument, most=_MOST_ARGUMENT)] if argument else []
        asides += [short_model(nodes[-1])] if nodes[-1].kind == "llm" else []
    elif node.kind == "tool":
        argument = telling_argument(node, beside)
        asides += [printable(argument, most=_MOST_ARGUMENT)] if argument else []
    trouble = " · ".join(dict.fromkeys(text for each in reversed(nodes) if (text := trouble_of(each))))
    return ShareRow(depth, nodes, title_of(named, number), " · ".join(asides), trouble, codes)


def _group_facts(group: AlikeNodes, now_ns: int) -> Iterator[str]:
    yield f"× {len(group.children)}"
    yield from summary_of_group(group, now_ns)


def title_of(node: Node, number: int = 1) -> str:
    """Return the name by which people know `node`; `number` counts a turn among its siblings."""
    if node.kind == "attempt":
        return _attempt_title(node)
    name = {
        "agent": node.agent or node.name,
        "turn": f"turn {number}",
        "tool": str(node.attributes.get(semconv.TOOL_NAME, node.name)),
        "llm": node.model or node.name,
    }.get(node.kind, node.name)
    return printable(name, most=_LONGEST)


def _attempt_title(node: Node) -> str:
    status, wait = node.attributes.get(semconv.HTTP_STATUS), node.attributes.get(semconv.WAIT_MS)
    title = printable(f"attempt {'' if status is None else status}".rstrip(), most=_LONGEST)
    return f"{title}, after {format_duration(round(wait * 1e6))}" if isinstance(wait, (int, float)) else title


def trouble_of(node: Node) -> str:
    """Return the retries, the failure and the outcome of `node` as text, or ""."""
    parts = []
    if isinstance(node, AlikeNodes):
        failed = failed_in(node)
        return f"{failed} failed" if failed else ""
    if node.retries and node.kind == "llm":
        parts.append(format_count(node.retries, "retry", "retries"))
    if node.status == "error":
        parts.append(printable(node.failure.type if node.failure is not None else "error", most=_LONGEST))
    elif node.status in ("open", "interrupted"):
        parts.append(node.status)
    outcome = node.attributes.get(semconv.OUTCOME)
    if outcome and node.kind in ("llm", "attempt"):
        parts.append(printable(str(outcome), most=_LONGEST))
    return " · ".join(parts)


def bars_interval(run: RunTree) -> tuple[int, int]:
    """Return the begin of the first agent or call, and the last end below the run, in nanoseconds."""
    start_ns = first_work_ns(run.root)
    ends = [run.last_ns if node.end_ns is None else node.end_ns for node in run.root.walk() if node is not run.root]
    end_ns = min(run.last_ns, max(ends)) if ends else run.last_ns
    return start_ns, max(start_ns + 1, end_ns)
