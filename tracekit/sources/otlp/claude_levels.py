"""Levels that spans of Claude Code, and attempts in events, do not have by themselves."""

from __future__ import annotations

from collections import defaultdict

from tracekit import semconv
from tracekit.model.events import Failure
from tracekit.sources.otlp.dialects.claude_code import AGENT_ID, AGENT_SOURCE, ATTEMPT_EVENT, CLAUDE_CODE
from tracekit.sources.otlp.folding import fold
from tracekit.sources.otlp.inferring import inferred_agent, inferred_node, settle
from tracekit.sources.otlp.nodes import SpanNode

__all__ = ["add_attempts", "add_claude_agents", "join_only_prompt"]

_EXECUTION = "tool.execution"
_PROMPT = "interaction"


def add_claude_agents(root: SpanNode) -> None:
    """Make an agent of the calls and tools with one agent id, below the tool that started them."""
    by_agent: dict[str, list[SpanNode]] = defaultdict(list)
    for node in root.walk():
        if node.dialect is CLAUDE_CODE:
            if node.level == "tool":
                _take_outcome(node)
            id = node.attributes.get(AGENT_ID)
            if id and node.level in ("llm", "tool"):
                by_agent[str(id)].append(node)
    for id, nodes in by_agent.items():
        tops = [node for node in nodes if not any(above.attributes.get(AGENT_ID) == id for above in node.above())]
        first = min(tops, key=lambda node: (node.start_ns, node.id))
        host = next((above for above in first.above() if above.level == "tool"), first.parent)
        source = next((str(name) for node in nodes if (name := node.attributes.get(AGENT_SOURCE))), id)
        agent = inferred_agent(source.rpartition(".")[2], first, "agent", AGENT_ID)
        agent.attributes[semconv.AGENT_ID] = id
        for node in tops:
            agent.adopt(node)
        (host or root).adopt(agent)
        settle(agent)


def _take_outcome(tool: SpanNode) -> None:
    """Take over the failure of the child that records how the tool ran."""
    for child in tool.children:
        if child.name.endswith(_EXECUTION):
            failed = str(child.attributes.get("success")).lower() == "false"
            kind = str(child.attributes.get(semconv.ERROR_TYPE) or "tool_error")
            tool.failure = tool.failure or child.failure or (Failure(kind) if failed else None)


def join_only_prompt(main: SpanNode) -> None:
    """Let `main` stand for the span of a prompt, if the session has only one."""
    prompts = [node for node in main.children if node.dialect is CLAUDE_CODE and node.name.endswith(_PROMPT)]
    if len(prompts) == 1:
        fold(main, prompts[0])


def add_attempts(call: SpanNode) -> None:
    """Make attempts of the events of a call that record them, and add the one that succeeded after recorded failures."""
    events = [event for event in call.span.events if event.name == ATTEMPT_EVENT] if call.span is not None else []
    for number, event in enumerate(events):
        is_last = number == len(events) - 1
        attempt = inferred_node("attempt", "attempt", call, f"attempt{number}", "event")
        attempt.start_ns = event.at_ns
        attempt.end_ns = call.end_ns if is_last else events[number + 1].at_ns
        attempt.failure = call.failure if is_last else Failure("retried")
        call.adopt(attempt)
    recorded = [child for child in call.children if child.level == "attempt"]
    if recorded and call.failure is None and all(each.failure is not None for each in recorded):
        attempt = inferred_node("attempt", "attempt", call, "attempt", "call")
        attempt.start_ns = max(each.end_ns or each.start_ns for each in recorded)
        attempt.end_ns = max(attempt.start_ns, call.end_ns or attempt.start_ns)
        call.adopt(attempt)
