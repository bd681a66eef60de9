"""Runs `tests/programs/every_way.py` by the Python of any environment, and tells what was recorded."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.cli import PROGRAMS, environment, tracekit_json
from tests.support.collector import collector
from tracekit.demo.claude import (
    ReceivedRequest,
    ScriptedClaude,
    ScriptedResponse,
    count_tokens,
    error,
    message,
    reply,
    text,
    tool_use,
)

__all__ = ["PROGRAM", "Outcome", "answer", "record", "run_program"]

PROGRAM = PROGRAMS / "every_way.py"

VOLATILE = (
    "slack_ns",
    "drag_ns",
    "id",
    "start_ns",
    "end_ns",
    "server.port",
    "url.full",
    "gen_ai.response.time_to_first_chunk",
)
"""What no two runs of one program have in common."""


class Outcome(NamedTuple):
    """The results of one run of the program.

    Attributes:
        told: What the program printed.
        shown: What `tracekit show last` tells of it.
        runs: How many runs `tracekit ls` knows.
    """

    told: dict[str, Any]
    shown: dict[str, Any]
    runs: int

    @property
    def scopes(self) -> list[str]:
        """The instrumentation scope of each span that the application's exporter got."""
        return [scope for scope, _ in self.told["spans"]]


def answer(asked: ReceivedRequest) -> ScriptedResponse:
    """The scripted model: what it says follows from what it is asked."""
    if asked.path.endswith("/count_tokens"):
        return count_tokens(12)
    words = asked.json()["messages"][-1]["content"]
    match words:
        case "overloaded once" if asked.headers["x-stainless-retry-count"] == "0":
            return error(529, "overloaded_error", "Overloaded", {"retry-after-ms": "5"})
        case "refused":
            return error(400, "invalid_request_error", "so not")
        case "slow":
            return message(text("Too late."), delay_s=5)
        case "tool":
            return message(tool_use("look_up", {"city": "Oslo"}))
        case _:
            said = words if isinstance(words, str) else words[0]["content"]
            usage = {"cache_read_input_tokens": 100}
            return reply(asked, message(text(f"An answer to {said} in a few words."), usage=usage))


def run_program(python: Path, peer: str, order: str, folder: Path) -> Outcome:
    """Run the program in the environment of `python`, recording into `folder`."""
    with ScriptedClaude(answer) as claude, collector() as found:
        # The guard raises faults of the recording's own, so that they fail the program and do not pass as warnings.
        env = environment(folder, claude.url, **found.variables("http/protobuf"), OTEL_METRICS_EXPORTER="none")
        command = [str(python), "-W", "ignore", str(PROGRAM), peer, order]
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    assert "tracekit:" not in done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    # The application has a provider. If that exports, as Logfire's does where there is an endpoint, nothing else does.
    sent = Counter((span.scope, span.name) for span in found.so_far())
    assert sent <= Counter((scope, name) for scope, name in told["spans"])
    shown, listed = tracekit_json("show", "last", env=env), tracekit_json("ls", env=env)
    return Outcome(told, shown, len(listed))


def record(node: dict[str, Any], depth: int = 0) -> list[str]:
    """Return `node` and the nodes below it, without ids and times, a line for each."""
    told = {key: value for key, value in node.items() if key not in (*VOLATILE, "attributes", "children")}
    # logfire's provider puts attributes of its own on every span of the application's.
    attributes = {
        key: value
        for key, value in node["attributes"].items()
        if key not in VOLATILE and not key.startswith("logfire.")
    }
    line = f"{'  ' * depth}{json.dumps(told, sort_keys=True)} {json.dumps(attributes, sort_keys=True)}"
    return [line, *(below for child in node["children"] for below in record(child, depth + 1))]
