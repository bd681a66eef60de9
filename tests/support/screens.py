"""The viewer without a terminal: driven by keys, and drawn as a picture."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.image import SVGImageSnapshotExtension
from textual.app import App
from textual.pilot import Pilot

from tests.support.waiting import LONG_S

SIZES = [(80, 24), (120, 35), (200, 60)]

SIZED = pytest.mark.parametrize(
    "size",
    [
        pytest.param(size, id=f"{size[0]}x{size[1]}", marks=pytest.mark.slow if size == (120, 35) else ())
        for size in SIZES
    ],
)
"""For pictures at every size; the middle one is drawn in the slow tests."""

Act = Callable[[Pilot[Any]], Awaitable[None]]


@pytest.fixture
def pictures(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """Snapshots that are SVG files, a file a test."""
    return snapshot.use_extension(SVGImageSnapshotExtension)


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Times of the day are those of UTC."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def drive(app: App[Any], act: Act, size: tuple[int, int] = (100, 30)) -> None:
    """Let `act` use `app`."""

    async def run() -> None:
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await act(pilot)

    asyncio.run(run())


def picture(app: App[Any], size: tuple[int, int], act: Act) -> str:
    """The screen of `app` after `act`, as an SVG file."""
    drawn: list[str] = []

    async def then_draw(pilot: Pilot[Any]) -> None:
        await act(pilot)
        await pilot.pause()
        drawn.append(app.export_screenshot(title="tracekit"))

    drive(app, then_draw, size)
    return drawn[0]


async def until(pilot: Pilot[Any], condition: Callable[[], bool], *, within_s: float = LONG_S) -> None:
    """Wait until `condition` holds."""
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, "it never came to be"
        await pilot.pause(0.02)
    await pilot.pause()


async def checked(pilot: Pilot[Any]) -> None:
    """Wait until what was to be found in a run is found, and drawn."""
    await until(pilot, lambda: all(worker.is_finished for worker in pilot.app.workers if worker.name != "poll"))
