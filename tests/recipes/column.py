"""The recipe for a column of the runs list that the store keeps: one field, in each place that names the fields of a run."""

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
    summary = "tracekit/model/summary.py"
    scratch.insert_after(summary, "    replay: str | None = None\n", f"    {name}: int = 0\n")
    scratch.insert_after(summary, "        run.recording.replay,\n", '        run.count("tool"),\n')
    schema = "tracekit/store/schema.py"
    migration = f"""def _add_{name}(store: DuckDBPyConnection) -> None:
    \"\"\"Add the column; all runs are read again, so that it is filled.\"\"\"
    store.execute("ALTER TABLE run ADD COLUMN {name} BIGINT DEFAULT 0")
    store.execute("UPDATE journal SET maker = ''")


MIGRATIONS: """
    scratch.replace(schema, "MIGRATIONS: ", migration)
    end = ')\n"""Each makes the store of its number'
    scratch.replace(schema, end, f", _add_{name}{end}")
    scratch.insert_after("tracekit/store/writer.py", "            summary.replay,\n", f"            summary.{name},\n")
    scratch.insert_after("tracekit/store/queries.py", "retries, findings, replay_of, replay", f", {name}")
    view = '            _same("replay", "VARCHAR", "followed, projected or diverged, if it is a replay", "r"),\n'
    scratch.insert_after(
        "tracekit/store/views.py", view, f'            _same("{name}", "BIGINT", "how many tools ran", "r"),\n'
    )
    scratch.replace(
        "tracekit/guide/ask.md", "`spans`, `replay_of`, `replay` |", f"`spans`, `replay_of`, `replay`, `{name}` |"
    )
    scratch.insert_after("tracekit/cli/shape.py", '        "replay": run.replay,\n', f'        "{name}": run.{name},\n')
    listing = "tracekit/cli/render/runs.py"
    scratch.insert_after(listing, '        ("COST", "right"),\n', f'        ("{name.upper()}", "right"),\n')
    cost = 'Text((money(run.cost_usd, complete=run.cost_complete) if run.replay_of is None else "") or "·"),\n'
    scratch.insert_after(listing, cost, f"        Text(str(run.{name})),\n")
    column = (
        f'    Column("{name}", "{name}", {len(name)}, lambda run, _: _number(run.{name}), lambda run, _: run.{name}, '
        "is_number=True, least=130),\n"
    )
    scratch.replace("viewer/tracekit_viewer/render/runs.py", ")\n\n_BY_KEY: ", f"{column})\n\n_BY_KEY: ")
    test = f"tests/store/test_column_{name}.py"
    scratch.write(test, _TEST.replace("@NAME@", name).replace("@HEADER@", name.upper()))
    return [test, "tests/store/test_views.py"]
