"""Tasks that run in one context at once, as a notebook's cells do, do not nest."""

from __future__ import annotations

import asyncio
import contextvars
from pathlib import Path

import anthropic

import tracekit
from tests.support.recording import name_of_current, recordings, tree
from tracekit.demo.claude import ScriptedClaude, message, reply, text


def test_tasks_that_share_a_context_do_not_nest(recording: Path) -> None:
    async def ask(client: anthropic.AsyncAnthropic, name: str) -> None:
        await client.messages.create(model="m", max_tokens=5, messages=[{"role": "user", "content": name}])

    async def subagent(client: anthropic.AsyncAnthropic, name: str) -> None:
        with tracekit.agent(name):
            await ask(client, name)

    async def cell(client: anthropic.AsyncAnthropic, name: str, turns: list[asyncio.Event], *order: int) -> None:
        begin, middle, end = order
        await turns[begin].wait()
        with tracekit.run(name), tracekit.agent(f"{name} lead"):
            await turns[middle].wait()
            await ask(client, name)
            await asyncio.gather(*(asyncio.create_task(subagent(client, f"{name} {each}")) for each in "ab"))
            await turns[end].wait()

    async def main(url: str) -> None:
        client = anthropic.AsyncAnthropic(base_url=url, api_key="k", max_retries=0)
        turns = [asyncio.Event() for _ in range(6)]
        shared, loop = contextvars.copy_context(), asyncio.get_running_loop()
        # Begun: one, two, three. Asked: three, one, two. Ended in the order in which they began.
        orders = {"one": (0, 4, 5), "two": (1, 4, 5), "three": (2, 3, 5)}
        tasks = [loop.create_task(cell(client, name, turns, *order), context=shared) for name, order in orders.items()]
        for turn in turns:
            turn.set()
            await asyncio.sleep(0.05)
        await asyncio.gather(*tasks)
        await client.close()

    with ScriptedClaude(lambda asked: reply(asked, message(text("hello")))) as claude:
        asyncio.run(main(claude.url))
    assert name_of_current() is None
    found = {run.name: tree(run) for run in recordings()}
    assert list(found) == ["one", "two", "three"]
    for name, lines in found.items():
        assert lines[:4] == [f"run {name}", f"  agent invoke_agent {name} lead", "    llm chat m", "      attempt POST"]
        assert [line for line in lines[4:] if "agent" in line] == [
            f"    agent invoke_agent {name} a",
            f"    agent invoke_agent {name} b",
        ]
