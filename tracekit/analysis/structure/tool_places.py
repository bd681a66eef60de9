"""Find recorded tools before they are in their turns, and move them there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tracekit import semconv
from tracekit.analysis.structure.conversations import Conversation
from tracekit.analysis.structure.draft import Draft
from tracekit.model.events import Kind
from tracekit.model.tree import through_spans

__all__ = ["ToolPlaces", "move_to_tool", "move_to_turn"]


class ToolPlaces:
    """The recorded tools below `root`. `within` are the calls that each draft stands for, two for several."""

    def __init__(self, root: Draft, within: Mapping[Draft, list[Draft]]) -> None:
        self._within = within
        self._by_id: dict[str, Draft] = {}
        for draft in root.walk():
            if draft.kind == "tool" and semconv.TOOL_CALL_ID in draft.attributes:
                self._by_id.setdefault(str(draft.attributes[semconv.TOOL_CALL_ID]), draft)

    def below(self, container: Draft, kind: Kind) -> list[Draft]:
        """Return the nodes of `kind` below `container`, also within the application's spans that stand for one call at most."""
        found: list[Draft] = []
        stack = list(container.children)
        while stack:
            child = stack.pop()
            if child.kind == kind:
                found.append(child)
            elif child.kind == "span" and len(self._within[child]) < 2:
                stack.extend(child.children)
        return found

    def beside(self, around: Draft, conversation: Conversation) -> Iterator[Draft]:
        """Yield the tools that `conversation` requested by id and that only plain spans part from `around`."""
        for call in conversation.calls:
            for block in call.blocks:
                tool = self._by_id.get(block.id)
                if tool is not None and _host(tool) is around:
                    yield tool


def move_to_turn(tool: Draft, turn: Draft, container: Draft, turns: Mapping[int, Draft]) -> None:
    """Put `tool` into `turn`, with the spans around it below `container` that hold nothing but tools of that turn.

    `turns` are the turns of all tools of a conversation, by the `id()` of the tool.
    """
    if any(above is turn for above in _above(tool, container)):
        return
    unit = tool
    for above in _above(tool, container):
        if above.kind != "span" or any(turns.get(id(each)) is not turn for each in _beside(unit)):
            break
        unit = above
    turn.adopt(unit)


def move_to_tool(agent: Draft, tool: Draft, container: Draft) -> None:
    """Put `agent` under the `tool` that it served, with the spans around it below `container` that hold nothing else.

    A tool that was concluded takes the place of what it holds, where that is in its turn already.
    """
    unit = agent
    for above in _above(agent, container):
        if above.kind != "span" or any(True for _ in _beside(unit)):
            break
        unit = above
    if tool.inferred and unit.parent is not None and any(above is tool.parent for above in _above(unit, container)):
        unit.parent.adopt(tool)
    tool.adopt(unit)


def _beside(unit: Draft) -> Iterator[Draft]:
    """Yield the siblings of `unit`, and in place of a plain span its children."""
    siblings = unit.parent.children if unit.parent is not None else ()
    return through_spans(sibling for sibling in siblings if sibling is not unit)


def _above(draft: Draft, container: Draft) -> Iterator[Draft]:
    above = draft.parent
    while above is not None and above is not container:
        yield above
        above = above.parent


def _host(draft: Draft) -> Draft | None:
    """Return the nearest node above `draft` that is no plain span."""
    above = draft.parent
    while above is not None and above.kind == "span":
        above = above.parent
    return above
