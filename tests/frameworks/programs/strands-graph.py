"""Strands: a graph of agents, two of them side by side."""

import spans
from strands import Agent
from strands.models.anthropic import AnthropicModel
from strands.multiagent import GraphBuilder

if spans.on():
    from strands.telemetry import StrandsTelemetry

    StrandsTelemetry(tracer_provider=spans.provider())


def agent(name: str, prompt: str) -> Agent:
    model = AnthropicModel(model_id="claude-sonnet-5", max_tokens=1000)
    return Agent(model, name=name, system_prompt=prompt, callback_handler=None)


graph = GraphBuilder()
graph.add_node(agent("planner", "You plan."), "planner")
graph.add_node(agent("chemist", "You are a chemist."), "chemist")
graph.add_node(agent("historian", "You are a historian."), "historian")
graph.add_node(agent("editor", "You edit."), "editor")
for expert in ("chemist", "historian"):
    graph.add_edge("planner", expert)
    graph.add_edge(expert, "editor")
print(graph.build()("A study of kettles.").results["editor"].result)
