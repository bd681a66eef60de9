"""Compose file, configurations and provisioning: what they name is there, and they agree with each other and the manual.

No container can be started here: these tests say that the files fit together, not that the images take them.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from tests.support.manual import section

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "grafana"
DASHBOARDS = ROOT / "tracekit" / "cli" / "dashboards"


def read(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text("utf-8"))


SERVICES: dict[str, dict[str, Any]] = read("compose.yaml")["services"]
COLLECTOR, TEMPO = read("collector.yaml"), read("tempo.yaml")
MOUNTED = {
    (name, target): (FOLDER / source).resolve()
    for name, service in SERVICES.items()
    for source, target, *_ in (mount.split(":") for mount in service.get("volumes", []))
    if source.startswith(".")
}
PUBLISHED = {
    name: [tuple(port.split(":")) for port in service["ports"]]
    for name, service in SERVICES.items()
    if "ports" in service
}
JAEGER_OTLP = 4318
"""Jaeger's own configuration listens there for OTLP over HTTP, on 16686 for its pages, and on 13133 for health."""


def test_every_yaml_file_is_read_and_none_is_forgotten() -> None:
    assert {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.yaml")} == {
        "collector.yaml",
        "compose.yaml",
        "prometheus.yaml",
        "provisioning/dashboards/tracekit.yaml",
        "provisioning/datasources/tracekit.yaml",
        "tempo.yaml",
    }
    for path in FOLDER.rglob("*.yaml"):
        assert isinstance(yaml.safe_load(path.read_text("utf-8")), dict), path


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_is_pinned(name: str) -> None:
    assert re.fullmatch(r"[a-z/-]+:v?\d+\.\d+\.\d+", SERVICES[name]["image"])


def test_every_mount_exists_and_is_read_only() -> None:
    assert len(MOUNTED) == 7
    for path in MOUNTED.values():
        assert path.exists()
    mounts = [mount for service in SERVICES.values() for mount in service.get("volumes", [])]
    assert all(mount.endswith(":ro") for mount in mounts if mount.startswith("."))
    named = {mount.partition(":")[0] for mount in mounts if not mount.startswith(".")}
    assert named == read("compose.yaml")["volumes"].keys()


def test_ports_are_published_on_this_machine_alone() -> None:
    assert {name: {inside for *_, inside in ports} for name, ports in PUBLISHED.items()} == {
        "collector": {"4317", "4318"},
        "grafana": {"3000"},
        "jaeger": {"16686"},
        "prometheus": {"9090"},
        "tempo": {"3200"},
    }
    for ports in PUBLISHED.values():
        assert [(host, outside == inside) for host, outside, inside in ports] == [("127.0.0.1", True)] * len(ports)


def test_the_manual_names_these_ports_and_no_others() -> None:
    text = section("export", "Grafana and Jaeger")
    named = set(re.findall(r"127\.0\.0\.1:(\d+)", text))
    assert named == {outside for ports in PUBLISHED.values() for _, outside, _ in ports}
    for service in SERVICES.values():
        name, _, version = service["image"].rpartition("/")[2].replace(":v", ":").partition(":")
        assert f"{name} {version}" in text.replace("\n", " ").lower().replace("`", ""), service["image"]


def test_the_collector_passes_traces_to_two_and_metrics_to_one() -> None:
    for protocol, port in (("grpc", 4317), ("http", 4318)):
        assert COLLECTOR["receivers"]["otlp"]["protocols"][protocol]["endpoint"] == f"0.0.0.0:{port}"
    pipelines = COLLECTOR["service"]["pipelines"]
    assert pipelines == {
        "traces": {"receivers": ["otlp"], "exporters": ["otlp_http/tempo", "otlp_http/jaeger"]},
        "metrics": {"receivers": ["otlp"], "exporters": ["otlp_http/prometheus"]},
    }
    assert {each for pipeline in pipelines.values() for each in pipeline["exporters"]} == COLLECTOR["exporters"].keys()
    assert COLLECTOR["service"]["extensions"] == [*COLLECTOR["extensions"]]
    tempo = urlsplit("//" + TEMPO["distributor"]["receivers"]["otlp"]["protocols"]["http"]["endpoint"]).port
    targets = {name: each["endpoint"] for name, each in COLLECTOR["exporters"].items()}
    assert targets == {
        "otlp_http/tempo": f"http://tempo:{tempo}",
        "otlp_http/jaeger": f"http://jaeger:{JAEGER_OTLP}",
        "otlp_http/prometheus": "http://prometheus:9090/api/v1/otlp",
    }
    assert "--web.enable-otlp-receiver" in SERVICES["prometheus"]["command"]


def test_grafana_asks_services_that_are_there() -> None:
    sources = {each["uid"]: each for each in read("provisioning/datasources/tracekit.yaml")["datasources"]}
    assert {uid: (each["type"], each["url"]) for uid, each in sources.items()} == {
        "tempo": ("tempo", f"http://tempo:{TEMPO['server']['http_listen_port']}"),
        "jaeger": ("jaeger", "http://jaeger:16686"),
        "prometheus": ("prometheus", "http://prometheus:9090"),
    }
    assert [uid for uid, each in sources.items() if each.get("isDefault")] == ["tempo"]


def test_alert_rules_are_whole_and_ask_a_data_source_that_is_there() -> None:
    """As Grafana's provisioning reads them: each refers to queries, a condition and a dashboard that exist."""
    rules = yaml.safe_load((DASHBOARDS / "alerting" / "tracekit.yaml").read_text("utf-8"))
    assert rules["apiVersion"] == 1
    (group,) = rules["groups"]
    assert {"orgId", "name", "folder", "interval", "rules"} == group.keys()
    known = {each["uid"] for each in read("provisioning/datasources/tracekit.yaml")["datasources"]}
    uids = {json.loads(path.read_text("utf-8"))["uid"] for path in DASHBOARDS.glob("*.json")}
    assert len({rule["uid"] for rule in group["rules"]}) == len(group["rules"]) == 4
    for rule in group["rules"]:
        asked, compared = rule["data"]
        assert (asked["datasourceUid"] in known, compared["datasourceUid"]) == (True, "__expr__")
        assert rule["condition"] == compared["refId"] != asked["refId"] == compared["model"]["expression"]
        assert all(each["model"]["refId"] == each["refId"] for each in rule["data"])
        (condition,) = compared["model"]["conditions"]
        assert condition["evaluator"]["type"] == "gt"
        assert len(condition["evaluator"]["params"]) == 1
        assert asked["model"]["instant"] is True
        assert asked["relativeTimeRange"]["from"] > 0
        assert "$" not in asked["model"]["expr"]
        assert rule["annotations"]["__dashboardUid__"] in uids
        assert re.fullmatch(r"\d+m", rule["for"])
        assert rule["noDataState"] == "OK"


def test_grafana_finds_the_dashboards_and_opens_the_overview() -> None:
    (provider,) = read("provisioning/dashboards/tracekit.yaml")["providers"]
    folder = provider["options"]["path"]
    assert MOUNTED["grafana", folder] == DASHBOARDS.resolve()
    for name in ("dashboards", "datasources"):
        assert MOUNTED["grafana", f"/etc/grafana/provisioning/{name}"] == (FOLDER / "provisioning" / name).resolve()
    assert MOUNTED["grafana", "/etc/grafana/provisioning/alerting"] == (DASHBOARDS / "alerting").resolve()
    home = Path(SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert (MOUNTED["grafana", str(home.parent)] / home.name).is_file()


def test_what_is_needed_is_waited_for_and_jaeger_is_not() -> None:
    checks = {name: service["healthcheck"]["test"] for name, service in SERVICES.items() if "healthcheck" in service}
    # The collector cannot ask itself, so Grafana asks it.
    assert checks.keys() == SERVICES.keys() - {"collector", "jaeger"}
    health = urlsplit("//" + COLLECTOR["extensions"]["health_check"]["endpoint"]).port
    assert f"http://collector:{health}/" in checks["grafana"]
    assert "--fail-early" in checks["grafana"]
    for name, service in SERVICES.items():
        assert "jaeger" not in service.get("depends_on", {})
        for other, how in service.get("depends_on", {}).items():
            assert how["condition"] == ("service_healthy" if other in checks else "service_started"), (name, other)
