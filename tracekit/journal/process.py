"""What identifies a process beyond its pid, which machines and containers use again."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from tracekit.origin import pass_on

__all__ = ["boot_id", "host_name", "process_start"]


def host_name() -> str:
    """This machine's name. Not by `socket`, which takes as long to load as all that `init()` needs of the journal."""
    return os.uname().nodename


@cache
def boot_id() -> str:
    """The kernel's id of this boot, empty where it has none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError as error:
        pass_on(error)
        return ""


@cache
def process_start(pid: int) -> int:
    """When this process, whose id is `pid`, started, in clock ticks since the boot; 0 where that is unknown.

    It is field 22 of /proc/PID/stat.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return int(stat.rpartition(")")[2].split()[19])
    except (OSError, IndexError, ValueError) as error:
        pass_on(error)
        return 0
