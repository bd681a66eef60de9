"""The tree as it was recorded, before anything is inferred."""

from __future__ import annotations

from tracekit import semconv
from tracekit.analysis.structure.draft import Draft, recorded
from tracekit.model.recording import RecordedSpan, Recording
from tracekit.model.tree import Status

__all__ = ["recorded_tree", "run_status"]


def recorded_tree(recording: Recording) -> Draft:
    """Return the root, with every recorded span below it.

    A span whose parent is not in the record, or that is its own ancestor, hangs under the root and is marked.
    """
    drafts = {
        span.id: recorded(span, _status(span, recording), order) for order, span in enumerate(recording.spans.values())
    }
    root = _root(recording, drafts)
    above: dict[Draft, Draft] = {}
    for span in recording.spans.values():
        draft = drafts[span.id]
        if draft is root:
            continue
        parent = drafts.get(span.parent) if span.parent is not None else root
        if span.parent == root.id:
            parent = root
        # Nothing is above `draft` yet: it is its parent's ancestor if it is the topmost.
        if parent is None or _topmost(parent, above) is draft:
            draft.attributes[semconv.ORPHAN] = True
            parent = root
        parent.adopt(draft)
        above[draft] = parent
    return root


def _topmost(draft: Draft, above: dict[Draft, Draft]) -> Draft:
    """Return the topmost ancestor of `draft`; paths are shortened on the way, as spans may nest deep."""
    while (higher := above.get(draft)) is not None:
        above[draft], draft = above.get(higher, higher), higher
    return draft


def _status(span: RecordedSpan, recording: Recording) -> Status:
    if span.status != "open":
        return span.status
    return "open" if recording.segments[span.segment].alive else "interrupted"


def _root(recording: Recording, drafts: dict[str, Draft]) -> Draft:
    """Return the run's own span: recorded, known from a process's session, or made for spans without a parent."""
    process = recording.process_root
    if process is not None and process.id in drafts:
        return drafts[process.id]
    alive = any(segment.alive for segment in recording.segments)
    if process is not None:
        attributes = {semconv.COMMAND_ARGS: list(process.argv)}
        status: Status = "open" if alive else "interrupted"
        return Draft(process.id, "run", recording.name, process.at_ns, None, status, "m", 0, 0, attributes)
    for draft in drafts.values():
        if draft.kind == "run" and recording.spans[draft.id].parent is None:
            return draft
    start = min((draft.start_ns for draft in drafts.values()), default=recording.recorded_at_ns)
    return Draft(recording.id[:16], "run", recording.name, start, None, "ok", "m", 0, 0, {}, inferred=True)


def run_status(root: Draft, recording: Recording) -> Status:
    """Return the status of the run: interrupted if a process is gone and left spans open, else the root's."""
    left_open = {span.segment for span in recording.spans.values() if span.status == "open"}
    segments = recording.segments
    if any(not segments[index].alive and not segments[index].exited for index in left_open):
        return "interrupted"
    return root.status
