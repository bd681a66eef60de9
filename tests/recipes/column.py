"""The recipe for a stored column of the runs list: a field of `RunSummary`, and its words in the manual."""

from __future__ import annotations

from tests.recipes.scratch import Scratch

__all__ = ["add_column"]

_TEST = '''"""The column @NAME@: in `ls`, its JSON, the view `runs` and the viewer."""

from pathlib import Path

from tests.support.cli import environment, tracekit, tracekit_json
from tests.support.listed import Listed
from tracekit.collect.collect import collect
from tracekit.journal.writer import JournalSink
from tracekit.store.store import Store
from tracekit_viewer.render.runs import COLUMNS


def test_it_is_in_each_list(home: Path) -> None:
    Listed("a run").write(JournalSink())
    collect()
    with Store(home).reading() as store:
        assert store.execute("SELECT @NAME@ FROM runs").fetchall() == [(0,)]
    env = {**environment(home), "COLUMNS": "200"}
    assert "@HEADER@" in tracekit("ls", env=env, timeout=300).stdout
    assert tracekit_json("ls", env=env)[0]["@NAME@"] == 0
    assert "@NAME@" in [column.key for column in COLUMNS]
'''


def add_column(scratch: Scratch, name: str) -> list[str]:
    """Add a column with the number of tool executions of a run, and return the tests that must pass."""
    field = f"""    {name}: int = _of(
        "how many tools ran", lambda run: run.count("tool"), json="{name}", header="{name}"
    )
"""
    before = _row_of_runs(scratch)
    properties = "\n    @property\n    def tokens("
    scratch.replace("tracekit/model/summary.py", properties, field + properties)
    scratch.replace("tracekit/guide/ask.md", before, _row_of_runs(scratch))
    test = f"tests/store/test_column_{name}.py"
    scratch.write(test, _TEST.replace("@NAME@", name).replace("@HEADER@", name.upper()))
    return [test, "tests/store/test_views.py"]


def _row_of_runs(scratch: Scratch) -> str:
    """Return the manual's row about the view `runs`, as the code has it."""
    table = scratch.run("-c", "from tracekit.store.views import markdown; print(markdown())")
    return next(line for line in table.splitlines() if line.startswith("| `runs` |"))
