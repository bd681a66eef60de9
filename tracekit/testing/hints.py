"""The advice in a test's failure: accept a change, or make a missing snapshot."""

from __future__ import annotations

import shlex

import pytest

__all__ = ["accepting", "lacks_a_snapshot_only", "making_the_snapshot"]


def accepting(option: str, nodeid: str) -> str:
    """The line that says how to accept a divergence of the test `nodeid`."""
    return f"meant? pytest {option}=all {shlex.quote(nodeid)}"


def making_the_snapshot(path: object, nodeid: str) -> str:
    """The line that says how to make the missing snapshot of the test `nodeid`, whose recording at `path` is kept."""
    return (
        f"recorded {path}; only the snapshot does not exist yet. This makes it from the recording, without the API: "
        f"pytest --snapshot-update {shlex.quote(nodeid)}"
    )


def lacks_a_snapshot_only(item: pytest.Item, error: BaseException) -> bool:
    """Return whether `item` failed with `error` only because snapshots of syrupy do not exist yet."""
    if not isinstance(error, AssertionError):
        return False
    # Syrupy keeps its results nowhere else.
    assertions = getattr(getattr(item.config, "_syrupy", None), "_assertions", ())
    own = [each for each in assertions if getattr(each.test_location, "item", None) is item]
    failed = [result for each in own for result in each.executions.values() if not result.success]
    return bool(failed) and all(result.recalled_data is None and result.exception is None for result in failed)
