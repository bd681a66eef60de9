"""Responses that are no acknowledgement: counted, reported once and by `doctor`, and exit code 1 of `export`.

No secret is shown.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.cli import environment, tracekit, tracekit_json
from tests.support.ports import free_port
from tests.support.receiver import Reply, grpc_receiver, html, partial, receiver, redirect
from tests.support.warm import warm_python
from tracekit import semconv
from tracekit.formatting import format_count
from tracekit.privacy import public_address, scrubbed, secrets_of

PROGRAM = """
import tracekit
tracekit.init()
with tracekit.agent("lead"), tracekit.tool("look"):
    pass
"""


def perform(home: Path, program: str = PROGRAM, **more: str) -> str:
    """Run the program; returns what it said."""
    env = environment(home, **more)
    done = subprocess.run([warm_python(), "-c", program], env=env, capture_output=True, text=True, check=True)
    return done.stderr


def lost(home: Path, **more: str) -> str:
    """Return the report of doctor about lost spans."""
    checks = {check["name"]: check for check in tracekit_json("doctor", env=environment(home, **more))}
    return str(checks.get("lost spans", {}).get("says", ""))


def acknowledged_in_json(_: bytes) -> Reply:
    return Reply(body=b'{"partialSuccess": {}}', headers={"content-type": "application/json"})


def rejected_in_json(_: bytes) -> Reply:
    body = b'{"partialSuccess": {"rejectedSpans": "1", "errorMessage": "one is odd"}}'
    return Reply(body=body, headers={"content-type": "application/json"})


def garbled(_: bytes) -> Reply:
    return Reply(body=b"\xff\xff\xff\xff")


@pytest.mark.parametrize(
    ("reply", "number", "says"),
    [
        (partial, 2, "all rejected"),
        (redirect, 2, "302 Found: it redirects to http://127.0.0.1:9/elsewhere"),
        (html, 2, "HTML page"),
        (rejected_in_json, 1, "one is odd"),
        (garbled, 2, "not OTLP"),
        (lambda _: Reply(401), 2, "401 Unauthorized"),
    ],
    ids=["partial", "redirect", "html", "json", "garbled", "401"],
)
@pytest.mark.slow
def test_what_is_no_acknowledgement_is_told(
    reply: Callable[[bytes], Reply], number: int, says: str, tmp_path: Path
) -> None:
    with receiver(reply) as heard:
        (line,) = perform(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=heard.url).splitlines()
        exported = tracekit("export", "last", "--otlp", heard.url, env=environment(tmp_path))
    assert says in line
    assert heard.url in line
    told = lost(tmp_path)
    assert told.startswith(f"not exported: {format_count(number, 'span')} of 1 process")
    assert says in told
    assert exported.returncode == 1
    (line,) = exported.stderr.splitlines()
    # The run's own level is concluded, and sent by `export` only.
    assert f"does not take {format_count(1 if number == 1 else 3, 'span')}" in line
    assert says in line
    for text in (line, told, (tmp_path / "otlp-lost.jsonl").read_text()):
        assert "s3cr3tpass" not in text
        assert "t0ps3cret" not in text


@pytest.mark.slow
def test_other_words_of_success_are_acknowledgements(tmp_path: Path) -> None:
    for reply in (
        acknowledged_in_json,
        lambda _: Reply(202),
        lambda _: Reply(body=b"OK", headers={"content-type": "text/plain"}),
    ):
        with receiver(reply) as heard:
            assert perform(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=heard.url) == ""
            assert tracekit("export", "last", "--otlp", heard.url, env=environment(tmp_path)).returncode == 0
    assert lost(tmp_path) == ""


def test_an_answer_in_tls_is_told_in_printable_words(tmp_path: Path) -> None:
    pem = tmp_path / "server.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    subprocess.run([*command, "-keyout", pem, "-out", tmp_path / "c.pem"], check=True, capture_output=True)
    pem.write_text(pem.read_text() + (tmp_path / "c.pem").read_text())
    home = tmp_path / "home"
    perform(home)
    env = environment(home, OTEL_EXPORTER_OTLP_TIMEOUT="2")
    with receiver(certificate=pem) as heard:
        for url in (heard.url, heard.url.replace("http:", "https:")):
            done = tracekit("export", "last", "--otlp", url, env=env)
            assert done.returncode == 1
            (line,) = done.stderr.splitlines()
            assert line.startswith(f"tracekit: {url}/v1/traces does not take 3 spans: ")
            assert line.isprintable()
    assert heard.spans == []


def test_what_was_lost_and_sent_later_is_lost_no_more(tmp_path: Path) -> None:
    perform(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{free_port()}")
    (run,) = tracekit_json("ls", env=environment(tmp_path))
    assert f"tracekit export {run['id'][:8]} --otlp URL" in lost(tmp_path)
    with receiver() as heard:
        assert tracekit("export", "last", "--otlp", heard.url, env=environment(tmp_path)).returncode == 0
    assert lost(tmp_path) == ""
    perform(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{free_port()}")
    assert lost(tmp_path).startswith("not exported: 2 spans of 1 process")


# ── secrets ──────────────────────────────────────────────────────────────────────────────────────────────────────────

SECRETS = ("s3cr3tpass", "t0k3n-in-query", "k3y-in-header", "pr0xypass", "us3rname")


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
@pytest.mark.slow
def test_no_secret_of_the_settings_is_ever_shown(protocol: str, tmp_path: Path) -> None:
    env = {
        "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
        "OTEL_EXPORTER_OTLP_HEADERS": "Authorization: k3y-in-header,x-key=k3y-in-header",
        "HTTPS_PROXY": "http://pr0xy:pr0xypass@127.0.0.1:9",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "2",
    }
    nobody = "nobody.invalid" if protocol == "grpc" else f"127.0.0.1:{free_port()}"
    address = f"http://us3rname:s3cr3tpass@{nobody}/v1/traces?token=t0k3n-in-query"
    said = perform(tmp_path, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=address, **env)
    assert "not exported" in said
    doctor = tracekit("doctor", env=environment(tmp_path, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=address, **env))
    exported = tracekit("export", "last", "--otlp", address, "--protocol", protocol, env=environment(tmp_path, **env))
    wrong = tracekit("export", "last", "--otlp", address.removeprefix("http://"), env=environment(tmp_path))
    kept = "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    texts = (said, doctor.stdout, doctor.stderr, exported.stdout, exported.stderr, wrong.stderr, kept)
    for text in texts:
        for secret in SECRETS:
            assert secret not in text
    assert exported.returncode == 1
    assert wrong.returncode == 2


def test_a_user_in_the_address_reaches_the_collector(tmp_path: Path) -> None:
    basic = "Basic dXNlcjpzM2NyM3RwYXNz"
    with grpc_receiver() as heard:
        perform(
            tmp_path,
            OTEL_EXPORTER_OTLP_ENDPOINT=heard.url.replace("//", "//user:s3cr3tpass@"),
            OTEL_EXPORTER_OTLP_PROTOCOL="grpc",
        )
    assert [each.get("authorization") for each in heard.headers] == [basic]
    with receiver() as heard:
        perform(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=heard.url.replace("//", "//user:s3cr3tpass@"))
    assert [each.get("authorization") for each in heard.headers] == [basic]


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("http://user:pass@host:4318/v1/traces", "http://host:4318/v1/traces"),
        ("https://t0ken@host", "https://host"),
        ("http://host/v1/traces?api_key=x#y", "http://host/v1/traces"),
        ("http://host?k=v", "http://host"),
        ("user:p@ss@host:4317", "host:4317"),
        ("http://a:p@ss@host:4317/x", "http://host:4317/x"),
        ("host:4317", "host:4317"),
        ("http://[::1]:4318/a", "http://[::1]:4318/a"),
    ],
)
def test_addresses_for_people(address: str, public: str) -> None:
    assert public_address(address) == public


def test_texts_of_libraries_are_scrubbed() -> None:
    secrets = secrets_of(
        {"OTEL_EXPORTER_OTLP_HEADERS": "x=ab%20cd,auth=Bearer%20zyxw"}, "http://u:p%40ss%21@h/?q=qu3ry"
    )
    for text in ("p%40ss%21", "p@ss!", "ab cd", "ab%20cd", "zyxw", "token zyxw", "http://other:pw@host/", "//h/x?q=1"):
        said = scrubbed(f"it says {text} here", secrets)
        assert said.startswith("it says ")
        assert said.endswith(" here")
        for part in ("p%40", "p@ss", "ab cd", "ab%20", "zyxw", "other:pw", "q=1"):
            assert part not in said


# ── one name of the service ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("more", "service"),
    [
        ({}, "agent"),
        ({"OTEL_SERVICE_NAME": "shop"}, "shop"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "a=b,service.name=s%20p"}, "s p"),
    ],
)
def test_the_service_is_the_same_live_and_by_export(more: dict[str, str], service: str, tmp_path: Path) -> None:
    (tmp_path / "agent.py").write_text(PROGRAM)
    with receiver() as heard:
        env = environment(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=heard.url, **more)
        subprocess.run([warm_python(), str(tmp_path / "agent.py")], env=env, check=True)
        assert heard.services == {service}
        assert tracekit("export", "last", "--otlp", heard.url, env=environment(tmp_path)).returncode == 0
    assert len(heard.spans) == 5
    assert heard.services == {service}


def test_the_name_of_a_run_obeys_the_users_rules_as_the_services_name(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.tracekit.redact]\nticket = 'ACME-[0-9]+'\n")
    (tmp_path / "agent.py").write_text(PROGRAM)
    with receiver() as heard:
        env = environment(tmp_path / "home", OTEL_EXPORTER_OTLP_ENDPOINT=heard.url)
        done = subprocess.run(
            [warm_python(), "-m", "tracekit", "run", "--name", "for ACME-12", "agent.py"],
            env=env,
            cwd=tmp_path,
            check=False,
        )
        assert done.returncode == 0
        sent = tracekit("export", "last", "--otlp", heard.url, env=environment(tmp_path / "home"), cwd=tmp_path)
        assert sent.returncode == 0, sent.stderr
    assert heard.services == {"for [redacted:ticket]"}
    named = {each[semconv.RUN_NAME].string_value for each in heard.attributes()}
    assert named == {"for [redacted:ticket]"}
