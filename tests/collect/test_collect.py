"""Collect journals into the store: changes, live runs, and runs that cannot be read."""

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.analysis.test_unseen import run_of
from tests.support.cli import environment
from tests.support.journals import begin
from tests.support.runs import Team, new_run, write_runs
from tests.support.waiting import LONG_S
from tracekit import semconv
from tracekit.analysis.structure import structure
from tracekit.analysis.timing.critical import critical_path
from tracekit.analysis.tree_facts import TreeFacts
from tracekit.cli.shape import show_json
from tracekit.collect import changes, look
from tracekit.collect import collect as collecting
from tracekit.collect.changes import Due
from tracekit.collect.collect import Report, collect, maker
from tracekit.collect.rows import rows_of
from tracekit.collect.scan import scan
from tracekit.journal.catalog import all_runs, find_run
from tracekit.journal.home import runs_folder
from tracekit.journal.reader import read_run
from tracekit.journal.writer import JournalSink
from tracekit.model.events import Failure, Replayed, SpanBegin, SpanEnd, Unrecorded
from tracekit.model.summary import RunSummary, summary_of
from tracekit.model.tree import Run, RunTree, Tokens
from tracekit.rules.default import default_findings
from tracekit.store.queries import findings_in, known_runs, newest_runs, problems, stored_run
from tracekit.store.rows import File
from tracekit.store.store import Store
from tracekit.store.writer import Writer


def collected() -> Report:
    report = collect()
    assert report is not None
    return report


def stored(home: Path) -> list[RunSummary]:
    with Store(home).reading() as store:
        return newest_runs(store)


def asked(home: Path, query: str) -> list[tuple[object, ...]]:
    with Store(home).reading() as store:
        return store.execute(query).fetchall()


def from_journal(id: str) -> Run:
    return structure(read_run(find_run(id).paths))


def in_store(home: Path, id: str) -> RunTree | None:
    files = scan(runs_folder())[id]
    with Store(home).reading() as store:
        return stored_run(store, id, files)


def test_an_empty_home_gets_no_store(home: Path) -> None:
    assert collected() == Report()
    assert not Store(home).exists


def test_only_what_changed_is_read(home: Path) -> None:
    write_runs(3)
    assert collected().collected == 3
    assert collected().collected == 0
    write_runs(2)
    assert collected().collected == 2
    assert len(stored(home)) == 5
    next(home.glob("runs/*/*.jsonl")).unlink()
    assert (collected().removed, len(stored(home))) == (1, 4)
    assert asked(home, "SELECT count(DISTINCT run), count(*) FROM spans") == [(4, 4 * 13)]
    assert asked(home, "SELECT count(*) FROM span") == [(4 * 13,)]


def test_the_store_tells_of_a_run_what_its_journal_tells(home: Path) -> None:
    ids = write_runs(3, turns=5)
    collected()
    for summary in stored(home):
        assert summary == summary_of(from_journal(summary.id))
    for id in ids:
        run = in_store(home, id)
        assert run is not None
        assert run.root == from_journal(id).root
        assert list(map(type, (run.root.cost_usd, run.root.cost_complete))) == [float, bool]


def test_text_and_numbers_that_no_table_holds(home: Path) -> None:
    run = new_run("a half \ud83d of a pair")
    sink = JournalSink()
    attributes = {"huge": 1 << 200, "nul": "a\0b", "half": "\udc00", "list": ["x", "\ud800"], semconv.STOP_REASON: 7}
    sink.write(run, SpanBegin("a" * 16, None, "run", "käse \x1b[31m", 1, "m", "", attributes))
    sink.write(run, SpanBegin("b" * 16, "a" * 16, "attempt", "x", 1 << 61, "m", "", {semconv.HTTP_STATUS: 1 << 90}))
    sink.write(run, SpanBegin("c" * 16, "a" * 16, "tool", "t", 3, "m", "", {semconv.TOOL_CALL_ARGUMENTS: {"x": 1}}))
    sink.write(run, SpanEnd("b" * 16, 1 << 62, "error", Failure("E\ud800", "m")))
    sink.exit(5)
    assert collected().warnings == []
    assert len(stored(home)) == 1
    assert in_store(home, run.id) is None, "it is shown from its journal, which has every character"
    (found,) = asked(home, "SELECT name, attributes->>'nul', attributes->>'half' FROM spans WHERE kind = 'run'")
    assert found == ("käse \x1b[31m", "a\0b", "?")
    assert asked(home, "SELECT arguments->>'x' FROM tools") == [("1",)]
    assert asked(home, "SELECT http_status, error_type FROM attempts") == [(None, "E?")], "no status of HTTP"


def test_one_run_that_cannot_be_read_does_not_keep_out_the_others(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad, newer, good = write_runs(3)
    for id, old, new in ((newer, '"version":1', '"version":99'),):
        path = find_run(id).paths[0]
        path.write_text(path.read_text().replace(old, new, 1))
    real = structure

    def broken(recording: object) -> Run:
        if recording.id == bad:  # type: ignore[attr-defined]
            raise RecursionError("deep")
        return real(recording)  # type: ignore[arg-type]

    monkeypatch.setattr(collecting, "structure", broken)
    warnings = collected().warnings
    assert [run.id for run in stored(home)] == [good]
    assert len(warnings) == 2
    assert any("journal format 99" in text for text in warnings)
    assert any("do not make up a run: RecursionError: deep" in text for text in warnings)
    assert collected().warnings == [], "an unreadable run is read again when it has changed"
    with Store(home).reading() as store:
        assert {id for id, _ in problems(store)} == {bad, newer}
    monkeypatch.setattr(look, "_FEW_FILES", 0)
    monkeypatch.setattr(look, "_BUDGET_S", LONG_S)
    listed = look.list_runs(50)
    assert [run.id for run in listed.runs] == [good]
    assert len(listed.warnings) == 2


def test_a_damaged_line_is_told_and_the_rest_is_there(home: Path) -> None:
    (id,) = write_runs(1)
    path = find_run(id).paths[0]
    lines = path.read_text().splitlines(keepends=True)
    lines[5] = "{oops\n"
    path.write_text("".join(lines))
    collected()
    run = in_store(home, id)
    assert run is not None
    assert look.damage_in(run) == look.damage_in(from_journal(id))
    assert len(look.damage_in(run)) >= 1


# ── live runs ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_live_run_is_seen_at_once_and_turns_to_interrupted_when_it_is_killed(home: Path) -> None:
    program = (
        "import sys, time; from tests.support.runs import *; from tracekit.journal.writer import JournalSink\n"
        "run = new_run('live'); Team(JournalSink(), run, 3).write(end=False); print(run.id, flush=True); time.sleep(60)"
    )
    env = {**environment(home), "PYTHONPATH": str(Path(__file__).parent.parent.parent)}
    with subprocess.Popen([sys.executable, "-c", program], env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        id = process.stdout.readline().strip()
        collected()
        assert [(run.id, run.status, run.calls) for run in stored(home)] == [(id, "open", 3)]
        assert collected().collected == 0
        assert in_store(home, id) is None, "a live run is shown from its journal"
        process.kill()
    assert collected().collected == 1
    assert [(run.id, run.status) for run in stored(home)] == [(id, "interrupted")]
    assert collected().collected == 0


def test_a_live_run_is_not_read_over_and_over(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, sink = new_run(), JournalSink()
    Team(sink, run, 20).write(end=False)
    assert collected().collected == 1
    sink.write(run, begin(1))
    monkeypatch.setattr(changes, "_SHARE", 1e6)
    report = collected()
    assert (report.collected, report.waiting) == (0, 1)
    with Store(home).reading() as store:
        time.sleep(10 * known_runs(store)[run.id].took_s)
    monkeypatch.setattr(changes, "_SHARE", 10)
    assert collected().collected == 1, "ten times as long as reading it took has passed"
    monkeypatch.setattr(changes, "_SHARE", 1e6)
    Team(sink, run, 10, seed=1).write(end=False)
    assert collected().collected == 1, "it has grown by more than an eighth"
    sink.write(run, begin(2))
    sink.exit(9)
    assert collected().collected == 1, "its writer is gone"
    assert asked(home, "SELECT count(DISTINCT id), count(*) FROM spans") == [(124, 124)]


def test_rows_of_older_rules_are_made_anew(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_runs(2)
    collected()
    monkeypatch.setattr(collecting, "RULES", "others")
    assert collected().collected == 2
    assert collected().collected == 0
    assert len(stored(home)) == 2


# ── what each call said ──────────────────────────────────────────────────────────────────────────────────────────────


def test_history_is_told_once(home: Path) -> None:
    write_runs(1, turns=4)
    collected()
    rows = asked(home, "SELECT role, block, is_answer, count(*) FROM messages GROUP BY ALL ORDER BY ALL")
    assert rows == [
        ("assistant", "text", True, 4),
        ("assistant", "tool_use", True, 3),
        ("system", "text", False, 1),
        ("user", "text", False, 1),
        ("user", "tool_result", False, 3),
    ]
    pairs = asked(
        home,
        "SELECT count(*) FROM messages a JOIN messages b USING (run, tool_call_id) "
        "WHERE a.block = 'tool_use' AND b.block = 'tool_result' AND a.tool = 'read_file'",
    )
    assert pairs == [(3,)]
    joined = asked(
        home, "SELECT count(DISTINCT call) FROM messages m JOIN llm_calls c ON c.run = m.run AND c.id = m.call"
    )
    assert joined == [(4,)]


# ── time, and one at a time ──────────────────────────────────────────────────────────────────────────────────────────


def test_the_newest_runs_come_first_and_within_the_time_that_there_is(home: Path) -> None:
    old, new = write_runs(4, ago_s=1000), write_runs(3)
    report = collect(needed=2, budget_s=0)
    assert report is not None
    assert (report.collected, report.left) == (2, 5)
    assert [run.id for run in stored(home)] == [new[2], new[1]]
    report = collect(needed=4, budget_s=0)
    assert report is not None
    assert (report.collected, report.left) == (2, 3)
    assert [run.id for run in stored(home)] == [new[2], new[1], new[0], old[3]]


def test_one_process_collects_and_others_read_what_is_there(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(look, "_FEW_FILES", 0)
    monkeypatch.setattr(look, "_BUDGET_S", LONG_S)
    write_runs(2)
    collected()
    write_runs(1)
    with Store(home).locks.collecting() as is_ours:
        assert is_ours
        assert collect() is None
        listing = look.list_runs(50)
    assert len(listing.runs) == 2
    assert len(listing.warnings) == 1
    assert listing.warnings[0].startswith("another tracekit process is collecting; the data shown is from ")
    assert len(look.list_runs(50).runs) == 3


def test_a_long_query_keeps_nobody_waiting(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(look, "_FEW_FILES", 0)
    monkeypatch.setattr(look, "_BUDGET_S", LONG_S)
    write_runs(2)
    collected()
    write_runs(1)
    naps: list[float] = []
    sleep = time.sleep

    def nap(seconds: float) -> None:
        naps.append(seconds)
        sleep(seconds)

    monkeypatch.setattr(time, "sleep", nap)
    with Store(home).locks.reading():
        listing = look.list_runs(50)
    assert sum(naps) < 1
    assert len(listing.runs) == 2
    assert listing.warnings[0].startswith("a long query is using the store; the data shown is from ")
    assert len(look.list_runs(50).runs) == 3


def test_runs_are_found_by_the_store_as_by_their_journals(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = write_runs(2, name="one")
    (third,) = write_runs(1, name="two")
    monkeypatch.setattr(look, "_FEW_FILES", 0)
    monkeypatch.setattr(look, "_BUDGET_S", LONG_S)
    for text in (first, second, first[:12], "one", "two", "last", str(find_run(third).paths[0])):
        assert look.find(text) == find_run(text), text
    for text in ("nothing", "", "zz"):
        with pytest.raises(Exception, match="there is no run") as by_store:
            look.find(text)
        with pytest.raises(type(by_store.value)) as by_journals:
            find_run(text)
        assert str(by_store.value) == str(by_journals.value)


def test_a_long_run_is_shown_from_the_store(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(look, "_SMALL_BYTES", 10)
    (id,) = write_runs(1)
    collected()
    entry = find_run(id)
    read = look.read_entry(entry)
    monkeypatch.setattr(look, "read_entry", lambda _: pytest.fail("its journal was read"))
    tree, findings = look.tree_with_findings(entry)
    assert tree.root == read.root
    assert not isinstance(tree, Run), "the store has no requests and answers"
    assert [each.code for each in findings] == [each.code for each in default_findings(read)]
    monkeypatch.undo()
    monkeypatch.setattr(look, "_SMALL_BYTES", 10)
    with entry.paths[0].open("a") as file:
        file.write("\n")
    assert isinstance(look.tree_with_findings(entry)[0], Run), "it has changed: its journal was read"


def test_what_is_shown_of_a_run_is_the_same_by_its_journal_and_by_the_store(home: Path) -> None:
    """Collect recorded runs of all kinds, a run that was killed, and a replay with unrecorded requests."""
    write_recorded(home)
    sink, replay, killed = JournalSink(), replace(new_run("replay"), replay_of="ab" * 16), new_run("killed")
    Team(sink, replay, 2).write(end=False)
    sink.write(replay, Unrecorded(replay.recorded_at_ns, "requests", "https://api.anthropic.com", 3))
    sink.write(replay, Replayed(replay.recorded_at_ns, "projected"))
    Team(sink, killed, 2).write(end=False)
    sink.forked()
    collected()
    entries = all_runs()
    assert len(entries) > 20
    for entry in entries:
        tree, run = in_store(home, entry.paths[0].name.partition(".")[0]), look.read_entry(entry)
        assert tree is not None, entry
        findings = default_findings(run)
        assert json.dumps(show_json(tree, findings)) == json.dumps(show_json(run, findings)), entry
        assert (tree.id, tree.recorded_at_ns, tree.last_ns) == (run.id, run.recorded_at_ns, run.last_ns)


def write_recorded(home: Path) -> None:
    """Put the runs of the folder `fixtures` into the home, those that have a tree."""
    from fixtures.make_rules import FOLDER
    from fixtures.make_runs import RUNS

    day = home / "runs" / "2025-10-09"
    day.mkdir(parents=True)
    for number, path in enumerate(sorted([*RUNS.glob("*.jsonl"), *FOLDER.glob("*-hit.jsonl")])):
        (day / f"{number:032x}.host.1.jsonl").write_bytes(path.read_bytes())


def test_the_store_keeps_in_which_order_a_response_requested_tools(home: Path) -> None:
    """The time of a tool that was not recorded depends on it."""
    home.mkdir()
    store = Store(home)
    store.prepare()
    paths = []
    lanes = ("m.t0", "m.t1")
    for order in (("ask_a", "ask_b", "bash"), ("bash", "ask_a", "ask_b")):
        run = run_of(order, (1000, 1600), (1600, 2200), 5200, lanes=lanes, blocks=True)
        run = replace(run, root=replace(run.root, tokens=Tokens(output=5, is_partial=True)))
        file = File("day/run.jsonl", 1, 2, 3)
        with Writer(store) as writer:
            writer.add(rows_of(order[0], run, [file], [], maker(), 0.0))
        with store.reading() as connection:
            tree = stored_run(connection, order[0], [file])
        assert tree is not None
        assert path_of(tree) == path_of(run)
        assert tree.root.tokens.is_partial, "the output is the least that there was"
        paths.append(path_of(tree))
    assert paths[0] != paths[1]


def path_of(tree: RunTree) -> list[tuple[str, int]]:
    return [(step.node.id, step.start_ns) for step in critical_path(tree.root, TreeFacts(tree).schedule)]


def test_a_run_in_several_processes_is_one(home: Path) -> None:
    run = new_run()
    program = (
        "import sys; from tests.support.runs import *; from tracekit.journal.writer import JournalSink\n"
        "run = RunInfo(sys.argv[1], 'job', 5); Team(JournalSink(), run, 2, seed=int(sys.argv[2])).write()"
    )
    env = {**environment(home), "PYTHONPATH": str(Path(__file__).parent.parent.parent)}
    for seed in range(2):
        subprocess.run([sys.executable, "-c", program, run.id, str(seed)], env=env, check=True)
    assert len(scan(runs_folder())[run.id]) == 2
    assert collected().collected == 1
    assert [(each.id, each.calls) for each in stored(home)] == [(run.id, 4)]
    assert len(all_runs()) == 1


def test_parts_of_a_due_run_that_vanish(home: Path) -> None:
    (id,) = write_runs(1)
    found = scan(runs_folder())
    Path(find_run(id).paths[0]).unlink()
    report = collect(found=found)
    assert report is not None
    assert (report.collected, report.warnings) == (0, [])
    assert stored(home) == []
    assert Due(id, 0, [File("x", 1, 2, 3)], None).known is None


def test_the_rows_of_a_run_that_a_killed_collector_left_are_removed(home: Path) -> None:
    write_runs(1)
    collected()
    store = Store(home)
    from tracekit.store.connect import memory

    connection = memory()
    with store.writing(connection):
        connection.execute("INSERT INTO store.span SELECT * REPLACE (77 AS copy) FROM store.span")
        connection.execute("INSERT INTO store.meta VALUES ('unfinished', '77')")
    connection.close()
    assert asked(home, "SELECT count(*) FROM spans") == [(13,)]
    assert asked(home, "SELECT count(*) FROM span") == [(26,)]
    write_runs(1)
    collected()
    assert asked(home, "SELECT count(*) FROM span") == [(26,)]
    assert asked(home, "SELECT count(DISTINCT copy) FROM span WHERE copy IN (SELECT copy FROM run)") == [(2,)]


# ── findings ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_findings_are_stored_and_counted_as_the_journal_tells_them(home: Path) -> None:
    from fixtures.make_rules import FOLDER
    from tracekit.collect.look import find, list_runs, tree_with_findings

    day = home / "runs" / "2025-10-09"
    day.mkdir(parents=True)
    source = FOLDER / "TK102-hit.jsonl"
    (day / f"{'ab' * 16}.host.1.jsonl").write_bytes(source.read_bytes())
    collected()
    rows = asked(home, "SELECT code, rule, confidence, saved_ms, len(spans::JSON[]) FROM findings")
    assert rows == [("TK102", "serial-batch", "certain", 4000.0, 4)]
    assert asked(home, "SELECT findings FROM runs") == [(1,)]
    assert [run.findings for run in list_runs(5).runs] == [1]
    _, findings = tree_with_findings(find("last"))
    with Store(home).reading() as store:
        assert findings_in(store, "ab" * 16) == findings
