"""A session as the spans of a run: run, agents, prompts, turns, calls, attempts and tools."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from tracekit import semconv
from tracekit.model.events import Failure
from tracekit.sources.claude_code.agents import MAIN, AgentLines
from tracekit.sources.claude_code.attempts import attempts_of
from tracekit.sources.claude_code.branches import abandoned_prompts
from tracekit.sources.claude_code.calls import CallRecord, Calls, ToolRecord
from tracekit.sources.claude_code.compactions import compaction_span, compactions_of, is_compaction
from tracekit.sources.claude_code.content import SessionContent, usage_of
from tracekit.sources.claude_code.lines import SessionLine, SessionNotes, UserPart
from tracekit.sources.claude_code.links import AgentLink, link_agents
from tracekit.sources.ids import span_id
from tracekit.sources.translation import ImportedLane, ImportedSpan

__all__ = ["SessionTree"]

_MAIN_NAME = "main"
_COMPACTION = "compaction"
_WORKFLOW = "workflow agent"
_PROMPT_NAMES = {"task_notification": "task notification", "teammate": "teammate's message"}
_NO_CALL = "no call"
"""An agent that no tool call started, such as a warm-up or a compaction."""


class SessionTree:
    """The spans of the session `run`, and the lanes of its agents.

    Args:
        run: The id of the run.
        name: The name of the run.
        agents: The agents of the session.
        calls: Their calls and tools.
        notes: What else its lines say.
        content: Reads the texts.
        parent: The span of another run under which the main agent stands; empty for a run of its own.
    """

    def __init__(
        self,
        run: str,
        name: str,
        agents: Mapping[str, AgentLines],
        calls: Calls,
        notes: SessionNotes,
        content: SessionContent,
        parent: str = "",
    ) -> None:
        self._run = run
        self._agents = agents
        self._calls = calls
        self._notes = notes
        self._content = content
        self._parent = parent
        self._links = link_agents(agents, calls, notes.links, notes.workflows)
        self._by_agent: dict[str, list[CallRecord]] = {}
        for call in calls.calls:
            self._by_agent.setdefault(call.agent, []).append(call)
        self._mend()
        self._compactions = compactions_of(agents)
        self._summaries = {each.summary: each for each in self._compactions if each.summary}
        self._abandoned = abandoned_prompts(agents[MAIN], self._by_agent.get(MAIN, ()))
        self.lanes = self._lanes()
        self._lane = {key: lane.id for key, lane in zip(self._ordered_agents(), self.lanes, strict=True)}
        self.spans = self._all_spans(name)

    # ── what the lines of several agents say together ────────────────────────────────────────────────────────────

    def _mend(self) -> None:
        """Complete subagents from the results of their tools: the last usage, and the end of open calls."""
        for key, link in self._links.items():
            outcome, calls = link.tool.outcome, self._by_agent.get(key, [])
            if outcome is None or outcome.is_async or link.tool.result is None or not calls:
                continue
            last = max(calls, key=lambda call: call.start_ns)
            if last.is_placeholder and isinstance(outcome.usage.get("output_tokens"), int):
                last.better_usage = outcome.usage
            for call in calls:
                if call.end_ns is None:
                    call.closed_ns = link.tool.result.at_ns

    def _ordered_agents(self) -> list[str]:
        ordered = sorted((key for key in self._agents if key != MAIN), key=lambda key: self._agents[key].start_ns)
        placed, left = [MAIN], ordered
        while left:
            ready = [key for key in left if key not in self._links or self._links[key].tool.call.agent in placed]
            placed += ready
            left = [key for key in left if key not in ready] if ready else []
        return placed

    def _lanes(self) -> list[ImportedLane]:
        lanes: dict[str, ImportedLane] = {}
        started: dict[str, int] = {}
        for key in self._ordered_agents():
            if key == MAIN:
                lanes[key] = ImportedLane("m", None, min(agent.start_ns for agent in self._agents.values()))
                continue
            link = self._links.get(key)
            above = lanes[MAIN if link is None else link.tool.call.agent].id
            number = started[above] = started.get(above, -1) + 1
            lanes[key] = ImportedLane(f"{above}/t{number}", above, self._agents[key].start_ns)
        return list(lanes.values())

    # ── spans ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _all_spans(self, name: str) -> list[ImportedSpan]:
        below = [span for key in self._ordered_agents() for span in self._agent(key)]
        below += self._missing_agents()
        lane, main = self._lane[MAIN], self._id("agent", MAIN)
        below += [compaction_span(each, self._agents, self._run, main, lane) for each in self._compactions]
        if self._parent:
            return below
        start = self._start()
        ends = [span.end_ns for span in below]
        last = max((agent.last_ns for agent in self._agents.values()), default=start)
        end = None if None in ends else max([last, *(end for end in ends if end is not None)])
        return [ImportedSpan(self._id("run"), None, "run", name, start, end, end_attributes=self._accounts()), *below]

    def _accounts(self) -> dict[str, Any]:
        """Return the attributes with the tool's own account of the session."""
        found: dict[str, Any] = {}
        if self._notes.cost_usd is not None:
            found[semconv.RECORDED_COST_USD] = self._notes.cost_usd
        if self._notes.recorded_tokens is not None and self._lacks_tokens():
            found[semconv.RECORDED_TOKENS] = self._notes.recorded_tokens
        if self._notes.team:
            found[semconv.TEAM_NAME] = self._notes.team
        return found

    def _lacks_tokens(self) -> bool:
        answered = (call for call in self._calls.calls if call.lines)
        return any(semconv.OUTPUT_TOKENS not in usage_of(call) for call in answered)

    def _agent(self, key: str) -> Iterator[ImportedSpan]:
        agent, calls = self._agents.get(key), self._by_agent.get(key, [])
        below: list[ImportedSpan] = []
        by_prompt: dict[str, list[ImportedSpan]] = {}
        prompts: dict[str, SessionLine] = {}
        is_split = len({call.prompt.uuid for call in calls if call.prompt is not None}) > 1
        for call in calls:
            above = self._id("agent", key)
            prompt = call.prompt if is_split else None
            if prompt is not None:
                above = self._id("prompt", prompt.uuid)
                prompts[prompt.uuid] = prompt
            spans = self._turn(call, above)
            below += spans
            if prompt is not None:
                by_prompt.setdefault(prompt.uuid, []).extend(spans)
        yield self._agent_span(key, agent, below)
        for uuid, prompt in prompts.items():
            yield self._prompt(prompt, key, by_prompt[uuid])
        yield from below

    def _agent_span(self, key: str, agent: AgentLines | None, below: list[ImportedSpan]) -> ImportedSpan:
        link = self._links.get(key)
        start = min([each.start_ns for each in below] + ([agent.start_ns] if agent else []), default=self._start())
        ends = [each.end_ns for each in below] + ([agent.last_ns] if agent else [])
        end = None if None in ends else max((each for each in ends if each is not None), default=start)
        if agent is not None and self._was_cut(agent, link):
            end = None
        name = self._name_of(key, agent, link)
        attributes: dict[str, Any] = {
            semconv.OPERATION_NAME: semconv.Operation.INVOKE_AGENT,
            semconv.AGENT_NAME: name,
            **({semconv.AGENT_ID: key} if key else {}),
        }
        if link is not None and link.inferred_from:
            attributes |= {semconv.INFERRED: True, semconv.INFERRED_FROM: link.inferred_from}
        elif link is None and key != MAIN:
            attributes |= {semconv.INFERRED: True, semconv.INFERRED_FROM: _NO_CALL}
        parent = (self._parent or self._id("run")) if key == MAIN else self._id("agent", MAIN)
        if key in self._summaries:
            parent = self._id("compaction", self._summaries[key].line.uuid)
            attributes[semconv.INFERRED_FROM] = _COMPACTION
        if link is not None:
            parent = self._id("tool", link.tool.block.id)
        full_name = f"{semconv.Operation.INVOKE_AGENT} {name}"
        return ImportedSpan(
            self._id("agent", key),
            parent,
            "agent",
            full_name,
            start,
            end,
            self._lane[key],
            attributes=attributes,
            end_attributes=self._accounts() if key == MAIN and self._parent else {},
        )

    def _was_cut(self, agent: AgentLines, link: AgentLink | None) -> bool:
        """Return whether the record of `agent` ends before its work did, though no call or tool is open."""
        if not agent.awaits_model or self._notes.is_closed or agent.meta.get("finished") is True:
            return False
        outcome = None if link is None else link.tool.outcome
        return outcome is None or outcome.is_async

    def _start(self) -> int:
        return min(agent.start_ns for agent in self._agents.values())

    def _name_of(self, key: str, agent: AgentLines | None, link: AgentLink | None) -> str:
        if key == MAIN:
            return _MAIN_NAME
        known = (agent.named("agentType") if agent is not None else "") or self._notes.names.get(key, "")
        if known or link is None:
            return known or (_COMPACTION if is_compaction(key) else "agent")
        if key in self._notes.workflows:
            return _WORKFLOW
        asked = self._content.arguments(link.tool).get(semconv.TOOL_CALL_ARGUMENTS)
        kind = asked.get("subagent_type") if isinstance(asked, dict) else None
        return kind if isinstance(kind, str) and kind else "general-purpose"

    def _prompt(self, line: SessionLine, key: str, below: list[ImportedSpan]) -> ImportedSpan:
        origin = line.content.origin if isinstance(line.content, UserPart) else ""
        start = min([line.at_ns, *(span.start_ns for span in below)])
        ends = [span.end_ns for span in below]
        end = None if None in ends else max((each for each in ends if each is not None), default=start)
        name = _PROMPT_NAMES.get(origin, "prompt")
        is_abandoned = line.uuid in self._abandoned
        return ImportedSpan(
            self._id("prompt", line.uuid),
            self._id("agent", key),
            "span",
            f"abandoned {name}" if is_abandoned else name,
            start,
            end,
            self._lane[key],
            attributes={
                **({semconv.PROMPT_ORIGIN: origin} if origin else {}),
                **({semconv.PROMPT_ABANDONED: True} if is_abandoned else {}),
            },
            content=partial(self._content.prompt, line),
        )

    def _turn(self, call: CallRecord, parent: str) -> list[ImportedSpan]:
        turn, lane = self._id("turn", call.key), self._lane[call.agent]
        spans = self._call(call, turn)
        spans += [self._tool(tool, turn) for tool in call.tools]
        ends = [span.end_ns for span in spans]
        end = None if None in ends else max(each for each in ends if each is not None)
        failed = spans[0]
        span = ImportedSpan(
            turn, parent, "turn", "turn", call.start_ns, end, lane, status=failed.status, failure=failed.failure
        )
        return [span, *spans]

    def _call(self, call: CallRecord, turn: str) -> list[ImportedSpan]:
        id, newest = self._id("llm", call.key), call.newest
        attempts = attempts_of(call, id, self._run, self._lane[call.agent], self._content)
        model = newest.model if newest is not None else attempts[-1].attributes.get(semconv.REQUEST_MODEL, "")
        attributes: dict[str, Any] = {
            semconv.OPERATION_NAME: semconv.Operation.CHAT,
            semconv.PROVIDER_NAME: "anthropic",
        }
        if model:
            attributes[semconv.REQUEST_MODEL] = model
        if not call.requests:
            attributes[semconv.INFERRED_BOUNDS] = True
        if call.is_orphan:
            attributes[semconv.ORPHAN] = True
        last = attempts[-1]
        llm = ImportedSpan(
            id,
            turn,
            "llm",
            f"chat {model}".rstrip(),
            call.start_ns,
            call.end_ns,
            self._lane[call.agent],
            last.status,
            last.failure,
            attributes,
            usage_of(call),
        )
        return [llm, *attempts]

    def _tool(self, tool: ToolRecord, turn: str) -> ImportedSpan:
        start, end, outcome = tool.line.at_ns, None, tool.outcome
        status, failure, bounds = "ok", None, {}
        if tool.result is not None and outcome is not None:
            end = max(start, tool.result.at_ns)
            if outcome.duration_ms is not None and not outcome.is_async:
                start = max(start, end - int(outcome.duration_ms * 1e6))
            if outcome.is_rejected:
                start = end
            if outcome.is_error:
                status, failure = "error", Failure("rejected" if outcome.is_rejected else "tool_error")
        elif (end := self._given_up(tool)) is not None:
            status, failure = "error", Failure("no_result", "the transcript has no result of this tool call")
            bounds = {semconv.INFERRED_BOUNDS: True}
        name = tool.block.name or "tool"
        attributes = {
            semconv.OPERATION_NAME: semconv.Operation.EXECUTE_TOOL,
            semconv.TOOL_NAME: name,
            semconv.TOOL_CALL_ID: tool.block.id,
            semconv.TOOL_REQUESTED_NS: tool.line.at_ns,
            **bounds,
        }
        return ImportedSpan(
            self._id("tool", tool.block.id),
            turn,
            "tool",
            f"{semconv.Operation.EXECUTE_TOOL} {name}",
            start,
            end,
            self._lane[tool.call.agent],
            "error" if status == "error" else "ok",
            failure,
            attributes,
            content=partial(self._content.arguments, tool),
            end_content=partial(self._content.result, tool),
        )

    def _given_up(self, tool: ToolRecord) -> int | None:
        """Return when the conversation went on without the result of `tool`; None if it did not."""
        after = [call.start_ns for call in self._by_agent[tool.call.agent] if call.start_ns > tool.line.at_ns]
        if after:
            return min(after)
        link = self._links.get(tool.call.agent)
        outcome = None if link is None else link.tool.outcome
        if link is not None and outcome is not None and not outcome.is_async and link.tool.result is not None:
            return max(tool.line.at_ns, link.tool.result.at_ns)
        return None

    def _missing_agents(self) -> Iterator[ImportedSpan]:
        """Yield the agents that tools name and that have no lines: their tokens are not known."""
        linked = {link.tool.block.id for link in self._links.values()}
        for tool in self._calls.tools.values():
            outcome = tool.outcome
            # A teammate's id in the result is not that of its transcript.
            if tool.block.id in linked and outcome is not None and "@" in outcome.agent:
                continue
            if outcome is None or not outcome.agent or outcome.agent in self._agents or tool.result is None:
                continue
            span = self._tool(tool, "")
            asked = self._content.arguments(tool).get(semconv.TOOL_CALL_ARGUMENTS)
            name = str(asked.get("subagent_type") or "general-purpose") if isinstance(asked, dict) else "agent"
            yield ImportedSpan(
                self._id("agent", outcome.agent),
                span.id,
                "agent",
                f"{semconv.Operation.INVOKE_AGENT} {name}",
                span.start_ns,
                span.end_ns,
                span.lane,
                attributes={
                    semconv.OPERATION_NAME: semconv.Operation.INVOKE_AGENT,
                    semconv.AGENT_NAME: name,
                    semconv.AGENT_ID: outcome.agent,
                    semconv.USAGE_MISSING: True,
                },
            )

    def _id(self, *parts: str) -> str:
        return span_id(self._run, *parts)
