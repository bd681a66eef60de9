"""LlamaIndex: a workflow of agents, of which one hands over to the other."""

import asyncio

import spans
from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent
from llama_index.llms.anthropic import Anthropic

if spans.on():
    from openinference.instrumentation.llama_index import LlamaIndexInstrumentor

    LlamaIndexInstrumentor().instrument(tracer_provider=spans.provider())


def look_up(topic: str) -> str:
    """Look a topic up."""
    return f"{topic}: 30 metres"


async def main() -> None:
    llm = Anthropic(model="claude-sonnet-5")
    researcher = FunctionAgent(
        name="researcher",
        description="Researches.",
        system_prompt="You research.",
        llm=llm,
        tools=[look_up],
        can_handoff_to=["writer"],
    )
    writer = FunctionAgent(
        name="writer",
        description="Writes.",
        system_prompt="You write.",
        llm=llm,
        tools=[],
        can_handoff_to=["researcher"],
    )
    workflow = AgentWorkflow(agents=[researcher, writer], root_agent="researcher")
    print(await workflow.run(user_msg="Write a sentence of blue whales."))


asyncio.run(main())
