"""Strands: agents as tools of a lead, asked for together."""

import spans
from strands import Agent, tool
from strands.models.anthropic import AnthropicModel

if spans.on():
    from strands.telemetry import StrandsTelemetry

    StrandsTelemetry(tracer_provider=spans.provider())


def model(name: str) -> AnthropicModel:
    return AnthropicModel(model_id=name, max_tokens=1000)


@tool
def look_up(topic: str) -> str:
    """Look a topic up."""
    return f"{topic}: 30 metres"


@tool
def ask_biologist(question: str) -> str:
    """Ask the biologist."""
    prompt = "You are a biologist."
    return str(
        Agent(model("claude-sonnet-5"), name="biologist", tools=[look_up], system_prompt=prompt, callback_handler=None)(
            question
        )
    )


@tool
def ask_historian(question: str) -> str:
    """Ask the historian."""
    prompt = "You are a historian."
    return str(Agent(model("claude-sonnet-5"), name="historian", system_prompt=prompt, callback_handler=None)(question))


lead = Agent(
    model("claude-opus-5-5"),
    name="lead",
    tools=[ask_biologist, ask_historian],
    system_prompt="You lead the study.",
    callback_handler=None,
)
print(lead("Tell me of whales and of whaling."))
