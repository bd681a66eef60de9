"""Makes the pictures of the README and the manual anew: `python -m tests.screenshots [NAME…]`.

The pictures go to `viewer/screenshots/`, and are of the viewer as it draws them in a terminal of 120 by 34. Those of runs that
have ended are of recordings in `fixtures/runs/`; for those of live runs, the demo is recorded, which takes half a minute.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from textual.pilot import Pilot
from textual.screen import Screen
from tracekit_viewer.app import Viewer
from tracekit_viewer.messages import MomentChosen
from tracekit_viewer.screens.compare import CompareScreen
from tracekit_viewer.screens.playing import PlayingScreen

from tracekit.collect.look import find, read_entry

_FOLDER = Path(__file__).parent.parent / "viewer" / "screenshots"
_RUNS = Path(__file__).parent.parent / "fixtures" / "runs"
_SERIAL, _TEAM = str(_RUNS / "refactoring.jsonl"), str(_RUNS / "refactoring-team.jsonl")
_SIZE = (120, 34)
_SMALL = (120, 26)
_FRAMES = 9
_PAGE = "#16171f"
"""The background, which is drawn once."""
_FRAME_S = 0.7
_NUMBER = re.compile(r"terminal-\d+")
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


class _Comparing(Viewer):
    """The viewer, opened on two runs."""

    def __init__(self, a: str, b: str) -> None:
        super().__init__()
        self._pair = a, b

    def get_default_screen(self) -> Screen[Any]:
        a, b = self._pair
        return CompareScreen(read_entry(find(a)), read_entry(find(b)))


async def _to_a_text(pilot: Pilot[Any]) -> None:
    """Go to a row whose texts differ."""
    await pilot.press("n", "n", "n", "n")


def _compared(name: str, a: str, b: str) -> None:
    _picture(name, None, _to_a_text, _Comparing(a, b))


def _picture(name: str, run: str | None, act: Act = _nothing, viewer: Viewer | None = None) -> None:
    async def draw() -> str:
        app = Viewer(run) if viewer is None else viewer
        async with app.run_test(size=_SIZE) as pilot:
            await pilot.pause(_SETTLED_S)
            await act(pilot)
            await pilot.pause(_SETTLED_S)
            return app.export_screenshot(title="tracekit view")

    path = _FOLDER / f"{name}.svg"
    path.write_text(asyncio.run(draw()), encoding="utf-8")
    print(f"{path.stat().st_size / 1000:.0f} kB {path}")


def _playback(name: str, run: str) -> None:
    """Draw a picture that moves: a run as it stood at one moment after another."""

    async def draw() -> list[str]:
        app = Viewer(run)
        frames = []
        async with app.run_test(size=_SMALL) as pilot:
            await pilot.pause(_SETTLED_S)
            await pilot.press("full_stop")
            screen = app.screen
            assert isinstance(screen, PlayingScreen)
            assert screen.player is not None
            first_ns, last_ns = screen.player.moments.first_ns, screen.player.moments.last_ns
            for number in range(1, _FRAMES + 1):
                screen.post_message(MomentChosen(first_ns + (last_ns - first_ns) * number // _FRAMES))
                await pilot.pause(0.3)
                frames.append(app.export_screenshot(title="tracekit view, playing a recorded run"))
        return frames

    path = _FOLDER / f"{name}.svg"
    path.write_text(_animated(asyncio.run(draw())), encoding="utf-8")
    print(f"{path.stat().st_size / 1000:.0f} kB {path}")


def _animated(frames: list[str]) -> str:
    """Return `frames` as one SVG file that shows them in turn; where nothing can move, the last.

    What all frames show alike stands in the file once.
    """
    styles: dict[str, str] = {}
    drawn = [_elements(frame, styles) for frame in frames]
    alike = set(drawn[0]).intersection(*drawn[1:])
    seconds, share = len(frames) * _FRAME_S, 100 / len(frames)
    rules = [f".{name}{{{style}}}" for style, name in styles.items()]
    rules += [
        f".frame{{visibility:hidden;animation:frame {seconds:g}s step-end infinite}}.last{{visibility:visible}}",
        f"@keyframes frame{{0%{{visibility:visible}}{share:.2f}%{{visibility:hidden}}}}",
        "@media (prefers-reduced-motion){.frame{animation:none}}",
    ]
    start = frames[0].index("<g transform", frames[0].index("<g transform") + 1)
    parts = [_NUMBER.sub("t", frames[0][:start]).replace("</style>", "\n".join([*rules, "</style>"]), 1)]
    parts.append('<g transform="translate(9, 41)"><g class="t-matrix">')
    parts.append(f'<rect fill="{_PAGE}" width="100%" height="{24.4 * _SMALL[1]:g}"/>')
    for kind in ("<rect", "<text"):
        parts += [each for each in drawn[0] if each in alike and each.startswith(kind)]
        for number, elements in enumerate(drawn):
            is_last = number == len(drawn) - 1
            delay = number * _FRAME_S - (seconds if is_last else 0)
            parts.append(f'<g class="frame{" last" * is_last}" style="animation-delay:{delay:g}s">')
            parts += [each for each in elements if each not in alike and each.startswith(kind)]
            parts.append("</g>")
    return "\n".join([*parts, "</g></g></svg>"])


def _elements(frame: str, styles: dict[str, str]) -> list[str]:
    """Return the boxes and texts of a frame, with classes whose names are the same in all frames."""
    classes = dict(re.findall(r"\.terminal-\d+-(r\d+) \{ (.*?) \}", frame))
    body = frame[frame.index("<g transform", frame.index("<g transform") + 1) :]
    elements = []
    for element in re.findall(rf'<rect fill="(?!{_PAGE})[^>]*/>|<text [^>]*>[^<]*</text>', body):
        named = re.sub(
            r"terminal-\d+-(r\d+)", lambda found: styles.setdefault(classes[found[1]], f"s{len(styles)}"), element
        )
        named = re.sub(r' clip-path="[^"]*"| textLength="[^"]*"', "", _NUMBER.sub("t", named)).replace("&#160;", "\xa0")
        if not re.search(">\xa0*</text>", named):
            elements.append(re.sub("\xa0+</text>", "</text>", named))
    return elements


def _demo(pipeline: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tracekit", "demo", "--pipeline", pipeline]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def main() -> None:
    """Record and draw a run and the list while they are live, then ended runs, and findings."""
    _FOLDER.mkdir(exist_ok=True)
    ended: dict[str, Callable[[], None]] = {
        "playback": lambda: _playback("playback", _TEAM),
        "run": lambda: _picture("run", _TEAM, _down),
        "retries": lambda: _picture("retries", _SERIAL, _a_retry),
        "what-if": lambda: _picture("what-if", _SERIAL, _what_if),
        "compare": lambda: _compared("compare", _SERIAL, _TEAM),
    }
    names = sys.argv[1:]
    with tempfile.TemporaryDirectory() as home:
        # The user's own home may hold another theme.
        os.environ["TRACEKIT_HOME"] = home
        for name, draw in ended.items():
            if not names or name in names:
                draw()
        if names and not {"live", "runs"} & {*names}:
            return
        _demo("guide").wait()
        for pipeline, run, name in (("support", "support-team", "live"), ("refactoring", "refactoring-team", "runs")):
            demo = _demo(pipeline)
            while run not in _listed():
                assert demo.poll() is None, "the demo ended before it was seen"
            _picture(name, *((run, _follow) if name == "live" else (None, _nothing)))
            demo.wait()


def _listed() -> str:
    command = [sys.executable, "-m", "tracekit", "ls"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main()
