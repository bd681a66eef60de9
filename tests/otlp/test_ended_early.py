"""Processes that end without a word: what they did is sent, or counted and told; never lost in silence."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.cli import environment, tracekit, tracekit_json
from tests.support.receiver import receiver
from tests.support.waiting import LONG_S
from tests.support.warm import warm_python
from tracekit.otlp.ledger import Ledger, take_abandoned
from tracekit.otlp.losses import lost_since, note_abandoned

pytestmark = pytest.mark.slow

PROGRAM = """
import concurrent.futures, multiprocessing, os, signal, sys, threading, tracekit

def task(number):
    with tracekit.agent(f"agent {number}"), tracekit.tool("look"):
        pass

def wait_after_task(is_done):
    task(0)
    is_done.set()
    threading.Event().wait()

if __name__ == "__main__":
    tracekit.init()
    how, fork = sys.argv[1], multiprocessing.get_context("fork")
    if how == "pool":
        with fork.Pool(2) as pool:
            pool.map(task, range(4))
    if how == "recycled":
        with fork.Pool(2, maxtasksperchild=1) as pool:
            pool.map(task, range(4))
            pool.close()
            pool.join()
    if how == "executor":
        with concurrent.futures.ProcessPoolExecutor(2, mp_context=fork) as pool:
            list(pool.map(task, range(4)))
    if how == "spawn":
        for number in range(4):
            process = multiprocessing.get_context("spawn").Process(target=task, args=(number,))
            process.start()
            process.join()
    if how == "terminate":
        is_done = fork.Event()
        process = fork.Process(target=wait_after_task, args=(is_done,))
        process.start()
        is_done.wait()
        process.terminate()
        process.join()
    if how in ("os._exit", "sigterm", "open"):
        task(0)
    if how == "open":
        tracekit.agent("left").__enter__()
    if how != "os._exit" and how not in ("sigterm", "open"):
        sys.exit(0)
    if how == "os._exit":
        os._exit(0)
    os.kill(os.getpid(), signal.SIGTERM)
"""


@pytest.mark.parametrize(
    ("how", "number"),
    [
        ("pool", 8),
        ("recycled", 8),
        ("executor", 8),
        ("spawn", 8),
        ("terminate", 2),
        ("os._exit", 2),
        ("sigterm", 2),
        ("open", 3),
    ],
)
def test_every_span_is_sent_or_told(how: str, number: int, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    home = tmp_path / "home"
    with receiver() as heard:
        env = environment(home, OTEL_EXPORTER_OTLP_ENDPOINT=heard.url, PYTHONWARNINGS="ignore")
        subprocess.run([warm_python(), str(tmp_path / "program.py"), how], env=env, check=False, timeout=LONG_S)
        told = lost_spans(home)
    assert len(heard.spans) + told == number
    if how in ("os._exit", "sigterm", "open"):
        assert told
    elif how != "terminate":
        assert heard.spans
    assert list((home / "otlp-open").iterdir()) == []


def lost_spans(home: Path) -> int:
    """The number that doctor tells."""
    checks = {check["name"]: check["says"] for check in tracekit_json("doctor", env=environment(home))}
    found = re.search(r"(\d+) spans? of", checks.get("lost spans", "0 spans of"))
    assert found is not None
    return int(found[1])


def test_run_tells_what_its_program_did_not_send_and_how_to_send_it(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    home = tmp_path / "home"
    with receiver() as heard:
        env = environment(home, OTEL_EXPORTER_OTLP_ENDPOINT=heard.url)
        done = tracekit("run", str(tmp_path / "program.py"), "os._exit", env=env)
        (run,) = tracekit_json("ls", env=env)
        line = next(line for line in done.stderr.splitlines() if "not exported" in line)
        assert line.startswith(f"tracekit: 2 spans not exported to {heard.url}/v1/traces")
        remedy = line.rpartition(": ")[2].replace("URL", heard.url).split()
        assert remedy[:3] == ["tracekit", "export", run["id"][:8]]
        assert lost_spans(home) == 2
        heard.spans.clear()
        assert tracekit(*remedy[1:], env=env).returncode == 0
        assert [name.partition(" ")[0] for name in heard.names()] == ["execute_tool", "invoke_agent", "program"]
        assert lost_spans(home) == 0


# ── the file that a process keeps ────────────────────────────────────────────────────────────────────────────────────


def test_the_account_of_a_process_that_lives_is_left_alone_and_one_that_ended_is_taken_once(tmp_path: Path) -> None:
    ledger = Ledger(lambda: tmp_path, "http://there")
    for run in ("a", "a", "b"):
        ledger.began(run)
    ledger.sent(1)
    assert list(take_abandoned(tmp_path)) == []
    # What a process leaves behind whose end nobody hears of: the file, without its lock.
    os.close(ledger._file)
    (found,) = note_abandoned(tmp_path)
    assert (found.lost, found.runs, found.endpoint, found.pid) == (2, ("a", "b"), "http://there", os.getpid())
    assert note_abandoned(tmp_path) == []
    lost = lost_since(tmp_path, 0)
    assert lost is not None
    assert (lost.spans, lost.runs) == (2, ("a", "b"))


def test_a_process_that_ends_in_good_order_leaves_nothing(tmp_path: Path) -> None:
    ledger = Ledger(lambda: tmp_path, "http://there")
    ledger.began("a")
    ledger.close()
    ledger.began("a")
    ledger.close()
    assert list((tmp_path / "otlp-open").iterdir()) == []


def test_a_folder_that_cannot_be_written_costs_the_account_only(tmp_path: Path) -> None:
    (tmp_path / "otlp-open").write_text("a file")
    ledger = Ledger(lambda: tmp_path, "http://there")
    ledger.began("a")
    ledger.sent(1)
    ledger.forked()
    ledger.began("a")
    ledger.close()
    assert note_abandoned(tmp_path) == []


def test_foreign_files_among_the_accounts_harm_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "otlp-open"
    folder.mkdir()
    (folder / "garbage").write_bytes(b"\xff\x00" * 100)
    (folder / "empty").touch()
    (folder / "list").write_text(f"{1:>12} {0:>12}\n[]\n")
    (folder / "dir").mkdir()
    (folder / "link").symlink_to("/etc/passwd")
    os.mkfifo(folder / "fifo")
    assert note_abandoned(tmp_path) == []
    assert (folder / "link").is_symlink()


def test_lines_of_older_versions_and_damaged_ones_are_read(tmp_path: Path) -> None:
    lines = [
        {"t": 5, "pid": 1, "endpoint": "http://x", "sent": 0, "lost": 3, "reason": "no"},
        {"t": 6, "runs": [1], "endpoint": "http://x", "lost": 3, "reason": "no"},
        {"t": 7, "resent": 8},
    ]
    text = "\n".join(json.dumps(line) for line in lines)
    (tmp_path / "otlp-lost.jsonl").write_text(text + "\n[1]\nno json\n")
    lost = lost_since(tmp_path, 0)
    assert lost is not None
    assert (lost.spans, lost.processes) == (3, 1)
