"""The Claude Agent SDK, whose command-line program asks Claude in a process of its own: a lead and a subagent."""

import asyncio

import spans
from claude_agent_sdk import AgentDefinition, ClaudeAgentOptions, ResultMessage, query

if spans.on():
    from openinference.instrumentation.claude_agent_sdk import ClaudeAgentSDKInstrumentor

    ClaudeAgentSDKInstrumentor().instrument(tracer_provider=spans.provider())

options = ClaudeAgentOptions(
    system_prompt="You lead the study.",
    agents={"researcher": AgentDefinition(description="Researches.", prompt="You research.", tools=[])},
    allowed_tools=["Agent", "Task"],
    model="claude-opus-5-5",
    setting_sources=[],
)


async def main() -> None:
    async for message in query(prompt="How long is a blue whale?", options=options):
        if isinstance(message, ResultMessage):
            print(message.result)


asyncio.run(main())
