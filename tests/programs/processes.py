"""A program whose work is done in several processes: `processes.py SCENARIO START-METHOD URL`."""

import multiprocessing
import os
import signal
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.pool import Pool
from typing import Any

import tracekit

if __name__ == "__main__":
    SCENARIO, METHOD, URL = sys.argv[1:]
    CONTEXT: Any = multiprocessing.get_context(METHOD)
    BASE: Any = CONTEXT.Process
else:
    BASE = multiprocessing.get_context("spawn").Process


@tracekit.tool
def work(n: int) -> int:
    """One piece of work. It may be given from anywhere."""
    return n * n


@tracekit.tool
def pair(n: int, m: int) -> int:
    """The same with two arguments."""
    return n * m


def ask(url: str, words: str) -> None:
    """Call Claude."""
    import anthropic

    client = anthropic.Anthropic(base_url=url, api_key="key")
    client.messages.create(model="claude-sonnet-5", max_tokens=9, messages=[{"role": "user", "content": words}])
    client.close()


def child(url: str, n: int) -> None:
    """Run one task, in a process that is started for it."""
    with tracekit.agent("child"):
        work(n)
        if url:
            ask(url, f"child {n}")


class Child(BASE):  # type: ignore[misc]  # the start method's own class
    """A process by inheritance."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.n = n

    def run(self) -> None:
        """Do the work."""
        child("", self.n)


def leave_open(how: str) -> None:
    """A process that goes with a span open."""
    tracekit.agent(how).__enter__()
    if how == "exit":
        os._exit(3)
    if how == "term":
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(20)
    if how == "raise":
        sys.exit(4)


def processes() -> None:
    """Processes by target and by inheritance, each given from a tool of its own."""
    with tracekit.run("processes"), tracekit.agent("lead"):
        for n in range(4):
            with tracekit.tool("give", input={"n": n}):
                process = Child(n) if n % 2 else CONTEXT.Process(target=child, args=(URL if n == 0 else "", n))
                process.start()
                assert "run" not in process.__dict__
                process.join()
                assert process.exitcode == 0
    process = CONTEXT.Process(target=child, args=("", 99))
    process.start()
    process.join()


def abrupt() -> None:
    """Processes that end in other ways than by returning."""
    with tracekit.run("abrupt"), tracekit.agent("lead"):
        for how, code in (("exit", 3), ("term", -15), ("raise", 4), ("return", 0)):
            process = CONTEXT.Process(target=leave_open, args=(how,))
            process.start()
            process.join()
            assert process.exitcode == code, (how, process.exitcode)


def executor() -> None:
    """A pool that serves several runs, and code outside of any."""
    with ProcessPoolExecutor(2, mp_context=CONTEXT) as pool:
        for name in ("first", "second"):
            with tracekit.run(name), tracekit.agent("lead"):
                for n in range(4):
                    with tracekit.tool("give", input={"n": n}):
                        assert pool.submit(work, n).result() == n * n
                with tracekit.tool("give", input={"n": -1}):
                    assert list(pool.map(work, range(10, 20), chunksize=5)) == [n * n for n in range(10, 20)]
        assert pool.submit(work, 7).result() == 49


def pool() -> None:
    """The same with `multiprocessing.Pool`, and every method that takes a function."""
    with CONTEXT.Pool(2) as workers:
        use(workers)
        assert workers.apply(work, (7,)) == 49
        workers.close()
        workers.join()


def use(workers: Pool) -> None:
    """Give work in each of the pool's ways."""
    for name in ("first", "second"):
        with tracekit.run(name), tracekit.agent("lead"):
            ways: list[Any] = [
                lambda n: workers.apply(work, (n,)),
                lambda n: workers.apply_async(func=work, args=(n,)).get(),
                lambda n: workers.map(work, [n, n]),
                lambda n: workers.map_async(work, [n]).get(),
                lambda n: workers.starmap(pair, [(n, 2)]),
                lambda n: workers.starmap_async(pair, [(n, 2)]).get(),
                lambda n: list(workers.imap(work, [n])),
                lambda n: list(workers.imap_unordered(work, [n], chunksize=2)),
            ]
            for n, way in enumerate(ways):
                with tracekit.tool("give", input={"n": n}):
                    way(n)


def main() -> None:
    """Run the scenario."""
    if SCENARIO == "early":
        workers = CONTEXT.Pool(2)
        workers.map(abs, range(10))
        tracekit.init()
        use(workers)
        workers.close()
        workers.join()
        return
    tracekit.init()
    {"processes": processes, "abrupt": abrupt, "executor": executor, "pool": pool}[SCENARIO]()


if __name__ == "__main__":
    main()
