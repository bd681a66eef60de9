"""`tracekit pull`: traces from servers that answer as Tempo and Jaeger do, and from a real Tempo if available."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from typing_extensions import override

from tests.grafana.test_tempo import Tempo, tempo
from tests.sources.otlp.test_arrival import WHOLE, _jaeger, _spans
from tests.sources.transcripts import runs
from tests.support.cli import environment, tracekit, tracekit_json
from tests.support.foreign import TRACE, outline, request
from tests.support.waiting import eventually
from tracekit.cli.main import cli
from tracekit.errors import SourceError
from tracekit.sources.otlp.pull import TraceStore, pull

__all__ = ["tempo"]


@contextmanager
def _store(answers: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """A server with `answers` by path; yields its address and the requests that it gets."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        @override
        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            asked.append(f"{self.path} {self.headers.get('authorization')} {self.headers.get('x-scope-orgid')}")
            answer = answers.get(self.path.partition("?")[0])
            body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(404 if answer is None else 200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_tempo_by_id_and_by_query(home: Path) -> None:
    env = environment(home)
    batches = request(*_spans())["resourceSpans"]
    answers = {
        f"/base/api/v2/traces/{TRACE}": {"trace": {"resourceSpans": batches}, "status": "COMPLETE"},
        "/base/api/search": {"traces": [{"traceID": TRACE}]},
    }
    with _store(answers) as (address, asked):
        url = f"http://jo:pass@{address}/base/"
        told = tracekit_json("pull", "--tempo", url, TRACE, "--header", "x-scope-orgid=team", env=env)
        assert (told["calls"], told["tokens"], told["missing"]) == (3, {"input": 60, "output": 6}, [])
        assert [outline(run) for run in runs()] == [WHOLE]
        again = tracekit_json("pull", "--tempo", url, "--query", '{ span.x = "y" }', "--limit", "5", env=env)
        assert (again["sessions"], again["unchanged"]) == (0, 1)
        missing = tracekit("pull", "--tempo", url, "a" * 32, env=env)
        assert (missing.returncode, f"trace {'a' * 32} is not in Tempo" in missing.stderr) == (2, True)
    assert asked[0].endswith(" Basic am86cGFzcw== team")
    assert any("limit=5" in each and "q=%7B+span.x" in each for each in asked)
    for wrong in (["pull"], ["pull", "--tempo", "http://x"], ["pull", "--jaeger", "http://x", "--query", "{}"]):
        assert CliRunner().invoke(cli, wrong).exit_code == 2


def test_jaeger_by_id_of_both_versions_and_by_service(home: Path) -> None:
    third = {"result": {"resourceSpans": request(*_spans())["resourceSpans"]}}
    lines = b"\n".join(json.dumps({"result": request(each)}).encode() for each in _spans())
    with _store({"/api/v3/traces": lines, f"/api/v3/traces/{TRACE}": third}) as (address, asked):
        found = tracekit_json("pull", "--jaeger", f"http://{address}", "--service", "shop", env=environment(home))
        assert found["calls"] == 3
        assert "query.service_name=shop" in asked[0]
        done, missing = pull(TraceStore("Jaeger", f"http://{address}"), [TRACE.lstrip("0")])
        assert (done.unchanged, missing) == (1, [])
    for path in home.rglob("*.jsonl"):
        path.unlink()
    with _store({f"/api/traces/{TRACE}": _jaeger()}) as (address, _):
        assert pull(TraceStore("Jaeger", f"http://{address}"), [TRACE])[0].calls == 3
    assert [outline(run) for run in runs()] == [WHOLE]


def test_a_store_that_does_not_answer_says_so(home: Path) -> None:
    with _store({f"/api/v2/traces/{TRACE}": b"<html>"}) as (address, _):
        for url, said in (
            ("http://127.0.0.1:9", "cannot be reached"),
            ("ftp://x", "is not an address"),
            (f"http://jo:pass@{address}", "no JSON"),
        ):
            with pytest.raises(SourceError, match=said) as caught:
                pull(TraceStore("Tempo", url), [TRACE])
            assert "pass" not in str(caught.value)
    with pytest.raises(SourceError, match="is not a trace id"):
        pull(TraceStore("Tempo", "http://127.0.0.1:9"), ["xyz"])


@pytest.mark.tempo
def test_a_real_tempo(home: Path, tempo: Tempo) -> None:
    env, now = environment(home), time.time_ns() - 20_000_000_000
    body = request(*_spans())
    spans = [each for scope in body["resourceSpans"][0]["scopeSpans"] for each in scope["spans"]]
    shift = now - min(int(each["startTimeUnixNano"]) for each in spans)
    for each in spans:
        for name in ("startTimeUnixNano", "endTimeUnixNano"):
            each[name] = str(int(each[name]) + shift)
    sent = urllib.request.Request(
        f"{tempo.otlp}/v1/traces", json.dumps(body).encode(), {"content-type": "application/json"}
    )
    urllib.request.urlopen(sent, timeout=60).close()
    eventually(lambda: tracekit("pull", "--tempo", tempo.url, TRACE, env=env).returncode == 0)
    eventually(lambda: [outline(run) for run in runs()] == [WHOLE], lambda: [outline(run) for run in runs()])
    query = ["--query", '{ span.gen_ai.operation.name = "chat" }']
    eventually(lambda: tracekit_json("pull", "--tempo", tempo.url, *query, env=env)["unchanged"] == 1)
