"""The scripted Claude against which the recordings are made."""

from tracekit.demo.claude import ReceivedRequest, ScriptedClaude, ScriptedResponse, message, reply, text

__all__ = ["claude"]


def claude() -> ScriptedClaude:
    """A server that answers the reviewers and their lead."""
    return ScriptedClaude(_respond)


def _respond(asked: ReceivedRequest) -> ScriptedResponse:
    body = asked.json()
    prompt = body["messages"][0]["content"]
    if body["system"] == "You sum up.":
        return reply(asked, message(text(f"{len(prompt.splitlines())} findings.")), first_s=0.05)
    path = prompt.partition(":")[0]
    # The first file takes longest, so that answers come in another order than they were asked for.
    return reply(asked, message(text(f"{path} has a finding.")), first_s=0.3 if path == "cart.py" else 0.2)
