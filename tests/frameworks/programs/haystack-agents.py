"""Haystack: an agent that has two other agents as tools."""

import spans
from haystack.components.agents import Agent
from haystack.dataclasses import ChatMessage
from haystack.tools import tool
from haystack.tools.agent_tool import AgentTool
from haystack_integrations.components.generators.anthropic import AnthropicChatGenerator

if spans.on():
    from openinference.instrumentation.haystack import HaystackInstrumentor

    HaystackInstrumentor().instrument(tracer_provider=spans.provider())


@tool
def look_up(topic: str) -> str:
    """Look a topic up."""
    return f"{topic}: 30 metres"


def agent(model: str, prompt: str, tools: list[object]) -> Agent:
    return Agent(chat_generator=AnthropicChatGenerator(model=model), system_prompt=prompt, tools=tools)


biologist = agent("claude-sonnet-5", "You are a biologist.", [look_up])
historian = agent("claude-sonnet-5", "You are a historian.", [])
experts = [
    AgentTool(agent=biologist, name="ask_biologist", description="Ask the biologist."),
    AgentTool(agent=historian, name="ask_historian", description="Ask the historian."),
]
lead = agent("claude-opus-5-5", "You lead the study.", experts)
print(lead.run(messages=[ChatMessage.from_user("Tell me of whales and of whaling.")])["last_message"].text)
