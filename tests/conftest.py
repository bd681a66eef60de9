import os

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
    """One more than there are cores: the tests wait for servers and processes about as long as they compute."""
    return 1 + (os.cpu_count() or 1)


_OF_OTHERS = {"peers", "servers", "claude_code", "phoenix", "prometheus", "versions", "tempo"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow what runs beside other programs, which take long to start."""
    for item in items:
        if _OF_OTHERS & {mark.name for mark in item.iter_markers()}:
            item.add_marker("slow")
