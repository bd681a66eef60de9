"""Claude as a judge: a request for each question, by the user's own SDK client."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from tracekit import semconv
from tracekit.cost import price_usd
from tracekit.errors import JudgeError, SettingsError
from tracekit.judges.batches import Batches
from tracekit.judges.prompt import (
    MOST_OUTPUT_TOKENS,
    PROMPT_VERSION,
    SCHEMA,
    SYSTEM,
    opinion_in,
    prompt_of,
    tokens_at_most,
)
from tracekit.judges.settings import JudgeSettings
from tracekit.model.messages import ResponseContent, usage_attributes
from tracekit.model.question import Question
from tracekit.rules.judge import Opinion
from tracekit.rules.settings import milliseconds
from tracekit.system_clock import wall_ns

__all__ = ["DEFAULT_MODEL", "ClaudeJudge", "claude_judge"]

DEFAULT_MODEL = "claude-haiku-5-5"
"""The cheapest of the current models. They take no temperature, so none is sent: stored rulings are what repeats."""

_DEFAULT_PATIENCE = "10m"
_AT_ONCE = 4
_TIMEOUT_S = 120.0
_OPTIONS = ("model", "client", "patience")
_PROVIDERS = {"Bedrock": "aws.bedrock", "Vertex": "gcp.vertex_ai"}
"""Providers, by what the names of the SDK's client classes contain."""
_NO_KEY = "--judge asks Claude, and the SDK has no credentials for that: set ANTHROPIC_API_KEY, or run `tracekit check` without --judge"


def claude_judge(
    settings: JudgeSettings, folder: Path, tell: Callable[[str], None], *, is_batch: bool = False
) -> ClaudeJudge:
    """Return the judge that `settings` describe. `folder` keeps what is known of batches; `tell` takes sentences for the user.

    Raises:
        SettingsError: An option is unknown, or has a value that cannot be used.
    """
    options, where = settings.options, settings.where
    unknown = sorted(set(options) - set(_OPTIONS))
    if unknown:
        raise SettingsError(f"{where} has {', '.join(unknown)}; it may have name, max-usd, {', '.join(_OPTIONS)}")
    values = {"model": DEFAULT_MODEL, "client": "Anthropic", "patience": _DEFAULT_PATIENCE, **options}
    for name, value in values.items():
        if not isinstance(value, str) or not value:
            raise SettingsError(f"{name} in {where} is {value!r}; it must be a text")
    patience_s = milliseconds(values["patience"], f"patience in {where}") / 1000
    batches = Batches(folder, patience_s, tell) if is_batch else None
    return ClaudeJudge(values["model"], values["client"], batches)


class ClaudeJudge:
    """Asks `model` through the SDK's client class `client`, or through `batches` at half the price.

    The SDK reads the key and the API's address from the environment, as for any program.
    """

    version = f"claude {PROMPT_VERSION}"

    def __init__(self, model: str, client: str = "Anthropic", batches: Batches | None = None) -> None:
        self.name = model
        self._client_name = client
        self._batches = batches

    def estimate_usd(self, question: Question) -> float:
        """Return what a response to `question` costs at most, in US dollars.

        Raises:
            JudgeError: The price of the model is unknown.
            PricesError: The user's own price table cannot be read.
        """
        usage = {semconv.INPUT_TOKENS: tokens_at_most(question), semconv.OUTPUT_TOKENS: MOST_OUTPUT_TOKENS}
        price = self._price_usd(usage, self.name)
        if price is None:
            raise JudgeError(
                f"the price of {self.name} is unknown, so --judge-max-usd cannot bound what it costs; add its prices as "
                f'[tool.tracekit.prices."{self.name}"], or choose another model'
            )
        return price

    def judge(self, questions: Sequence[Question]) -> Iterator[Opinion]:
        """Return Claude's opinion on each of `questions`, in their order.

        An error of the API that another try may not meet makes an opinion without a ruling, which is not final.

        Raises:
            JudgeError: Claude cannot be asked: no key, a key that is refused, an unknown model or client class.
        """
        client = self._new_client()
        try:
            if self._batches is not None:
                yield from self._judge_in_batch(client, self._batches, questions)
                return
            executor = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="tracekit-judge")
            try:
                yield from executor.map(partial(self._judge_one, client), questions)
            finally:
                executor.shutdown(cancel_futures=True)
        finally:
            client.close()

    # ── requests ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _judge_one(self, client: Any, question: Question) -> Opinion:
        try:
            message = client.messages.create(**self._request(question), timeout=_TIMEOUT_S)
        except Exception as error:  # noqa: BLE001  the SDK's clients raise their platforms' own errors, too
            return Opinion(None, self._failure(error), is_final=False)
        return self._opinion(message)

    def _judge_in_batch(self, client: Any, batches: Batches, questions: Sequence[Question]) -> Iterator[Opinion]:
        requests = {question.digest: self._request(question) for question in questions}
        try:
            results = batches.results(client.messages.batches, (self.name, self.version), requests)
        except Exception as error:  # noqa: BLE001  see above
            note = self._failure(error)
            yield from (Opinion(None, note, is_final=False) for _ in questions)
            return
        for question in questions:
            result = results[question.digest]
            if isinstance(result, str):
                yield Opinion(None, result, None if batches.is_open(question.digest) else 0.0, is_final=False)
            else:
                yield self._opinion(result)

    def _request(self, question: Question) -> dict[str, Any]:
        """Return the parameters of the request; older SDKs do not know `output_config`, but send it."""
        return {
            "model": self.name,
            "max_tokens": MOST_OUTPUT_TOKENS,
            "system": SYSTEM,
            "messages": [{"role": "user", "content": prompt_of(question)}],
            **self._format,
        }

    @property
    def _format(self) -> dict[str, Any]:
        wanted = {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}}
        return wanted if self._batches is not None else {"extra_body": wanted}

    def _new_client(self) -> Any:
        import anthropic  # noqa: PLC0415  two seconds, and only where something is asked

        made = getattr(anthropic, self._client_name, None)
        if not self._client_name.startswith("Anthropic") or not isinstance(made, type):
            raise JudgeError(
                f"the SDK has no client class {self._client_name!r}; client in [tool.tracekit.judge] may be Anthropic, "
                "AnthropicBedrock, AnthropicVertex or another one of its sync clients"
            )
        try:
            client = made()
        except Exception as error:
            raise JudgeError(
                f"the SDK's {self._client_name} cannot be made: {type(error).__name__}: {error}"
            ) from error
        if made is anthropic.Anthropic and not _has_credentials(client):
            raise JudgeError(_NO_KEY)
        return client

    def _failure(self, error: Exception) -> str:
        """Return why a request failed, in a sentence.

        Raises:
            JudgeError: Every other request would fail alike.
        """
        import anthropic  # noqa: PLC0415  loaded by now

        if isinstance(error, anthropic.AuthenticationError | anthropic.PermissionDeniedError | anthropic.NotFoundError):
            raise JudgeError(
                f"Claude cannot be asked to judge: {_says(error)}; look at the key in ANTHROPIC_API_KEY and the model "
                f"{self.name}, or run `tracekit check` without --judge"
            ) from error
        if isinstance(error, anthropic.APIStatusError):
            return f"the API responded with {_says(error)}"
        if isinstance(error, anthropic.APIConnectionError):
            return f"the API cannot be reached: {error.__cause__ or error}"
        raise JudgeError(
            f"Claude cannot be asked to judge: {type(error).__name__}: {error}; look at the credentials of "
            f"{self._client_name}, or run `tracekit check` without --judge"
        ) from error

    # ── responses ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _opinion(self, message: Any) -> Opinion:
        if not hasattr(message, "to_dict"):
            return Opinion(None, "the response from the API's address is not a message", None, is_final=False)
        found = message.to_dict(mode="json")
        usd = self._paid_usd(found)
        if found.get("stop_reason") == "refusal":
            return Opinion(None, "it refused to answer", usd)
        if found.get("stop_reason") in ("max_tokens", "model_context_window_exceeded"):
            return Opinion(None, f"its response was cut ({found['stop_reason']})", usd, is_final=False)
        blocks = [block for block in found.get("content") or [] if block.get("type") == "text"]
        return opinion_in("".join(str(block.get("text") or "") for block in blocks), self.name, usd)

    def _paid_usd(self, message: dict[str, Any]) -> float | None:
        answer = ResponseContent()
        answer.message = message
        return self._price_usd(usage_attributes(answer, finished=True), str(message.get("model") or self.name))

    def _price_usd(self, usage: dict[str, Any], model: str) -> float | None:
        provider = next((name for part, name in _PROVIDERS.items() if part in self._client_name), "anthropic")
        place = {semconv.PROVIDER_NAME: provider, semconv.REQUEST_MODEL: self.name}
        tier = {} if self._batches is None else {semconv.RESPONSE_SERVICE_TIER: "batch"}
        if semconv.INPUT_TOKENS not in usage:
            return None
        price = price_usd({**usage, **place, **tier}, model, wall_ns())
        return None if price is None else float(price)


def _has_credentials(client: Any) -> bool:
    names = ("api_key", "auth_token", "credentials")
    headers = {str(name).lower() for name in client.default_headers}
    return any(getattr(client, name, None) for name in names) or bool(headers & {"authorization", "x-api-key"})


def _says(error: Any) -> str:
    """Return the status of a response with the API's own message."""
    body = error.body if isinstance(error.body, dict) else {}
    inner = body.get("error")
    said = inner.get("message") if isinstance(inner, dict) else None
    return " ".join(f"{error.status_code} {said or error.message}".split())[:300]
