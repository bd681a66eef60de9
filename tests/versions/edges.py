"""Behaviour that differs by generation of the SDK: signing, tokens, failing connections, cancellation.

Only with CLOUD_CREDENTIALS set there are credentials for cloud platforms, so a replay without it neither signs nor fetches.
"""

import asyncio
import os
from typing import Any

import anthropic

MODEL = "claude-sonnet-5"
URL = os.environ["ANTHROPIC_BASE_URL"]
QUESTION: Any = {"model": MODEL, "max_tokens": 100, "messages": [{"role": "user", "content": "a cloud"}]}

has_credentials = bool(os.environ.get("CLOUD_CREDENTIALS"))
vertex: Any = {
    "region": "us-east5",
    "project_id": "p",
    "base_url": URL,
    "access_token": "token" if has_credentials else None,
}
bedrock: Any = {"aws_region": "us-east-1", "base_url": URL}
if has_credentials:
    bedrock |= {"aws_access_key": "key", "aws_secret_key": "secret"}


async def main() -> None:
    """Ask by every client."""
    for client in (anthropic.AnthropicVertex(**vertex), anthropic.AnthropicBedrock(**bedrock)):
        with client:
            print(client.messages.create(**QUESTION).usage.output_tokens)
    for async_client in (anthropic.AsyncAnthropicVertex(**vertex), anthropic.AsyncAnthropicBedrock(**bedrock)):
        async with async_client:
            print((await async_client.messages.create(**QUESTION)).usage.output_tokens)


async def cancelled() -> None:
    """Ask for an answer that comes too late."""
    async with anthropic.AsyncAnthropic() as client:
        slow = {**QUESTION, "messages": [{"role": "user", "content": "slow"}]}
        try:
            await asyncio.wait_for(client.messages.create(**slow), 1)
        except TimeoutError:
            print("cancelled")


def refused() -> None:
    """Ask where nobody answers."""
    with anthropic.Anthropic(base_url="http://127.0.0.1:9", max_retries=1) as client:
        try:
            client.messages.create(**QUESTION)
        except anthropic.APIConnectionError as error:
            print(type(error).__name__, type(error.__cause__).__name__)


asyncio.run(main())
asyncio.run(cancelled())
refused()
