"""Runs by a short description: what a lead asked for turn by turn, what each agent said, and how long it took.

A `Story` is a task and its `Turn`s; a turn is what one answer asks for (`Ask`), and how the program ran it. `run_of`
makes the run that tracekit would have recorded, with its exchanges, without running anything. Times are milliseconds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from tests.support.build import MS, Builder, assistant, result, said, user
from tracekit import semconv
from tracekit.analysis.structure import structure
from tracekit.journal.content import Veil
from tracekit.model.events import Failure
from tracekit.model.messages import answer_of
from tracekit.model.recording import Exchange, Lane, Piece, Recording, Segment
from tracekit.model.tree import Run

How = Literal["together", "serial", "blocked", "staggered"]


@dataclass(frozen=True)
class Tool:
    """A tool that an agent ran by itself."""

    name: str
    input: dict[str, Any] = field(default_factory=dict)
    output: str = "done"
    ms: int = 5
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ask:
    """Something that an answer asks for: an agent, or a plain tool (`agent=False`).

    `prompt` is what the program told the agent's model, by default its input as lines. `retries` are milliseconds of
    waits after a `status`; `exhausted` says that the last attempt got one too. `dropped` leaves its result out of the next
    request; `brought` brings this one instead. `tokens` is what its first call sends, 1,000 more each time. `host` is the machine that did it.
    """

    name: str
    input: dict[str, Any]
    output: str = "Nothing to report."
    ms: int = 2000
    agent: bool = True
    tools: tuple[Tool, ...] = ()
    after: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    prompt: str | None = None
    failed: bool = False
    retries: tuple[int, ...] = ()
    outlives: bool = False
    host: str = "h"
    model: str = "claude-sonnet-5-5"
    stop: str | None = None
    status: int = 529
    exhausted: bool = False
    dropped: bool = False
    brought: str | None = None
    system: str | None = None
    tokens: int | None = None
    cached: bool = False
    team: tuple[Turn, ...] = ()


@dataclass(frozen=True)
class Turn:
    """One answer of the lead's and what it asked for. `forgets` says that the answer is not in the next request."""

    asks: tuple[Ask, ...] = ()
    words: str = ""
    ms: int = 1000
    how: How = "together"
    limit: int | None = None
    news: str = ""
    stop: str | None = None
    forgets: bool = False


@dataclass(frozen=True)
class Say:
    """A call that the program made itself, `gap` after the one before it ended, or `beside` it, after it began.

    `asks` is its messages; a text is one of the user's. `agent` names an agent that the program put around it. `failed`
    has the API refuse it with `status`; `stopped` has the program cancel it. `more` are other fields of the request.
    """

    asks: str | tuple[dict[str, Any], ...]
    says: str = "Well."
    ms: int = 1000
    gap: int = 50
    beside: bool = False
    agent: str = ""
    system: str = ""
    model: str = "claude-sonnet-5-5"
    stop: str | None = None
    tokens: int | None = None
    cached: bool = False
    retries: tuple[int, ...] = ()
    status: int = 529
    failed: bool = False
    stopped: bool = False
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Story:
    """A run: a task for a lead, agents that the program ran by itself (`crew`), or calls that it made itself (`talk`)."""

    name: str
    task: str
    turns: tuple[Turn, ...] = ()
    crew: tuple[Ask, ...] = ()
    crew_how: How = "serial"
    talk: tuple[Say, ...] = ()
    system: str = "You lead."
    tools: dict[str, str] = field(default_factory=dict)
    runner: bool = False
    left_open: bool = False
    killed: bool = False
    failed: bool = False
    content: Literal["full", "metadata", "off"] = "full"
    hit: frozenset[str] = frozenset()
    why: str = ""

    @property
    def hits(self) -> set[str]:
        """The codes that must be found, surely or likely."""
        return set(self.hit)


def run_of(story: Story) -> Run:
    """The run of `story`."""
    return structure(recording_of(story))


def recording_of(story: Story) -> Recording:
    """The recording of `story`."""
    return _Telling(story).recording()


class _Telling:
    def __init__(self, story: Story) -> None:
        self._story = story
        self._build = Builder()
        self._ids = 0
        self._veil = Veil(story.content)
        self._hosts: dict[str, str] = {}

    def recording(self) -> Recording:
        story, build = self._story, self._build
        if story.talk:
            end = self._talk(10)
        else:
            end = self._crew(10) if story.crew else self._lead(story, "root", "lead", 10, "m")
        if story.left_open:
            build.span("left", "agent", 20, None, "root", "m.t9", name="invoke_agent forgotten")
        build.span("root", "run", 0, end + 10, name=story.name)
        if story.failed:
            build.spans["root"] = replace(build.spans["root"], status="error", failure=Failure("exit 1"))
        spans = {"root": build.spans.pop("root"), **build.spans}
        hosts = ["h", *sorted(set(self._hosts.values()) - {"h"})]
        segments = tuple(
            Segment(f"x{n}", "ab" * 16, story.name, 0, host, 1, exited=not story.killed) for n, host in enumerate(hosts)
        )
        spans = {id: replace(span, segment=hosts.index(self._hosts.get(id, "h"))) for id, span in spans.items()}
        exchanges = build.exchanges
        if story.content != "full":
            exchanges = {id: self._veiled(exchange) for id, exchange in exchanges.items()}
            hidden = (semconv.TOOL_CALL_ARGUMENTS, semconv.TOOL_CALL_RESULT)
            spans = {
                id: replace(span, attributes={k: v for k, v in span.attributes.items() if k not in hidden})
                for id, span in spans.items()
            }
        lanes = {(0, "m"): Lane(0, "m", None, "main", 0)}
        return Recording("ab" * 16, story.name, 0, segments, lanes, spans, exchanges)

    def _veiled(self, exchange: Exchange) -> Exchange:
        """What is kept of it where not all is."""
        body = self._veil._veiled_body(exchange.request.body)
        said = self._veil._message(answer_of(exchange.body, "application/json"))
        pieces = (Piece(0, said),) if said else ()
        return replace(exchange, request=replace(exchange.request, body=body), pieces=pieces)

    def _id(self, kind: str) -> str:
        self._ids += 1
        return f"{kind}{self._ids}"

    # ── a lead ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _lead(self, story: Story, parent: str, name: str, start: int, lane: str) -> int:
        agent, now = self._id("agent"), start
        messages: list[dict[str, Any]] = [user(story.task)]
        offered = [{"name": name, "description": told} for name, told in story.tools.items()]
        for turn in (*story.turns, Turn(words="Done.")):
            blocks = [said(turn.words)] if turn.words else []
            uses = [_use(self._id("toolu_"), ask.name, ask.input) for ask in turn.asks]
            turn_id, llm = self._id("turn"), self._id("llm")
            called = now + turn.ms
            self._call(
                llm, now, called, messages, [*blocks, *uses], turn_id, lane, story.system, stop=turn.stop, tools=offered
            )
            _ends, end = self._dispatch(turn, uses, turn_id, called, lane)
            self._build.span(turn_id, "turn", now, end, agent, lane)
            if not turn.forgets:
                messages = [*messages, assistant(*blocks, *uses)]
            if uses:
                results: list[Any] = [
                    result(
                        block["id"],
                        ask.output if ask.brought is None else ask.brought,
                        **({"is_error": True} if ask.failed else {}),
                    )
                    for block, ask in zip(uses, turn.asks, strict=True)
                    if not ask.dropped
                ]
                messages.append(user([*results, *([said(turn.news)] if turn.news else [])]))
            now = end
        attributes: dict[str, Any] = {semconv.AGENT_NAME: name}
        if story.runner:
            attributes[semconv.TOOL_RUNNER] = True
        self._build.span(agent, "agent", start, now, parent, lane, name=f"invoke_agent {name}", attributes=attributes)
        return now

    def _dispatch(
        self, turn: Turn, uses: Sequence[dict[str, Any]], turn_id: str, at: int, lane: str
    ) -> tuple[list[int], int]:
        ends: list[int] = []
        waited: list[int] = []
        for number, (ask, block) in enumerate(zip(turn.asks, uses, strict=True)):
            begin = at
            if turn.how in ("serial", "blocked") and waited:
                begin = waited[-1]
            elif turn.how == "staggered":
                begin = at + 1500 * number
            elif turn.limit is not None and len(ends) >= turn.limit:
                begin = sorted(ends)[len(ends) - turn.limit]
            own_lane = lane if turn.how == "serial" else f"{lane}.t{number}"
            end = self._ask(ask, block["id"], turn_id, begin, own_lane, blocks_loop=turn.how == "blocked")
            ends.append(end)
            waited.append(begin + 5 if ask.outlives else end)
        return ends, max([at, *waited])

    def _ask(self, ask: Ask, call_id: str, parent: str, begin: int, lane: str, *, blocks_loop: bool) -> int:
        end = begin + ask.ms + sum(ask.retries)
        tool = self._id("tool")
        attributes = {
            semconv.TOOL_NAME: ask.name,
            semconv.TOOL_CALL_ID: call_id,
            semconv.TOOL_CALL_ARGUMENTS: ask.input,
        }
        if not ask.agent:
            attributes[semconv.TOOL_CALL_RESULT] = ask.output
        self._span(tool, "tool", begin, end, parent, lane, f"execute_tool {ask.name}", attributes, ask.host)
        if ask.failed:
            self._build.spans[tool] = replace(self._build.spans[tool], status="error")
        if ask.agent:
            return self._agent(ask, tool, begin, end, lane, blocks_loop=blocks_loop)
        return end

    # ── a subagent ───────────────────────────────────────────────────────────────────────────────────────────────

    def _agent(self, ask: Ask, parent: str, begin: int, end: int, lane: str, *, blocks_loop: bool) -> int:
        if ask.team:
            nested = replace(self._story, task=_prompt(ask), turns=ask.team, system=f"You are {ask.name}.", crew=())
            finished = self._lead(nested, parent, ask.name, begin, lane)
            span = self._build.spans[parent]
            self._build.spans[parent] = replace(span, end_ns=finished * MS)
            return finished
        agent = self._id("agent")
        declared = {
            semconv.DECLARED_AFTER: list(ask.after),
            semconv.DECLARED_READS: list(ask.reads),
            semconv.DECLARED_WRITES: list(ask.writes),
        }
        attributes = {semconv.AGENT_NAME: ask.name, **{name: value for name, value in declared.items() if value}}
        self._span(agent, "agent", begin, end, parent, lane, f"invoke_agent {ask.name}", attributes, ask.host)
        messages = [user(_prompt(ask))]
        now = begin
        share = max(1, (end - begin - sum(tool.ms for tool in ask.tools)) // (len(ask.tools) + 1))
        for tool in ask.tools:
            turn = self._id("turn")
            block = _use(self._id("toolu_"), tool.name, tool.input)
            self._call(
                self._id("llm"),
                now,
                now + share,
                messages,
                [block],
                turn,
                lane,
                ask.system or f"You are {ask.name}.",
                ask,
                blocks_loop=blocks_loop,
            )
            noted = {
                semconv.TOOL_NAME: tool.name,
                semconv.TOOL_CALL_ID: block["id"],
                semconv.TOOL_CALL_ARGUMENTS: tool.input,
                semconv.TOOL_CALL_RESULT: tool.output,
                **({semconv.WORKSPACE_READS: list(tool.reads)} if tool.reads else {}),
                **({semconv.WORKSPACE_WRITES: list(tool.writes)} if tool.writes else {}),
            }
            begun = now + share
            self._span(
                self._id("tool"),
                "tool",
                begun,
                begun + tool.ms,
                turn,
                lane,
                f"execute_tool {tool.name}",
                noted,
                ask.host,
            )
            self._span(turn, "turn", now, begun + tool.ms, agent, lane, "turn", {}, ask.host)
            messages = [*messages, assistant(block), user([result(block["id"], tool.output)])]
            now = begun + tool.ms
        turn = self._id("turn")
        self._call(
            self._id("llm"),
            now,
            end,
            messages,
            [said(ask.output)],
            turn,
            lane,
            ask.system or f"You are {ask.name}.",
            ask,
            blocks_loop=blocks_loop,
            is_last=True,
            stop=ask.stop,
        )
        self._span(turn, "turn", now, end, agent, lane, "turn", {}, ask.host)
        return end

    def _call(
        self,
        id: str,
        start: int,
        end: int,
        messages: Sequence[dict[str, Any]],
        answer: Sequence[dict[str, Any]],
        parent: str,
        lane: str,
        system: str,
        ask: Ask | None = None,
        *,
        blocks_loop: bool = False,
        is_last: bool = False,
        **fields: Any,
    ) -> None:
        ask = ask or Ask("", {})
        self._build.call(id, start, end, messages, answer, parent=parent, lane=lane, system=system, **fields)
        sent = len(json.dumps(messages)) // 4 if ask.tokens is None else ask.tokens + 500 * len(messages)
        attributes: dict[str, Any] = {
            semconv.REQUEST_MODEL: ask.model,
            semconv.INPUT_TOKENS: sent,
            semconv.OUTPUT_TOKENS: len(json.dumps(answer)) // 4,
            **({semconv.STOP_REASON: fields["stop"]} if fields.get("stop") else {}),
            **({semconv.CACHE_READ_TOKENS: sent // 2} if ask.cached else {}),
        }
        if blocks_loop:
            attributes[semconv.SYNC_IN_EVENT_LOOP] = True
        self._build.spans[id] = replace(self._build.spans[id], attributes=attributes)
        self._hosts[id] = self._hosts[f"{id}-a"] = ask.host
        if is_last and ask.retries:
            self._retry(id, start, ask, lane)

    def _retry(self, id: str, start: int, ask: Ask, lane: str) -> None:
        """Put refused attempts before the call's own; or let that one be refused as well."""
        now, spans = start, self._build.spans
        for number, wait in enumerate(ask.retries):
            attempt = f"{id}-r{number}"
            self._build.span(attempt, "attempt", now, now + 2, id, lane, attributes={semconv.HTTP_STATUS: ask.status})
            spans[attempt] = replace(spans[attempt], status="error", failure=Failure("overloaded_error"))
            now += wait
            self._hosts[attempt] = ask.host
        last = spans.pop(f"{id}-a")
        waited = {semconv.WAIT_MS: ask.retries[-1], semconv.HTTP_STATUS: ask.status if ask.exhausted else 200}
        spans[last.id] = replace(last, start_ns=now * MS, attributes=waited)
        if ask.exhausted:
            spans[last.id] = replace(spans[last.id], status="error", failure=Failure("overloaded_error"))
            spans[id] = replace(spans[id], status="error", failure=Failure("OverloadedError"))
            self._build.exchanges[last.id] = replace(self._build.exchanges[last.id], status=ask.status, pieces=())

    def _span(
        self, id: str, kind: Any, start: int, end: int, parent: str, lane: str, name: str, attributes: Any, host: str
    ) -> None:
        self._build.span(id, kind, start, end, parent, lane, name=name, attributes=attributes)
        self._hosts[id] = host

    # ── a crew ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _crew(self, start: int) -> int:
        how, ends = self._story.crew_how, [start]
        for number, ask in enumerate(self._story.crew):
            begin = ends[-1] if how in ("serial", "blocked") else start
            lane = "m" if how == "serial" else f"m.t{number}"
            end = begin + ask.ms
            self._agent(ask, "root", begin, end, lane, blocks_loop=how == "blocked")
            ends.append(end)
        return max(ends)

    # ── calls of the program's own ───────────────────────────────────────────────────────────────────────────────

    def _talk(self, start: int) -> int:
        begin, ended, latest = start, start, start
        for number, say in enumerate(self._story.talk):
            begin = (begin if say.beside else ended) + say.gap
            ended = begin + sum(say.retries) + say.ms
            latest = max(latest, ended)
            self._say(say, begin, ended, f"m.t{number}" if say.beside else "m")
        return latest

    def _say(self, say: Say, begin: int, end: int, lane: str) -> None:
        build, parent, id = self._build, "root", self._id("llm")
        if say.agent:
            parent = self._id("agent")
            build.agent(parent, begin, end, "root", lane, say.agent)
        asks = [user(say.asks)] if isinstance(say.asks, str) else list(say.asks)
        exhausted = say.failed and bool(say.retries)
        ask = Ask(
            "",
            {},
            tokens=say.tokens,
            cached=say.cached,
            model=say.model,
            status=say.status,
            retries=say.retries,
            exhausted=exhausted,
        )
        fields = {**say.more, **({"stop": say.stop} if say.stop else {})}
        self._call(id, begin, end, asks, [said(say.says)], parent, lane, say.system, ask, is_last=True, **fields)
        if (say.failed and not exhausted) or say.stopped:
            failure = Failure("cancelled" if say.stopped else "overloaded_error")
            told = {} if say.stopped else {semconv.HTTP_STATUS: say.status}
            for each in (id, f"{id}-a"):
                spans = build.spans
                spans[each] = replace(
                    spans[each], status="error", failure=failure, attributes={**spans[each].attributes, **told}
                )
            build.exchanges[f"{id}-a"] = replace(
                build.exchanges[f"{id}-a"], status=told.get(semconv.HTTP_STATUS, 0), pieces=()
            )


def _prompt(ask: Ask) -> str:
    return "\n".join(str(value) for value in ask.input.values()) if ask.prompt is None else ask.prompt


def _use(id: str, name: str, input: dict[str, Any]) -> dict[str, Any]:
    return {"type": "tool_use", "id": id, "name": name, "input": input}


def one_by_one(*asks: Ask, ms: int = 1000) -> tuple[Turn, ...]:
    """A turn for each of `asks`."""
    return tuple(Turn((ask,), ms=ms) for ask in asks)


def codes(findings: Iterable[Any], *confidences: str) -> list[str]:
    """The codes of `findings` with one of `confidences`: by default certain or likely."""
    wanted = confidences or ("certain", "likely")
    return [finding.code for finding in findings if finding.confidence in wanted]
