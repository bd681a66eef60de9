"""`run_sync` from anywhere, and nothing that blocks on the event loop."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anthropic
import pytest

from tests.support.cli import nodes
from tests.support.teams import LEAD, WORKER, Script, client_args, shown
from tests.support.waiting import LONG_S, eventually
from tracekit import Orchestrator, Subagent
from tracekit.demo.claude import ScriptedClaude, ScriptedResponse, message, text, tool_use
from tracekit.runtime.threads import in_thread, run_sync

ASKS = message(*[tool_use("worker", {"task": str(number)}) for number in range(5)])


def lead(client: Any, **more: Any) -> Orchestrator:
    worker = Subagent("worker", "It works.", WORKER, "You work.")
    return Orchestrator("lead", model=LEAD, system="You lead.", client=client, subagents=[worker], **more)


def test_one_async_client_serves_run_after_run_without_a_retry(home: Path) -> None:
    with ScriptedClaude(Script(ASKS)) as claude:
        client = anthropic.AsyncAnthropic(**client_args(claude))
        team = lead(client)
        for number in range(1, 4):
            assert team.run_sync("Go.").text == "Done."
            assert len(claude.asked) == number * 7
        run_sync(client.close())


def test_one_async_client_serves_many_threads_at_once(home: Path) -> None:
    def said(body: dict[str, Any]) -> ScriptedResponse:
        return message(text("Done."), delay_s=0.1)

    with ScriptedClaude(Script(ASKS, said=said)) as claude:
        client = anthropic.AsyncAnthropic(**client_args(claude))
        with ThreadPoolExecutor(4) as pool:
            done = list(pool.map(lambda number: lead(client).run_sync(str(number)), range(4)))
        assert [result.text for result in done] == ["Done."] * 4
        assert len(claude.asked) == 4 * 7
        run_sync(client.close())


def test_run_sync_where_a_loop_is_running(recording: Path) -> None:
    with ScriptedClaude(Script(ASKS)) as claude:

        async def notebook() -> str:
            with anthropic.Anthropic(**client_args(claude)) as client:
                return lead(client).run_sync("Go.").text

        assert asyncio.run(notebook()) == "Done."
    assert len(nodes(shown()["root"], "agent")) == 6


def test_a_sync_client_blocks_no_loop_and_no_other(recording: Path) -> None:
    together, beats = threading.Barrier(5), 0

    def said(body: dict[str, Any]) -> ScriptedResponse:
        together.wait(LONG_S)
        before = beats
        eventually(lambda: beats > before, lambda: "the loop is blocked")
        return message(text("Done."))

    async def beat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0.01)
            beats += 1

    with ScriptedClaude(Script(ASKS, said=said)) as claude:

        async def work() -> None:
            with anthropic.Anthropic(**client_args(claude)) as client:
                beating = asyncio.create_task(beat())
                assert (await lead(client).run("Go.")).text == "Done."
                beating.cancel()

        asyncio.run(work())
    calls = nodes(shown()["root"], "llm")
    assert len(calls) == 7
    assert not any("tracekit.sync_in_event_loop" in call["attributes"] for call in calls)


def test_what_a_thread_raises_is_raised_where_it_is_waited_for() -> None:
    def fail(error: BaseException) -> None:
        raise error

    for error in (ValueError("no"), SystemExit(3)):
        with pytest.raises(type(error)) as caught:
            run_sync(in_thread(fail, error))
        assert caught.value is error
    # The loop has survived the exit.
    assert run_sync(in_thread(lambda: 1)) == 1


def test_one_that_is_not_waited_for_any_more_ends_by_itself() -> None:
    left, ended = threading.Event(), threading.Event()

    def work(leave_now: Callable[[], object]) -> None:
        leave_now()
        left.wait(LONG_S)
        ended.set()

    async def leave() -> None:
        loop = asyncio.get_running_loop()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(None) as limit:
                await in_thread(work, lambda: loop.call_soon_threadsafe(limit.reschedule, loop.time()))

    asyncio.run(leave())
    assert not ended.is_set()
    left.set()
    assert ended.wait(LONG_S)


def test_run_sync_works_in_a_forked_child() -> None:
    assert run_sync(in_thread(lambda: 1)) == 1
    pid = os.fork()
    if pid == 0:
        os._exit(run_sync(in_thread(lambda: 7)))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7


def test_a_cancelled_coroutine_says_so() -> None:
    async def cancel() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        run_sync(cancel())
