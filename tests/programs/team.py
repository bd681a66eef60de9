"""A lead and a worker; the first argument says how they are run."""

import asyncio
import sys

import anthropic

import tracekit

tracekit.init()
MODE = sys.argv[1]
client = anthropic.Anthropic() if MODE == "sync" else None
team = tracekit.Orchestrator(
    "lead",
    model="claude-opus-5-5",
    system="You lead.",
    client=client,
    subagents=[tracekit.Subagent("worker", "It works.", "claude-haiku-5-5", "You work.")],
)
if MODE == "run":
    print(asyncio.run(team.run("Go.")).text)
else:
    print(team.run_sync("Go.").text)
