"""AutoGen: a group chat of a writer, who has a tool, and a critic."""

import asyncio

import spans
from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.conditions import TextMentionTermination
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_ext.models.anthropic import AnthropicChatCompletionClient

if spans.on():
    spans.provider()


async def look_up(topic: str) -> str:
    """Look a topic up."""
    return f"{topic}: 30 metres"


async def main() -> None:
    info = {
        "vision": False,
        "function_calling": True,
        "json_output": False,
        "family": "claude-4-sonnet",
        "structured_output": False,
    }
    client = AnthropicChatCompletionClient(model="claude-sonnet-5", model_info=info)
    writer = AssistantAgent("writer", client, tools=[look_up], reflect_on_tool_use=True, system_message="You write.")
    critic = AssistantAgent("critic", client, system_message="You criticise.")
    chat = RoundRobinGroupChat([writer, critic], termination_condition=TextMentionTermination("APPROVED"), max_turns=6)
    print((await chat.run(task="Write a sentence of blue whales.")).messages[-1].content)
    await client.close()


asyncio.run(main())
