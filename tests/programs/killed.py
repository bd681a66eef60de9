"""Starts programs that call Claude in many ways, kills each at some moment, and prints the calls that had finished.

`killed.py URL COUNT SEED`. Loading the SDK takes seconds, so each program is a fork of this process, which has loaded
the SDK and nothing of tracekit; `init()` is called inside the program.
"""

import asyncio
import json
import os
import random
import signal
import sys
import threading
import time
from typing import Any

import anthropic

URL, COUNT, SEED = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
AT_ONCE = 4
QUESTION: Any = {"model": "claude-sonnet-5", "max_tokens": 99}


def program(number: int, tell: int) -> None:
    """Call Claude from three tasks and two threads; after each call, write its name to `tell`."""
    import tracekit

    tracekit.init()

    def messages(name: str) -> Any:
        return [{"role": "user", "content": f"{name} " * 200}]

    def finished(name: str) -> None:
        os.write(tell, f"{name}\n".encode())

    def in_thread(client: anthropic.Anthropic, who: str) -> None:
        for turn in range(10_000):
            name = f"{number}.{who}.{turn}"
            with tracekit.tool("call", call_id=name):
                client.messages.create(**QUESTION, messages=messages(name))
            finished(name)

    async def in_task(client: anthropic.AsyncAnthropic, who: str) -> None:
        for turn in range(10_000):
            name = f"{number}.{who}.{turn}"
            with tracekit.tool("call", call_id=name):
                async with client.messages.stream(**QUESTION, messages=messages(name)) as stream:
                    async for _ in stream:
                        pass
            finished(name)

    async def main() -> None:
        client = anthropic.Anthropic(base_url=URL, api_key="key")
        with tracekit.run(f"program {number}"), tracekit.agent("lead"):
            threads = [threading.Thread(target=in_thread, args=(client, f"thread{n}"), daemon=True) for n in range(2)]
            for thread in threads:
                thread.start()
            async with anthropic.AsyncAnthropic(base_url=URL, api_key="key") as streaming:
                await asyncio.gather(*(in_task(streaming, f"task{n}") for n in range(3)))

    asyncio.run(main())


def begin(number: int) -> tuple[int, int]:
    """Start a program; returns its pid and the end of a pipe on which it says what it has finished."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        try:
            program(number, write)
        finally:
            os._exit(9)
    os.close(write)
    return pid, read


def finished_calls(read: int, least: int) -> bytes:
    """Wait until the program has finished `least` calls; returns the lines that say so."""
    data = b""
    while data.count(b"\n") < least and (piece := os.read(read, 1 << 16)):
        data += piece
    return data


def kill(pid: int, read: int, data: bytes) -> dict[str, Any]:
    """Kill the program, which has said `data`; returns what it had finished, and whether its journal was alive."""
    from tracekit.journal.catalog import all_runs
    from tracekit.journal.liveness import is_alive

    paths = [path for run in all_runs() for path in run.paths if f".{pid}." in path.name]
    before = [is_alive(path) for path in paths]
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL, status
    after = [is_alive(path) for path in paths]
    while piece := os.read(read, 1 << 16):
        data += piece
    os.close(read)
    # What is cut was written no further than that: the call had returned before.
    return {"pid": pid, "finished": data.decode().split(), "alive": before, "alive_after": after}


def main() -> None:
    """Keep a few programs going, each until its moment has come: shortly after some finished calls, or at any time."""
    rng = random.Random(SEED)
    running: list[tuple[int, int]] = []
    results: list[dict[str, Any]] = []
    number = 0
    while len(results) < COUNT:
        while len(running) < AT_ONCE and number < COUNT:
            pid, read = begin(number)
            running.append((pid, read))
            number += 1
        pid, read = running.pop(0)
        data = finished_calls(read, rng.randint(5, 12)) if len(results) % 4 else b""
        time.sleep(rng.uniform(0.0, 0.02 if data else 0.3))
        results.append(kill(pid, read, data))
    print(json.dumps(results))


if __name__ == "__main__":
    main()
