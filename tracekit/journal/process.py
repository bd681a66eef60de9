"""The identity of a process beyond its pid, which machines and containers use again."""

from __future__ import annotations

import os
import re
import sys
from functools import cache
from pathlib import Path

from tracekit.origin import pass_on

__all__ = ["HASH_SEED_VARIABLE", "MOST_HASH_SEED", "boot_id", "file_host", "hash_seed", "host_name", "identity", "process_start"]

HASH_SEED_VARIABLE = "PYTHONHASHSEED"
MOST_HASH_SEED = (1 << 32) - 1
"""The greatest seed that Python takes."""


def hash_seed() -> int | None:
    """Return the seed of this process's hashes, which fixes the order of sets, or None.

    Python read the variable when it started; a program may have set it since, which its own hashes do not follow.
    """
    text = os.environ.get(HASH_SEED_VARIABLE, "")
    if sys.flags.ignore_environment or not re.fullmatch(r"[0-9]{1,10}", text):
        return None
    seed = int(text)
    is_taken = (seed == 0) == (sys.flags.hash_randomization == 0)
    return seed if is_taken and seed <= MOST_HASH_SEED else None


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
    """Return the start of this process `pid` in clock ticks since the boot, or 0 if unknown.

    It is field 22 of /proc/PID/stat.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return int(stat.rpartition(")")[2].split()[19])
    except (OSError, IndexError, ValueError) as error:
        pass_on(error)
        return 0


def identity() -> dict[str, object]:
    """Return the header's members that identify this process beyond its pid, which is reused."""
    pid = os.getpid()
    return {
        "host": host_name(),
        "boot": boot_id(),
        "pid": pid,
        "process_start": process_start(pid),
    }


def file_host() -> str:
    """This machine's name, as far as it is fit for a file's name."""
    return "".join(c if c.isalnum() or c == "-" else "-" for c in host_name())[:40] or "host"
