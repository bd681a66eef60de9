"""The manual's table of blocked connections, row by row: each way is tried, and API requests are counted.

`tests/programs/closing` has the ways. Many are gone in one process, since each process has to load the SDK.
"""

import http.server
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import anthropic
import pytest
from typing_extensions import override

from tests.programs.closing import children as _children  # noqa: F401  it adds its ways
from tests.programs.closing.connections import WAYS
from tests.support.calling import ANSWER, QUESTION
from tests.support.cli import environment, tracekit
from tests.support.manual import section
from tests.support.replays import record
from tracekit.cli import replay as replay_command
from tracekit.cli.child import start_child
from tracekit.journal.reader import read_run
from tracekit.replayer.blocked import blocked_in
from tracekit.replayer.child import REPLAY_VARIABLE, read_reports
from tracekit.replayer.environment import closed_environment

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
MEANINGS = ("refused", "fails", "stopped", "open", "-")
FAR = re.compile(r"anthropic|gethostbyname|TLS|ctypes: posix_spawn", re.IGNORECASE)
"""Ways to a host that is not there without a replay either, or that send nothing."""


class Row(NamedTuple):
    """A row of the table: a way, and how it ends within `tracekit.replay()` and under `tracekit replay`."""

    way: str
    inside: str
    under: str


def table() -> list[Row]:
    """Read the table that stands in the manual below the heading "What is closed"."""
    rows = []
    for line in section("replay", "What is closed").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == 3 and cells[1].strip("`") in MEANINGS:
            inside, under = (cell.strip("`") for cell in cells[1:])
            rows += [Row(way.strip(), inside, under) for way in cells[0].replace("`", "").split(" · ")]
    return rows


ROWS = table()
NUMBERS = {row.way: number for number, row in enumerate(ROWS)}


# ── the API ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class Api(http.server.ThreadingHTTPServer):
    """The live API on each address of this machine, by TCP and UDP; `reached` counts requests by way."""

    address_family = socket.AF_INET6
    daemon_threads = True

    def __init__(self) -> None:
        self.reached: Counter[int] = Counter()
        super().__init__(("::", 0), Handler)
        self.datagrams = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.datagrams.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self.datagrams.bind(("::", self.server_port))

    @override
    def server_bind(self) -> None:
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()

    @override
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A way that breaks off is no error."""

    def hear(self) -> None:
        """Take datagrams until an empty one comes."""
        while data := self.datagrams.recv(1000):
            self.count(data.decode())

    def count(self, text: str) -> None:
        """Count what came."""
        found = re.search(r"/way/(\d+)", text)
        if found is not None:
            self.reached[int(found[1])] += 1

    def heard(self) -> None:
        """Wait until the datagrams that were sent so far are counted, and end that."""
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as last:
            last.sendto(b"", ("::1", self.server_port))


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers everything with one message."""

    protocol_version = "HTTP/1.1"
    server: Api

    def do_GET(self) -> None:
        self.server.count(self.path)
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(ANSWER.body)))
        self.end_headers()
        self.wfile.write(ANSWER.body)

    do_POST = do_GET  # noqa: N815  the name that the server calls

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def api() -> Iterator[Api]:
    server = Api()
    threads = [threading.Thread(target=each) for each in (server.serve_forever, server.hear)]
    for each in threads:
        each.start()
    try:
        yield server
    finally:
        server.heard()
        server.shutdown()
        for each in threads:
            each.join()
        server.server_close()
        server.datagrams.close()


@pytest.fixture
def recorded(api: Api, home: Path) -> Path:
    def program() -> None:
        with anthropic.Anthropic(base_url=f"http://127.0.0.1:{api.server_port}", api_key="key") as client:
            client.messages.create(**QUESTION)

    record(program)
    (found,) = home.rglob("runs/*/*.jsonl")
    return found


# ── the ways ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def go(api: Api, how: str, ways: Sequence[str], recording: Path, home: Path) -> tuple[dict[str, Any], Any]:
    """Go these ways in one process: how each ended, and under `tracekit replay` what that says of the whole."""
    given = [f"{NUMBERS[way]}:{way}" for way in ways]
    program = ["-m", "tests.programs.closing", how, str(api.server_port), str(recording), *given]
    env = environment(home, f"http://127.0.0.1:{api.server_port}", PYTHONWARNINGS="ignore")
    outcome = None
    if how == "under":
        done = tracekit("replay", str(recording), "--format", "json", "--", *program, env=env, timeout=200, cwd=ROOT)
        outcome = {**json.loads(done.stdout), "code": done.returncode}
    else:
        done = subprocess.run(
            [sys.executable, *program], env=env, capture_output=True, text=True, timeout=200, check=False, cwd=ROOT
        )
    return told_in(done.stderr), outcome


def told_in(stderr: str) -> dict[str, Any]:
    told = re.search(r"^TOLD (.*)$", stderr, re.MULTILINE)
    assert told is not None, stderr[-3000:]
    found: dict[str, Any] = json.loads(told[1])
    return found


def missing(told: dict[str, Any]) -> str:
    return f"{told['missing']} is not here" if told.get("missing") else ""


def ended(told: dict[str, Any], reached: int) -> str:
    """Return the end of a way within a replay, in the words of the table, or the full output."""
    match told["raised"], told["mode"], told["why"], bool(reached):
        case "ReplayDivergence", "diverged", "network" | "child", False:
            return "refused"
        case "ReplayImpossible", None, None, False:
            return "stopped"
        case None, "followed", None, False:
            return "fails"
        case None, "followed", None, True:
            return "open"
    return f"{reached} reached it, {told}"


def test_the_table_has_every_way() -> None:
    assert sorted(WAYS) == sorted(NUMBERS)
    assert len(ROWS) == len(NUMBERS) >= 70
    assert {cell for row in ROWS for cell in row[1:]} <= set(MEANINGS)


def test_every_way_reaches_the_api_without_a_replay(
    api: Api, recorded: Path, home: Path, subtests: pytest.Subtests
) -> None:
    ways = [row.way for row in ROWS if not FAR.search(row.way)]
    told, _ = go(api, "free", ways, recorded, home)
    for way in ways:
        with subtests.test(way):
            if missing(told[way]):
                pytest.skip(missing(told[way]))
            assert api.reached[NUMBERS[way]], told[way]


@pytest.mark.parametrize("how", ["inside", "blocked"])
def test_within_a_replay(how: str, api: Api, recorded: Path, home: Path, subtests: pytest.Subtests) -> None:
    """With all connections refused, what leads to another host ends as what leads to the API does."""
    told, _ = go(api, how, [row.way for row in ROWS], recorded, home)
    for row in ROWS:
        with subtests.test(row.way):
            if missing(told[row.way]):
                pytest.skip(missing(told[row.way]))
            assert ended(told[row.way], api.reached[NUMBERS[row.way]]) == row.inside


@pytest.mark.parametrize("expected", ["stopped", "fails"])
def test_under_tracekit_replay(expected: str, api: Api, recorded: Path, home: Path, subtests: pytest.Subtests) -> None:
    """A way that is open is tried together with a way that fails: the replay is followed in both."""
    rows = [row for row in ROWS if row.under == expected or (expected == "fails" and row.under == "open")]
    told, outcome = go(api, "under", [row.way for row in rows], recorded, home)
    for row in rows:
        with subtests.test(row.way):
            if missing(told[row.way]):
                pytest.skip(missing(told[row.way]))
            assert bool(api.reached[NUMBERS[row.way]]) == (row.under == "open"), told[row.way]
            assert bool(told[row.way]["raised"]) == (expected == "stopped"), told[row.way]
    assert (outcome["replay"], outcome["code"]) == {"stopped": (None, 125), "fails": ("followed", 0)}[expected], outcome


@pytest.mark.parametrize("module", ["connections", "children"])
def test_what_is_refused_under_tracekit_replay(
    module: str, api: Api, recorded: Path, home: Path, subtests: pytest.Subtests, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command waits briefly for a program that has left, so the ways are tried in a child process."""
    for name, value in environment(home, f"http://127.0.0.1:{api.server_port}").items():
        monkeypatch.setenv(name, value)
    rows = [row for row in ROWS if row.under == "refused" and WAYS[row.way].__module__.endswith(module)]
    task = replay_command._task(read_run([recorded]), [recorded], (), None, block_network=False)
    folder = Path(task.folder)
    program = ["-m", "tests.programs.closing", "under", str(api.server_port), str(recorded)]
    given = [f"{NUMBERS[row.way]}:{row.way}" for row in rows]
    variables = {REPLAY_VARIABLE: task.dumps()}
    done = start_child([sys.executable, *program, *given], variables, closed_environment(os.environ), stderr=-1)
    told = told_in(done.communicate(timeout=200)[1].decode())
    left = sum(what == "divergence" for what, *_ in read_reports(folder))
    left += len(list(blocked_in(folder)))
    shutil.rmtree(folder)
    for row in rows:
        with subtests.test(row.way):
            if missing(told[row.way]):
                pytest.skip(missing(told[row.way]))
            assert not api.reached[NUMBERS[row.way]], told[row.way]
            if module == "connections" and row.way != "a thread":
                assert told[row.way]["raised"], told[row.way]
    if module == "children":
        # Each process that was started has left the recording, and has told so.
        assert left >= len(rows)


def test_a_refused_way_is_told_by_the_command(api: Api, recorded: Path, home: Path) -> None:
    """The program's own output is not read: the program is ended long after it has left the recording."""
    program = [
        "-m",
        "tests.programs.closing",
        "under",
        str(api.server_port),
        str(recorded),
        f"{NUMBERS['os.system']}:os.system",
    ]
    env = environment(home, f"http://127.0.0.1:{api.server_port}", PYTHONWARNINGS="ignore")
    done = tracekit("replay", str(recorded), "--format", "json", "--", *program, env=env, timeout=200, cwd=ROOT)
    outcome = json.loads(done.stdout)
    assert (outcome["replay"], done.returncode, outcome["divergence"]["why"]) == ("diverged", 1, "network")
    assert not api.reached
