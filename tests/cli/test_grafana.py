"""`tracekit grafana` prints what Grafana imports."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from grafana.dashboards import written
from tests.support.cli import environment, tracekit, tracekit_json


def test_each_file_is_listed_and_printed_as_it_is(tmp_path: Path) -> None:
    env = environment(tmp_path)
    listed = tracekit_json("grafana", "--list", env=env)
    files = written()
    names = {f"{each['name']}.json" if each["name"] != "alerts" else "alerting/tracekit.yaml" for each in listed}
    assert names == files.keys()
    assert all(each["title"] for each in listed)
    shown = tracekit("grafana", "--list", env=env).stdout.splitlines()
    assert [line.split()[0] for line in shown] == [each["name"] for each in listed]
    assert tracekit("grafana", env=env).stdout == files["overview.json"]
    assert json.loads(tracekit("grafana", "run", env=env).stdout)["uid"] == "tracekit-run"
    assert yaml.safe_load(tracekit("grafana", "alerts", env=env).stdout)["apiVersion"] == 1
    assert not [*tmp_path.iterdir()]


def test_an_unknown_name_says_which_there_are(tmp_path: Path) -> None:
    done = tracekit("grafana", "dashbord", env=environment(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert "'dashbord'. Choose one of: metrics, overview, run, alerts." in done.stderr
