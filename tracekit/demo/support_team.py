"""A team that answers customers: research, then draft and compliance at once, then a merge if needed.

python support_team.py [TICKET…]
"""

import asyncio
import sys

from pydantic import BaseModel

import tracekit

ORDERS = {
    "1042": "Order 1042: one glass kettle, 39.90 EUR, delivered on 3 November. Not returned.",
    "1043": "Order 1043: two mugs, 18.00 EUR, sent on 9 November, held by the carrier until 13 November.",
}
POLICIES = {
    "damage": "What arrives broken is replaced or refunded within 30 days, as the customer prefers. No return is needed.",
    "delivery": "Late parcels: give the carrier's date. A parcel that is 10 days late counts as lost and is sent again.",
    "injury": "Injuries: never discuss liability. Hand the case to product safety and say that they will call.",
}
TICKETS = [
    "The kettle from order 1042 came with a crack, and I cut my hand on it. I want my money back.",
    "Where is my order 1043? It should have been here on Monday.",
]


class Case(BaseModel):
    """A ticket, and what research found on it."""

    ticket: str
    facts: str


class Merge(BaseModel):
    """A draft, and the changes that compliance asks for."""

    draft: str
    changes: str


def find_order(number: str) -> str:
    """Look an order up.

    Args:
        number: The order's number.
    """
    return ORDERS.get(number, f"There is no order {number}.")


def find_policy(topic: str) -> str:
    """Look up what the shop does in a case.

    Args:
        topic: One of damage, delivery and injury.
    """
    return POLICIES.get(topic, f"There is no policy on {topic}; there are: {', '.join(POLICIES)}.")


def build(client: object = None, *, stream: bool = False) -> tracekit.Orchestrator:
    """Put the team together."""
    return tracekit.Orchestrator(
        name="support",
        model="claude-opus-5-5",
        system="You answer a customer. Have the case researched; then ask for a draft and for compliance at once. Only "
        "if compliance asks for changes, have them merged. Answer with the final letter and nothing else.",
        client=client,
        stream=stream,
        subagents=[
            tracekit.Subagent(
                name="research_agent",
                description="Finds out what is known of a case.",
                model="claude-haiku-5-5",
                system="You are the research agent. Look up the order and each policy that applies; report the facts.",
                tools=[find_order, find_policy],
            ),
            tracekit.Subagent(
                name="draft_agent",
                description="Drafts the answer to a ticket.",
                model="claude-sonnet-5-5",
                system="You are the draft agent. Write a short and friendly answer.",
                input=Case,
                after=["research_agent"],
            ),
            tracekit.Subagent(
                name="compliance_agent",
                description="Says what the answer to a ticket must and must not say.",
                model="claude-sonnet-5-5",
                system="You are the compliance agent. Answer APPROVED, or CHANGES with what the answer has to heed.",
                input=Case,
                after=["research_agent"],
            ),
            tracekit.Subagent(
                name="merge_agent",
                description="Works changes into a draft.",
                model="claude-sonnet-5-5",
                system="You are the merge agent. Answer with the whole letter, changed as asked.",
                input=Merge,
                after=["draft_agent", "compliance_agent"],
            ),
        ],
    )


async def main(tickets: list[str]) -> None:
    """Answer the tickets, one after another."""
    tracekit.init()
    for ticket in tickets:
        result = await build().run(ticket)
        print(f"> {ticket}\n\n{result.text}\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:] or TICKETS))
