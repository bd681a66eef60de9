"""AG2: a lead that has two other agents as tools."""

import asyncio
from typing import Any

import spans
from ag2 import Agent, tool
from ag2.config import AnthropicConfig
from ag2.middleware import TelemetryMiddleware

provider = spans.provider() if spans.on() else None


@tool
def look_up(topic: str) -> str:
    """Look a topic up."""
    return f"{topic}: 30 metres"


def agent(name: str, model: str, prompt: str, tools: list[Any]) -> Agent:
    watched = [TelemetryMiddleware(tracer_provider=provider, agent_name=name)] if provider else []
    return Agent(name, prompt=prompt, config=AnthropicConfig(model), tools=tools, middleware=watched)


biologist = agent("biologist", "claude-sonnet-5", "You are a biologist.", [look_up])
historian = agent("historian", "claude-sonnet-5", "You are a historian.", [])
experts = [expert.as_tool(description="Ask an expert.") for expert in (biologist, historian)]
lead = agent("lead", "claude-opus-5-5", "You lead the study.", experts)
print(asyncio.run(lead.ask("Tell me of whales and of whaling.")).body)
