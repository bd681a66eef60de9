"""langgraph-supervisor: two agents and their supervisor share one history; control goes to and fro by transfers."""

import spans
from langchain.agents import create_agent
from langchain_anthropic import ChatAnthropic
from langgraph_supervisor import create_supervisor

if spans.on():
    from openinference.instrumentation.langchain import LangChainInstrumentor

    LangChainInstrumentor().instrument(tracer_provider=spans.provider())

SMALL = ChatAnthropic(model="claude-sonnet-5")


def look_up(topic: str) -> str:
    """Look a topic up."""
    return f"{topic}: 30 metres"


researcher = create_agent(SMALL, [look_up], system_prompt="You research.", name="researcher")
critic = create_agent(SMALL, [], system_prompt="You criticise.", name="critic")
team = create_supervisor(
    [researcher, critic],
    model=ChatAnthropic(model="claude-opus-5-5"),
    prompt="You supervise a researcher and a critic.",
).compile(name="team")
print(team.invoke({"messages": [("user", "How long is a blue whale?")]})["messages"][-1].text)
