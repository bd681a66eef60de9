"""Replayed tests in each style: plain, pytest-asyncio, anyio, a class, parameters whose ids are no file names."""

import asyncio
import unittest

import pytest
from reviews import FILES, review_all, review_one
from syrupy.assertion import SnapshotAssertion

from tracekit.pytest_plugin import ReplayFixture, Trace
from tracekit.testing import RunSnapshot, check


def test_plain(replay: ReplayFixture, snapshot: SnapshotAssertion) -> None:
    assert asyncio.run(review_all()) == "3 findings."
    check(replay).parallel("reviewer").calls("lead", 1).calls("reviewer", 3).retries(0).no_errors()
    check(replay).tree("""
        lead
            reviewer
                read_file
            reviewer
                read_file
            reviewer
                read_file
    """)
    assert replay == snapshot(extension_class=RunSnapshot)


@pytest.mark.tracekit
def test_marked() -> None:
    assert review_one("cart.py") == "cart.py has a finding."


@pytest.mark.asyncio
async def test_asyncio(replay: ReplayFixture) -> None:
    assert await review_all(["cart.py", "orders.py"]) == "2 findings."
    check(replay).parallel("reviewer")


@pytest.mark.anyio
@pytest.mark.tracekit(ignore=["$.metadata"])
async def test_anyio() -> None:
    assert await review_all(["orders.py", "cart.py"]) == "2 findings."


@pytest.mark.parametrize("path", list(FILES))
def test_parameters(path: str, replay: ReplayFixture) -> None:
    assert review_one(path) == f"{path} has a finding."
    check(replay).times("read_file", 1).cost_below(0.01)


class TestClass:
    @pytest.mark.tracekit
    def test_traced_replay(self, trace: Trace) -> None:
        review_one("orders.py")
        check(trace).tree("lead\n  read_file")


@pytest.mark.tracekit("recordings/one_file.jsonl")
def test_file_of_its_own() -> None:
    assert review_one("orders.py") == "orders.py has a finding."


class OldStyle(unittest.TestCase):
    @pytest.mark.tracekit
    def test_case(self) -> None:
        assert review_one("orders.py") == "orders.py has a finding."


def test_without_anything() -> None:
    assert FILES
