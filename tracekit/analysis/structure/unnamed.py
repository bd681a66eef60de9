"""An inferred agent that has no name yet."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

from tracekit import semconv
from tracekit.analysis.structure.calls import LlmCall
from tracekit.analysis.structure.conversations import Conversation
from tracekit.analysis.structure.draft import Draft
from tracekit.analysis.structure.setups import Identity, identity_of
from tracekit.model.tree import through_spans

__all__ = ["Unnamed", "role_of"]


@dataclass(eq=False)
class Unnamed:
    """An agent in the tree whose name is not recorded, and its `conversation`.

    `final` are the ids of the tool calls that ended the run: nobody was to return their results.
    """

    draft: Draft
    conversation: Conversation
    final: Collection[str] = ()

    @property
    def first(self) -> LlmCall:
        """The agent's first call."""
        return self.conversation.calls[0]

    @cached_property
    def role(self) -> Identity | None:
        """The agent's system prompt, else its tools; None if it has neither."""
        return role_of(self.first)

    @cached_property
    def host(self) -> Draft:
        """The tool, agent or run in which the agent stands."""
        above = self.draft.parent
        while above is not None and above.kind in ("span", "turn") and above.parent is not None:
            above = above.parent
        return self.draft if above is None else above

    @cached_property
    def leads(self) -> bool:
        """True if other agents served its tools and it got the results."""
        tools = (tool for turn in self.draft.children for tool in through_spans(turn.children) if tool.kind == "tool")
        return any(_holds_agent(tool) and not self._is_final(tool) for tool in tools)

    def _is_final(self, tool: Draft) -> bool:
        """Return whether no result of `tool` is recorded."""
        return tool.inferred and str(tool.attributes.get(semconv.TOOL_CALL_ID)) in self.final

    def call_it(self, name: str) -> None:
        """Set the agent's name."""
        self.draft.name = f"{semconv.Operation.INVOKE_AGENT} {name}"
        self.draft.attributes[semconv.AGENT_NAME] = name


def role_of(call: LlmCall) -> Identity | None:
    """Return the system prompt of `call`, else its tools; None if it has neither."""
    role = identity_of(call)
    return role if any(role) else None


def _holds_agent(tool: Draft) -> bool:
    return any(child.kind == "agent" for child in through_spans(tool.children))
