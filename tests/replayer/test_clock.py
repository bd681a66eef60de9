"""The clock under threads: exact without a standstill, and no hang where it cannot see who waits for whom."""

from __future__ import annotations

import _thread
import asyncio
import concurrent.futures
import queue
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest

import tracekit
from tests.support.replaying import (
    assert_followed,
    async_client,
    busy,
    echo,
    play,
    question,
    record,
    sync_client,
    words_of,
)
from tests.support.waiting import LONG_S

DELAYS = {str(number): 0.02 + 0.03 * (number * 7 % 5) for number in range(5)}
FAR_APART = {words: 6 * delay_s for words, delay_s in DELAYS.items()}
"""Delays for programs whose threads must all have asked before the first answer, however busy the machine is."""


def ask(client: Any, words: str) -> str:
    return words_of(client.messages.create(**question(words)))


# ── ways in which threads wait for each other ────────────────────────────────────────────────────────────────────────


def pool_with_queue(client: Any) -> Any:
    """A pool with more jobs than workers."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda words: ask(client, words), DELAYS))


def pool_that_waits(client: Any) -> Any:
    with ThreadPoolExecutor(5) as pool:
        jobs = [pool.submit(ask, client, words) for words in DELAYS]
        concurrent.futures.wait(jobs, return_when=concurrent.futures.FIRST_COMPLETED)
        first = [number for number, job in enumerate(jobs) if job.done()]
        return first, [job.result() for job in jobs]


def pool_with_callbacks(client: Any) -> Any:
    order: list[str] = []
    with ThreadPoolExecutor(5) as pool:
        for words in DELAYS:
            pool.submit(ask, client, words).add_done_callback(lambda job: order.append(job.result()))
    return order


def pool_with_cancelled(client: Any) -> Any:
    with ThreadPoolExecutor(1) as pool:
        jobs = [pool.submit(ask, client, words) for words in DELAYS]
        cancelled = [job.cancel() for job in jobs[2:4]]
        return cancelled, [job.result() for job in jobs if not job.cancelled()]


def pool_shut_down(client: Any) -> Any:
    pool = ThreadPoolExecutor(1)
    jobs = [pool.submit(ask, client, words) for words in DELAYS]
    jobs[0].result()
    time.sleep(0.001)
    pool.shutdown(wait=True, cancel_futures=True)
    return [job.cancelled() or job.result() for job in jobs]


def pool_that_fails(client: Any) -> Any:
    def one(words: str) -> str:
        if words == "2":
            time.sleep(0.01)
            raise ValueError(words)
        return ask(client, words)

    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(one, words) for words in DELAYS]
        return [repr(job.exception()) if job.exception() else job.result() for job in jobs]


def pool_in_a_pool(client: Any) -> Any:
    def two(words: str) -> list[str]:
        with ThreadPoolExecutor(2) as inner:
            return list(inner.map(lambda each: ask(client, each), [f"{words} a", f"{words} b"]))

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(two, DELAYS))


def event(client: Any) -> Any:
    told, said = threading.Event(), []

    def first() -> None:
        said.append(ask(client, "0"))
        told.set()

    def second() -> None:
        told.wait()
        said.append(ask(client, "1"))

    threads = [threading.Thread(target=each) for each in (second, first)]
    for thread in threads:
        thread.start()
    said.append(ask(client, "2"))
    for thread in threads:
        thread.join()
    return sorted(said)


def producer(client: Any) -> Any:
    """A participant that waits until another one takes a value from a queue."""
    items: queue.Queue[str | None] = queue.Queue(1)
    said = []

    def produce() -> None:
        for words in DELAYS:
            items.put(ask(client, words))
        items.put(None)

    thread = threading.Thread(target=produce)
    thread.start()
    while (item := items.get()) is not None:
        said.append(ask(client, f"and {item}"))
    thread.join()
    return said


def timeouts(client: Any) -> Any:
    """Waits with a timeout end by the clock."""
    never = threading.Event()
    seen: list[Any] = []
    empty: queue.Queue[int] = queue.Queue()
    thread = threading.Thread(target=ask, args=(client, "slow"), daemon=True)
    thread.start()
    seen.append(never.wait(0.03))
    try:
        empty.get(timeout=0.03)
    except queue.Empty:
        seen.append("empty")
    thread.join(0.03)
    seen.append(thread.is_alive())
    try:
        Future[int]().result(timeout=0.03)
    except concurrent.futures.TimeoutError:
        seen.append("no result")
    condition = threading.Condition()
    with condition:
        seen.append(condition.wait_for(lambda: False, timeout=0.03))
    seen.append(threading.Semaphore(0).acquire(timeout=0.03))
    seen.append(ask(client, "0"))
    thread.join(30)
    seen.append(thread.is_alive())
    return seen


def barrier(client: Any) -> Any:
    meet, said = threading.Barrier(3), {}

    def one(words: str) -> None:
        ask(client, words)
        meet.wait()
        said[words] = ask(client, f"then {words}")

    threads = [threading.Thread(target=one, args=(words,)) for words in list(DELAYS)[:3]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(said.items())


def semaphore(client: Any) -> Any:
    limit = threading.Semaphore(2)

    def one(words: str) -> str:
        # Who comes first is not the scheduler's choice.
        time.sleep(0.02 * int(words))
        with limit:
            return ask(client, words)

    with ThreadPoolExecutor(5) as pool:
        return list(pool.map(one, DELAYS))


def timer(client: Any) -> Any:
    said: list[str] = []
    later = threading.Timer(0.05, lambda: said.append(ask(client, "later")))
    later.start()
    said.append(ask(client, "slow"))
    later.join()
    return said


def heartbeat(client: Any) -> Any:
    """A daemon that sleeps for ever, and outlives the replay."""

    def beat() -> None:
        while not over.is_set():
            time.sleep(0.01)

    over = threading.Event()
    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    said = [ask(client, words) for words in DELAYS]
    threading.Timer(0.0, over.set).start()
    return said


def loop_in_a_thread(client: Any) -> Any:
    """A loop on a thread of its own, given work from outside."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def one(words: str) -> str:
        async with async_client(str(client.base_url)) as own:
            return words_of(await own.messages.create(**question(words)))

    given = [asyncio.run_coroutine_threadsafe(one(words), loop) for words in DELAYS]
    said = [ask(client, "mine"), *[each.result() for each in given]]
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
    return said


def many_loops(client: Any) -> Any:
    async def one(words: str) -> str:
        async with async_client(str(client.base_url)) as own:
            await asyncio.sleep(0.01)
            return words_of(await own.messages.create(**question(words)))

    return [asyncio.run(one(words)) for words in DELAYS]


SEEN = [
    pool_with_queue,
    pool_that_waits,
    pool_with_callbacks,
    pool_with_cancelled,
    pool_shut_down,
    pool_that_fails,
    pool_in_a_pool,
    event,
    producer,
    timeouts,
    barrier,
    semaphore,
    timer,
    heartbeat,
    loop_in_a_thread,
    many_loops,
]


def program(way: Callable[[Any], Any]) -> Callable[[str], Any]:
    def run(url: str) -> Any:
        with sync_client(url) as client:
            ask(client, "warm")
            return way(client)

    return run


@pytest.mark.parametrize("way", SEEN)
def test_threads_follow_to_the_nanosecond(way: Callable[[Any], Any], home: Path) -> None:
    delays_s = FAR_APART if way in (pool_that_waits, pool_with_callbacks) else DELAYS
    seen, recording = record(program(way), echo({**delays_s, "slow": 0.3}))
    for _ in range(2):
        again, replay = play(recording, program(way))
        assert again == seen
        assert_followed(replay, recording)


@pytest.mark.parametrize("way", [pool_with_queue, pool_in_a_pool, event, barrier])
@pytest.mark.slow
def test_a_hundred_replays_under_load_are_the_same(way: Callable[[Any], Any], home: Path) -> None:
    seen, recording = record(program(way), echo(DELAYS))
    with busy():
        for _ in range(25):
            again, replay = play(recording, program(way))
            assert again == seen
            assert_followed(replay, recording)


# ── what is not seen ─────────────────────────────────────────────────────────────────────────────────────────────────


def lock(client: Any) -> Any:
    mine = threading.Lock()

    def one(words: str) -> str:
        with mine:
            return ask(client, words)

    with ThreadPoolExecutor(3) as pool:
        return list(pool.map(one, list(DELAYS)[:3]))


def test_behind_a_lock_the_order_is_not_proven(home: Path) -> None:
    seen, recording = record(program(lock), echo(DELAYS))
    again, replay = play(recording, program(lock))
    assert again == seen
    assert [note.partition(":")[0] for note in replay.notes] == ["order not proven"]


class Slow(BaseHTTPRequestHandler):
    """A service that a tool asks."""

    def do_GET(self) -> None:
        _real_sleep(0.15)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"found")

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


_real_sleep = time.sleep


@pytest.fixture
def service() -> Any:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_a_tool_that_asks_a_service_does_so(service: str, home: Path) -> None:
    """Long enough to be no standstill; and a timeout of the tool's is not over before the answer."""

    def run(url: str) -> Any:
        async def tool() -> str:
            async with httpx2.AsyncClient(timeout=5, trust_env=False) as outside:
                return (await outside.get(service)).text

        async def main() -> Any:
            async with async_client(url) as client:
                first, found, in_thread = await asyncio.gather(
                    client.messages.create(**question("0")), tool(), asyncio.to_thread(fetch)
                )
                return words_of(first), found, in_thread, words_of(await client.messages.create(**question("1")))

        def fetch() -> str:
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(service) as found:
                return str(found.read().decode())

        return asyncio.run(main())

    seen, recording = record(run, echo(DELAYS))
    again, replay = play(recording, run)
    assert (again, replay.mode, replay.notes) == (seen, "followed", [])


def test_processes_of_tools_run(home: Path) -> None:
    command = [sys.executable, "-c", "import time; time.sleep(0.2); print('ran')"]

    def run(url: str) -> Any:
        async def tool() -> str:
            process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
            out, _ = await process.communicate()
            return out.decode().strip()

        def in_thread() -> str:
            return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

        async def main() -> Any:
            async with async_client(url) as client:
                first = words_of(await client.messages.create(**question("0")))
                found = await asyncio.gather(tool(), asyncio.to_thread(in_thread))
                return first, found, words_of(await client.messages.create(**question("1")))

        return asyncio.run(main())

    seen, recording = record(run, echo(DELAYS))
    again, replay = play(recording, run)
    assert (again, replay.mode, replay.notes) == (seen, "followed", [])


# ── the end of a replay ──────────────────────────────────────────────────────────────────────────────────────────────


def test_what_outlives_a_replay_goes_on_in_real_time(home: Path) -> None:
    slept: list[float] = []
    go = threading.Event()

    def run(url: str) -> Any:
        with sync_client(url) as client:
            said = ask(client, "0")

            def later() -> None:
                time.sleep(1000)
                go.wait()
                began = time.monotonic()
                time.sleep(0.05)
                slept.append(time.monotonic() - began)

            if url.endswith(":9"):
                threading.Thread(target=later, name="later", daemon=True).start()
            return said

    _, recording = record(run, echo())
    play(recording, run)
    go.set()
    (left,) = [thread for thread in threading.enumerate() if thread.name == "later"]
    left.join(LONG_S)
    assert slept
    assert slept[0] >= 0.05


def test_an_interrupt_ends_a_replay_and_the_next_one_is_none_the_worse(home: Path) -> None:
    interrupted: list[bool] = []

    def run(url: str) -> Any:
        with sync_client(url) as client, ThreadPoolExecutor(2) as pool:
            said = pool.submit(ask, client, "0")
            if url.endswith(":9") and not interrupted:
                interrupted.append(True)
                _thread.interrupt_main()
            return said.result(), ask(client, "1")

    seen, recording = record(run, echo(DELAYS))
    with pytest.raises(KeyboardInterrupt):
        play(recording, run)
    again, replay = play(recording, run)
    assert again == seen
    assert_followed(replay, recording)


def test_a_loop_of_pytest_asyncio_has_its_own_time_again(home: Path) -> None:
    def run(url: str) -> Any:
        async def main() -> Any:
            async with async_client(url) as client:
                return words_of(await client.messages.create(**question("0")))

        return asyncio.run(main())

    _, recording = record(run, echo())

    async def test() -> float:
        before = asyncio.get_running_loop().time()
        with tracekit.replay(recording), tracekit.run("it"):
            async with async_client("http://127.0.0.1:9") as client:
                assert words_of(await client.messages.create(**question("0"))) == "re: 0"
                await asyncio.sleep(50)
        assert asyncio.get_running_loop().time() - before > 50
        began = time.monotonic()
        await asyncio.sleep(0.05)
        return time.monotonic() - began

    assert asyncio.run(test()) >= 0.05
