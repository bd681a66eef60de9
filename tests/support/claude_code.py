"""A real Claude Code against a scripted server: the CLI that claude-agent-sdk brings along, where it is installed."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.frameworks.environments import find
from tracekit.demo.claude import (
    Block,
    ReceivedRequest,
    ScriptedClaude,
    ScriptedResponse,
    count_tokens,
    error,
    message,
    reply,
    text,
)

__all__ = ["CLI_VARIABLE", "ScriptedSession", "claude_code", "sdk_python", "start"]

CLI_VARIABLE = "TRACEKIT_TEST_CLAUDE_CODE"
"""The path of a Claude Code to test with; by default that of the environment of claude-agent-sdk."""

_DELAY_S = 0.2


def claude_code() -> Path | None:
    """Return the path of Claude Code, None if it is not installed."""
    named = os.environ.get(CLI_VARIABLE)
    if named:
        return Path(named)
    try:
        found = find("claude_agent_sdk").folder.glob("lib/python*/site-packages/claude_agent_sdk/_bundled/claude")
    except LookupError:
        return None
    return next(found, None)


def sdk_python(cli: Path) -> Path | None:
    """Return the Python of the environment to which `cli` belongs; None if it is in none."""
    python = cli.parents[5] / "bin" / "python"
    return python if python.exists() else None


class ScriptedSession(ScriptedClaude):
    """A server that answers each agent step by step, then with a final text.

    An agent is recognised by words of its system prompt.

    A step is a list of blocks, or a number for a response with that HTTP status; None never answers.
    """

    def __init__(self, script: Mapping[str, Sequence[Sequence[Block] | int | None]]) -> None:
        super().__init__(self._answer)
        self._script = script
        self._steps: Counter[str] = Counter()
        self._guard = threading.Lock()
        self.usages: list[Mapping[str, int]] = []
        self.failures = 0
        self.is_stuck = threading.Event()
        self.let_go = threading.Event()

    def _answer(self, asked: ReceivedRequest) -> ScriptedResponse:
        if asked.path.endswith("/count_tokens"):
            return count_tokens(12)
        if not asked.path.endswith("/messages"):
            return error(404, "not_found_error", asked.path)
        request = asked.json()
        system = json.dumps(request.get("system", ""))
        name = next((each for each in self._script if each in system), "")
        with self._guard:
            steps, at = self._script.get(name, ()), self._steps[name]
            self._steps[name] += 1
            step = steps[at] if at < len(steps) else [text("That is all.")]
            if isinstance(step, int):
                self.failures += 1
                return error(step, "overloaded_error", "Overloaded")
        if step is None:
            self.is_stuck.set()
            self.let_go.wait(60)
            step = [text("Too late.")]
        answer = message(*step, model=request["model"], delay_s=_DELAY_S)
        with self._guard:
            self.usages.append(json.loads(answer.body)["usage"])
        return reply(asked, answer)


def start(
    cli: Path,
    server: ScriptedClaude,
    home: Path,
    prompt: str,
    system: str,
    agents: Mapping[str, Any],
    *options: str,
    **variables: str,
) -> subprocess.Popen[bytes]:
    """Start Claude Code with `prompt`, and further `options` and `variables`; stream-json comes on its stdout."""
    folder = home / "work"
    folder.mkdir(parents=True, exist_ok=True)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "CLAUDE_CONFIG_DIR": str(home / "config"),
        "ANTHROPIC_BASE_URL": server.url,
        "ANTHROPIC_API_KEY": "test",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "IS_SANDBOX": "1",  # what lets root skip the permissions
        **variables,
    }
    usual = ["--output-format", "stream-json", "--verbose", "--dangerously-skip-permissions"]
    usual += ["--model", "claude-opus-4-8", "--system-prompt", system, "--agents", json.dumps(agents)]
    return subprocess.Popen(
        [str(cli), "-p", prompt, *usual, *options],
        env=environment,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
