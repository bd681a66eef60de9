"""One call of the model, by whichever client, and an account of what the calls used."""

from __future__ import annotations

import inspect
import logging
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tracekit import semconv
from tracekit.errors import PricesError
from tracekit.model.messages import ResponseContent, usage_attributes
from tracekit.model.tree import Tokens
from tracekit.runtime.threads import in_thread
from tracekit.system_clock import wall_ns

if TYPE_CHECKING:
    from anthropic.types import Message

__all__ = ["Account", "ask", "text_of"]

_PROVIDERS = {"Bedrock": "aws.bedrock", "Vertex": "gcp.vertex_ai"}
"""What the names of the SDK's client classes say."""

_log = logging.getLogger("tracekit")


async def ask(client: Any, request: dict[str, Any], *, stream: bool) -> Message:
    """Return the model's response to `request`. A sync client runs on a thread; `betas` select the beta API."""
    messages = client.beta.messages if "betas" in request else client.messages
    answer: Message
    if not inspect.iscoroutinefunction(client.close):
        return await in_thread(_ask, messages, request, stream)
    if not stream:
        answer = await messages.create(**request)
        return answer
    async with messages.stream(**request) as events:
        answer = await events.get_final_message()
        return answer


def _ask(messages: Any, request: dict[str, Any], stream: bool) -> Message:
    answer: Message
    if not stream:
        answer = messages.create(**request)
        return answer
    with messages.stream(**request) as events:
        answer = events.get_final_message()
        return answer


def text_of(message: Message) -> str:
    """Return the text of `message`."""
    return "".join(block.text for block in message.content if block.type == "text")


class Account:
    """The tokens of one run's calls, and their cost as far as prices are known."""

    def __init__(self) -> None:
        self.tokens = Tokens()
        self.cost: Decimal | None = None
        self._can_price = True

    def add(self, message: Message, client: Any, requested: str) -> None:
        """Count `message`, the response that `client` got to a request for the model `requested`."""
        answer = ResponseContent()
        answer.message = message.to_dict(mode="json")
        used = {
            semconv.PROVIDER_NAME: _provider(client),
            semconv.REQUEST_MODEL: requested,
            semconv.SERVER_ADDRESS: getattr(getattr(client, "base_url", None), "host", ""),
            **usage_attributes(answer, finished=True),
        }
        names = (semconv.INPUT_TOKENS, semconv.OUTPUT_TOKENS, semconv.CACHE_READ_TOKENS, semconv.CACHE_WRITE_TOKENS)
        self.tokens += Tokens(*(used.get(name, 0) for name in names))
        price = self._price(used, message.model)
        if price is not None:
            self.cost = (self.cost or Decimal(0)) + price

    def _price(self, used: dict[str, Any], model: str) -> Decimal | None:
        from tracekit.cost import price_usd  # noqa: PLC0415  prices are loaded when the first call is counted

        if not self._can_price:
            return None
        try:
            return price_usd(used, model, wall_ns())
        except PricesError as error:
            # Work that is done and paid for is not lost for want of its price.
            self._can_price = False
            _log.warning("tracekit: the run continues without its cost: %s", error)
            return None


def _provider(client: Any) -> str:
    """Return the provider of `client`, by its name in the GenAI conventions."""
    return next((name for part, name in _PROVIDERS.items() if part in type(client).__name__), "anthropic")
