"""Merges the spans that record the same call, so that the tokens of each call count once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from tracekit import semconv
from tracekit.sources.otlp.dialects.anthropic_sdk import ANTHROPIC_SDK
from tracekit.sources.otlp.dialects.claude_code import CLAUDE_CODE_LOG
from tracekit.sources.otlp.nodes import SpanNode

__all__ = ["fold", "fold_calls"]

_IDS = (semconv.REQUEST_ID, semconv.RESPONSE_ID, "request_id")
_COUNTS = (semconv.INPUT_TOKENS, semconv.OUTPUT_TOKENS)
_NESTED = "a call within a call with other tokens is a call of its own"


def fold_calls(root: SpanNode) -> None:
    """Leave one node for each call below `root`, and tokens on calls alone."""
    for node in [node for node in root.walk() if node.level == "pending"]:
        _fold_pending(node)
    for node in [node for node in root.walk() if node.level == "second"]:
        _fold_second(node)
    for node in reversed([node for node in root.walk() if node.level in ("llm", "outer")]):
        _fold_nested(node)
    for node in root.walk():
        if node.level == "outer":
            node.level = "llm"
    _fold_beside([node for node in root.walk() if node.level == "llm"])
    for node in [node for node in root.walk() if node.dialect is CLAUDE_CODE_LOG]:
        # The span of the call has not come.
        node.detach()


def fold(kept: SpanNode, other: SpanNode) -> None:
    """Let `kept` stand for `other`, too: it takes over what it lacks."""
    kept.folded += [other.id, *other.folded]
    kept.scopes |= {*other.scopes, other.span.scope if other.span is not None else ""}
    for name, value in other.attributes.items():
        kept.attributes.setdefault(name, value)
    if _is_sdks(other) and not _is_sdks(kept) and all(name in other.usage for name in _COUNTS):
        # The SDK reads the counts from the response; an instrumentation may miss those of a stream.
        kept.usage = dict(other.usage)
    for name, count in other.usage.items():
        kept.usage.setdefault(name, count)
    kept.cost = other.cost if kept.cost is None else kept.cost
    kept.failure = kept.failure or other.failure
    for child in list(other.children):
        kept.adopt(child)
    other.detach()


def _fold_pending(node: SpanNode) -> None:
    """Drop a copy of an open span if the span itself is there, else let the copy stand for it."""
    parent = node.parent
    if parent is not None and parent.span is not None and node.span is not None and node.span.parent == parent.span.id:
        parent.folded.append(node.id)
        for child in list(node.children):
            parent.adopt(child)
        node.detach()
    else:
        node.level, node.end_ns = "span", None


def _fold_second(node: SpanNode) -> None:
    """Merge the second record of a streamed call into the first, which began before it under the same parent."""
    before = [
        each
        for each in (node.parent.children if node.parent is not None else ())
        if each.level == "llm" and each.start_ns <= node.start_ns and not set(_COUNTS) & set(each.usage)
    ]
    if before:
        first = max(before, key=lambda each: each.start_ns)
        first.end_ns = max(first.end_ns or 0, node.end_ns or 0)
        fold(first, node)
    else:
        node.level = "llm"


def _fold_nested(node: SpanNode) -> None:
    """Merge a call with the calls below it if they are the same, else make each a call."""
    inner = []
    for call in list(_calls_below(node)):
        if call.dialect.is_server and not node.dialect.is_server:
            # The client's record counts; the server's shows how long the server took.
            call.level = "attempt" if _id(call, semconv.REQUEST_ID) or _id(call, "request_id") else "span"
        else:
            inner.append(call)
    if not inner:
        return
    if len(inner) == 1 and node.level == "llm" and _is_same(node, inner[0]):
        fold(node, inner[0])
        return
    sums = [sum(call.usage.get(name, 0) for call in inner) for name in _COUNTS]
    if (
        node.level == "outer"
        or not any(name in node.usage for name in _COUNTS)
        or [node.usage.get(name, 0) for name in _COUNTS] == sums
    ):
        node.level = "workflow"
    else:
        for call in inner:
            call.assume(_NESTED)
        _lift(node, inner)


def _calls_below(node: SpanNode) -> Iterator[SpanNode]:
    for each in node.within():
        if each.level == "llm" and not any(above.level == "llm" for above in _between(each, node)):
            yield each


def _between(node: SpanNode, top: SpanNode) -> Iterator[SpanNode]:
    for above in node.above():
        if above is top:
            return
        yield above


def _lift(node: SpanNode, inner: list[SpanNode]) -> None:
    for call in inner:
        if node.parent is not None:
            node.parent.adopt(call)


def _is_same(outer: SpanNode, inner: SpanNode) -> bool:
    """Return whether a call and the one call below it are the same call."""
    if any(_id(outer, name) and _id(outer, name) == _id(inner, name) for name in _IDS):
        return True
    if _is_sdks(inner) and not _is_sdks(outer):
        # Around one call of the SDK is its instrumentation, whose counts of a stream may be wrong.
        return True
    known = [name for name in _COUNTS if name in outer.usage and name in inner.usage]
    return all(outer.usage[name] == inner.usage[name] for name in known)


def _is_sdks(node: SpanNode) -> bool:
    return node.dialect is ANTHROPIC_SDK


def _id(node: SpanNode, name: str) -> str:
    return str(node.attributes.get(name) or "")


def _fold_beside(calls: list[SpanNode]) -> None:
    """Merge calls that stand anywhere in the trace: by the same response or request, or by tokens across scopes."""
    by_id: dict[tuple[str, str], SpanNode] = {}
    left: list[SpanNode] = []
    for call in sorted(calls, key=_richness, reverse=True):
        keys = [(name, _id(call, name)) for name in _IDS if _id(call, name)]
        same = next((by_id[key] for key in keys if key in by_id), None)
        if same is not None and not _is_relative(same, call):
            fold(same, call)
        else:
            same = call
            left.append(call)
        by_id.update(dict.fromkeys(keys, same))
    by_tokens: dict[tuple[int, int], list[SpanNode]] = defaultdict(list)
    for call in left:
        counts = (call.usage.get(_COUNTS[0]), call.usage.get(_COUNTS[1]))
        if not counts[0] or not counts[1]:
            continue
        alike = by_tokens[counts[0], counts[1]]
        same = next((each for each in alike if _is_other_record(each, call)), None)
        if same is not None:
            fold(same, call)
        else:
            alike.append(call)


def _is_relative(one: SpanNode, other: SpanNode) -> bool:
    return one in other.above() or other in one.above()


def _is_other_record(one: SpanNode, other: SpanNode) -> bool:
    """Return whether two calls with equal tokens are records of one call by two instrumentations."""
    scopes = [each.span.scope if each.span is not None else "" for each in (one, other)]
    if scopes[0] == scopes[1] or scopes[1] in one.scopes or _is_relative(one, other):
        return False
    if any(_id(one, name) and _id(other, name) and _id(one, name) != _id(other, name) for name in _IDS[:2]):
        return False
    ends = [each.end_ns if each.end_ns is not None else 1 << 62 for each in (one, other)]
    return one.start_ns <= ends[1] and other.start_ns <= ends[0]


def _richness(call: SpanNode) -> tuple[bool, bool, int, int, str]:
    """Return the sort key by which calls are kept: the call deepest in an agent's tree is the greatest."""
    above = list(call.above())
    is_span = call.dialect is not CLAUDE_CODE_LOG
    in_agent = any(each.level in ("agent", "turn", "tool") for each in above)
    return is_span, in_agent, len(above), -call.start_ns, call.id
