"""LangChain: a lead made by `create_agent` asks two other agents through tools of its own, at once."""

import spans
from langchain.agents import create_agent
from langchain_anthropic import ChatAnthropic

if spans.on():
    from openinference.instrumentation.langchain import LangChainInstrumentor

    LangChainInstrumentor().instrument(tracer_provider=spans.provider())

SMALL = ChatAnthropic(model="claude-sonnet-5")


def look_up(topic: str) -> str:
    """Look a topic up."""
    return f"{topic}: 30 metres"


biologist = create_agent(SMALL, [look_up], system_prompt="You are a biologist.", name="biologist")
historian = create_agent(SMALL, [], system_prompt="You are a historian.", name="historian")


def ask_biologist(question: str) -> str:
    """Ask the biologist."""
    return biologist.invoke({"messages": [("user", question)]})["messages"][-1].text


def ask_historian(question: str) -> str:
    """Ask the historian."""
    return historian.invoke({"messages": [("user", question)]})["messages"][-1].text


lead = create_agent(
    ChatAnthropic(model="claude-opus-5-5"),
    [ask_biologist, ask_historian],
    system_prompt="You lead the study.",
    name="lead",
)
print(lead.invoke({"messages": [("user", "Tell me of whales and of whaling.")]})["messages"][-1].text)
