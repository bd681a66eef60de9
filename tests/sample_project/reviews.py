"""A lead that has files reviewed by as many reviewers at once, and sums up what they say."""

import asyncio
from collections.abc import Sequence

import anthropic

import tracekit

FILES = {"cart.py": "total = 0.1 + 0.2", "orders.py": "raise Exception('out of stock')", "a mail.py": "send()"}


@tracekit.tool
def read_file(path: str) -> str:
    """Give the text of a file."""
    return FILES[path]


async def ask(client: anthropic.AsyncAnthropic, system: str, prompt: str) -> str:
    """Ask the model one question."""
    answer = await client.messages.create(
        model="claude-haiku-5-5", max_tokens=200, system=system, messages=[{"role": "user", "content": prompt}]
    )
    return "".join(block.text for block in answer.content if block.type == "text")


@tracekit.agent("reviewer")
async def review(client: anthropic.AsyncAnthropic, path: str) -> str:
    """Review one file."""
    return await ask(client, "You review one file.", f"{path}:\n{read_file(path)}")


@tracekit.agent("lead")
async def review_all(paths: Sequence[str] = tuple(FILES)) -> str:
    """Review files, and sum up."""
    async with anthropic.AsyncAnthropic() as client:
        reviews = await asyncio.gather(*(review(client, path) for path in paths))
        return await ask(client, "You sum up.", "\n".join(reviews))


@tracekit.agent("lead")
def review_one(path: str) -> str:
    """Review one file, without asyncio."""
    with anthropic.Anthropic() as client:
        answer = client.messages.create(
            model="claude-haiku-5-5",
            max_tokens=200,
            system="You review one file.",
            messages=[{"role": "user", "content": f"{path}:\n{read_file(path)}"}],
        )
    return "".join(block.text for block in answer.content if block.type == "text")
