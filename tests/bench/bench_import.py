"""Importing a folder of Claude Code's projects: CPU time and memory of the first import, and of the second.

The folder is generated: sessions of 2 MB with two subagents each, and one session that is a fifth of the whole. Goals:
less than 300 MB of memory, and at most 2 s of CPU for an import that finds nothing new.

Run it from the repository's folder: `python -m tests.bench.bench_import`; `--megabytes 50` makes it smaller.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

from tests.sources.transcripts import Transcript, said, uses
from tests.support.cli import environment

_MEMORY_MB = 300
_SECOND_S = 2.0
_SESSION_MB = 2
_RESULT = "a line of the file that the tool has read, number 12345\n" * 400


def write_projects(folder: Path, megabytes: int) -> None:
    """Write sessions of so many `megabytes` into `folder`."""
    small = _session(folder / "template", _SESSION_MB)
    left = megabytes - megabytes // 5
    for number in range(left // _SESSION_MB):
        _copy(small, folder / f"-project-{number % 20}")
    for path in small:
        path.unlink()
    _session(folder / "-large", megabytes // 5)


def _session(folder: Path, megabytes: int) -> list[Path]:
    main = Transcript(folder / f"{uuid.uuid4()}.jsonl", version="2.1.332")
    main.common["sessionId"] = main.path.stem
    main.prompt(0, "Read the files")
    agents = [main.subagent(f"a{name}", {"agentType": "reader", "toolUseId": f"toolu_{name}"}) for name in "xy"]
    for agent in agents:
        agent.prompt(2, "Read")
    turns = megabytes * 1_000_000 // len(_RESULT)
    files = [main, *agents]
    starts = [uses("Agent", f"toolu_{name}", prompt="Read", subagent_type="reader") for name in "xy"]
    for block in starts:
        main.reply(1, "msg_0", block, stop="tool_use")
    for turn in range(turns):
        file = files[turn % 3]
        file.request(3 + turn, f"r{turn}")
        file.reply(3.5 + turn, f"msg_{turn}x", said("I read the next."), stop=None, requestRef=f"r{turn}")
        file.reply(
            3.6 + turn, f"msg_{turn}x", uses("Bash", f"toolu_{turn}", command=f"cat {turn}"), requestRef=f"r{turn}"
        )
        file.result(3.7 + turn, f"toolu_{turn}", _RESULT)
    return [main.path, *(agent.path for agent in agents)]


def _copy(session: list[Path], folder: Path) -> None:
    """Write the session in the files of `session` again, under another id."""
    old, new = session[0].stem, str(uuid.uuid4())
    for path in _with_metadata(session):
        target = folder / str(path.relative_to(session[0].parent)).replace(old, new)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes().replace(old.encode(), new.encode()))


def _with_metadata(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        yield path
        if path.name.startswith("agent-"):
            yield path.with_suffix(".meta.json")


def _import(projects: Path, home: Path) -> tuple[float, float, dict[str, object]]:
    """Import `projects`, and return the CPU seconds, the memory in MB, and what the command says."""
    command = [sys.executable, "-m", "tracekit", "import", str(projects), "--format", "json"]
    process = subprocess.Popen(command, env=environment(home), stdout=subprocess.PIPE)
    assert process.stdout is not None
    told = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"the import failed with {process.returncode}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1000, json.loads(told)


def main() -> None:
    """Generate, import twice, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=500, help="the size of the folder (%(default)s)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tracekit-bench-", dir="/var/tmp") as folder:
        projects, home = Path(folder, "projects"), Path(folder, "home")
        write_projects(projects, options.megabytes)
        size = sum(path.stat().st_size for path in projects.rglob("*") if path.is_file()) / 1e6
        first_s, first_mb, first = _import(projects, home)
        second_s, second_mb, second = _import(projects, home)
    print(f"{size:.0f} MB, {first['sessions']} sessions, {first['calls']} calls; load {os.getloadavg()[0]:.1f}")
    print(f"first:  {first_s:.1f} s of CPU, {size / first_s:.1f} MB a second, {first_mb:.0f} MB of memory")
    print(f"second: {second_s:.2f} s of CPU, {second_mb:.0f} MB of memory, {second['unchanged']} sessions unchanged")
    is_met = max(first_mb, second_mb) < _MEMORY_MB and second_s <= _SECOND_S
    print(f"goals {_MEMORY_MB} MB, {_SECOND_S} s: {'met' if is_met else 'MISSED'}")
    sys.exit(not is_met)


if __name__ == "__main__":
    main()
