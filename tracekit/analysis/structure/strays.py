"""What the spans of callbacks are around, though they never were current: told by lanes, times, ids and tokens."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from tracekit import semconv
from tracekit.analysis.structure.draft import Draft

__all__ = ["place_strays"]

_NEVER = 1 << 63


def place_strays(root: Draft) -> None:
    """Hang under the application's spans what they are around and the record has beside them.

    Of those that record agents, tools and the like, the innermost of the same lane is around whatever began and ended
    within it, but for others of their kind, which say what they are under: one lane does one thing after the other. One
    that records a call, and is left without a call of the SDK,
    is around that with the same response or the same tokens.
    """
    by_lane: dict[str, list[Draft]] = defaultdict(list)
    for draft in root.walk():
        if draft is not root and draft.kind not in ("attempt", "turn"):
            by_lane[draft.lane].append(draft)
    for lane in by_lane.values():
        _place_in_lane(lane)
    _place_by_content(root, [draft for draft in root.walk() if draft.level == "llm" and not _has_call(draft)])


def _place_in_lane(drafts: list[Draft]) -> None:
    open_spans: list[Draft] = []
    # What began at the same time as a span began within it: its begin may have been written later.
    for draft in sorted(drafts, key=lambda draft: (draft.start_ns, draft.level is None, draft.order)):
        while open_spans and _end(open_spans[-1]) < draft.start_ns:
            open_spans.pop()
        for span in reversed(open_spans):
            if _is_above(span, draft):
                break
            if draft.level is None and _end(draft) <= _end(span) and _is_beside(draft, span):
                span.adopt(draft)
                break
        if draft.level is not None:
            open_spans.append(draft)


def _place_by_content(root: Draft, spans: list[Draft]) -> None:
    """Hang each call that one of `spans` alone can tell of under that span."""
    if not spans:
        return
    left: dict[object, list[Draft]] = defaultdict(list)
    taken: set[Draft] = set()
    for draft in root.walk():
        if draft.kind == "llm":
            for key in _keys(draft):
                left[key].append(draft)
    for span in sorted(spans, key=lambda draft: draft.start_ns):
        for key in _keys(span):
            found = [call for call in left.get(key, ()) if call not in taken and _may_hold(span, call)]
            near = found if len(found) == 1 else [call for call in found if _are_near(span.lane, call.lane)]
            if len(near) == 1:
                taken.add(near[0])
                span.adopt(near[0])
                break


def _keys(draft: Draft) -> Iterator[object]:
    """The response that a span says it tells of, and its tokens: what two tellings of one call have in common."""
    told = draft.attributes
    if told.get(semconv.RESPONSE_ID):
        yield str(told[semconv.RESPONSE_ID])
    if told.get(semconv.INPUT_TOKENS) and told.get(semconv.OUTPUT_TOKENS):
        yield told[semconv.INPUT_TOKENS], told[semconv.OUTPUT_TOKENS]


def _may_hold(span: Draft, call: Draft) -> bool:
    return span.start_ns <= call.start_ns <= _end(span) and _is_beside(call, span)


def _is_beside(draft: Draft, span: Draft) -> bool:
    """Whether `span` is below what `draft` hangs under, so that hanging `draft` under `span` only says more."""
    return draft.parent is not None and not _is_above(draft, span) and _is_above(draft.parent, span)


def _is_above(above: Draft, draft: Draft) -> bool:
    """Whether `draft` is `above` or below it."""
    at: Draft | None = draft
    while at is not None and at is not above:
        at = at.parent
    return at is not None


def _are_near(lane: str, other: str) -> bool:
    """Whether one of the lanes is the other, or led to it."""
    short, long = sorted((lane, other), key=len)
    return long == short or long.startswith(f"{short}.")


def _has_call(span: Draft) -> bool:
    return any(draft.kind == "llm" for draft in span.walk())


def _end(draft: Draft) -> int:
    return _NEVER if draft.end_ns is None else draft.end_ns
