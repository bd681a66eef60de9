"""Keep the settings of the user's own viewer out of the tests, and those of the tests out of the user's home."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test a home without settings; `home` puts another in its place."""
    path = tmp_path_factory.mktemp("viewer-home")
    monkeypatch.setenv("TRACEKIT_HOME", str(path))
    return path
