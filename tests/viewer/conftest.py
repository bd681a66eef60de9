"""Keep the settings of the viewer apart: those of the user, and those of the tests."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test a home without settings; `home` puts another in its place."""
    path = tmp_path_factory.mktemp("viewer-home")
    monkeypatch.setenv("TRACEKIT_HOME", str(path))
    return path
