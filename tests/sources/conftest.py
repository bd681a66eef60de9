"""Fixtures of the tests of sources."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sources.transcripts import SESSION, Transcript


@pytest.fixture
def main(home: Path, tmp_path: Path) -> Transcript:
    """The main transcript of a session of Claude Code, still empty."""
    return Transcript(tmp_path / "projects" / "-work" / f"{SESSION}.jsonl")
