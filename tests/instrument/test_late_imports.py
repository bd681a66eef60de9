"""A program that is recorded before it has imported anything, and that ends with a stream unread."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.calling import ANSWER, in_turn
from tests.support.recording import recordings, tree
from tests.support.waiting import LONG_S
from tracekit.demo.claude import ScriptedClaude

PROGRAM = """
import sys, tracekit
tracekit.init()
heavy = {"anthropic", "httpx2", "pydantic", "duckdb", "textual", "trio", "multiprocessing"} & set(sys.modules)
assert not heavy, heavy

import anthropic, anyio, trio
from concurrent.futures import ThreadPoolExecutor

client = anthropic.Anthropic(base_url=sys.argv[1], api_key="key")
question = {"model": "claude-sonnet-5", "max_tokens": 9, "messages": [{"role": "user", "content": "?"}]}

def ask(name):
    with tracekit.tool(name):
        client.messages.create(**question)

async def work():
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.to_thread.run_sync, ask, "anyio")

with tracekit.run("late"):
    with ThreadPoolExecutor(1) as pool:
        pool.submit(ask, "job").result()
    anyio.run(work)
    anyio.run(work, backend="trio")
unread = client.messages.create(**question, stream=True)
"""


def test_everything_is_imported_after_init(home: Path) -> None:
    environment = {**os.environ}
    environment.pop("TRACEKIT_RAISE")
    with ScriptedClaude(in_turn(ANSWER)) as claude:
        command = [sys.executable, "-W", "error", "-c", PROGRAM, claude.url]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LONG_S, check=False)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "")
    # The script's own run began with the script.
    unread, late = recordings()
    call = ["    llm chat claude-sonnet-5", "      attempt POST"]
    assert tree(late) == [
        "run late",
        *["  tool execute_tool job", *call],
        *["  tool execute_tool anyio", *call] * 2,
    ]
    # Between the two runs of `work`, asyncio closed its loop in two tasks of its own.
    lanes = sorted(span.lane for span in late.spans.values() if span.kind == "tool")
    assert lanes == ["m.j0", "m.t0.t0", "m.t3.n0.n0"]
    assert unread.name == "python"
    assert unread.segments[0].exited
    assert not unread.segments[0].alive
