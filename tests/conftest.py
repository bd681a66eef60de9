import os
from typing import Any

import pytest

pytest.register_assert_rewrite("tests.support.replays")
# Programs that tests start would compile all sources anew, each of them.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

from tests.support.recording import _frozen, either, home, recording  # noqa: E402  what is rewritten is imported late

collect_ignore = ["sample_project"]
"""A user's project, whose tests `test_pytest_plugin.py` runs."""

__all__ = ["_frozen", "either", "home", "recording"]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Two for each core: most tests wait for servers and processes longer than they compute."""
    return 2 * (os.cpu_count() or 1)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object:
    """Let a worker that has nothing left to do take tests from another, unless `--dist` asks for another way."""
    from xdist.scheduler import WorkStealingScheduling  # type: ignore[import-untyped]

    return WorkStealingScheduling(config, log) if config.getoption("dist") == "load" else None


_OF_OTHERS = {"peers", "servers", "claude_code", "phoenix", "prometheus", "versions", "tempo", "browser", "notebooks"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow what runs beside other programs, which take long to start."""
    for item in items:
        if _OF_OTHERS & {mark.name for mark in item.iter_markers()}:
            item.add_marker("slow")


@pytest.hookimpl(trylast=True, specname="pytest_collection_modifyitems")
def slow_ones_first(items: list[pytest.Item]) -> None:
    """Give each worker its share of the slow tests first, so that no slow test is left for the end."""
    slow = [item for item in items if item.get_closest_marker("slow")]
    fast = [item for item in items if not item.get_closest_marker("slow")]
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    shares = [
        tests[number * len(tests) // workers : (number + 1) * len(tests) // workers]
        for number in range(workers)
        for tests in (slow, fast)
    ]
    items[:] = [item for share in shares for item in share]
