"""The tool call that started each subagent, by the best evidence that the session holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tracekit.sources.claude_code.agents import MAIN, AgentLines
from tracekit.sources.claude_code.calls import Calls, ToolRecord

__all__ = ["AgentLink", "link_agents"]

_STARTERS = ("Task", "Agent")
"""The names of the tool that starts a subagent, in old and new versions."""


class AgentLink(NamedTuple):
    """The tool call that started an agent. `inferred_from` is empty where the record names the tool call."""

    tool: ToolRecord
    inferred_from: str = ""


def link_agents(
    agents: Mapping[str, AgentLines], calls: Calls, told: Mapping[str, str], workflows: Mapping[str, str]
) -> dict[str, AgentLink]:
    """Return the link of each subagent that has one, by the agent's key.

    Args:
        agents: The agents of the session.
        calls: Their calls and tools.
        told: Tool calls by agent, as progress lines and streams name them.
        workflows: Workflows by agent, as the folders of transcripts say.
    """
    links: dict[str, AgentLink] = {}
    # A later call may go on with the same agent: it belongs to the first.
    in_order = sorted(calls.tools.values(), key=lambda tool: tool.line.at_ns, reverse=True)
    results = {tool.outcome.agent: tool for tool in in_order if tool.outcome and tool.outcome.agent}
    started = {tool.outcome.workflow: tool for tool in in_order if tool.outcome and tool.outcome.workflow}
    for key, agent in agents.items():
        if key == MAIN:
            continue
        id = agent.named("toolUseId")
        named = calls.tools.get(id) or results.get(key) or calls.tools.get(told.get(key, ""))
        named = named or started.get(workflows.get(key, ""))
        if named is not None and named.call.agent != key:
            links[key] = AgentLink(named)
    _link_by_prompt(agents, calls, links)
    return {key: link for key, link in links.items() if not _is_circular(key, links)}


def _link_by_prompt(agents: Mapping[str, AgentLines], calls: Calls, links: dict[str, AgentLink]) -> None:
    """Link the agents that are left to tool calls with their very prompt; equal prompts in the order of time."""
    taken = {link.tool.block.id for link in links.values()}
    waiting: dict[str, list[ToolRecord]] = {}
    for tool in sorted(calls.tools.values(), key=lambda tool: tool.line.at_ns):
        if tool.block.name in _STARTERS and tool.block.id not in taken and tool.block.input_digest:
            waiting.setdefault(tool.block.input_digest, []).append(tool)
    left = [agent for key, agent in agents.items() if key != MAIN and key not in links and agent.prompt_digest]
    for agent in sorted(left, key=lambda agent: agent.start_ns):
        tools = [tool for tool in waiting.get(agent.prompt_digest, ()) if tool.call.agent != agent.key]
        if tools:
            waiting[agent.prompt_digest].remove(tools[0])
            links[agent.key] = AgentLink(tools[0], "prompt")


def _is_circular(key: str, links: Mapping[str, AgentLink]) -> bool:
    """Return whether the agents above `key` lead back to `key`."""
    seen = {key}
    at = links[key].tool.call.agent
    while at in links:
        if at in seen:
            return True
        seen.add(at)
        at = links[at].tool.call.agent
    return False
