"""A lead that starts as many workers as the first argument demands, all at once; every response is streamed."""

import asyncio
import sys

import tracekit

tracekit.init()
team = tracekit.Orchestrator(
    "lead",
    model="claude-opus-5-5",
    system="You lead.",
    max_concurrency=64,
    stream=True,
    subagents=[
        tracekit.Subagent(f"worker_{number}", "It works.", "claude-haiku-5-5", "You work.")
        for number in range(int(sys.argv[1]))
    ],
)
print(asyncio.run(team.run("Go.")).stop_reason)
