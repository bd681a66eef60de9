"""CrewAI: two agents with a task each; the second gets what the first found."""

import spans
from crewai import LLM, Agent, Crew, Task
from crewai.tools import tool

if spans.on():
    from openinference.instrumentation.crewai import CrewAIInstrumentor

    CrewAIInstrumentor().instrument(tracer_provider=spans.provider())


@tool("look_up")
def look_up(topic: str) -> str:
    """Look a topic up."""
    return f"{topic}: 30 metres"


llm = LLM(model="anthropic/claude-sonnet-5", max_tokens=1000)
researcher = Agent(role="Researcher", goal="Research whales.", backstory="You research.", llm=llm, tools=[look_up])
writer = Agent(role="Writer", goal="Write of whales.", backstory="You write.", llm=llm)
find = Task(description="How long is a blue whale?", expected_output="A length.", agent=researcher)
write = Task(description="Write a sentence of it.", expected_output="A sentence.", agent=writer, context=[find])
print(Crew(agents=[researcher, writer], tasks=[find, write]).kickoff().raw)
