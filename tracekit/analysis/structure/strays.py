"""Find the calls and tools that callback spans cover, by lanes, times, ids and tokens.

Such spans never were current, so the record has nothing below them.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator
from itertools import islice

from tracekit import semconv
from tracekit.analysis.structure.draft import Draft
from tracekit.analysis.structure.lanes import common_lane, depth_of
from tracekit.model.adopted import label_of

__all__ = ["place_strays"]

_NEVER = 1 << 63
_MOST_OPEN = 64
"""Number of open spans of a lane that are considered at one moment, the innermost ones."""


def place_strays(root: Draft) -> None:
    """Move nodes that stand beside an application's span, but belong into it, under the span.

    Of spans that record agents, tools and the like, the innermost of a lane contains everything that began and ended
    within its times in that lane, except spans of the same kind, which record their own parents: one lane does one
    thing after the other. A span that records a call, but has no call of the SDK below it, contains the call with the
    same response or the same tokens. An agent without a call contains the chain of its name.
    """
    by_lane: dict[str, list[Draft]] = defaultdict(list)
    drafts = root.walk()
    for draft in drafts:
        if draft is not root and draft.kind not in ("attempt", "turn"):
            by_lane[draft.lane].append(draft)
    for draft in drafts:
        if draft.level == "agent" and draft.parent is not None and not _has_call(draft):
            _take_chain(draft, draft.parent)
    places = _Places(root)
    for lane in by_lane.values():
        _place_in_lane(lane, places)
    spans = [draft for draft in drafts if draft.level == "llm" and not _has_call(draft)]
    if spans:
        _place_by_content(spans, [draft for draft in drafts if draft.kind == "llm"], _Places(root))


class _Places:
    """The order of the nodes of a tree, which decides in constant time whether one is above another."""

    def __init__(self, root: Draft) -> None:
        self._begin: dict[Draft, int] = {}
        self._end: dict[Draft, int] = {}
        stack = [(root, False)]
        while stack:
            draft, is_done = stack.pop()
            if is_done:
                self._end[draft] = len(self._begin)
                continue
            self._begin[draft] = len(self._begin)
            stack.append((draft, True))
            stack.extend((child, False) for child in draft.children)

    def is_above(self, above: Draft, draft: Draft) -> bool:
        """Return whether `draft` is `above` or below it."""
        return self._begin[above] <= self._begin[draft] < self._end[above]

    def is_beside(self, draft: Draft, span: Draft) -> bool:
        """Return whether `span` is below the parent of `draft`, so that moving `draft` under it only adds detail."""
        above = draft.parent
        return above is not None and not self.is_above(draft, span) and self.is_above(above, span)


def _take_chain(agent: Draft, parent: Draft) -> None:
    """Move the chain with the agent's name that ran beside `agent`, within its times, under the agent."""
    for chain in list(parent.children):
        is_its = chain.level == "workflow" and label_of(chain.name, chain.attributes) == agent.agent
        if is_its and agent.start_ns <= chain.start_ns and _end(chain) <= _end(agent):
            agent.adopt(chain)


def _place_in_lane(drafts: list[Draft], places: _Places) -> None:
    open_spans: list[Draft] = []
    # What began at the same time as a span began within it: its begin may have been written later.
    for draft in sorted(drafts, key=lambda draft: (draft.start_ns, draft.level is None, draft.order)):
        while open_spans and _end(open_spans[-1]) < draft.start_ns:
            open_spans.pop()
        if draft.level is not None:
            if not _is_left_open(draft):
                open_spans.append(draft)
            continue
        for span in islice(reversed(open_spans), _MOST_OPEN):
            if places.is_above(span, draft):
                break
            if _end(draft) <= _end(span) and places.is_beside(draft, span):
                span.adopt(draft)
                break


def _place_by_content(spans: list[Draft], calls: list[Draft], places: _Places) -> None:
    """Move each of `calls` under the one of `spans` that alone can be its record."""
    left: dict[object, list[Draft]] = defaultdict(list)
    taken: set[Draft] = set()
    for call in sorted(calls, key=lambda draft: draft.start_ns):
        for key in _keys(call):
            left[key].append(call)
    for span in sorted(spans, key=lambda draft: draft.start_ns):
        for key in _keys(span):
            alike = left.get(key, [])
            first = bisect_left(alike, span.start_ns, key=lambda draft: draft.start_ns)
            last = bisect_right(alike, _end(span), key=lambda draft: draft.start_ns)
            found = [call for call in alike[first:last] if call not in taken and places.is_beside(call, span)]
            near = _nearest(span.lane, found)
            if near is not None:
                taken.add(near)
                span.adopt(near)
                break


def _keys(draft: Draft) -> Iterator[object]:
    """Yield the response id and the token counts of a span, which two records of one call have in common."""
    told = draft.attributes
    if told.get(semconv.RESPONSE_ID):
        yield str(told[semconv.RESPONSE_ID])
    if told.get(semconv.INPUT_TOKENS) and told.get(semconv.OUTPUT_TOKENS):
        yield told[semconv.INPUT_TOKENS], told[semconv.OUTPUT_TOKENS]


def _nearest(lane: str, calls: list[Draft]) -> Draft | None:
    """Return the one of `calls` whose lane has the most in common with `lane`; None where several have as much."""
    shared = [depth_of(common_lane(lane, call.lane)) for call in calls]
    most = max(shared, default=0)
    return calls[shared.index(most)] if shared.count(most) == 1 else None


def _is_left_open(span: Draft) -> bool:
    """Return whether the program never ended `span`, though it ended its parent: its extent is unknown."""
    return span.end_ns is None and span.parent is not None and span.parent.end_ns is not None


def _has_call(span: Draft) -> bool:
    return any(draft.kind == "llm" for draft in span.walk())


def _end(draft: Draft) -> int:
    return _NEVER if draft.end_ns is None else draft.end_ns
