"""deepagents: one tool, `task`, starts each of two subagents."""

import spans
from deepagents import create_deep_agent
from langchain_anthropic import ChatAnthropic

if spans.on():
    from openinference.instrumentation.langchain import LangChainInstrumentor

    LangChainInstrumentor().instrument(tracer_provider=spans.provider())

SMALL = ChatAnthropic(model="claude-sonnet-5")


def look_up(topic: str) -> str:
    """Look a topic up."""
    return f"{topic}: 30 metres"


lead = create_deep_agent(
    ChatAnthropic(model="claude-opus-5-5"),
    [],
    name="lead",
    system_prompt="You lead the study.",
    subagents=[
        {
            "name": "researcher",
            "description": "Researches.",
            "system_prompt": "You research.",
            "model": SMALL,
            "tools": [look_up],
        },
        {
            "name": "critic",
            "description": "Criticises.",
            "system_prompt": "You criticise.",
            "model": SMALL,
            "tools": [],
        },
    ],
)
print(lead.invoke({"messages": [("user", "Tell me of whales and of whaling.")]})["messages"][-1].text)
