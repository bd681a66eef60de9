"""Repairs the levels of a trace: run, agent, turn, call, and tools beside the call of their turn.

Recorded levels stay. A level that is added is marked with its evidence.
"""

from __future__ import annotations

from bisect import bisect_right

from tracekit import semconv
from tracekit.sources.otlp.claude_levels import add_attempts, add_claude_agents, join_only_prompt
from tracekit.sources.otlp.dialects.claude_code import CLAUDE_CODE
from tracekit.sources.otlp.dialects.own import OWN
from tracekit.sources.otlp.inferring import inferred_agent, inferred_node, settle
from tracekit.sources.otlp.nodes import SpanNode

__all__ = ["repair_levels"]

_CLIENT = 3
_MAIN = "main"
_REMOTE = "remote agent"
_WORK = ("llm", "tool", "agent")


def repair_levels(root: SpanNode) -> None:
    """Add the levels that are missing below `root`, and move what stands under another level than its own."""
    for node in list(root.walk()):
        if node.level == "llm" and not _is_own(node):
            _lift_out(node)
    add_claude_agents(root)
    for node in list(root.walk()):
        if node.level == "tool" and not _is_own(node):
            _add_agent(node)
    main = _add_main(root)
    if main is not None:
        join_only_prompt(main)
    _keep_last_totals(root)
    for node in list(root.walk()):
        if node.level == "llm" and not _is_own(node):
            add_attempts(node)
        if node.level == "agent":
            _name_agent(node)
            if not _is_own(node):
                _count_remote(node)
                _add_turns(node)


def _is_own(node: SpanNode) -> bool:
    """Return whether tracekit exported the node, with all its levels."""
    return node.dialect is OWN and node.span is not None


def _lift_out(call: SpanNode) -> None:
    """Move tools, agents and whatever holds them from below a call to beside it."""
    for child in list(call.children):
        is_work = child.level in _WORK or any(each.level in _WORK for each in child.within())
        if call.parent is not None and is_work:
            call.parent.adopt(child)


# ── agents ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _add_agent(tool: SpanNode) -> None:
    """Put an agent between a tool and the calls directly below it."""
    calls = [each for each in tool.within() if each.level == "llm"]
    if not calls:
        return
    first = min(calls, key=lambda call: call.start_ns)
    name = str(first.attributes.get(semconv.AGENT_NAME) or tool.attributes.get(semconv.TOOL_NAME) or "agent")
    agent = inferred_agent(name, tool, "agent", "position")
    for child in list(tool.children):
        agent.adopt(child)
    tool.adopt(agent)
    settle(agent)


def _add_main(root: SpanNode) -> SpanNode | None:
    """Put one agent over everything, and return it, if the trace has calls and records no agent."""
    levels = {node.level for node in root.walk() if node is not root and not node.inferred}
    if "llm" not in levels or "agent" in levels or "run" in levels:
        return None
    roots = sorted(root.children, key=lambda child: (child.start_ns, child.id))
    agent = inferred_agent(_MAIN, roots[0], "main", "trace")
    if any(child.dialect is CLAUDE_CODE for child in roots):
        # All traces of a session have the same one.
        agent.id = _MAIN
    for child in roots:
        agent.adopt(child)
    root.adopt(agent)
    settle(agent)
    return agent


def _keep_last_totals(root: SpanNode) -> None:
    """Leave the totals of a session to the last agent that has them, and to none if calls are recorded."""
    flagged = [node for node in root.walk() if node.attributes.get(semconv.USAGE_OF_SESSION)]
    last = max(flagged, key=lambda node: (node.end_ns or 0, node.id), default=None)
    has_calls = any(node.level == "llm" for node in root.walk())
    for node in flagged:
        if node is not last or has_calls:
            node.usage, node.cost = {}, None


def _name_agent(agent: SpanNode) -> None:
    """Name an agent without a name after the tool that it serves."""
    if agent.attributes.get(semconv.AGENT_NAME):
        return
    around = next((each for each in agent.above() if each.level not in ("span", "workflow")), None)
    name = around.attributes.get(semconv.TOOL_NAME) if around is not None and around.level == "tool" else None
    agent.attributes[semconv.AGENT_NAME] = str(name or "agent")


def _count_remote(agent: SpanNode) -> None:
    """Count the usage of an agent without recorded calls: as one call if the agent ran elsewhere, else as unknown."""
    counts = {name: agent.usage[name] for name in (semconv.INPUT_TOKENS, semconv.OUTPUT_TOKENS) if name in agent.usage}
    if not counts or any(each.level == "llm" for each in agent.walk()):
        return
    is_remote = agent.span is not None and agent.span.kind == _CLIENT
    if not is_remote and not agent.attributes.get(semconv.USAGE_OF_SESSION):
        agent.attributes |= {semconv.USAGE_MISSING: True, semconv.RECORDED_TOKENS: counts}
        return
    call = inferred_node("llm", _REMOTE, agent, "call", "usage")
    call.usage = dict(agent.usage)
    call.cost = agent.cost
    kept = (semconv.REQUEST_MODEL, semconv.RESPONSE_MODEL, semconv.PROVIDER_NAME)
    call.attributes |= {name: agent.attributes[name] for name in kept if name in agent.attributes}
    agent.adopt(call)


# ── turns ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _add_turns(agent: SpanNode) -> None:
    """Make a turn of each call of `agent`, with the tools and agents that begin before the next call.

    Calls within a recorded turn stay there.
    """
    free = [each for each in agent.within() if each.level in _WORK and not _is_own(each) and not _in_turn(each, agent)]
    calls = sorted((each for each in free if each.level == "llm"), key=lambda call: (call.start_ns, call.id))
    if not calls:
        return
    number = _calls_within(agent)
    begins = [call.start_ns for call in calls]
    turns = []
    for call in calls:
        unit = _unit(call, agent, number, most=1)
        turn = inferred_node("turn", "turn", call, "turn", "call")
        (unit.parent or agent).adopt(turn)
        turn.adopt(unit)
        turns.append(turn)
    for work in free:
        at = bisect_right(begins, work.start_ns) - 1
        if work.level == "llm" or at < 0 or turns[at] in work.above():
            continue
        unit = _unit(work, agent, number, most=0)
        if unit not in turns[at].above():
            turns[at].adopt(unit)
    for turn in turns:
        settle(turn)
        call = next(each for each in turn.walk() if each.level == "llm")
        turn.failure = call.failure


def _in_turn(node: SpanNode, agent: SpanNode) -> bool:
    for above in node.above():
        if above is agent:
            return False
        if above.level == "turn":
            return True
    return False


def _calls_within(agent: SpanNode) -> dict[SpanNode, int]:
    """Return the number of the agent's calls in each plain node below it."""
    number: dict[SpanNode, int] = {}
    for node in reversed([agent, *agent.within()]):
        own = int(node.level == "llm")
        below = 0 if node.level in ("agent", "tool") else sum(number.get(child, 0) for child in node.children)
        number[node] = own + below
    return number


def _unit(node: SpanNode, agent: SpanNode, number: dict[SpanNode, int], most: int) -> SpanNode:
    """Return the outermost plain span around `node` within `agent` that has at most `most` calls, or `node` itself."""
    unit = node
    while (above := unit.parent) is not None and above is not agent and above.level in ("span", "workflow"):
        if number.get(above, 0) > most:
            break
        unit = above
    return unit
