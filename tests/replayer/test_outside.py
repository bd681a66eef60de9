"""Real waits take real time in a replay: while a process runs, the virtual clock does not jump ahead."""

from __future__ import annotations

import _thread
import asyncio
import multiprocessing
import os
import socket
import subprocess
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import pytest

from tests.support.ports import free_port
from tests.support.replaying import assert_followed, async_client, echo, play, question, record, sync_client, words_of

SHORT = ["sleep", "0.3"]
BETWEEN_S = 0.8
"""Seconds between two looks: a busy machine may take half a second more to start a process, and the look is the same."""
_real_sleep = time.sleep


def ask(client: Any, words: str) -> str:
    return words_of(client.messages.create(**question(words)))


def nap(seconds: float) -> float:
    _real_sleep(seconds)
    return seconds


def long_in_a_replay() -> float:
    """Seconds to sleep beside what is idle, which take no real time on a replay's clock."""
    return 0.01 if time.sleep is _real_sleep else 1000


# ── one after another: what a thread waits for ───────────────────────────────────────────────────────────────────────


def run_with_timeout() -> Any:
    return subprocess.run(SHORT, timeout=60, check=True).returncode


def communicate() -> Any:
    with subprocess.Popen(SHORT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        return process.communicate(timeout=60)


def poll() -> Any:
    return _polled(time.sleep)


def poll_between_waits() -> Any:
    return _polled(threading.Event().wait)


def _polled(wait: Callable[[float], object]) -> int:
    with subprocess.Popen(SHORT) as process:
        for _ in range(20):
            if process.poll() is not None:
                return int(process.returncode)
            wait(BETWEEN_S)
        raise TimeoutError


def look_for_a_process() -> Any:
    pid = os.posix_spawnp("sleep", SHORT, os.environ)
    for _ in range(20):
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return status
        time.sleep(BETWEEN_S)
    raise TimeoutError


def join_a_process() -> Any:
    process = multiprocessing.get_context("fork").Process(target=nap, args=(0.3,))
    process.start()
    process.join(60)
    return process.exitcode


def is_a_process_alive() -> Any:
    process = multiprocessing.get_context("fork").Process(target=nap, args=(0.3,))
    process.start()
    for _ in range(20):
        if not process.is_alive():
            return process.exitcode
        time.sleep(BETWEEN_S)
    raise TimeoutError


def pool_of_processes() -> Any:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
        first = pool.submit(nap, 0.3).result(timeout=60)
        time.sleep(long_in_a_replay())
        return first, pool.submit(nap, 0.1).result(timeout=60)


def pool_of_multiprocessing() -> Any:
    with multiprocessing.get_context("fork").Pool(1) as pool:
        return pool.apply_async(nap, (1.5,)).get(timeout=60)


def a_server_that_comes_up() -> Any:
    port = free_port()
    _thread.start_new_thread(serve_later, (port, 0.3, 0.0))
    for _ in range(20):
        try:
            with socket.create_connection(("127.0.0.1", port)) as client:
                return client.recv(9)
        except ConnectionRefusedError:
            time.sleep(BETWEEN_S)
    raise TimeoutError


def in_a_thread_of_its_own() -> Any:
    """A daemon, which the program waits for all the same, longer than anything idle is waited for."""
    codes: list[int] = []
    thread = threading.Thread(
        target=lambda: codes.append(subprocess.run(["sleep", "1.3"], check=True).returncode), daemon=True
    )
    thread.start()
    thread.join(60)
    return codes


def serve_later(port: int, after_s: float, answers_after_s: float) -> None:
    """In a thread that the clock does not see: listen to one client, and answer."""
    _real_sleep(after_s)
    with socket.create_server(("127.0.0.1", port)) as server:
        client, _ = server.accept()
        with client:
            if answers_after_s:
                client.recv(9)
                _real_sleep(answers_after_s)
            client.sendall(b"found")


WAYS = [
    run_with_timeout,
    communicate,
    poll,
    poll_between_waits,
    look_for_a_process,
    join_a_process,
    is_a_process_alive,
    pool_of_processes,
    pool_of_multiprocessing,
    a_server_that_comes_up,
    in_a_thread_of_its_own,
]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of later Pythons: forks of a process with threads
@pytest.mark.parametrize("way", WAYS)
def test_a_thread_that_waits_outside(way: Callable[[], Any], home: Path) -> None:
    def run(url: str) -> Any:
        with sync_client(url) as client:
            return ask(client, "0"), way(), ask(client, "1")

    seen, recording = record(run, echo())
    again, replay = play(recording, run)
    assert again == seen
    assert_followed_but_for_idling(replay, recording, way)


# ── the same of an event loop ────────────────────────────────────────────────────────────────────────────────────────


async def wait_for_the_end() -> Any:
    process = await asyncio.create_subprocess_exec(*SHORT)
    return await asyncio.wait_for(process.wait(), 60)


async def wait_long_for_the_end() -> Any:
    process = await asyncio.create_subprocess_exec("sleep", "1.5", stdout=asyncio.subprocess.PIPE)
    return await asyncio.wait_for(process.communicate(), 60)


async def look_for_the_end() -> Any:
    process = await asyncio.create_subprocess_exec(*SHORT)
    for _ in range(20):
        if process.returncode is not None:
            return process.returncode
        await asyncio.sleep(BETWEEN_S)
    raise TimeoutError


async def talk_to_a_process() -> Any:
    """A process that responds slowly becomes idle itself, which takes no real time."""
    line = "while read word; do sleep 1.3; echo $word; done"
    process = await asyncio.create_subprocess_shell(line, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"hello\n")
    said = await asyncio.wait_for(process.stdout.readline(), 60)
    reading = asyncio.create_task(process.stdout.readline())
    await asyncio.sleep(long_in_a_replay())
    process.stdin.close()
    return said, await reading, await process.wait()


async def a_slow_service() -> Any:
    port = free_port()
    _thread.start_new_thread(serve_later, (port, 0.3, 1.3))
    for _ in range(20):
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            break
        except ConnectionRefusedError:
            await asyncio.sleep(BETWEEN_S)
    else:
        raise TimeoutError
    writer.write(b"hello")
    said = await asyncio.wait_for(reader.read(9), 60)
    writer.close()
    await writer.wait_closed()
    return said


ASYNC_WAYS = [wait_for_the_end, wait_long_for_the_end, look_for_the_end, talk_to_a_process, a_slow_service]


@pytest.mark.parametrize("way", ASYNC_WAYS)
def test_a_task_that_waits_outside(way: Callable[[], Awaitable[Any]], home: Path) -> None:
    def run(url: str) -> Any:
        async def main() -> Any:
            async with async_client(url) as client:
                first = words_of(await client.messages.create(**question("0")))
                return first, await way(), words_of(await client.messages.create(**question("1")))

        return asyncio.run(main())

    seen, recording = record(run, echo())
    again, replay = play(recording, run)
    assert again == seen
    assert_followed_but_for_idling(replay, recording, way)


def assert_followed_but_for_idling(replay: Any, recording: Any, way: Any) -> None:
    if way in (pool_of_processes, talk_to_a_process):
        assert (replay.mode, replay.notes) == ("projected", [])
    else:
        assert_followed(replay, recording)


# ── beside calls ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("process_s", "timeout_s", "call_s", "notes"),
    [("0.3", 60, 1.5, [""]), ("1.5", 60, 0.2, ["", "order not proven"]), ("3", None, 0.3, ["order not proven"])],
)
def test_the_order_of_a_process_and_a_call(
    process_s: str, timeout_s: float | None, call_s: float, notes: list[str], home: Path
) -> None:
    """A call that is shorter than a process of more than a second runs side by side with it.

    On a busy machine the process may take more than the second for which all others wait for it, which is noted.
    """

    def run(url: str) -> Any:
        def tool() -> str:
            return f"ended with {subprocess.run(['sleep', process_s], timeout=timeout_s, check=True).returncode}"

        with sync_client(url) as client, ThreadPoolExecutor() as pool:
            jobs = [pool.submit(tool), pool.submit(ask, client, "slow")]
            return ask(client, " then ".join(job.result() for job in as_completed(jobs)))

    seen, recording = record(run, echo({"slow": call_s}))
    again, replay = play(recording, run)
    assert (again, replay.mode) == (seen, "followed")
    assert ", ".join(note.partition(":")[0] for note in replay.notes) in notes
