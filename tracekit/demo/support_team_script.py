"""The responses of the scripted Claude to `tracekit/demo/support_team.py`.

Every answer is decided by the request alone. The lead goes by how far its conversation has come and by what compliance
said; compliance asks for changes if someone was hurt.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from tracekit.demo.answers import ReceivedRequest, ScriptedResponse, text, tool_use
from tracekit.demo.scenes import Scene, play, results_of, turn_of


def respond(asked: ReceivedRequest) -> ScriptedResponse:
    """Answer a request of the support team, or say that the script has no answer to it."""
    return play(asked, _scene(asked.json()))


def _scene(body: Mapping[str, Any]) -> Scene | None:
    system, turn = str(body.get("system")), turn_of(body)
    first = str(body["messages"][0]["content"])
    number = re.search(r"\b(1042|1043)\b", first)
    agent = re.search(r"You are the (\w+) agent", system)
    if agent is not None and agent[1] == "merge":
        return Scene((text(_MERGED),), delay_s=0.9)
    if number is None:
        return None
    if "You answer a customer" in system:
        return _lead(turn, first, body)
    match agent[1] if agent else "":
        case "research":
            return _research(turn, number[1], body)
        case "draft":
            return Scene((text(_DRAFTS[number[1]]),), delay_s=1.2)
        case "compliance":
            return Scene((text(_COMPLIANCE[number[1]]),), delay_s=0.9)
    return None


def _lead(turn: int, ticket: str, body: Mapping[str, Any]) -> Scene | None:
    if turn == 0:
        task = f"What do we know of this case, and which policies apply? {ticket}"
        return Scene((tool_use("research_agent", {"task": task}),), delay_s=0.6)
    results = results_of(body)
    if turn == 1:
        case = {"ticket": ticket, "facts": results[0]}
        blocks = (
            text("The facts are clear. Draft and compliance can work on them at once."),
            tool_use("draft_agent", case),
            tool_use("compliance_agent", case),
        )
        return Scene(blocks, delay_s=0.6)
    if turn == 2 and results[1].startswith("CHANGES"):
        return Scene((tool_use("merge_agent", {"draft": results[0], "changes": results[1]}),), delay_s=0.5)
    return Scene((text(results[0]),), delay_s=0.5)


def _research(turn: int, number: str, body: Mapping[str, Any]) -> Scene:
    if turn == 0:
        topics = {"1042": ("damage", "injury"), "1043": ("delivery",)}[number]
        lookups = (tool_use("find_policy", {"topic": topic}) for topic in topics)
        return Scene((tool_use("find_order", {"number": number}), *lookups), delay_s=0.4)
    return Scene((text(json.dumps(results_of(body), indent=0)[2:-2].replace('"', "")),), delay_s=0.6)


_DRAFTS = {
    "1042": """\
Dear customer,

we are sorry that our kettle hurt you. You get your 39.90 EUR back today; there is no need to send it back.

Your support team""",
    "1043": """\
Dear customer,

your two mugs left us on 9 November. The carrier holds them and will bring them by 13 November. If they are not there \
ten days later, we send you new ones.

Your support team""",
}

_COMPLIANCE = {
    "1042": "CHANGES: someone was hurt. Do not say that our kettle hurt them, and say that product safety will call.",
    "1043": "APPROVED: carrier's date and the ten days are within policy.",
}

_MERGED = """\
Dear customer,

we are sorry that your kettle came with a crack, and hope that your hand is better soon. You get your 39.90 EUR back \
today; there is no need to send it back. Our colleagues from product safety will call you.

Your support team"""
