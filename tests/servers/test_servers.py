"""After a bare `init()`, each request, task and job is one run, under real servers."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.support.cli import environment
from tests.support.ports import free_port
from tests.support.recording import recordings, spans
from tests.support.waiting import LONG_S, eventually
from tracekit.demo.claude import ScriptedClaude, message, reply, text

pytestmark = [
    pytest.mark.servers,
    pytest.mark.skipif("SERVED_REQUESTS" not in os.environ, reason="set SERVED_REQUESTS to how many requests to make"),
]

HERE = Path(__file__).parent
REQUESTS = int(os.environ.get("SERVED_REQUESTS", "200"))
CALLS = 3
CONNECTIONS = 8
LIMIT_S = 100


@pytest.fixture
def claude() -> Iterator[ScriptedClaude]:
    with ScriptedClaude(lambda asked: reply(asked, message(text("Yes.")))) as server:
        yield server


@contextmanager
def running(
    command: Sequence[str], claude: ScriptedClaude, home: Path, **variables: str
) -> Iterator[subprocess.Popen[bytes]]:
    """The server `command` while it runs, in a group of its own with the processes that it starts."""
    env = {**environment(home, claude.url), "PYTHONPATH": str(HERE), **variables}
    with (home.parent / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *command], env=env, cwd=HERE, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield process
    finally:
        with_group = signal.SIGTERM if process.poll() is None else signal.SIGKILL
        for sent in (with_group, signal.SIGKILL):
            try:
                os.killpg(process.pid, sent)
                process.wait(LONG_S)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue
        print((home.parent / "log").read_text()[-4000:])


def wait_for(is_so: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    eventually(lambda: is_so() or process.poll() is not None, lambda: "the server hangs", within_s=LIMIT_S)
    assert process.poll() is None, "the server has ended"


def is_up(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def get_all(port: int, paths: Sequence[str]) -> None:
    """Ask for each of the `paths` and a number, over eight connections, of which every second is kept for all."""

    def get(first: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT_S)
        with closing(connection):
            for number in range(first, REQUESTS, CONNECTIONS):
                connection.request("GET", f"{paths[number // CONNECTIONS % len(paths)]}/{number}")
                response = connection.getresponse()
                assert response.status == 200, response.read()
                response.read()
                if first % 2:
                    connection.close()

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(get, range(CONNECTIONS)))


def assert_each_is_a_run(pieces: int = REQUESTS) -> None:
    """Each piece of work is one run with all of its calls, and no call of another."""
    found: Counter[str] = Counter()
    for run in recordings():
        asked = [json.loads(each.request.body or b"")["messages"][0]["content"] for each in run.exchanges.values()]
        numbers = {words.split()[0] for words in asked}
        assert len(numbers) == 1, f"merged: {sorted(asked)}"
        assert len(asked) == len(spans(run, "llm")) == CALLS, f"split: {sorted(asked)}"
        assert all(span.status == "ok" for span in run.spans.values())
        found.update(numbers)
    assert found == {str(number): 1 for number in range(pieces)}


UVICORN = ["-m", "uvicorn", "--factory", "served:fast", "--port"]
PATIENT = ["--timeout-worker-healthcheck", "100"]
"""A worker that loads the SDK on a busy machine may not answer for a while."""
GUNICORN = ["-m", "gunicorn", "served:flask()", "--workers"]


@pytest.mark.parametrize(
    ("command", "paths"),
    [
        pytest.param([*UVICORN, "PORT", "--workers", "2", *PATIENT], ["/async", "/sync"], id="uvicorn, two workers"),
        pytest.param([*UVICORN, "PORT", "--reload"], ["/async", "/sync"], id="uvicorn, reload"),
        pytest.param([*UVICORN, "PORT", "--loop", "asyncio"], ["/async", "/sync"], id="uvicorn, asyncio"),
        pytest.param(["served.py", "aiohttp", "PORT"], ["/async"], id="aiohttp"),
        pytest.param(["served.py", "flask", "PORT"], ["/sync"], id="flask, threaded"),
        pytest.param(["served.py", "handler", "PORT"], ["/sync"], id="http.server"),
        pytest.param(
            [*GUNICORN, "1", "-k", "gthread", "--threads", "4", "-b", ":PORT"], ["/sync"], id="gunicorn, threads"
        ),
        pytest.param([*GUNICORN, "2", "-b", ":PORT"], ["/sync"], id="gunicorn, prefork"),
    ],
)
def test_request_is_a_run(command: list[str], paths: list[str], home: Path, claude: ScriptedClaude) -> None:
    port = free_port()
    with running([part.replace("PORT", str(port)) for part in command], claude, home) as process:
        wait_for(lambda: is_up(port), process)
        get_all(port, paths)
    assert_each_is_a_run()


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_task_is_a_run(pool: str, home: Path, claude: ScriptedClaude, tmp_path: Path) -> None:
    (tmp_path / "broker" / "done").mkdir(parents=True)
    folder = str(tmp_path / "broker")
    command = ["-m", "celery", "-A", "served", "worker", "--concurrency", "2", "--pool", pool]
    producer = f"import served; [served.celery.send_task('work', [str(n)]) for n in range({REQUESTS})]"
    with running(["-c", producer], claude, home, SERVED_BROKER=folder) as process:
        assert process.wait(LIMIT_S) == 0
    with running(command, claude, home, SERVED_BROKER=folder) as process:
        wait_for(lambda: len(claude.asked) == CALLS * REQUESTS, process)
        time.sleep(0.5)
    assert_each_is_a_run()


@pytest.mark.parametrize("kind", ["background", "blocking", "asyncio"])
def test_job_is_a_run(kind: str, home: Path, claude: ScriptedClaude) -> None:
    with running(["served.py", kind, "0"], claude, home, SERVED_JOBS=str(REQUESTS)) as process:
        assert process.wait(LIMIT_S) == 0
    assert_each_is_a_run()
