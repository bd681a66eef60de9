"""A team that refactors the Python code in a folder: a lead, analysts, refactorers and a tester.

python refactoring_team.py FOLDER [TASK]
"""

import asyncio
import subprocess
import sys
from pathlib import Path

import tracekit

ONE_FILE = {
    "type": "object",
    "properties": {
        "task": {"type": "string", "description": "What to do, with all that is needed to know."},
        "path": {"type": "string", "description": "The one file that it is about."},
    },
    "required": ["task", "path"],
}


def build(folder: Path, client: object = None, *, stream: bool = False) -> tracekit.Orchestrator:
    """Put the team together, to work in `folder`."""

    def run_tests() -> str:
        """Run the unit tests of the workspace, and return what they print."""
        command = [sys.executable, "-B", "-m", "unittest", "-v"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
        return done.stdout + done.stderr

    return tracekit.Orchestrator(
        name="lead",
        model="claude-opus-5-5",
        system="You lead a refactoring. Have each file analysed, have refactored what is worth it, have the result "
        "tested, then sum up. Ask for what does not depend on one another at once.",
        client=client,
        workspace=folder,
        stream=stream,
        subagents=[
            tracekit.Subagent(
                name="analysis_agent",
                description="Finds what is wrong in one file.",
                model="claude-sonnet-5-5",
                system="You are the analysis agent. Read the file, and report what is wrong in it. Change nothing.",
                input=ONE_FILE,
                reads=["{path}"],
            ),
            tracekit.Subagent(
                name="refactor_agent",
                description="Changes one file.",
                model="claude-sonnet-5-5",
                system="You are the refactor agent. Read the file, write it anew, and report what you changed.",
                input=ONE_FILE,
                after=["analysis_agent"],
                reads=["{path}"],
                writes=["{path}"],
            ),
            tracekit.Subagent(
                name="test_agent",
                description="Runs the tests.",
                model="claude-haiku-5-5",
                system="You are the test agent. Run the tests, and report how they come out.",
                tools=[run_tests],
                after=["refactor_agent"],
            ),
        ],
    )


async def main(folder: str, task: str = "Refactor the modules in this folder.") -> None:
    """Run the team on a task in a folder, and print the result."""
    tracekit.init()
    result = await build(Path(folder)).run(task)
    print(result.text)
    print(f"\n{result.stop_reason}: {result.tokens.input} tokens in, {result.tokens.output} out, {result.cost_usd} USD")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    asyncio.run(main(*sys.argv[1:]))
