"""Programs in a serial and a parallel form, with a scripted Claude that answers each agent after a set time.

A `Case` says what a lead wants done; `play` performs it in one of several ways, recorded, and returns its run.
`project` performs its parallel form on the recording of the serial one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Literal

import anthropic

import tracekit
from tests.support.recording import recordings
from tracekit.analysis.structure import structure
from tracekit.demo.claude import (
    ReceivedRequest,
    ScriptedClaude,
    ScriptedResponse,
    error,
    message,
    reply,
    text,
    tool_use,
)
from tracekit.model.tree import Run
from tracekit.replayer.session import Replay

Way = Literal["gather", "for", "sync client in gather", "threads", "limit", "split turns", "code for", "code gather"]
MODEL = "claude-sonnet-5-5"


@dataclass(frozen=True)
class Case:
    """The milliseconds of each call of some agents: a list for each agent.

    `lead` is what each turn of the lead takes; `overloads` is how often the API refuses each agent's first call.
    """

    name: str
    agents: tuple[tuple[int, ...], ...]
    serial: Way
    parallel: Way
    code: str
    lead: int = 60
    places: int = 2
    overloads: int = 0
    beside: int = 0


CASES = [
    Case("three, by for", ((300,), (300,), (300,)), "for", "gather", "TK102"),
    Case("uneven, by for", ((500,), (200,), (300,)), "for", "gather", "TK102"),
    Case("two, by for", ((400,), (400,)), "for", "gather", "TK102"),
    Case("six, by for", ((150,), (200,), (150,), (200,), (150,), (200,)), "for", "gather", "TK102"),
    Case("of two calls, by for", ((200, 150), (150, 250), (100, 200)), "for", "gather", "TK102"),
    Case("overloaded, by for", ((250,), (300,), (300,)), "for", "gather", "TK102", overloads=1),
    Case("threads instead", ((300,), (350,), (300,)), "for", "threads", "TK102"),
    Case("beside a longer one", ((400,), (400,), (400,)), "for", "gather", "TK102", beside=900),
    Case("eight, by for", ((120,), (180,), (150,), (200,), (140,), (160,), (190,), (130,)), "for", "gather", "TK102"),
    Case("four, by for", ((450,), (300,), (250,), (300,)), "for", "gather", "TK102"),
    Case("after a long turn, by for", ((250,), (300,)), "for", "gather", "TK102", lead=400),
    Case("three, blocked", ((300,), (300,), (300,)), "sync client in gather", "gather", "TK101"),
    Case("uneven, blocked", ((500,), (200,), (300,)), "sync client in gather", "gather", "TK101"),
    Case("two, blocked", ((400,), (400,)), "sync client in gather", "threads", "TK101"),
    Case("of two calls, blocked", ((200, 150), (150, 250), (100, 200)), "sync client in gather", "gather", "TK101"),
    Case("overloaded, blocked", ((300,), (350,)), "sync client in gather", "gather", "TK101", overloads=1),
    Case("three in turns", ((300,), (300,), (300,)), "split turns", "gather", "TK103"),
    Case("three in long turns", ((300,), (300,), (300,)), "split turns", "gather", "TK103", lead=250),
    Case("two in turns", ((400,), (500,)), "split turns", "gather", "TK103", lead=100),
    Case("five in turns", ((200,), (150,), (250,), (200,), (200,)), "split turns", "gather", "TK103", lead=80),
    Case("of two calls in turns", ((200, 150), (150, 250)), "split turns", "gather", "TK103", lead=150),
    Case("overloaded in turns", ((300,), (300,)), "split turns", "gather", "TK103", lead=100, overloads=1),
    Case("two places for six", ((300,), (310,), (320,), (300,), (310,), (320,)), "limit", "gather", "TK104"),
    Case("three places for five", ((600,), (620,), (640,), (640,), (660,)), "limit", "gather", "TK104", places=3),
    Case("the program's own", ((300,), (400,), (300,)), "code for", "code gather", "TK106"),
    Case("the program's own, of two calls", ((150, 200), (250, 150), (100, 300)), "code for", "code gather", "TK106"),
    Case("two of the program's own", ((500,), (400,)), "code for", "code gather", "TK106"),
]


class Script:
    """Answers by what is asked alone, so that both forms get the same answers."""

    def __init__(self, case: Case, *, split: bool) -> None:
        self._case = case
        self._split = split

    def __call__(self, asked: ReceivedRequest) -> ScriptedResponse:
        body = asked.json()
        done = sum(each["role"] == "assistant" for each in body["messages"])
        if body["system"] == "You lead.":
            return reply(asked, self._lead(done))
        number = int(body["system"].rpartition(" ")[2])
        steps = self._case.agents[number] if number < len(self._case.agents) else (self._case.beside,)
        if done == 0 and int(asked.headers.get("x-stainless-retry-count", "0")) < self._case.overloads:
            return error(529, "overloaded_error", "Overloaded", {"retry-after-ms": "120"})
        if done < len(steps) - 1:
            use = tool_use("look", {"part": f"part{done}-{number}"}, f"toolu_{number}_{done}")
            return reply(asked, message(use, delay_s=steps[done] / 1000))
        return reply(asked, message(text(f"Agent {number} is content."), delay_s=steps[-1] / 1000))

    def _lead(self, done: int) -> ScriptedResponse:
        numbers = range(len(self._case.agents))
        uses = [tool_use("audit_agent", {"folder": f"src/f{n}"}, f"toolu_{n}") for n in numbers]
        asks = [uses[done : done + 1] if done < len(uses) else []] if self._split else [uses if done == 0 else []]
        return message(text("All."), *asks[0], delay_s=self._case.lead / 1000)


REPLAYABLE = [case for case in CASES if case.serial != "split turns"]
"""Where the mend is in the code. Told to ask for all at once, the model gives other answers, which no recording holds."""


def faster(case: Case, factor: float) -> Case:
    """`case` with all its times so many times as long."""
    agents = tuple(tuple(round(ms * factor) for ms in steps) for steps in case.agents)
    return replace(case, agents=agents, lead=round(case.lead * factor), beside=round(case.beside * factor))


def play(case: Case, way: Way) -> Run:
    """The run of `case`, performed in this way."""
    known = {run.id for run in recordings()}
    with ScriptedClaude(Script(case, split=way == "split turns")) as claude, tracekit.run(case.name):
        asyncio.run(_program(case, way, claude.url))
    (recorded,) = [run for run in recordings() if run.id not in known]
    return structure(recorded)


def project(case: Case, serial: Run) -> Replay:
    """The replay of the parallel form of `case` on the recording of its serial form; no server is asked."""
    with tracekit.replay(serial.recording) as replay, tracekit.run(case.name):
        asyncio.run(_program(case, case.parallel, "http://127.0.0.1:9"))
    return replay


def work_ms(run: Run) -> float:
    """Return the milliseconds from the first call's begin to the last call's end.

    The start of clients takes a varying time, so it does not count.
    """
    calls = [node for node in run.root.walk() if node.kind == "llm"]
    return (max(call.end_ns or 0 for call in calls) - min(call.start_ns for call in calls)) / 1e6


async def _program(case: Case, way: Way, url: str) -> None:
    sync = anthropic.Anthropic(base_url=url, api_key="test")
    async with anthropic.AsyncAnthropic(base_url=url, api_key="test") as client:
        team = _Team(case, way, client, sync)
        work: Awaitable[object] = team.code() if way.startswith("code") else team.lead()
        await (asyncio.gather(work, team.beside()) if case.beside else work)
    sync.close()


class _Team:
    def __init__(self, case: Case, way: Way, client: Any, sync: Any) -> None:
        self._case, self._way, self._client, self._sync = case, way, client, sync
        self._places = asyncio.Semaphore(case.places)

    async def lead(self) -> None:
        messages: list[Any] = [{"role": "user", "content": "Audit " + ", ".join(self._folders())}]
        with tracekit.agent("lead"):
            while True:
                with tracekit.turn():
                    answer = await self._client.messages.create(
                        model=MODEL, max_tokens=500, system="You lead.", messages=messages
                    )
                    messages.append({"role": "assistant", "content": answer.content})
                    blocks = [block for block in answer.content if block.type == "tool_use"]
                    if not blocks:
                        return
                    said = await self._dispatch(blocks)
                results = [
                    {"type": "tool_result", "tool_use_id": block.id, "content": words}
                    for block, words in zip(blocks, said, strict=True)
                ]
                messages.append({"role": "user", "content": results})

    async def code(self) -> None:
        # The first call of a client takes time that no other takes, whichever that is.
        await self._talk(len(self._case.agents))
        works = [self._named(number) for number in range(len(self._case.agents))]
        if self._way == "code gather":
            await asyncio.gather(*(work() for work in works))
            return
        for work in works:
            await work()

    async def beside(self) -> None:
        with tracekit.agent("other"):
            await self._talk(len(self._case.agents))

    def _folders(self) -> list[str]:
        return [f"src/f{number}" for number in range(len(self._case.agents))]

    def _named(self, number: int) -> Callable[[], Awaitable[str]]:
        async def work() -> str:
            with tracekit.agent("audit_agent"):
                return await self._talk(number)

        return work

    async def _dispatch(self, blocks: Sequence[Any]) -> list[str]:
        if self._way == "threads":
            with ThreadPoolExecutor(8) as pool:
                jobs = [asyncio.get_running_loop().run_in_executor(pool, self._threaded, block) for block in blocks]
                return list(await asyncio.gather(*jobs))
        if self._way == "for":
            return [await self._serve(block) for block in blocks]
        return list(await asyncio.gather(*(self._limited(block) for block in blocks)))

    async def _limited(self, block: Any) -> str:
        if self._way != "limit":
            return await self._serve(block)
        async with self._places:
            return await self._serve(block)

    async def _serve(self, block: Any) -> str:
        number = int(block.input["folder"].removeprefix("src/f"))
        with tracekit.tool("audit_agent", call_id=block.id, input=block.input), tracekit.agent("audit_agent"):
            return await self._talk(number)

    def _threaded(self, block: Any) -> str:
        number = int(block.input["folder"].removeprefix("src/f"))
        with tracekit.tool("audit_agent", call_id=block.id, input=block.input), tracekit.agent("audit_agent"):
            return self._talk_sync(number)

    async def _talk(self, number: int) -> str:
        if self._way == "sync client in gather":
            return self._talk_sync(number)
        messages: list[Any] = [{"role": "user", "content": f"Audit src/f{number}"}]
        while True:
            answer = await self._client.messages.create(**self._request(number, messages))
            if answer.stop_reason != "tool_use":
                return str(answer.content[0].text)
            messages += self._looked(answer)

    def _talk_sync(self, number: int) -> str:
        messages: list[Any] = [{"role": "user", "content": f"Audit src/f{number}"}]
        while True:
            answer = self._sync.messages.create(**self._request(number, messages))
            if answer.stop_reason != "tool_use":
                return str(answer.content[0].text)
            messages += self._looked(answer)

    def _request(self, number: int, messages: list[Any]) -> dict[str, Any]:
        return {"model": MODEL, "max_tokens": 500, "system": f"You are agent {number}", "messages": messages}

    def _looked(self, answer: Any) -> list[Any]:
        (block,) = answer.content
        time.sleep(0)
        found = {"type": "tool_result", "tool_use_id": block.id, "content": "nothing"}
        return [{"role": "assistant", "content": answer.content}, {"role": "user", "content": [found]}]
