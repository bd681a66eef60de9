"""Tests whose run is recorded without a model: agents and tools alone."""

import asyncio
import time

import pytest
from reviews import read_file

import tracekit
from tracekit.pytest_plugin import Trace
from tracekit.testing import check


@tracekit.agent("worker")
async def work(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return read_file("cart.py")


def test_at_once(trace: Trace) -> None:
    async def main() -> None:
        await asyncio.gather(work(0.02), work(0.03))

    asyncio.run(main())
    check(trace).parallel("worker").times("worker", 2).tree("worker\n  read_file\nworker\n  read_file")
    asyncio.run(main())
    check(trace).times("worker", 4)


@pytest.mark.asyncio
async def test_one_by_one(trace: Trace) -> None:
    await work(0.01)
    await work(0.01)
    check(trace).serial("worker").duration_below(5).no_errors()


def test_run_of_its_own(trace: Trace) -> None:
    with tracekit.run("mine") as run:
        read_file("cart.py")
    assert trace.run.id == run.id
    time.sleep(0.001)


def test_nothing_is_recorded(trace: Trace) -> None:
    with pytest.raises(tracekit.RunNotFoundError, match="made no call to Claude"):
        check(trace)


def test_not_traced() -> None:
    assert read_file("cart.py")
