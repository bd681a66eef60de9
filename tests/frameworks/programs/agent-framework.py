"""Microsoft's Agent Framework: a lead that has two other agents as tools."""

import asyncio

import spans
from agent_framework import Agent
from agent_framework.anthropic import AnthropicClient
from agent_framework.observability import disable_instrumentation

if spans.on():
    spans.provider()
else:
    disable_instrumentation()


def look_up(topic: str) -> str:
    """Look a topic up."""
    return f"{topic}: 30 metres"


async def main() -> None:
    small, large = AnthropicClient(model="claude-sonnet-5"), AnthropicClient(model="claude-opus-5-5")
    biologist = Agent(small, "You are a biologist.", name="biologist", tools=[look_up])
    historian = Agent(small, "You are a historian.", name="historian")
    experts = [biologist.as_tool(name="ask_biologist"), historian.as_tool(name="ask_historian")]
    lead = Agent(large, "You lead the study.", name="lead", tools=experts)
    print((await lead.run("Tell me of whales and of whaling.")).text)


asyncio.run(main())
