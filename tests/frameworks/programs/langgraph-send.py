"""LangGraph: a plan, three workers at once by `Send`, and one that sums up. Nobody leads."""

import operator
from typing import Annotated, TypedDict

import spans
from langchain_anthropic import ChatAnthropic
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send

if spans.on():
    from openinference.instrumentation.langchain import LangChainInstrumentor

    LangChainInstrumentor().instrument(tracer_provider=spans.provider())

model = ChatAnthropic(model="claude-sonnet-5")


class State(TypedDict, total=False):
    """The state that the nodes share."""

    topics: list[str]
    parts: Annotated[list[str], operator.add]
    report: str


def plan(_: State) -> State:
    """Split the study into topics."""
    return {"topics": model.invoke([("system", "You plan."), ("user", "Plan a study of kettles.")]).text.split(", ")}


def worker(state: dict[str, str]) -> State:
    """Write of one topic."""
    return {"parts": [model.invoke([("system", "You write."), ("user", f"Write of {state['topic']}.")]).text]}


def merge(state: State) -> State:
    """Join the parts."""
    return {"report": model.invoke([("system", "You edit."), ("user", "\n".join(state["parts"]))]).text}


graph = StateGraph(State)
graph.add_node(plan).add_node(worker).add_node(merge)
graph.add_edge(START, "plan").add_edge("worker", "merge").add_edge("merge", END)
graph.add_conditional_edges(
    "plan", lambda state: [Send("worker", {"topic": topic}) for topic in state["topics"]], ["worker"]
)
print(graph.compile().invoke({"topics": []})["report"])
