"""Runs programs on the replay's clock against a scripted Claude without a server, and records them.

Time passes only while a program waits for an answer or sleeps, so what a run takes is exact, however busy the machine is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import anthropic
import httpx2

import tracekit
from tests.support.trees import START_NS
from tracekit.analysis.structure import structure
from tracekit.configure import hook_in
from tracekit.demo.claude import ReceivedRequest, Respond, ScriptedResponse, message, text
from tracekit.instrument.recorder import Recorder, active, install
from tracekit.model.tree import Run
from tracekit.replayer.clock import VirtualClock
from tracekit.replayer.loops import Loops
from tracekit.replayer.memory import MemorySink
from tracekit.replayer.outside import Looks

_Seen = TypeVar("_Seen")


@dataclass(frozen=True)
class Clients:
    """Clients whose responses take the time that the script gives them: one awaits them, the other blocks the loop."""

    of_loop: anthropic.AsyncAnthropic
    blocking: anthropic.Anthropic


def perform(program: Callable[[Clients], Awaitable[_Seen]], respond: Respond) -> tuple[_Seen, Run]:
    """Return the result of `program`, and its run."""
    clock, sink = VirtualClock(START_NS), MemorySink()
    loops = Loops(clock, Looks())

    def answer(request: httpx2.Request) -> ScriptedResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        return respond(
            ReceivedRequest(0, request.method, request.url.path, "", headers, request.content, clock.now_ns())
        )

    async def wait(request: httpx2.Request) -> httpx2.Response:
        answered = message(text("Warm.")) if active() is before else answer(request)
        await asyncio.sleep(answered.delay_s)
        return _sent(answered)

    def block(request: httpx2.Request) -> httpx2.Response:
        answered = answer(request)
        clock.wait_until(clock.now_ns() + round(answered.delay_s * 1e9))
        return _sent(answered)

    http = httpx2.AsyncClient(transport=httpx2.MockTransport(wait))
    client = anthropic.AsyncAnthropic(api_key="test", base_url="http://virtual", http_client=http)
    blocking = httpx2.Client(transport=httpx2.MockTransport(block))
    sync = anthropic.Anthropic(api_key="test", base_url="http://virtual", http_client=blocking)

    async def main() -> _Seen:
        with tracekit.run("a program"):
            return await program(Clients(client, sync))

    before = active()
    loop = asyncio.new_event_loop()
    try:
        # The first call of a client asks a thread what system this is, which no clock of ours waits for.
        loop.run_until_complete(client.messages.create(model="m", max_tokens=1, messages=[]))
        install(Recorder(sink, clock))
        hook_in()
        with loops.on_clock(loop):
            seen = loop.run_until_complete(main())
    finally:
        install(before)
        loop.run_until_complete(client.close())
        sync.close()
        loop.close()
    recording = sink.recording(None, clock.now_ns())
    assert recording is not None
    return seen, structure(recording)


def _sent(answer: ScriptedResponse) -> httpx2.Response:
    return httpx2.Response(
        answer.status, headers={"content-type": "application/json", **answer.headers}, content=answer.body
    )
