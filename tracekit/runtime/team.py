"""A team of agents, and what a run of it gives."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from anthropic import AsyncAnthropic
from typing_extensions import override

from tracekit.model.tree import Tokens
from tracekit.runtime.ask import Account
from tracekit.runtime.record import run_around
from tracekit.runtime.subagent import Subagent
from tracekit.runtime.threads import run_sync
from tracekit.runtime.tools import refuse_same_names
from tracekit.runtime.work import AgentLoop, Shared
from tracekit.runtime.workspace import TOOL_NAMES, Workspace

__all__ = ["Orchestrator", "Result"]


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a run.

    Attributes:
        text: What the orchestrator said last.
        stop_reason: Why it stopped: the API's reason, `max_turns`, or `incomplete` for a stream that ended too early.
        run: The id of the run in the record; empty while nothing is recorded.
        tokens: What all calls of the run used. `input` includes what was read from and written to the cache.
        cost_usd: What they cost, as far as prices are known; None if none is.
    """

    text: str
    stop_reason: str
    run: str
    tokens: Tokens
    cost_usd: float | None


@dataclass(eq=False, kw_only=True)
class Orchestrator(Subagent):
    """An agent that has others work for it. It may itself be a subagent of another.

    What its model asks for in one answer is dispatched at once, `max_concurrency` at a time, and all results return in
    one message, in the order asked. What fails is told to the model as an error and ends nothing else.

    Attributes:
        subagents: The agents that it may ask.
        max_concurrency: How many of one answer's tools and subagents are at work at a time, its own and its subagents'.
        workspace: A folder that the team shares. Every agent is told its path and has tools to list, read and write
            what is in it. A team within a team has the outer one's, unless it has its own.
    """

    description: str = ""
    model: str
    system: str = ""
    subagents: Sequence[Subagent] = ()
    max_concurrency: int = 8
    workspace: str | os.PathLike[str] | None = None

    @override
    def __post_init__(self) -> None:
        super().__post_init__()
        if self.max_concurrency < 1:
            raise ValueError(f"max_concurrency of {self.name!r} is at least 1, not {self.max_concurrency!r}")
        _check_names(self, has_workspace=False)
        _check_order(self)

    @property
    @override
    def members(self) -> Sequence[Subagent]:
        return self.subagents

    @override
    def brings(self) -> dict[str, Any]:
        own = {"max_concurrency": self.max_concurrency}
        workspace = {} if self.workspace is None else {"workspace": Workspace(self.workspace)}
        return {**super().brings(), **own, **workspace}

    async def run(self, prompt: str | Sequence[Mapping[str, Any]]) -> Result:
        """Work on a task, given as text or as content blocks, and return what comes of it.

        A cancellation reaches all who are at work. Without a client, an `AsyncAnthropic` lives as long as the run.

        Raises:
            anthropic.APIError: The orchestrator's own call failed, after the SDK's retries.
        """
        account = Account()
        async with AsyncExitStack() as stack:
            client = self.client or await stack.enter_async_context(AsyncAnthropic())
            with run_around(self.name):
                said = await AgentLoop(self, Shared(client, account)).run(prompt)
        cost = None if account.cost is None else float(account.cost)
        return Result(said.text, said.stop_reason, said.run, account.tokens, cost)

    def run_sync(self, prompt: str | Sequence[Mapping[str, Any]]) -> Result:
        """`run`, for code that is not asynchronous: in a script, in a thread, and where an event loop is running.

        All such runs share one event loop on a thread of its own, so that an asynchronous client serves more than one.
        """
        return run_sync(self.run(prompt))


_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")


def _check_names(agent: Subagent, *, has_workspace: bool) -> None:
    """Refuse names of tools and subagents that the API refuses, for `agent` and those below it.

    Raises:
        ValueError: One is no name, or an agent has it twice.
    """
    has_workspace = has_workspace or "workspace" in agent.brings()
    given = [*(tool.name for tool in agent.own_tools), *(member.name for member in agent.members)]
    refuse_same_names(agent.name, [*given, *(TOOL_NAMES if has_workspace else ())])
    for member in agent.members:
        if not _TOOL_NAME.fullmatch(member.name):
            raise ValueError(f"{member.name!r} is not a name for a subagent: use up to 128 of a-z, A-Z, 0-9, _ and -")
        _check_names(member, has_workspace=has_workspace)


def _check_order(team: Orchestrator) -> None:
    """Reject an `after` that names no subagent, or forms a cycle.

    Raises:
        ValueError: One does.
    """
    order = {member.name: set(member.after) for member in team.subagents}
    for name, after in order.items():
        if unknown := sorted(after - set(order)):
            raise ValueError(f"{name!r} comes after {', '.join(unknown)}; {team.name!r} has {', '.join(order)}")
    try:
        TopologicalSorter(order).prepare()
    except CycleError as error:
        raise ValueError(f"subagents of {team.name!r} wait for one another: {' after '.join(error.args[1])}") from None
