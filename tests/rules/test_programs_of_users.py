"""Programs as users write them, with a scripted Claude: what the record shows of each, and what it must not."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import anthropic
import pytest

import tracekit
from tests.support.recording import the_run
from tests.support.virtual import perform
from tests.support.waiting import LONG_S
from tracekit.analysis.structure import structure
from tracekit.demo.claude import ReceivedRequest, ScriptedClaude, ScriptedResponse, message, reply, text, tool_use
from tracekit.model.finding import Finding
from tracekit.rules import findings_of
from tracekit.rules.check import Options

MODEL: Any = {"model": "claude-sonnet-5-5", "max_tokens": 300}
PAGES = ("pricing", "about", "jobs")
Program = Callable[[Any, Any], Awaitable[None]]


def respond(asked: ReceivedRequest) -> ScriptedResponse:
    """A lead asks for three pages at once, then ends; everybody else answers after a tenth of a second."""
    body = asked.json()
    if "tool_choice" in body:
        # The later reviews have words of what the first was recorded as.
        mood = tool_use(body["tool_choice"]["name"], {"mood": "at once"})
        return reply(asked, message(mood, delay_s=0.1))
    if body.get("system") != "You lead.":
        return reply(asked, message(text("Nothing of note."), delay_s=0.1))
    uses = [tool_use("fetch_page", {"page": page}) for page in PAGES] if len(body["messages"]) == 1 else []
    return reply(asked, message(text("Well."), *uses))


async def lead(client: Any, fetch_page: Callable[..., Awaitable[str]]) -> None:
    messages: list[Any] = [{"role": "user", "content": "Compare the pages."}]
    answer = await client.messages.create(system="You lead.", messages=messages, **MODEL)
    uses = [block for block in answer.content if block.type == "tool_use"]
    told = await asyncio.gather(*(fetch_page(use.input["page"]) for use in uses))
    results = [
        {"type": "tool_result", "tool_use_id": use.id, "content": said} for use, said in zip(uses, told, strict=True)
    ]
    messages += [{"role": "assistant", "content": answer.content}, {"role": "user", "content": results}]
    await client.messages.create(system="You lead.", messages=messages, **MODEL)


def found(program: Program) -> list[Finding]:
    """Return the findings of `program`, which gets an async and a sync client."""

    async def run() -> None:
        async with anthropic.AsyncAnthropic(base_url=claude.url, api_key="key") as client:
            with anthropic.Anthropic(base_url=claude.url, api_key="key") as sync:
                await program(client, sync)

    with ScriptedClaude(respond) as claude, tracekit.run("program"):
        asyncio.run(run())
    return findings_of(structure(the_run()), Options(select=("TK1",)))


def found_in_calls(program: Program) -> list[Finding]:
    """Return the findings of `program` if only calls take time, exactly as the script defines."""

    def answer(asked: ReceivedRequest) -> ScriptedResponse:
        return replace(respond(asked), delay_s=0.1)

    _, run = perform(lambda clients: program(clients.of_loop, clients.blocking), answer)
    return findings_of(run, Options(select=("TK1",)))


async def _sleeps(client: Any, _: Any) -> None:
    @tracekit.tool
    async def fetch_page(page: str) -> str:
        time.sleep(0.1)  # noqa: ASYNC251  what the finding is about
        return page

    await lead(client, fetch_page)


async def _sleeps_on_a_thread(client: Any, _: Any) -> None:
    together = threading.Barrier(len(PAGES))

    def sleep() -> None:
        together.wait(LONG_S)
        time.sleep(0.1)

    @tracekit.tool
    async def fetch_page(page: str) -> str:
        await asyncio.to_thread(sleep)
        return page

    await lead(client, fetch_page)


async def _one_blocks(client: Any, sync: Any) -> None:
    async def fetch_page(page: str) -> str:
        ask: Any = {"messages": [{"role": "user", "content": f"Read the page {page}"}], **MODEL}
        answer = sync.messages.create(**ask) if page == PAGES[0] else await client.messages.create(**ask)
        return str(answer.content[0].text)

    await lead(client, fetch_page)


def _label(mood: Callable[[str], str], **more: Any) -> Program:
    async def program(client: Any, _: Any) -> None:
        for review in ("The parcel never came.", "Boils fast, a bit loud.", "I sent it back at once."):
            await client.messages.create(messages=[{"role": "user", "content": mood(review)}], **MODEL, **more)

    return program


def test_a_tool_that_blocks_the_loop(recording: Path) -> None:
    (one,) = found(_sleeps)
    assert (one.code, one.confidence) == ("TK101", "certain")
    assert "fetch_page blocks the event loop: 3 x fetch_page were started together" in one.message
    took_ms = [node.duration_ns(0) / 1e6 for node in structure(the_run()).root.walk() if node.kind == "tool"]
    assert len(took_ms) == 3
    assert one.saved_ms == pytest.approx(sum(took_ms) - max(took_ms), rel=0.05)


def test_a_tool_that_blocks_a_thread_only(recording: Path) -> None:
    assert found(_sleeps_on_a_thread) == []


def test_one_that_blocks_among_others(recording: Path) -> None:
    (one,) = found_in_calls(_one_blocks)
    assert (one.code, one.confidence) == ("TK101", "certain")
    assert "waited for it" in one.message


def test_calls_in_a_loop_of_the_program(recording: Path) -> None:
    (one,) = found(_label(lambda review: f"Label the mood of this review.\n\n{review}"))
    assert (one.code, one.confidence) == ("TK106", "possible")
    assert one.evidence[-1].startswith("possible, rank 0: right in ")


def test_calls_in_a_loop_that_get_their_form_by_a_tool(recording: Path) -> None:
    record = {"name": "record_mood", "input_schema": {"type": "object"}}
    form = {"tools": [record], "tool_choice": {"type": "tool", "name": "record_mood"}}
    (one,) = found(_label(lambda review: f"Label the mood of this review.\n\n{review}", **form))
    assert (one.code, one.confidence) == ("TK106", "possible")
    assert structure(the_run()).count("tool") == 0


def test_calls_in_a_loop_that_speak_of_a_state(recording: Path) -> None:
    findings = found(_label(lambda review: f"Update the running summary of the reviews.\n\n{review}"))
    assert [each.confidence for each in findings] in ([], ["possible"])
