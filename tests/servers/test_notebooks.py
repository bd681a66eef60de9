"""After a bare `init()` in a notebook, each cell is one run, under a real kernel."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import environment
from tests.support.recording import recordings, spans
from tracekit.demo.claude import ScriptedClaude, message, reply, text

pytestmark = [
    pytest.mark.servers,
    pytest.mark.skipif("SERVED_REQUESTS" not in os.environ, reason="set SERVED_REQUESTS to how many requests to make"),
]

CELLS = [
    "import served",
    "served.work('1')",
    "await served.work_async('2')",
    "import asyncio; late = asyncio.create_task(served.work_async('3'))",
    "await asyncio.gather(late, served.work_async('4'))",
    "def both(number): return served.work(number)",
    "both('6'); served.ask('6', 'more')",
]


@pytest.fixture
def claude() -> Iterator[ScriptedClaude]:
    with ScriptedClaude(lambda asked: reply(asked, message(text("Yes.")))) as server:
        yield server


@pytest.mark.parametrize(("session", "name"), [("/home/me/report.ipynb", "report"), ("", "notebook")])
def test_cell_is_a_run(session: str, name: str, home: Path, claude: ScriptedClaude) -> None:
    from jupyter_client.manager import KernelManager

    env = {**environment(home, claude.url), "PYTHONPATH": str(Path(__file__).parent), "JPY_SESSION_NAME": session}
    manager = KernelManager()
    manager.start_kernel(env=env)
    try:
        client = manager.client()
        client.start_channels()
        client.wait_for_ready(timeout=90)
        for cell in CELLS:
            answer = client.execute_interactive(cell, timeout=90, output_hook=print)
            assert answer["content"]["status"] == "ok", answer["content"]
        client.stop_channels()
    finally:
        manager.shutdown_kernel()
    found = {}
    for run in recordings():
        asked = [json.loads(each.request.body or b"")["messages"][0]["content"] for each in run.exchanges.values()]
        (number,) = {words.split()[0] for words in asked}
        assert number not in found, "split"
        found[number] = (run.name, len(spans(run, "llm")))
    assert found == {"1": (name, 3), "2": (name, 3), "3": (name, 3), "4": (name, 3), "6": (name, 4)}
