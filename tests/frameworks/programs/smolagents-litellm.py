"""smolagents over litellm, which sends its own requests: an agent that manages another."""

import spans
from smolagents import LiteLLMModel, ToolCallingAgent, tool

if spans.on():
    from openinference.instrumentation.smolagents import SmolagentsInstrumentor

    SmolagentsInstrumentor().instrument(tracer_provider=spans.provider())


@tool
def look_up(topic: str) -> str:
    """Look a topic up.

    Args:
        topic: The topic.
    """
    return f"{topic}: 30 metres"


researcher = ToolCallingAgent(
    [look_up],
    LiteLLMModel("anthropic/claude-haiku-4-5"),
    name="researcher",
    description="Researches.",
    instructions="You research.",
)
lead = ToolCallingAgent(
    [], LiteLLMModel("anthropic/claude-sonnet-4-5"), managed_agents=[researcher], instructions="You lead the study."
)
print(lead.run("How long is a blue whale?"))
