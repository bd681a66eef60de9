"""A Python that starts at once: its programs are forks of one process that has imported the SDK.

`warm_python()` is the path of an executable that takes what `python` takes. Use it in place of `sys.executable` for a
program whose start-up is not what the test proves. The program finds imported the SDK and its libraries; it imports
tracekit itself. The command line (`-m tracekit`) is a fork of a second process, which has imported all of tracekit too.
Start-up, the hook and import hooks are tested with the real `sys.executable`.
"""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

__all__ = ["warm_python"]

_SERVE = """
start = serve({programs}, {commands}, {lifeline})
__name__ = "warm"
with ending():
    start()
"""


@cache
def warm_python() -> str:
    """Return the path of the executable; the process behind it starts with the first call, and ends with this one."""
    folder = Path(tempfile.mkdtemp(prefix="warm-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with socket.socket(socket.AF_UNIX) as programs, socket.socket(socket.AF_UNIX) as commands:
        for listener, name in (programs, "programs"), (commands, "commands"):
            listener.bind(str(folder / name))
            listener.listen(128)
        read, write = os.pipe()  # the write end stays open until this process ends, however it does
        numbers = (programs.fileno(), commands.fileno(), read)
        # As text, since tracekit takes text given to Python for a starter, and not for the program's own code.
        serve = _SERVE.format(programs=numbers[0], commands=numbers[1], lifeline=read)
        text = _source("warm_server.py") + serve
        process = subprocess.Popen(
            [sys.executable, "-c", text], pass_fds=numbers, env=_bare(), stdin=subprocess.DEVNULL
        )
        os.close(read)
    atexit.register(_end, process, write, os.getpid())
    launcher = folder / "python"
    launcher.write_text(f"#!{sys.executable} -IS\n{_source('warm_launcher.py')}", encoding="utf-8")
    launcher.chmod(0o700)
    return str(launcher)


def _source(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _end(process: subprocess.Popen[bytes], lifeline: int, owner: int) -> None:
    if os.getpid() == owner:  # not in a fork of a test's
        os.close(lifeline)
        process.wait()


def _bare() -> dict[str, str]:
    """The environment without what is the programs' own to set; tracekit is found where this process finds it."""
    owners = ("ANTHROPIC_", "TRACEKIT_", "OTEL_", "PYTHON", "COVERAGE_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(owners)}
    return {**kept, "PYTHONPATH": path} if (path := os.environ.get("PYTHONPATH")) else kept
