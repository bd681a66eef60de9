"""The definition of an agent of a team."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

from pydantic import BaseModel

from tracekit.runtime.inputs import TASK, Input
from tracekit.runtime.tools import Tool, as_tool, refuse_same_names

__all__ = ["Subagent"]

_OURS = frozenset(("max_tokens", "messages", "model", "stream", "system", "tools"))
"""Fields of a request that are not for `options` to set."""


@dataclass(eq=False)
class Subagent:
    """An agent that an orchestrator may ask, as a tool of that name.

    It begins with its input as the first user message (a single text as it is, anything else as JSON), works with its
    tools for as many turns as it needs, and what it says at the end is the tool's result.

    Attributes:
        name: The name by which the model asks for it.
        description: What it is good for, for the model that may ask it.
        model: Its own model.
        system: Its own system prompt.
        input: What it takes: a JSON schema of an object, or a pydantic model class. By default a `task` in words.
        tools: Functions, sync or async, the SDK's tools (`beta_tool`), and dicts, which the API gets as they are:
            server tools and MCP definitions.
        client: Its own client, of any kind; by default the one of its orchestrator.
        max_turns: How many answers of its model it may take.
        after: Names of the subagents for which it waits if one answer asks for it and them.
        reads: What it reads, and `writes` what it writes, as declared to those who judge what may run in parallel:
            paths or any other names, in which a field of the input may stand in braces (`"shop/{file}"`).
        writes: See `reads`.
        max_tokens: The limit of each answer.
        stream: Whether answers are streamed; by default as with its orchestrator.
        timeout_s: Seconds it may take; it fails with a `TimeoutError` after that.
        options: More for `messages.create`: `thinking`, `cache_control`, `extra_headers`, … With `betas` it is the beta
            API that is asked.
    """

    name: str
    description: str
    model: str
    system: str
    input: Mapping[str, Any] | type[BaseModel] = field(default_factory=lambda: TASK)
    tools: Sequence[Any] = ()
    client: Any = field(default=None, repr=False)
    max_turns: int = 20
    after: Sequence[str] = ()
    reads: Sequence[str] = ()
    writes: Sequence[str] = ()
    _: KW_ONLY
    max_tokens: int = 8192
    stream: bool | None = None
    timeout_s: float | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for what in ("tools", "after", "reads", "writes"):
            if isinstance(getattr(self, what), str | bytes | Mapping):
                raise TypeError(f"{what} of {self.name!r} is a list or a tuple, not {getattr(self, what)!r}")
        if self.max_turns < 1:
            raise ValueError(f"max_turns of {self.name!r} is at least 1, not {self.max_turns!r}")
        if reserved := sorted(_OURS & set(self.options)):
            raise ValueError(f"options of {self.name!r} cannot set {', '.join(reserved)}; the runtime does")
        self.takes = Input(self.input)
        self.own_tools: tuple[Tool, ...] = tuple(as_tool(each) for each in self.tools)
        refuse_same_names(self.name, (tool.name for tool in self.own_tools))

    @property
    def members(self) -> Sequence[Subagent]:
        """The agents that it may ask; none unless it is an orchestrator."""
        return ()

    def brings(self) -> dict[str, Any]:
        """Return the settings that a subagent passes on to its own subagents."""
        own = {"client": self.client, "stream": self.stream}
        return {name: value for name, value in own.items() if value is not None}
