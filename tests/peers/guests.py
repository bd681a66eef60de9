"""The program that tests/peers/test_guests.py runs where litellm and the MCP SDK are installed: neither uses the Anthropic SDK.

It asks Claude by litellm in every way, and by a tool of an MCP server, which is a process of its own (`guests.py serve`).
It prints what it was answered and the tokens that it was told of, as a JSON object.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

URL = os.environ.get("API", "")
SERVER = [str(Path(__file__).absolute()), "serve"]
TOOL = {"name": "look_up", "description": "Look a city up.", "parameters": {"type": "object", "properties": {}}}


def serve() -> None:
    """Be an MCP server over stdio whose one tool asks Claude by the SDK."""
    anthropic = import_module("anthropic")
    server = import_module("mcp.server").MCPServer("asker")

    @server.tool()  # type: ignore[untyped-decorator]  # the server is of another environment
    def ask(words: str) -> str:
        """Ask Claude."""
        with anthropic.Anthropic(base_url=URL, api_key="key") as client:
            asked = {"role": "user", "content": words}
            return str(client.messages.create(model="claude-sonnet-5", max_tokens=9, messages=[asked]).content[0].text)

    server.run()


def asking(words: str, **more: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": words}]
    return {"model": "anthropic/claude-sonnet-5", "messages": messages, "api_base": URL, "api_key": "key", **more}


def by_litellm(litellm: Any) -> list[str]:
    """Ask as a sync program does: plainly, by a stream, with a tool, and with a fault."""
    said = [litellm.completion(**asking("plain")).choices[0].message.content]
    said.append("".join(each.choices[0].delta.content or "" for each in litellm.completion(**asking("s"), stream=True)))
    asked = asking("tool", tools=[{"type": "function", "function": TOOL}])
    first = litellm.completion(**asked).choices[0].message
    (use,) = first.tool_calls
    result = {"role": "tool", "tool_call_id": use.id, "content": "18 degrees"}
    said.append(
        litellm.completion(**{**asked, "messages": [*asked["messages"], first, result]}).choices[0].message.content
    )
    try:
        litellm.completion(**asking("refused"), num_retries=0)
    except litellm.BadRequestError as error:
        said.append(type(error).__name__)
    return said


async def by_litellm_async(litellm: Any) -> list[str]:
    """Ask as an async program does: several at once, and by a stream."""
    answers = await asyncio.gather(*(litellm.acompletion(**asking(f"async {n}")) for n in range(3)))
    said = [each.choices[0].message.content for each in answers]
    stream = await litellm.acompletion(**asking("async stream"), stream=True)
    said.append("".join([each.choices[0].delta.content or "" async for each in stream]))
    return said


def by_converse(litellm: Any) -> list[str]:
    """Ask by an API of Bedrock's own, which is not recorded."""
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "aws_region_name": "us-east-1"}
    asked = {**asking("x"), "model": "bedrock/converse/us.anthropic.claude-sonnet-5", "num_retries": 0, **keys}
    del asked["api_base"], asked["api_key"]
    try:
        litellm.completion(**asked, aws_bedrock_runtime_endpoint=URL)
    except Exception as error:  # noqa: BLE001  it was answered by another API, of which litellm makes what it can
        return [type(error).__name__]
    return ["answered"]


async def by_mcp() -> list[str]:
    """Let the tool of an MCP server ask, whose environment the MCP SDK makes from scratch."""
    mcp = import_module("mcp")
    server = mcp.StdioServerParameters(command=sys.executable, args=SERVER, env={"API": URL})
    async with mcp.Client(server) as client:
        result = await client.call_tool("ask", {"words": "from the server"})
    return [result.content[0].text]


def main() -> None:
    ways = sys.argv[1:]
    said: dict[str, list[str]] = {}
    if "mcp" in ways:
        said["mcp"] = asyncio.run(by_mcp())
    else:
        litellm: Any = import_module("litellm")
        litellm.suppress_debug_info = True
        said["sync"] = by_litellm(litellm)
        said["async"] = asyncio.run(by_litellm_async(litellm))
        if "converse" in ways:
            said["converse"] = by_converse(litellm)
    print(json.dumps(said))


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        serve()
    else:
        main()
