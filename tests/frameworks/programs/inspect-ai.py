"""Inspect AI: an evaluation of one sample by a react agent that has another as a tool, and submits."""

import tempfile

import inspect_ai
import spans
from inspect_ai.agent import as_tool, react
from inspect_ai.dataset import Sample
from inspect_ai.scorer import includes
from inspect_ai.tool import Tool, tool

if spans.on():
    spans.provider()  # Inspect makes no spans of OpenTelemetry


@tool
def look_up() -> Tool:
    async def execute(topic: str) -> str:
        """Look a topic up.

        Args:
            topic: The topic.
        """
        return f"{topic}: 30 metres"

    return execute


researcher = react(
    name="researcher",
    description="Researches.",
    prompt="You research.",
    tools=[look_up()],
    model="anthropic/claude-sonnet-5",
)
lead = react(name="lead", prompt="You lead the study.", tools=[as_tool(researcher)])
task = inspect_ai.Task(
    dataset=[Sample("How long is a blue whale?", target="30 metres")], solver=lead, scorer=includes()
)
with tempfile.TemporaryDirectory() as folder:
    (log,) = inspect_ai.eval(task, model="anthropic/claude-opus-5-5", log_dir=folder, display="none")
print(log.status, log.results.scores[0].metrics["accuracy"].value)
