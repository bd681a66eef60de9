"""An agent at work on one task: ask the model, dispatch what it asks for, return the results, ask again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from tracekit import semconv
from tracekit.instrument.scopes import tool, turn
from tracekit.instrument.values import filled
from tracekit.origin import interrupts
from tracekit.runtime.ask import Account, ask, text_of
from tracekit.runtime.inputs import InvalidInputError
from tracekit.runtime.record import agent_scope, note, recorded_result, run_id
from tracekit.runtime.subagent import Subagent
from tracekit.runtime.tools import content_of, failure_content
from tracekit.runtime.workspace import Workspace

if TYPE_CHECKING:
    from anthropic.types import ToolResultBlockParam, ToolUseBlock

__all__ = ["AgentLoop", "AgentOutput", "Shared"]

_GOES_ON = frozenset(("pause_turn", "compaction"))
"""Stop reasons after which the same conversation, sent again, lets the model go on."""

_FINISHED = frozenset(("end_turn", "stop_sequence"))
"""Stop reasons of an answer that is whole. Any other makes a subagent's answer an error."""


_BRING_TOOLS = frozenset(("container", "mcp_servers"))
"""Options with which the API itself gives the model tools."""


class UnknownToolError(LookupError):
    """The model asked for a tool that the agent does not have."""


class StoppedError(Exception):
    """A subagent stopped before it had finished."""


class AgentOutput(NamedTuple):
    """The last text of an agent, its stop reason, and its run."""

    text: str
    stop_reason: str
    run: str


@dataclass(frozen=True, slots=True)
class Shared:
    """The settings that an agent shares with its subagents."""

    client: Any
    account: Account
    workspace: Workspace | None = None
    max_concurrency: int = 8
    stream: bool = False

    def within(self, agent: Subagent) -> Shared:
        """The same for `agent` and those below it, with what it brings of its own."""
        return replace(self, **agent.brings())


@dataclass(slots=True)
class _Batch:
    """The tool calls of one response, each with an event that its end sets."""

    number: int
    blocks: list[ToolUseBlock]
    slots: asyncio.Semaphore
    done: list[asyncio.Event] = field(init=False)

    def __post_init__(self) -> None:
        self.done = [asyncio.Event() for _ in self.blocks]

    async def others(self, names: Sequence[str]) -> None:
        """Wait until all blocks that ask for one of `names` are done with."""
        for block, done in zip(self.blocks, self.done, strict=True):
            if block.name in names:
                await done.wait()


class AgentLoop:
    """The loop of one agent on one task, with the settings that it shares with its team."""

    def __init__(self, agent: Subagent, shared: Shared) -> None:
        self._agent = agent
        self._shared = shared.within(agent)
        workspace = self._shared.workspace
        self._tools = [*agent.own_tools, *(workspace.tools() if workspace else [])]
        self._called = {tool.name: tool for tool in self._tools if tool.call is not None}
        self._members = {member.name: member for member in agent.members}
        self._refused: dict[str, int] = {}

    async def run(self, content: Any, given: Mapping[str, Any] | None = None) -> AgentOutput:
        """Run the agent until its model requests no more tools.

        Args:
            content: The first message of the user.
            given: The input that it was made from, if there is one.

        Raises:
            TimeoutError: It took longer than the agent may.
        """
        limit_s = self._agent.timeout_s
        try:
            async with asyncio.timeout(limit_s) as limit:
                return await self._run(content, given or {})
        except TimeoutError:
            if not limit.expired():
                raise
            raise TimeoutError(f"{self._agent.name} did not respond within {limit_s} s") from None

    async def _run(self, content: Any, given: Mapping[str, Any]) -> AgentOutput:
        agent = self._agent
        reads, writes = (filled(each, given) for each in (agent.reads, agent.writes))
        has_tools = bool(self._tools or self._members or _BRING_TOOLS & agent.options.keys())
        with agent_scope(agent.name, after=agent.after, reads=reads, writes=writes, has_tools=has_tools):
            if self._shared.workspace:
                self._shared.workspace.make()
            text, stop_reason = await self._converse(content)
            note({semconv.AGENT_STOP_REASON: stop_reason})
            return AgentOutput(text, stop_reason, run_id())

    async def _converse(self, content: Any) -> tuple[str, str]:
        """Run the conversation with the model; return its last response and stop reason."""
        messages: list[Any] = [{"role": "user", "content": content}]
        text = ""
        for number in range(self._agent.max_turns):
            with turn():
                client = self._shared.client
                request = self._request(messages)
                message = await ask(client, request, stream=self._shared.stream)
                self._shared.account.add(message, client, str(request["model"]))
                text, stop_reason = text_of(message), message.stop_reason or "incomplete"
                messages.append({"role": "assistant", "content": message.content})
                blocks = [block for block in message.content if block.type == "tool_use"]
                if stop_reason == "tool_use" and blocks:
                    # Nobody would read the results of what the last turn asks for.
                    if number + 1 < self._agent.max_turns:
                        messages.append({"role": "user", "content": await self._dispatch(number, blocks)})
                elif stop_reason not in _GOES_ON:
                    return text, stop_reason
        return text, "max_turns"

    def _request(self, messages: list[Any]) -> dict[str, Any]:
        agent, workspace = self._agent, self._shared.workspace
        system = "\n\n".join(filter(None, [agent.system, workspace.instructions if workspace else ""]))
        tools = [tool.definition for tool in self._tools]
        tools += [
            {"name": member.name, "description": member.description, "input_schema": member.takes.schema}
            for member in self._members.values()
        ]
        return {
            "model": agent.model,
            "max_tokens": agent.max_tokens,
            **({"system": system} if system else {}),
            **({"tools": tools} if tools else {}),
            "messages": messages,
            **agent.options,
        }

    # ── a batch ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def _dispatch(self, number: int, blocks: list[ToolUseBlock]) -> list[ToolResultBlockParam]:
        """Run all tools and agents that `blocks` request, concurrently up to the limit; results keep the order."""
        batch = _Batch(number, blocks, asyncio.Semaphore(self._shared.max_concurrency))
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._wait_and_serve(batch, index)) for index in range(len(blocks))]
        except BaseExceptionGroup as errors:
            # What fails becomes a result, so this is an exit or the like, which the caller is to get as it is.
            raise errors.exceptions[0] from None
        return [task.result() for task in tasks]

    async def _wait_and_serve(self, batch: _Batch, index: int) -> ToolResultBlockParam:
        block = batch.blocks[index]
        member = self._members.get(block.name)
        try:
            if member is not None:
                # Who waits for others takes no place from them.
                await batch.others(member.after)
            async with batch.slots:
                return await self._serve(block, batch.number)
        finally:
            batch.done[index].set()

    async def _serve(self, block: ToolUseBlock, number: int) -> ToolResultBlockParam:
        """The result of one block; a failure is one too."""
        failure: BaseException
        try:
            with tool(block.name, call_id=block.id, input=block.input):
                content = content_of(await self._execute(block, number))
                note({semconv.TOOL_CALL_RESULT: content})
                return {"type": "tool_result", "tool_use_id": block.id, "content": content}
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # Something inside was cancelled, not this run.
            failure = error
        except (Exception, SystemExit) as error:
            if interrupts(error):
                raise
            failure = error
        return {
            "type": "tool_result",
            "tool_use_id": block.id,
            "content": failure_content(failure),
            "is_error": True,
        }

    async def _execute(self, block: ToolUseBlock, number: int) -> Any:
        member, called = self._members.get(block.name), self._called.get(block.name)
        if member is not None:
            return await self._ask_member(member, block, number)
        if called is None or called.call is None:
            there = ", ".join([*self._called, *self._members]) or "none"
            raise UnknownToolError(f"there is no tool {block.name!r}; there is: {there}")
        recorded = await recorded_result()
        return recorded[0] if recorded is not None else await called.call(block.input)

    async def _ask_member(self, member: Subagent, block: ToolUseBlock, number: int) -> str:
        given = self._checked(member, block.input, number)
        said = await AgentLoop(member, self._shared).run(_prompt(given), given)
        if said.stop_reason not in _FINISHED:
            so_far = f", having said: {said.text}" if said.text else ""
            raise StoppedError(f"{member.name} stopped because of {said.stop_reason}{so_far}")
        return said.text

    def _checked(self, member: Subagent, input: Any, number: int) -> dict[str, Any]:
        """Return `input` if it is valid. The model gets the error, and may try again once in a later turn.

        Raises:
            InvalidInputError: It does not fit.
        """
        try:
            given = member.takes.check(input)
        except InvalidInputError as error:
            first = self._refused.setdefault(member.name, number)
            what = "correct the input and ask once more" if first == number else "this stands; go on without it"
            raise InvalidInputError(f"{error}. {member.name} was not asked: {what}.") from None
        self._refused.pop(member.name, None)
        return given


def _prompt(given: Mapping[str, Any]) -> str:
    """An input as the first message: a single text as it is, anything else as JSON."""
    values = list(given.values())
    if len(values) == 1 and isinstance(values[0], str) and values[0]:
        return values[0]
    return json.dumps(given, ensure_ascii=False)
