"""OpenAI's Agents SDK over litellm: an agent that hands over to another."""

import spans
from agents import Agent, Runner, function_tool, set_tracing_disabled
from agents.extensions.models.litellm_model import LitellmModel

if spans.on():
    from openinference.instrumentation.openai_agents import OpenAIAgentsInstrumentor

    OpenAIAgentsInstrumentor().instrument(tracer_provider=spans.provider())
else:
    set_tracing_disabled(disabled=True)


@function_tool
def look_up(order: str) -> str:
    """Look an order up."""
    return f"{order} was billed twice"


model = LitellmModel("anthropic/claude-sonnet-5")
billing = Agent(name="billing", instructions="You bill.", model=model, tools=[look_up])
triage = Agent(name="triage", instructions="You triage.", model=model, handoffs=[billing])
print(Runner.run_sync(triage, "I was billed twice for order 4711.").final_output)
