"""pydantic-ai: a lead whose tool asks another agent, beside a plain tool in the same answer."""

import asyncio

import spans
from pydantic_ai import Agent

if spans.on():
    spans.provider()
    Agent.instrument_all()

researcher = Agent("anthropic:claude-sonnet-5", name="researcher", instructions="You research whales.")
lead = Agent("anthropic:claude-opus-5-5", name="lead", instructions="You lead the study.")


@researcher.tool_plain
async def look_up(topic: str) -> str:
    """Look a topic up."""
    await asyncio.sleep(0.05)
    return f"{topic}: 30 metres"


@lead.tool_plain
async def ask_researcher(question: str) -> str:
    """Ask the researcher."""
    return (await researcher.run(question)).output


@lead.tool_plain
async def weather(city: str) -> str:
    """Tell the weather."""
    await asyncio.sleep(0.05)
    return f"18 degrees in {city}"


print(lead.run_sync("How long is a blue whale, and is it warm in Oslo?").output)
