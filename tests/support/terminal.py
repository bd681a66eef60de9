"""A real terminal: a program under tmux, with keys pressed and the screen read."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from tests.support.waiting import LONG_S, eventually

needs_tmux = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")


class Terminal:
    """A tmux window in a server of its own that runs `command`, and then shows its exit code."""

    def __init__(self, folder: Path, command: Sequence[str], env: Mapping[str, str], size: tuple[int, int]) -> None:
        self._tmux = ["tmux", "-S", str(folder / "tmux"), "-f", "/dev/null"]
        # The server hands its environment on; what the user's terminal says of itself is not for this one.
        self._env = {**env, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TERM": "xterm-256color"}
        for name in ("TMUX", "COLUMNS", "LINES"):
            self._env.pop(name, None)
        columns, rows = map(str, size)
        line = f"{shlex.join(command)}; echo exit=$?; sleep 60"
        self._do("new-session", "-d", "-x", columns, "-y", rows, line)

    def _do(self, *arguments: str) -> str:
        done = subprocess.run(
            [*self._tmux, *arguments], env=self._env, capture_output=True, text=True, check=True, timeout=LONG_S
        )
        return done.stdout

    def press(self, *keys: str) -> None:
        """Press keys, by tmux's names for them."""
        for key in keys:
            self._do("send-keys", key)
            # What follows an escape too soon is taken for a part of it.
            time.sleep(0.3 if key == "Escape" else 0.02)

    def resize(self, columns: int, rows: int) -> None:
        """Make the window larger or smaller."""
        self._do("resize-window", "-x", str(columns), "-y", str(rows))

    @property
    def screen(self) -> str:
        """Return the text on the screen."""
        return self._do("capture-pane", "-p")

    def shows(self, *texts: str) -> str:
        """Wait until all of `texts` stand on the screen, and return it."""

        def full() -> str:
            screen = self.screen
            return screen if all(text in screen for text in texts) else ""

        return eventually(full, lambda: f"not all of {texts} came:\n{self.screen}")

    def close(self) -> None:
        """End the server with all that runs in it."""
        subprocess.run([*self._tmux, "kill-server"], env=self._env, capture_output=True, check=False)


Open = Callable[..., Terminal]


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Open]:
    """Opens terminals, and closes them after the test."""
    opened: list[Terminal] = []

    def open_one(*command: str, env: Mapping[str, str], size: tuple[int, int] = (80, 24)) -> Terminal:
        folder = tmp_path / f"terminal{len(opened)}"
        folder.mkdir()
        opened.append(Terminal(folder, command, {**os.environ, **env}, size))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()
