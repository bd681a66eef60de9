"""FastMCP: a loop over the SDK whose tools belong to an MCP server, a process that calls Claude, too."""

import asyncio
import os
import sys

import anthropic
import spans
from fastmcp import Client, FastMCP
from fastmcp.client.transports import PythonStdioTransport

if spans.on():
    spans.provider()

server = FastMCP("experts")


@server.tool
async def ask_biologist(question: str) -> str:
    """Ask the biologist."""
    answer = await anthropic.AsyncAnthropic().messages.create(
        model="claude-sonnet-5",
        max_tokens=500,
        system="You are a biologist.",
        messages=[{"role": "user", "content": question}],
    )
    return answer.content[0].text


async def main() -> None:
    messages = [{"role": "user", "content": "How long is a blue whale?"}]
    keys = {name: value for name, value in os.environ.items() if name.startswith("ANTHROPIC_")}
    async with Client(PythonStdioTransport(__file__, args=["serve"], env=keys)) as experts:
        tools = [
            {"name": tool.name, "description": tool.description, "input_schema": tool.inputSchema}
            for tool in await experts.list_tools()
        ]
        while True:
            answer = await anthropic.AsyncAnthropic().messages.create(
                model="claude-opus-5-5", max_tokens=500, system="You lead.", messages=messages, tools=tools
            )
            asked = [block for block in answer.content if block.type == "tool_use"]
            if not asked:
                break
            results = [(block.id, (await experts.call_tool(block.name, block.input)).data) for block in asked]
            messages.append({"role": "assistant", "content": answer.content})
            messages.append(
                {
                    "role": "user",
                    "content": [{"type": "tool_result", "tool_use_id": id, "content": words} for id, words in results],
                }
            )
    print(answer.content[0].text)


server.run(show_banner=False) if "serve" in sys.argv else asyncio.run(main())
