"""Programs that fork by themselves: `forks.py SCENARIO URL`."""

import fcntl
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import anthropic

import tracekit
from tracekit.journal.catalog import segments_of
from tracekit.journal.liveness import is_alive

SCENARIO, URL = sys.argv[1:]


def ask(words: str) -> None:
    """Call Claude, with a client of this process's own."""
    client = anthropic.Anthropic(base_url=URL, api_key="key")
    client.messages.create(model="claude-sonnet-5", max_tokens=9, messages=[{"role": "user", "content": words}])
    client.close()


def inherited() -> list[str]:
    """The parent's segments to which this process has a descriptor."""
    held = []
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            name = str(descriptor.readlink())
        except OSError:
            continue
        if name.endswith((".jsonl", ".new")) and f".{os.getpid()}." not in name:
            held.append(name)
    return held


def wait(pid: int) -> None:
    """Wait for a child, which must have ended well, within 20 seconds."""
    until = time.monotonic() + 20
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            assert os.waitstatus_to_exitcode(status) == 0, os.waitstatus_to_exitcode(status)
            return
        assert time.monotonic() < until, "the child hangs"
        time.sleep(0.001)


def within_run() -> None:
    """Fork inside an open run; both leave its blocks."""
    with tracekit.run("shared") as run:
        with tracekit.tool("before"):
            pass
        with tracekit.agent("lead"):
            pid = os.fork()
            if pid == 0:
                assert inherited() == []
                ask("child")
                with tracekit.tool("in the child"):
                    pass
            else:
                wait(pid)
                (own,) = [path for path in segments_of(run.id) if f".{os.getpid()}." in path.name]
                assert is_alive(own), "the child's end has not taken the parent's lock"
                ask("parent")
    if pid == 0:
        # As a program that returns from `main`.
        sys.exit(0)


def before_anything() -> None:
    """Fork inside blocks of which nothing is written yet, and inside another library's span."""
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider

    trace.set_tracer_provider(TracerProvider())
    with tracekit.run("quiet"):
        pid = os.fork()
        if pid == 0:
            ask("child")
            os._exit(0)
        wait(pid)
    with trace.get_tracer("web").start_as_current_span("GET /"):
        pid = os.fork()
        if pid == 0:
            ask("child of a request")
            os._exit(0)
        wait(pid)
        ask("parent of the request")
        time.sleep(0.01)


def prefork() -> None:
    """A server: the parent begins to record, four workers make calls in runs of their own."""
    pids = []
    for worker in range(4):
        pid = os.fork()
        if pid == 0:
            for number in range(5):
                with tracekit.run(f"request {worker}.{number}"), tracekit.agent("lead"):
                    ask(f"{worker} {number}")
            os._exit(0)
        pids.append(pid)
    for pid in pids:
        wait(pid)


def busy() -> None:
    """Fork while other threads write, open and close segments all the time."""
    stop = threading.Event()

    def write(name: str) -> None:
        while not stop.is_set():
            with tracekit.run(name), tracekit.agent("lead"), tracekit.tool("step", input={"text": "x" * 20_000}):
                pass

    def write_on() -> None:
        with tracekit.run("long"), tracekit.agent("lead"):
            while not stop.is_set():
                with tracekit.tool("step"):
                    pass

    sys.setswitchinterval(1e-4)
    threads = [
        threading.Thread(target=target, args=args, daemon=True)
        for target, args in ((write, ("short",)), (write, ("short",)), (write_on, ()))
    ]
    for thread in threads:
        thread.start()
    with tracekit.run("forking"), tracekit.agent("lead"):
        for number in range(120):
            pid = os.fork()
            if pid == 0:
                held = inherited()
                if held:
                    os.write(2, f"inherited {held}\n".encode())
                    os._exit(7)
                with tracekit.run(f"forked {number}"), tracekit.agent("lead"):
                    pass
                os._exit(0)
            wait(pid)
    stop.set()
    for thread in threads:
        thread.join()


def inheriting() -> None:
    """A child that keeps every descriptor for a while, as one that is forked by a library in C would."""
    with tracekit.run("kept") as run, tracekit.agent("lead"):
        (own,) = segments_of(run.id)
        kept = _descriptor_of(own)
        copy = os.dup(kept)
        os.set_inheritable(copy, True)
        pid = os.fork()
        if pid == 0:
            os.close(copy)
            os._exit(0)
        wait(pid)
        assert is_alive(own)
        os.close(copy)
        assert is_alive(own)
        with own.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                pass
            else:
                raise AssertionError("the lock is gone")
        with tracekit.tool("after"):
            pass


def _descriptor_of(path: Path) -> int:
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            if str(descriptor.readlink()) == str(path):
                return int(descriptor.name)
        except OSError:
            continue
    raise AssertionError(path)


def main() -> None:
    """Run the scenario."""
    tracekit.init()
    scenarios: dict[str, Any] = {
        "within_run": within_run,
        "before_anything": before_anything,
        "prefork": prefork,
        "busy": busy,
        "inheriting": inheriting,
    }
    scenarios[SCENARIO]()


if __name__ == "__main__":
    main()
