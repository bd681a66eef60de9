"""The store's file: made, migrated, left alone, moved aside, and never lost by a disk that is full."""

import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

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
    """All that the views have, in an order of its own."""
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


def test_an_older_store_is_brought_to_this_version(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_runs(2)
    collect()
    before = everything(home)

    def newest(store: object) -> None:
        store.execute("ALTER TABLE run ADD COLUMN colour VARCHAR DEFAULT 'blue'")  # type: ignore[attr-defined]

    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, newest))
    with pytest.raises(StoreError, match="of an older version"):
        everything(home)
    collect()
    assert everything(home) == before
    with Store(home).reading() as store:
        assert store.execute("SELECT DISTINCT colour FROM run").fetchall() == [("blue",)]
        assert store.execute("SELECT value FROM meta WHERE name = 'schema'").fetchall() == [
            (str(len(schema.MIGRATIONS)),)
        ]
    monkeypatch.undo()


def test_a_newer_store_is_left_alone(home: Path, tmp_path: Path) -> None:
    write_runs(2)
    collect()
    store = Store(home)
    connection = memory()
    with store.writing(connection):
        connection.execute("UPDATE store.meta SET value = '99' WHERE name = 'schema'")
        connection.execute("CHECKPOINT store")
    connection.close()
    before = store.path.read_bytes()
    with pytest.raises(NewerStoreError, match=r"version 99.*upgrade tracekit-agents"):
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


@pytest.mark.parametrize("damage", ["garbage", "empty", "cut", "half", "overwritten", "foreign"])
def test_a_store_that_cannot_be_opened_is_moved_aside(home: Path, damage: str) -> None:
    recorded = write_runs(3, turns=20, text=3000)
    collect()
    before = everything(home)
    store = Store(home)
    whole = store.path.read_bytes()
    if damage == "foreign":
        store.remove()
        import duckdb

        with duckdb.connect(str(store.path)) as connection:
            connection.execute("CREATE TABLE other AS SELECT 42 AS answer")
    else:
        store.path.write_bytes(
            {
                "garbage": b"\x00\xffno store" * 1000,
                "empty": b"",
                "cut": whole[:3000],
                "half": whole[:12288],
                "overwritten": whole[:4096] + b"\xee" * 8192 + whole[12288:],
            }[damage]
        )
    report = collect()
    assert report is not None
    assert len(report.told) == 1
    assert "it is kept as store.duckdb.damaged-" in report.told[0]
    asides = [path.name for path in home.glob("store.duckdb.damaged-*") if path.suffix != ".wal"]
    assert len(asides) == 1
    assert asides[0] in report.told[0]
    assert sorted(ids(home)) == sorted(recorded)
    assert everything(home) == before


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
