import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.support.cli import environment
from tests.support.recording import the_run
from tracekit.analysis.structure import structure
from tracekit.demo import support_team, support_team_script
from tracekit.demo.claude import ScriptedClaude
from tracekit.testing import RunSnapshot, check, outline


@pytest.fixture
def claude(recording: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    with ScriptedClaude(support_team_script.respond) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "test")
        yield server


def test_a_run_as_a_snapshot(claude: object, snapshot: SnapshotAssertion) -> None:
    result = asyncio.run(support_team.build().run(support_team.TICKETS[1]))
    assert result == snapshot(extension_class=RunSnapshot)
    assert structure(the_run()) == snapshot(name="again", extension_class=RunSnapshot)
    check(result).parallel("draft_agent", "compliance_agent").times("merge_agent", 0).no_errors()
    text = outline(check(result).run)
    assert result.run not in text
    assert "agent research_agent" in text


def test_syrupy_is_loaded_only_by_those_who_use_it(tmp_path: Path) -> None:
    program = "import sys, tracekit; tracekit.testing.check; print([m for m in sys.modules if m[:6] == 'syrupy'])"
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment(tmp_path), check=False, capture_output=True, text=True
    )
    assert done.stdout == "[]\n", done.stderr
