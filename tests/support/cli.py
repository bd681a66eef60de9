"""Runs the command line in a process of its own, as a user does."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.support.recording import AUTHORITY
from tests.support.waiting import LONG_S
from tests.support.warm import warm_python

PROGRAMS = Path(__file__).parent.parent / "programs"


def environment(home: Path, url: str = "http://127.0.0.1:9", **more: str) -> dict[str, str]:
    """An environment without the user's own settings, whose SDK talks to `url`."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("ANTHROPIC_", "TRACEKIT_", "OTEL_"))
    }
    return {
        **kept,
        "TRACEKIT_HOME": str(home),
        "TRACEKIT_RAISE": "1",
        "SSL_CERT_FILE": str(AUTHORITY),
        "ANTHROPIC_BASE_URL": url,
        "ANTHROPIC_API_KEY": "test",
        "NO_PROXY": "*",
        "PYTHONWARNINGS": "default",
        **more,
    }


def tracekit(
    *arguments: str, env: dict[str, str], timeout: float = LONG_S, cwd: Path | None = None, python: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run `tracekit` with `arguments`; `python` is the interpreter, also that of the programs that it starts."""
    return subprocess.run(
        [python or warm_python(), "-m", "tracekit", *arguments],
        env=env,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        cwd=cwd,
    )


def tracekit_json(*arguments: str, env: dict[str, str]) -> Any:
    """Return the JSON that `tracekit` prints."""
    done = tracekit(*arguments, "--format", "json", env=env)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def outline(node: dict[str, Any], depth: int = 0, *, attempts: bool = False) -> list[str]:
    """The tree below `node`, a line a node: its kind and name, and a ~ where it is inferred."""
    name = {"agent": node["agent"], "tool": node["attributes"].get("gen_ai.tool.name")}.get(node["kind"])
    mark = " ~" if node["inferred"] else ""
    lines = [f"{'  ' * depth}{node['kind']}{f' {name}' if name else ''}{mark}"]
    for child in node["children"]:
        if attempts or child["kind"] != "attempt":
            lines += outline(child, depth + 1, attempts=attempts)
    return lines


def nodes(node: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """Every node of `kind` in the tree below `node`, in order."""
    found = [node] if node["kind"] == kind else []
    for child in node["children"]:
        found += nodes(child, kind)
    return found
