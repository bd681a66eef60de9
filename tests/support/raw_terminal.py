"""A program on a pseudo terminal: keys in, and every byte out."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
import unicodedata
from codecs import getincrementaldecoder
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.waiting import LONG_S

__all__ = ["RawTerminal", "smuggled", "words"]

_OURS = re.compile(
    r"\x1b\[(?:[\d;:]*m|[\d;]*H|[\d;]*J|[\d;]*K|\?[\d;]+[hl]|[<>=?]?[\d;]*u|\?\d+\$p|>[\d;]*[mq]|\d*c|\d+ q|[\d;]*t)"
    r"|\x1b\]22;\w+\x07"
)
"""The sequences that Textual, Rich and click write; the last is the shape of the mouse pointer."""

_BEGUN = re.compile(r"\x1b(?:\[[\d;?<>=]*)?\Z")


class RawTerminal:
    """Runs `argv` on a pseudo terminal of `size` (columns, rows) and keeps what it writes in `raw`."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], size: tuple[int, int] = (100, 40)) -> None:
        self._main, side = pty.openpty()
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        environment = {**env, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
        self.process = subprocess.Popen(
            argv, env=environment, stdin=side, stdout=side, stderr=side, start_new_session=True, close_fds=True
        )
        os.close(side)
        self.raw = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._main)

    def press(self, keys: str, *, quiet_s: float = 0.04) -> str:
        """Send `keys`, wait until nothing has been written for `quiet_s`, and return what was."""
        before = len(self.raw)
        os.write(self._main, keys.encode())
        self.settle(quiet_s)
        return self.raw[before:].decode("utf-8", "replace")

    def settle(self, quiet_s: float = 0.04, within_s: float = 10.0) -> None:
        """Read until the program is silent for `quiet_s` and waits for something, has ended, or goes on all the time."""
        end = time.monotonic() + within_s
        while time.monotonic() < end:
            if select.select([self._main], [], [], quiet_s)[0]:
                if not self._read():
                    return
            elif not self._has_work():
                return

    def _has_work(self) -> bool:
        """Return whether a thread of the program could continue if it got a processor; false if unknown."""
        states = []
        for file in Path(f"/proc/{self.process.pid}/task").glob("*/stat"):
            with contextlib.suppress(OSError):  # the thread has ended
                states.append(file.read_text().rpartition(")")[2].split()[0])
        return any(state in "RD" for state in states)

    def until(self, text: str, within_s: float = LONG_S) -> None:
        """Read until the program has written `text`."""
        end = time.monotonic() + within_s
        while text not in words(self.raw):
            assert time.monotonic() < end, f"{text!r} was never written: {words(self.raw)[-2000:]}"
            if select.select([self._main], [], [], 0.1)[0] and not self._read():
                raise AssertionError(f"the program ended before it wrote {text!r}: {words(self.raw)[-2000:]}")

    def to_end(self) -> int:
        """Read until the program ends; its exit code."""
        while self._read():
            pass
        return self.process.wait(LONG_S)

    def _read(self) -> bool:
        try:
            data = os.read(self._main, 65536)
        except OSError:
            return False
        self.raw += data
        return bool(data)


def words(raw: bytes) -> str:
    """Return the written text, which must be UTF-8, without the sequences that tracekit uses."""
    # What comes last may be the beginning of a character, or of a sequence.
    return _BEGUN.sub("", _OURS.sub("", getincrementaldecoder("utf-8")("strict").decode(raw)))


def smuggled(raw: bytes) -> list[str]:
    """Return the written characters that a terminal would act on or not show, except those of tracekit."""
    text = words(raw)
    found = {f"U+{ord(character):04X}" for character in set(text) if _is_hidden(character)}
    found |= {"a flood of marks" for _ in re.finditer("[\u0300-\u036f\u20d0-\u20ff]{5}", text)}
    return sorted(found)


def _is_hidden(character: str) -> bool:
    if character in "\r\n":
        return False
    code = ord(character)
    if 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF or character in "\u3164\u115f\u1160\uffa0\u034f":
        return True
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
