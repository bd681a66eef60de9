"""Starting the recording loads nothing heavy, whatever the program itself will load."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("anthropic", "duckdb", "httpx2", "opentelemetry.sdk", "pydantic", "rich", "textual")


@pytest.mark.parametrize("statement", ["import tracekit", "import tracekit; tracekit.init()"])
def test_start_loads_nothing_heavy(statement: str, tmp_path: Path) -> None:
    program = f"import json, sys\n{statement}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        capture_output=True,
        text=True,
        env={"TRACEKIT_HOME": str(tmp_path)},
    )
    loaded = json.loads(done.stdout)
    assert "tracekit" in loaded
    assert [name for name in loaded if name.startswith(HEAVY)] == []
