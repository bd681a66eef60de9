"""The application's own spans as levels of the run: agents, turns and tools that another instrumentation recorded.

A span may get its type only when it ends, so the record has it as a plain span; and several spans may record the same
thing: a framework's span of a call stands around the SDK's, or beside it where callbacks made it. Each thing gets one
node.
"""

from __future__ import annotations

from tracekit import semconv
from tracekit.analysis.structure.draft import Draft
from tracekit.analysis.structure.strays import place_strays
from tracekit.model.adopted import adopt, canonical, is_labelled, json_in, owner_in

__all__ = ["adopt_spans", "name_by_tool"]

_UNNAMED = "agent"


def adopt_spans(root: Draft) -> None:
    """Turn the application's spans below `root` into the agents and tools that they record, and merge duplicates."""
    drafts = root.walk()
    for draft in drafts:
        _adopt(draft)
    if not any(draft.level is not None for draft in drafts):
        return
    place_strays(root)
    for draft in drafts:
        if draft.level == "llm":
            _fold_call(draft)
    for draft in drafts:
        if draft.kind in ("agent", "tool") and draft.parent is not None:
            _fold_twin(draft, draft.parent)
    for draft in drafts:
        if draft.kind == "agent":
            name_by_tool(draft)
            draft.attributes.setdefault(semconv.AGENT_NAME, _UNNAMED)


def name_by_tool(agent: Draft) -> None:
    """Name a recorded `agent` after the tool that it serves, if its span has no name of its own."""
    above = agent.parent
    while above is not None and above.kind == "span":
        above = above.parent
    tool = _name(above) if above is not None and above.kind == "tool" else None
    name = _name(agent)
    is_label = is_labelled(agent.name, agent.attributes, semconv.AGENT_NAME)
    if tool and (name is None or (is_label and owner_in(name) == tool)):
        agent.attributes[semconv.AGENT_NAME] = tool


def _adopt(draft: Draft) -> None:
    """Give `draft` the level that it records, if it is a span of the application that has one."""
    if semconv.DIALECT in draft.attributes:
        # Whoever read the span knew its dialect, and has decided.
        return
    if draft.inferred or (draft.kind != "span" and semconv.ADOPTED_FROM not in draft.attributes):
        return
    adopted = adopt(draft.name, draft.attributes)
    if adopted is None:
        return
    draft.level = adopted.level
    draft.attributes.update(canonical(adopted, draft.name, draft.attributes))
    if draft.kind == "span":
        draft.kind = adopted.kind
    if draft.kind != "span" or draft.level == "turn":
        draft.attributes[semconv.ADOPTED_FROM] = adopted.by
    if draft.kind == "tool" and semconv.TOOL_CALL_ARGUMENTS in draft.attributes:
        draft.attributes[semconv.TOOL_CALL_ARGUMENTS] = json_in(draft.attributes[semconv.TOOL_CALL_ARGUMENTS])


def _fold_call(span: Draft) -> None:
    """Put the calls that `span` records in its place.

    One without any tells of a call that was not recorded; one with an agent or a tool is around more than a call.
    """
    below = span.walk()[1:]
    calls = [draft for draft in below if draft.kind == "llm"]
    parent = span.parent
    if parent is None or not calls or any(draft.kind in ("agent", "tool") for draft in below):
        return
    for child in list(span.children):
        parent.adopt(child)
    for call in calls:
        _note(call, span)
    _drop(span)


def _drop(draft: Draft) -> None:
    if draft.parent is not None:
        del draft.parent.children[draft]
        draft.parent = None


def _fold_twin(draft: Draft, parent: Draft) -> None:
    """Let `parent` stand for `draft` too, where both are the same agent or the same execution of a tool."""
    is_one = draft.kind == parent.kind and _name(draft) == _name(parent)
    ids = {each.attributes.get(semconv.TOOL_CALL_ID) for each in (draft, parent)} - {None}
    is_adopted = semconv.ADOPTED_FROM in draft.attributes or semconv.ADOPTED_FROM in parent.attributes
    if not is_one or not is_adopted or len(ids) > 1 or _name(draft) is None:
        return
    for child in list(draft.children):
        parent.adopt(child)
    for name, value in draft.attributes.items():
        parent.attributes.setdefault(name, value)
    _note(parent, draft)
    _drop(draft)


def _note(kept: Draft, folded: Draft) -> None:
    ids = [*kept.attributes.get(semconv.FOLDED, ()), folded.id]
    kept.attributes[semconv.FOLDED] = [*folded.attributes.get(semconv.FOLDED, ()), *ids]


def _name(draft: Draft) -> str | None:
    """Return the recorded name of an agent or a tool."""
    name = draft.attributes.get(semconv.AGENT_NAME if draft.kind == "agent" else semconv.TOOL_NAME)
    return None if name is None else str(name)
