"""The guide's refactoring loop in each way that people write it; the first argument says which.

sync       a sync client inside `asyncio.gather`, as the guide prints it: its agents run one by one
async      an async client
threads    a sync client in a thread pool
serial     an async client, one agent after another
decorated  async, with tracekit's decorators
"""

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor

import anthropic

MODE = sys.argv[1]
LEAD, WORKER = "claude-opus-5-5", "claude-sonnet-5-5"
TOOL = {
    "name": "analysis_agent",
    "description": "Analyses one file.",
    "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
}

sync_client = anthropic.Anthropic()
async_client = anthropic.AsyncAnthropic()


def lead_request(messages):
    return {"model": LEAD, "max_tokens": 500, "system": "You lead.", "tools": [TOOL], "messages": messages}


def worker_request(block):
    prompt = f"Analyse {block.input['path']} and report."
    return {
        "model": WORKER,
        "max_tokens": 500,
        "system": "You analyse.",
        "messages": [{"role": "user", "content": prompt}],
    }


def text_of(response):
    return "".join(block.text for block in response.content if block.type == "text")


async def ask_lead(messages):
    if MODE in ("sync", "threads"):
        return sync_client.messages.create(**lead_request(messages))
    return await async_client.messages.create(**lead_request(messages))


async def ask_worker(block):
    if MODE == "sync":
        return text_of(sync_client.messages.create(**worker_request(block)))
    return text_of(await async_client.messages.create(**worker_request(block)))


async def dispatch(blocks):
    if MODE == "threads":
        with ThreadPoolExecutor(4) as pool:
            jobs = [pool.submit(lambda b=b: text_of(sync_client.messages.create(**worker_request(b)))) for b in blocks]
            return [job.result() for job in jobs]
    if MODE == "serial":
        return [await ask_worker(block) for block in blocks]
    return await asyncio.gather(*[ask_worker(block) for block in blocks])


async def orchestrate(task):
    messages = [{"role": "user", "content": task}]
    while True:
        response = await ask_lead(messages)
        messages.append({"role": "assistant", "content": response.content})
        if response.stop_reason == "end_turn":
            return text_of(response)
        blocks = [block for block in response.content if block.type == "tool_use"]
        results = await dispatch(blocks)
        content = [
            {"type": "tool_result", "tool_use_id": b.id, "content": r} for b, r in zip(blocks, results, strict=True)
        ]
        messages.append({"role": "user", "content": content})


def decorate():
    """Rebuild the loop with tracekit's blocks and decorators, so that nothing is left to infer."""
    import tracekit

    tracekit.init()

    @tracekit.agent("analysis_agent")
    async def worker(block):
        with tracekit.turn():
            return text_of(await async_client.messages.create(**worker_request(block)))

    async def tool(block):
        with tracekit.tool("analysis_agent", call_id=block.id, input=block.input):
            return await worker(block)

    @tracekit.agent("lead")
    async def lead(task):
        messages = [{"role": "user", "content": task}]
        while True:
            with tracekit.turn():
                response = await ask_lead(messages)
                messages.append({"role": "assistant", "content": response.content})
                if response.stop_reason == "end_turn":
                    return text_of(response)
                blocks = [block for block in response.content if block.type == "tool_use"]
                results = await asyncio.gather(*[tool(block) for block in blocks])
                content = [
                    {"type": "tool_result", "tool_use_id": b.id, "content": r}
                    for b, r in zip(blocks, results, strict=True)
                ]
                messages.append({"role": "user", "content": content})

    return lead


async def main():
    loop = decorate() if MODE == "decorated" else orchestrate
    print(await loop("Analyse the shop."))
    await async_client.close()
    sync_client.close()


asyncio.run(main())
