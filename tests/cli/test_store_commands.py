"""`ls`, `show`, `collect`, `export` and `doctor` with the store: the same answers, whichever way they come."""

import json
from pathlib import Path

import pytest

from tests.support.cli import environment, tracekit, tracekit_json
from tests.support.crowd import command
from tests.support.runs import write_runs
from tests.support.waiting import LONG_S
from tracekit.collect import look
from tracekit.store.store import Store
from tracekit.store.views import VIEWS


@pytest.mark.parametrize("form", ["json", "text"])
def test_ls_and_show_say_the_same_by_store_and_by_journal(
    home: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    ids = write_runs(4, turns=6)
    looks = [["ls"], ["ls", "--limit", "2"], ["show", ids[1]], ["show", ids[2][:10]], ["show", "last"], ["show", "job"]]
    by_journal = [command([*each, "--format", form]) for each in looks]
    assert not Store(home).exists
    monkeypatch.setattr(look, "_FEW_FILES", 0)
    monkeypatch.setattr(look, "_BUDGET_S", LONG_S)
    monkeypatch.setattr(look, "_SMALL_BYTES", 0)
    command(["collect"])
    by_store = [command([*each, "--format", form]) for each in looks]
    assert by_store == by_journal
    assert Store(home).exists


def test_ls_goes_on_by_journals_where_the_store_cannot_be_used(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_runs(2)
    command(["collect"])
    monkeypatch.setattr(look, "_FEW_FILES", 0)
    monkeypatch.setattr(look, "_BUDGET_S", LONG_S)
    Store(home).path.chmod(0)
    Store(home).path.unlink()
    Store(home).path.mkdir()
    code, out, err = command(["ls", "--format", "json"])
    assert (code, len(json.loads(out))) == (0, 2)
    assert "the journals are read into a temporary store" in err


def test_collect_says_what_it_did(home: Path) -> None:
    env = environment(home)
    write_runs(2)
    done = tracekit("collect", env=env)
    assert (done.returncode, done.stdout) == (0, "")
    assert "2 runs read (26 spans); the store is" in done.stderr
    assert "0 runs read" in tracekit("collect", env=env).stderr
    assert "2 runs read" in tracekit("collect", "--rebuild", env=env).stderr


@pytest.mark.slow
def test_export_as_parquet(home: Path, tmp_path: Path) -> None:
    env = environment(home)
    id, other = write_runs(2)
    out = tmp_path / "tables"
    done = tracekit("export", id, "--format", "parquet", "-o", str(out), env=env)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert sorted(path.name for path in out.iterdir()) == sorted(f"{view.name}.parquet" for view in VIEWS)
    import duckdb

    with duckdb.connect() as connection:
        assert connection.execute(f"SELECT DISTINCT run FROM '{out}/spans.parquet'").fetchall() == [(id,)]
        for view in VIEWS:
            described = connection.execute(f"DESCRIBE FROM '{out}/{view.name}.parquet'").fetchall()
            assert [name for name, *_ in described] == [column.name for column in view.columns]
    assert not Store(home).exists, "a file of a run needs no store"
    tracekit("export", other, "-o", str(tmp_path / "run.jsonl"), env=env)
    done = tracekit("export", str(tmp_path / "run.jsonl"), "--format", "parquet", "-o", str(tmp_path / "b"), env=env)
    assert done.returncode == 0, done.stderr
    for arguments in (["--format", "parquet", "-o", str(tmp_path / "run.jsonl")], ["-o", str(out)]):
        done = tracekit("export", id, *arguments, env=env)
        assert (done.returncode, done.stdout) == (2, "")
    assert id != other


@pytest.mark.slow
def test_doctor_tells_of_the_store_and_its_limits(home: Path) -> None:
    env = environment(home)
    write_runs(2)

    def checks() -> dict[str, dict[str, object]]:
        return {check["name"]: check for check in tracekit_json("doctor", env=env)}

    def store() -> dict[str, object]:
        return checks()["store"]

    first = checks()
    assert "not made yet" in str(first["store"]["says"])
    assert first["judge"]["ok"] is True
    assert first["judge"]["says"] == (
        "claude, used only by `tracekit check --judge`, for at most $0.05 a check; 0 opinions are stored"
    )
    tracekit("collect", env=env)
    assert store()["ok"] is True
    assert "2 runs" in str(store()["says"])
    assert "`tracekit prune` keeps 30 days and 2.0 GB" in str(store()["says"])
    (home / "store.duckdb").write_bytes(b"garbage" * 1000)
    assert store()["ok"] is False
    assert "damaged" in str(store()["says"])
