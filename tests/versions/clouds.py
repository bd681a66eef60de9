"""Calls through cloud platforms, which sign requests or fetch tokens: only with CLOUD_CREDENTIALS set there are any."""

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


asyncio.run(main())
