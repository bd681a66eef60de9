"""JSON text as the SDK sends it."""

from __future__ import annotations

import json

__all__ = ["compact"]

compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False, allow_nan=False).encode
"""JSON as the SDK sends it and the API answers it: no spaces, UTF-8."""
