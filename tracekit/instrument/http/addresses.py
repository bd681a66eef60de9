"""Tells which HTTP requests ask Claude, by their address: the API itself, and the platforms that offer it."""

from __future__ import annotations

import os
from typing import Final
from urllib.parse import unquote, urlsplit

__all__ = ["MESSAGES", "asks_claude", "is_candidate", "model_in", "provider_of", "shown_host"]

MESSAGES: Final = "/v1/messages"

_API_HOST: Final = "api.anthropic.com"
_BASE_URLS: Final = ("ANTHROPIC_BASE_URL", "ANTHROPIC_API_BASE")
_OTHER_ENDS: Final = ("/complete", "/completions", "Predict")
_ASKING: Final = (MESSAGES, f"{MESSAGES}/batches", "/v1/complete", "/v1/chat/completions")
"""Paths of the API at which a model answers."""

_VERTEX: Final = "/publishers/anthropic/models/"
_VERTEX_ENDS: Final = (":rawPredict", ":streamRawPredict")
_BEDROCK: Final = "/model/"
_BEDROCK_ACTIONS: Final = ("invoke", "invoke-with-response-stream", "converse", "converse-stream")
_BEDROCK_MODELS: Final = ("anthropic", "claude")
_USUAL_PORTS: Final = (None, 80, 443)


def is_candidate(path: str) -> bool:
    """Return whether a request to `path` may ask Claude: a test that costs next to nothing, for every request."""
    return f"{MESSAGES}/" in f"{path}/" or _BEDROCK in path or path.endswith(_OTHER_ENDS)


def asks_claude(host: str, path: str, *, has_version: bool) -> bool:
    """Return whether a POST to `path` at `host` is answered by Claude.

    `has_version` says that the request has the header ``anthropic-version``, which only the Messages API asks for.
    """
    path = path.rstrip("/")
    if path.endswith(MESSAGES) and has_version:
        return True
    if path.endswith(_ASKING) and (host == _API_HOST or host in _own_hosts()):
        return True
    if host.endswith("aiplatform.googleapis.com"):
        return bool(model_in(path))
    model, action = _of_bedrock(path)
    # The id of an application's inference profile does not say which model it stands for.
    is_known = any(each in model for each in _BEDROCK_MODELS) or ("bedrock-runtime" in host and "profile" in model)
    return is_known and action in _BEDROCK_ACTIONS


def model_in(path: str) -> str:
    """Return the model that the `path` of a request to Vertex or Bedrock names, or ""."""
    _, is_vertex, rest = path.partition(_VERTEX)
    if is_vertex and rest.endswith(_VERTEX_ENDS):
        model = rest.partition(":")[0]
        return "" if model == "count-tokens" else model
    model, action = _of_bedrock(path)
    return model if action in _BEDROCK_ACTIONS[:2] else ""


def _of_bedrock(path: str) -> tuple[str, str]:
    """The model and the action that `path` names; both empty where it is none of Bedrock's."""
    _, _, rest = path.partition(_BEDROCK)
    model, _, action = rest.rpartition("/")
    return unquote(model), action if model else ""


def provider_of(path: str) -> str:
    """Return the platform by which `path` asks Claude, as `gen_ai.provider.name` has it."""
    if _VERTEX in path:
        return "gcp.vertex_ai"
    return "aws.bedrock" if _BEDROCK in path else "anthropic"


def shown_host(host: str, port: int | None) -> str:
    """Return `host`, with its `port` where that is not the usual one."""
    return host if port in _USUAL_PORTS else f"{host}:{port}"


def _own_hosts() -> set[str]:
    """The hosts that the environment names in place of the API's."""
    return {urlsplit(os.environ.get(name, "")).hostname or "" for name in _BASE_URLS} - {""}
