"""A script that asks in every way, and never says what belongs together: `fan_outs.py [DRY]`."""

import asyncio
import multiprocessing
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import anthropic

import tracekit


def request(words: str) -> dict[str, Any]:
    """A request."""
    return {"model": "claude-sonnet-5", "max_tokens": 9, "messages": [{"role": "user", "content": words}]}


def ask(words: str) -> None:
    """Ask with a client of its own."""
    with anthropic.Anthropic() as client:
        client.messages.create(**request(words))


async def ask_at_once() -> None:
    """Ask in tasks, and in threads of the loop."""
    async with anthropic.AsyncAnthropic() as client:
        await asyncio.gather(*(client.messages.create(**request(f"task {n}")) for n in range(3)))
        await asyncio.to_thread(ask, "to a thread")


def main() -> None:
    """Fan out first, then ask alone."""
    tracekit.init()
    if sys.argv[1:] == ["count"]:
        with anthropic.Anthropic() as client:
            client.messages.count_tokens(model="claude-sonnet-5", messages=request("x")["messages"])
        return
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as processes:
        processes.submit(ask, "process").result()
    asyncio.run(ask_at_once())
    thread = threading.Thread(target=ask, args=("thread",))
    thread.start()
    thread.join()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(ask, ["job 0", "job 1"]))
    ask("alone")
    if sys.argv[1:] == ["fail"]:
        raise ValueError("bad")


if __name__ == "__main__":
    main()
