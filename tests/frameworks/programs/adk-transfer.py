"""Google's ADK: a triage agent that hands over to one of its sub-agents, in one session."""

import asyncio

import spans
from google.adk.agents import LlmAgent
from google.adk.models.anthropic_llm import AnthropicLlm
from google.adk.runners import InMemoryRunner

if spans.on():
    spans.provider()


def look_up(order: str) -> str:
    """Look an order up."""
    return f"{order} was billed twice"


def agent(name: str, instruction: str, **more: object) -> LlmAgent:
    return LlmAgent(
        name=name, model=AnthropicLlm(model="claude-sonnet-5"), description=name, instruction=instruction, **more
    )


billing = agent("billing", "You bill.", tools=[look_up])
triage = agent("triage", "You triage.", sub_agents=[billing, agent("sales", "You sell.")])
runner = InMemoryRunner(agent=triage)
events = asyncio.run(runner.run_debug("I was billed twice for order 4711.", quiet=True))
print(events[-1].content.parts[0].text)
