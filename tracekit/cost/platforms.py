"""Names in the price list for models that cloud platforms sell.

Bedrock sells a model by two prices: through global endpoints, and in a region or a group of regions, which costs more
for newer models. The id that was requested says which: https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles.html
"""

from __future__ import annotations

import re

__all__ = ["is_regional_vertex", "listed_names"]

_BEDROCK_ID = re.compile(r"(?:(?P<scope>[a-z]+(?:-[a-z]+)*)\.)?anthropic\.")
_VERTEX_HOST = re.compile(r"(?!aiplatform\.)[a-z0-9-]+-aiplatform\.|aiplatform\.[a-z0-9-]+\.rep\.")


def listed_names(provider: str, requested: str, model: str) -> tuple[str, ...]:
    """Return the names under which to look up `model`; two if either of two prices may have been paid.

    Args:
        provider: The platform, as `gen_ai.provider.name` has it.
        requested: The model id of the request: on Bedrock also an inference profile or its ARN.
        model: The model id of the response.
    """
    if provider != "aws.bedrock":
        return (model,)
    bare = model.rpartition("anthropic.")[2]
    id = requested.rpartition("/")[2] if requested.startswith("arn:") else requested
    named = _BEDROCK_ID.match(id)
    if named is None:
        # An application's own inference profile says neither its model nor where it runs.
        return (f"global.anthropic.{bare}", f"anthropic.{bare}")
    if id[named.end() :].startswith(bare):
        return (id,)
    # Another model of the same request, such as the one that it falls back to.
    return (f"global.anthropic.{bare}",) if named["scope"] == "global" else (f"anthropic.{bare}",)


def is_regional_vertex(provider: str, server: str) -> bool:
    """Return whether `server` is an endpoint of Vertex AI that keeps requests in a region or a group of regions.

    https://cloud.google.com/vertex-ai/generative-ai/docs/learn/locations#global-endpoint
    """
    return provider == "gcp.vertex_ai" and _VERTEX_HOST.match(server) is not None
