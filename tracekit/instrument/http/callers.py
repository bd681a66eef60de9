"""Names the package on the caller's stack that sends a request."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Final

__all__ = ["caller"]

_CLIENTS: Final = frozenset(
    ("aiobotocore", "aiohttp", "anyio", "botocore", "h11", "httpcore", "httpcore2", "httpx", "httpx2", "requests", "urllib3")
)  # fmt: skip
"""HTTP clients, which send requests on behalf of others."""

_STANDARD_CLIENTS: Final = {"http": "http.client", "urllib": "urllib.request"}
_INSTALLED: Final = ("/site-packages/", "/dist-packages/")
_OURS: Final = "tracekit"


def caller() -> str:
    """Return the name of the installed package that called an HTTP client; of that client where the program did itself."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  the documented way to the caller's frame
    client = "python"
    while frame is not None:
        name = str(frame.f_globals.get("__name__", ""))
        top = name.partition(".")[0]
        if top in _CLIENTS or top in _STANDARD_CLIENTS:
            client = _STANDARD_CLIENTS.get(top, top)
        elif top != _OURS and top not in sys.stdlib_module_names:
            return _package(name, frame.f_code.co_filename) or client
        frame = frame.f_back
    return client


def _package(module: str, file: str) -> str:
    """The name of the installed package that `module` belongs to; "" for a module of the program's own."""
    where = next((each for each in _INSTALLED if each in file), "")
    if not where:
        return ""
    top, _, rest = module.partition(".")
    if top == "__main__":
        return file.rpartition(where)[2].partition("/")[0].removesuffix(".py")
    # A package without a file, such as `google`, is shared by many.
    is_shared = getattr(sys.modules.get(top), "__file__", None) is None
    return f"{top}.{rest.partition('.')[0]}" if is_shared and rest else top
