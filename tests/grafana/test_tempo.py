"""A real Tempo, with the configuration of the compose file, shows in every panel what `tracekit sql` gives.

It is in no package registry, so it is asked only where ``TRACEKIT_TEMPO`` names its binary. Time passes here: Tempo cuts
traces by the clock, and so the longest of these runs takes a minute and a quarter.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from grafana.dashboards import FOLDER
from tests.support.cli import environment, tracekit_json
from tests.support.panels import OVERVIEW, PROGRAM, RUN, differing, queries, recorded, respond
from tests.support.ports import free_port
from tests.support.traceql import Groups
from tests.support.waiting import eventually
from tracekit.demo.claude import ScriptedClaude

pytestmark = [pytest.mark.tempo, pytest.mark.timeout(400)]

COMMAND = os.environ.get("TRACEKIT_TEMPO")
CONFIG = FOLDER.parents[2] / "grafana" / "tempo.yaml"
FOREIGN = {"TRACEPARENT": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
PROGRAMS: tuple[tuple[list[str], dict[str, str]], ...] = (
    (["plain", "10"], {}),
    (["plain", "75"], {}),
    (["plain", "75"], FOREIGN),
    (["own", "75"], {}),
    (["beside", "75"], {}),
    (["killed", "75"], {}),
)
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Tempo:
    """A running Tempo: where it is asked, and where it takes OTLP over HTTP."""

    def __init__(self, url: str, otlp: str) -> None:
        self.url, self.otlp = url, otlp

    def get(self, path: str, **query: Any) -> Any:
        """Return the answer to a question about the last hour."""
        end = int(time.time()) + 60
        address = f"{self.url}{path}?{urllib.parse.urlencode({**query, 'start': end - 3600, 'end': end})}"
        with _OPENER.open(address, timeout=30) as response:
            return json.load(response)

    def shown(self, query: str) -> Groups:
        """Return what a panel shows: the number of rows of a list; and no number where there are none."""
        if "_over_time" in query:
            series = self.get("/api/metrics/query", q=query).get("series", [])
            found: Groups = {_key(each): each.get("value", 0.0) for each in series}
            is_count_of_runs = query.endswith("by (span.tracekit.run.id)")
            return (
                {None: float(len(found))} if is_count_of_runs else {key: value for key, value in found.items() if value}
            )
        traces = self.get("/api/search", q=query, limit=200, spss=1).get("traces", [])
        spans = sum(len(spanset["spans"]) for trace in traces for spanset in trace["spanSets"])
        return {None: float(spans)} if spans else {}


def _key(series: dict[str, Any]) -> str | None:
    labels = [label for label in series.get("labels", []) if label["key"] != "__name__"]
    return " ".join(str(value) for label in labels for value in label["value"].values()) or None


@pytest.fixture
def tempo(tmp_path: Path) -> Iterator[Tempo]:
    """A Tempo that has seen nothing yet."""
    if COMMAND is None:
        pytest.skip("TRACEKIT_TEMPO names no Tempo")
    port, otlp = free_port(), free_port()
    config = yaml.safe_load(CONFIG.read_text("utf-8").replace("/var/tempo", str(tmp_path / "tempo")))
    address = {"http_listen_address": "127.0.0.1", "grpc_listen_address": "127.0.0.1"}
    config["server"] = {**address, "http_listen_port": port, "grpc_listen_port": free_port()}
    config["distributor"]["receivers"]["otlp"]["protocols"]["http"]["endpoint"] = f"127.0.0.1:{otlp}"
    config["live_store"]["wal"]["path"] = str(tmp_path / "tempo" / "live")
    config["live_store"]["shutdown_marker_dir"] = str(tmp_path / "tempo" / "marker")
    config["memberlist"] = {"bind_addr": ["127.0.0.1"], "bind_port": free_port()}
    (tmp_path / "tempo.yaml").write_text(yaml.safe_dump(config), "utf-8")
    command = [COMMAND, "-target=all", f"-config.file={tmp_path / 'tempo.yaml'}"]
    log = tmp_path / "tempo.log"
    with log.open("w") as output, subprocess.Popen(command, cwd=tmp_path, stdout=output, stderr=output) as process:
        try:
            eventually(lambda: is_ready(port) or process.poll() is not None, lambda: log.read_text("utf-8"))
            assert process.poll() is None, log.read_text("utf-8")
            yield Tempo(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{otlp}")
        finally:
            # It may hang when it is asked to stop.
            process.kill()


def is_ready(port: int) -> bool:
    try:
        _OPENER.open(f"http://127.0.0.1:{port}/ready", timeout=5).close()
    except (urllib.error.URLError, OSError):
        return False
    return True


def perform(env: dict[str, str]) -> None:
    """Run all programs at once, each as long as it declares; kill the program that waits for its end."""
    with ExitStack() as stack:
        running = []
        for arguments, more in PROGRAMS:
            command = [sys.executable, str(PROGRAM), *arguments]
            process = subprocess.Popen(command, env={**env, **more}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            running.append((arguments[0], stack.enter_context(process)))
        for how, process in running:
            if how == "killed":
                assert process.stdout is not None
                assert process.stdout.readline() == b"waiting\n"
                # Its spans go out every tenth of a second.
                time.sleep(3)
                process.kill()
            assert process.wait() == (-9 if how == "killed" else 0)


def test_every_panel_shows_what_the_record_has(tempo: Tempo, tmp_path: Path) -> None:
    with ScriptedClaude(respond) as claude:
        more = {"OTEL_EXPORTER_OTLP_ENDPOINT": tempo.otlp, "OTEL_BSP_SCHEDULE_DELAY": "100", "REAL": "1"}
        env = environment(tmp_path / "home", claude.url, **more)
        perform(env)
    expected = recorded(OVERVIEW, env)
    asked, calls = queries("overview.json"), "Calls of the model"
    eventually(lambda: tempo.shown(asked[calls]) == expected[calls], lambda: "the calls have not come")
    shown = {title: tempo.shown(asked[title]) for title in expected}
    # The run that was killed has sent nothing that says how long it went on.
    longest = "Longest runs (the first 50)"
    shown[longest] = {run: value for run, value in shown[longest].items() if run in expected[longest]}
    assert differing(shown, expected) == {}
    runs = tracekit_json("ls", env=env)
    assert len(runs) == len(PROGRAMS)
    for run in runs:
        expected = recorded(RUN, env, run["id"])
        asked = queries("run.json", run=run["id"])
        assert differing({title: tempo.shown(asked[title]) for title in expected}, expected) == {}, run["name"]
