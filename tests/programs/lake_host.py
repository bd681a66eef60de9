"""A machine with a name of its own that adds its runs to a lake: lake_host.py LAKE HOST COLLECTS [FILE].

It records two runs before each time that it collects, and one run grows all along. It prints the ids. It
is killed when it is to put a file whose name begins with FILE.
"""

import os
import signal
import sys
from pathlib import Path

from tests.support.crowd import command
from tests.support.runs import new_run, write_runs
from tracekit.journal.writer import JournalSink
from tracekit.model.events import SpanBegin, SpanEnd
from tracekit.store.lake.folder import LocalFolder


def rename(host: str) -> None:
    real = os.uname()
    named = os.uname_result((real.sysname, host, real.release, real.version, real.machine))
    os.uname = lambda: named


def be_killed_at(file: str) -> None:
    put = LocalFolder._put

    def put_or_die(self: LocalFolder, draft: Path, name: str) -> None:
        if name.startswith(file):
            os.kill(os.getpid(), signal.SIGKILL)
        put(self, draft, name)

    LocalFolder._put = put_or_die  # type: ignore[method-assign]


def main(lake: str, host: str, collects: int) -> None:
    rename(host)
    sink, growing = JournalSink(), new_run("growing")
    now, root = growing.recorded_at_ns, "f" * 16
    sink.write(growing, SpanBegin(root, None, "run", "growing", now, "m"))
    print(growing.id)
    for number in range(collects):
        sink.write(growing, SpanBegin(f"{number:016x}", root, "tool", "step", now + number, "m"))
        sink.write(growing, SpanEnd(f"{number:016x}", now + number + 1, "ok"))
        if number == collects - 1:
            sink.write(growing, SpanEnd(root, now + collects, "ok"))
            sink.release(growing)
        print("\n".join(write_runs(2)), flush=True)
        code, _, err = command(["collect", "--lake", lake])
        assert code == 0, err


if __name__ == "__main__":
    if len(sys.argv) > 4:
        be_killed_at(sys.argv[4])
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
