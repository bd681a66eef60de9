"""Strands: a swarm, whose agents hand over to each other."""

import spans
from strands import Agent, tool
from strands.models.anthropic import AnthropicModel
from strands.multiagent import Swarm

if spans.on():
    from strands.telemetry import StrandsTelemetry

    StrandsTelemetry(tracer_provider=spans.provider())


@tool
def look_up(order: str) -> str:
    """Look an order up."""
    return f"{order} was billed twice"


def agent(name: str, prompt: str, *tools: object) -> Agent:
    model = AnthropicModel(model_id="claude-sonnet-5", max_tokens=1000)
    return Agent(model, name=name, system_prompt=prompt, tools=list(tools), callback_handler=None)


swarm = Swarm([agent("triage", "You triage."), agent("billing", "You bill.", look_up), agent("refunds", "You refund.")])
print(swarm("I was billed twice for order 4711.").status)
