"""The store's file: made, migrated, left alone, moved aside, and never lost by a disk that is full."""

import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
import time_machine

from tests.support.cli import environment, tracekit
from tests.support.runs import write_runs
from tracekit.collect.collect import collect, rebuild
from tracekit.errors import NewerStoreError, StoreBusyError, StoreError
from tracekit.store import schema
from tracekit.store.connect import memory
from tracekit.store.queries import newest_runs
from tracekit.store.store import Store


def ids(home: Path) -> list[str]:
    with Store(home).reading() as store:
        return [run.id for run in newest_runs(store)]


def everything(home: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return the content of every view, in a fixed order."""
    with Store(home).reading() as store:
        return {
            view: sorted(store.execute(f"SELECT * FROM {view}").fetchall(), key=repr)
            for view in ("runs", "spans", "llm_calls", "attempts", "agents", "tools", "messages", "findings")
        }


def test_it_is_for_the_user_alone(home: Path) -> None:
    write_runs(1)
    collect()
    for path in home.glob("store*"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_removed_and_made_anew_it_answers_the_same(home: Path) -> None:
    write_runs(5)
    collect()
    before = everything(home)
    assert len(before["spans"]) == 5 * (2 + 4 * 3 - 1)
    for path in home.glob("store*"):
        path.unlink()
    collect()
    assert everything(home) == before
    rebuild()
    assert everything(home) == before
    assert not list(home.glob("*.new*"))


def altered(home: Path, *statements: str) -> None:
    """Make changes to the store as another version of tracekit would have it."""
    connection = memory()
    with Store(home).writing(connection):
        for statement in statements:
            connection.execute(statement)
        connection.execute("CHECKPOINT store")
    connection.close()


@pytest.mark.parametrize("version", [1, 2])
def test_the_store_of_an_older_version_is_brought_to_this_one(home: Path, version: int) -> None:
    write_runs(2)
    collect()
    before = everything(home)
    old = [f"DROP VIEW store.{view}" for view in before]
    for table, columns in TABLES_OF_2.items():
        old += [
            f"CREATE TABLE store.old AS SELECT {columns} FROM store.{table}",
            f"DROP TABLE store.{table}",
            f"ALTER TABLE store.old RENAME TO {table}",
        ]
    altered(
        home,
        *old,
        *(["DROP TABLE store.practice"] if version == 1 else []),
        f"UPDATE store.meta SET value = '{version}' WHERE name = 'schema'",
        "UPDATE store.meta SET value = 'older' WHERE name = 'views'",
    )
    with pytest.raises(StoreError, match="of an older version"):
        everything(home)
    report = collect()
    assert report is not None
    assert report.collected == 2, "what is new is filled"
    assert everything(home) == before


TABLES_OF_2 = {
    "journal": "run, copy, maker, recorded_at_ns, collected_at_ns, took_s, exact, damage, problem",
    "run": "copy, id, name, status, recorded_at_ns, start_ns, end_ns, last_ns, input_tokens, output_tokens, "
    "cache_read_tokens, cache_write_tokens, cost_usd, cost_complete, retries, agents, calls, findings, spans, replay_of, "
    "replay",
    "span": "copy, position, depth, id, parent, kind, name, agent, agent_id, model, lane, status, error_type, "
    "error_message, inferred, start_ns, end_ns, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, "
    "cost_usd, cost_complete, retries, stop_reason, outcome, number, http_status, wait_ms, request_id, tool, tool_call_id, "
    "attributes",
}
"""The columns of the tables of version 2, in their order, where they are others than today's."""


def test_a_column_that_a_store_lacks_is_added_and_filled(home: Path) -> None:
    """As it is when a version has one more than the version that made the store."""
    write_runs(2)
    collect()
    before = everything(home)
    columns = {"run": "spans", "span": "kind", "message": "role", "finding": "rule", "segment": "inode"}
    altered(
        home,
        *(f"ALTER TABLE store.{table} DROP COLUMN {column}" for table, column in columns.items()),
        f"UPDATE store.meta SET value = '{schema.newest_version() - len(columns)}' WHERE name = 'schema'",
    )
    with pytest.raises(StoreError, match="of an older version"):
        everything(home)
    assert sorted(ids(home) if collect() else []) == sorted(str(row[0]) for row in before["runs"])
    assert everything(home) == before
    Store(home).compact()
    assert everything(home) == before, "whatever the order of the columns is"


def test_a_newer_store_is_left_alone(home: Path, tmp_path: Path) -> None:
    write_runs(2)
    collect()
    store = Store(home)
    newer = schema.newest_version() + 1
    altered(home, f"UPDATE store.meta SET value = '{newer}' WHERE name = 'schema'")
    before = store.path.read_bytes()
    with pytest.raises(NewerStoreError, match=rf"version {newer}.*upgrade tracekit-agents"):
        collect()
    env = environment(home)
    for arguments in (["collect"], ["sql", "SELECT 1"], ["prune", "--max-size", "1B"]):
        done = tracekit(*arguments, env=env)
        assert (done.returncode, done.stdout) == (2, ""), done
        assert done.stderr.startswith("tracekit: the store ")
        assert done.stderr.count("\n") == 1
    listed = tracekit("ls", "--limit", "1", env=env)
    assert listed.returncode == 0
    assert len(listed.stdout.splitlines()) == 2
    assert store.path.read_bytes() == before
    assert len(list(home.glob("runs/*/*.jsonl"))) == 2


def test_a_store_that_cannot_be_opened_is_moved_aside(home: Path) -> None:
    recorded = write_runs(3, turns=20, text=3000)
    collect()
    before = everything(home)
    store = Store(home)
    aside: set[str] = set()
    for name, damage in DAMAGES.items():
        damage(store)
        report = collect()
        assert report is not None, name
        assert len(report.warnings) == 1, name
        assert "it is kept as store.duckdb.damaged-" in report.warnings[0]
        new = {path.name for path in home.glob("store.duckdb.damaged-*") if path.suffix != ".wal"} - aside
        assert len(new) == 1, name
        aside |= new
        assert new.pop() in report.warnings[0]
        assert sorted(ids(home)) == sorted(recorded), name
        assert everything(home) == before, name


def test_stores_moved_aside_in_one_second_are_all_kept(home: Path) -> None:
    home.mkdir(exist_ok=True)
    store = Store(home)
    store.prepare()
    with time_machine.travel("2026-11-28T12:00:00Z", tick=False):
        for content in (b"one", b"two", b"three"):
            store.path.write_bytes(content)
            assert "it is kept as" in store.set_aside("damaged")
    kept = [path.read_bytes() for path in home.glob("store.duckdb.damaged-*") if path.suffix != ".wal"]
    assert sorted(kept) == [b"one", b"three", b"two"]


def changed(change: Callable[[bytes], bytes]) -> Callable[[Store], None]:
    def change_file(store: Store) -> None:
        store.path.write_bytes(change(store.path.read_bytes()))

    return change_file


def foreign(store: Store) -> None:
    store.remove()
    with duckdb.connect(str(store.path)) as connection:
        connection.execute("CREATE TABLE other AS SELECT 42 AS answer")


DAMAGES: dict[str, Callable[[Store], None]] = {
    "garbage": changed(lambda _: b"\x00\xffno store" * 1000),
    "empty": changed(lambda _: b""),
    "cut": changed(lambda whole: whole[:3000]),
    "half": changed(lambda whole: whole[:12288]),
    "overwritten": changed(lambda whole: whole[:4096] + b"\xee" * 8192 + whole[12288:]),
    "foreign": foreign,
}


def test_damage_that_only_a_query_meets_is_mended_by_a_rebuild(home: Path) -> None:
    write_runs(3, turns=20, text=3000)
    collect()
    rebuild()
    before = everything(home)
    store = Store(home)
    whole = bytearray(store.path.read_bytes())
    middle = len(whole) // 2
    whole[middle : middle + 300_000] = b"\xee" * 300_000
    store.path.write_bytes(whole)
    env = environment(home)
    done = tracekit("sql", "SELECT sum(length(text)), sum(length(attributes::VARCHAR)) FROM messages, spans", env=env)
    assert done.returncode in (0, 2)
    if done.returncode == 2:
        assert "tracekit collect --rebuild" in done.stderr
    assert tracekit("collect", "--rebuild", env=env).returncode == 0
    assert everything(home) == before


FULL = """
import resource, sys
from pathlib import Path
from tracekit.collect.collect import collect
from tracekit.errors import StoreError
size = Path(sys.argv[1]).stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100_000, size + 100_000))
try:
    collect()
except StoreError as error:
    print(error)
"""


@pytest.mark.slow
def test_a_full_disk_is_told_and_leaves_what_was_there(home: Path) -> None:
    write_runs(3)
    collect()
    before = everything(home)
    write_runs(10, turns=40, text=4000)
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(home / "store.duckdb")],
        env=environment(home),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "cannot be written" in done.stdout, done
    assert "what it held before is intact" in done.stdout
    assert everything(home).items() >= before.items() or set(map(str, before["runs"])) <= set(
        map(str, everything(home)["runs"])
    )
    collect()
    assert len(ids(home)) == 13


def test_a_store_that_another_program_holds(home: Path) -> None:
    write_runs(1)
    collect()
    holder = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", holder, str(home / "store.duckdb")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(StoreBusyError, match="is open in another program"):
            ids(home)
        process.stdin.close()
    assert len(ids(home)) == 1


def test_a_store_that_may_not_be_read(home: Path) -> None:
    write_runs(1)
    collect()
    shutil.rmtree(home / "store.duckdb", ignore_errors=True)
    (home / "store.duckdb").unlink()
    (home / "store.duckdb").mkdir()
    with pytest.raises(StoreError, match="cannot be"):
        collect()
    listed = tracekit("ls", env=environment(home))
    assert listed.returncode == 0
    assert len(listed.stdout.splitlines()) == 2
