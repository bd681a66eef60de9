import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.recording import spans
from tracekit import semconv
from tracekit.demo.claude import ReceivedRequest, ScriptedClaude, message, reply, text
from tracekit.demo.claude import ScriptedResponse as ScriptedAnswer
from tracekit.journal.catalog import all_runs
from tracekit.journal.liveness import is_alive
from tracekit.journal.reader import read_run
from tracekit.model.recording import Recording

pytestmark = pytest.mark.slow

PROGRAM = Path(__file__).parents[1] / "programs" / "killed.py"
KILLS = 50


def answer(asked: ReceivedRequest) -> ScriptedAnswer:
    return reply(
        asked, message(text("Some words that arrive one after another, and then a few more of them. ")), gap_s=0.001
    )


@pytest.mark.timeout(120)
def test_what_had_ended_survives_kill_9(home: Path) -> None:
    with ScriptedClaude(answer) as claude:
        done = subprocess.run(
            [sys.executable, str(PROGRAM), claude.url, str(KILLS), "7"], capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr
    results = {result["pid"]: result for result in json.loads(done.stdout)}
    assert len(results) == KILLS
    runs = [read_run(entry.paths) for entry in all_runs()]
    recorded = {run.segments[0].pid for run in runs}
    assert {pid for pid, result in results.items() if result["finished"]} <= recorded
    assert len(recorded) > KILLS // 2
    interrupted = finished = 0
    for run in runs:
        (segment,) = run.segments
        result = results[segment.pid]
        assert all(result["alive"])
        assert not any(result["alive_after"])
        assert not is_alive(Path(segment.path))
        assert not segment.exited
        # A write that crosses a page may be cut there: of what had not ended, that is.
        assert segment.damage in ((), ("the last line is cut and is skipped",))
        assert_ended(run, set(result["finished"]))
        finished += len(result["finished"])
        interrupted += sum(span.status == "open" for span in run.spans.values() if span.kind == "attempt")
        assert [span.status for span in spans(run, "run")] in (["open"], []), "it may be killed before its first line"
    assert finished > 3 * KILLS
    assert interrupted > KILLS


def assert_ended(run: Recording, finished: set[str]) -> None:
    """Each call that had returned is there with its end, its request and its whole answer."""
    calls = {str(span.attributes[semconv.TOOL_CALL_ID]): span for span in spans(run, "tool")}
    children: dict[str | None, list[str]] = {}
    for span in run.spans.values():
        children.setdefault(span.parent, []).append(span.id)
    for name in finished:
        call = calls[name]
        (llm,) = children[call.id]
        (attempt,) = children[llm]
        assert [run.spans[id].status for id in (call.id, llm, attempt)] == ["ok", "ok", "ok"], name
        exchange = run.exchanges[attempt]
        assert json.loads(exchange.request.body or b"")["messages"][0]["content"] == f"{name} " * 200
        assert exchange.status == 200
        assert b"message_stop" in exchange.body or b'"stop_reason":"end_turn"' in exchange.body
