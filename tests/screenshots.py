"""Makes the pictures of the README and the manual anew: `python -m tests.screenshots`. It records the demo's three runs: half a minute.

The pictures go to `viewer/screenshots/`, and are of the viewer as it draws them in a terminal of 120 by 34.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from textual.pilot import Pilot
from tracekit_viewer.app import Viewer

_FOLDER = Path(__file__).parent.parent / "viewer" / "screenshots"
_SIZE = (120, 34)
_SETTLED_S = 1.5

Act = Callable[[Pilot[Any]], Awaitable[None]]


async def _nothing(_: Pilot[Any]) -> None:
    """Leave it as it opens."""


async def _follow(pilot: Pilot[Any]) -> None:
    """Stay with what began last, until there is something to see."""
    await pilot.pause(3)
    await pilot.press("f")


async def _a_retry(pilot: Pilot[Any]) -> None:
    """Go to the call that was retried, and to what its attempts were."""
    await pilot.press("r", "enter", "right")


async def _down(pilot: Pilot[Any]) -> None:
    """Go down to the first agents that ran side by side."""
    await pilot.press(*"jjjj")


async def _what_if(pilot: Pilot[Any]) -> None:
    """Show what was found, and what the run would have been without it."""
    await pilot.press("i", "w")


def _picture(name: str, run: str | None, act: Act = _nothing) -> None:
    async def draw() -> str:
        app = Viewer(run)
        async with app.run_test(size=_SIZE) as pilot:
            await pilot.pause(_SETTLED_S)
            await act(pilot)
            await pilot.pause(_SETTLED_S)
            return app.export_screenshot(title="tracekit view")

    path = _FOLDER / f"{name}.svg"
    path.write_text(asyncio.run(draw()), encoding="utf-8")
    print(f"{path.stat().st_size / 1000:.0f} kB {path}")


def _demo(pipeline: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tracekit", "demo", "--pipeline", pipeline]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def main() -> None:
    """Record, and draw: a run and the list while they are live, then runs that have ended, and what was found in one."""
    _FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        os.environ["TRACEKIT_HOME"] = home
        _demo("guide").wait()
        for pipeline, run, name in (("support", "support-team", "live"), ("refactoring", "refactoring-team", "runs")):
            demo = _demo(pipeline)
            while run not in _listed():
                assert demo.poll() is None, "the demo ended before it was seen"
            _picture(name, *((run, _follow) if name == "live" else (None, _nothing)))
            demo.wait()
        _picture("run", "refactoring-team", _down)
        _picture("retries", "refactoring", _a_retry)
        _picture("what-if", "refactoring", _what_if)


def _listed() -> str:
    command = [sys.executable, "-m", "tracekit", "ls"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main()
