"""Agno: a team whose leader hands tasks to its members through one tool."""

import spans
from agno.agent import Agent
from agno.models.anthropic import Claude
from agno.team import Team

if spans.on():
    from openinference.instrumentation.agno import AgnoInstrumentor

    AgnoInstrumentor().instrument(tracer_provider=spans.provider())


def look_up(topic: str) -> str:
    """Look a topic up."""
    return f"{topic}: 30 metres"


small = Claude(id="claude-sonnet-5")
researcher = Agent(name="Researcher", model=small, tools=[look_up], instructions="You research.", telemetry=False)
critic = Agent(name="Critic", model=small, instructions="You criticise.", telemetry=False)
team = Team(
    name="Study",
    model=Claude(id="claude-opus-5-5"),
    members=[researcher, critic],
    instructions="You lead the study.",
    telemetry=False,
)
print(team.run("Tell me of whales and of whaling.").content)
