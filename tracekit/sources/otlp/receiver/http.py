"""OTLP over HTTP, as an ASGI application.

Answers are those of the specification: 400 for a body that cannot be read, 429 and 503 with `Retry-After` where sending it
again helps, and a partial success where some spans are rejected.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import zlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # it comes without types

from tracekit.errors import SourceError
from tracekit.sources.otlp.receiver.answers import success
from tracekit.sources.otlp.receiver.intake import Accepted, BusyError, Intake, Signal, StorageError

__all__ = ["OtlpHttp", "decompressed"]

_Scope: TypeAlias = Mapping[str, Any]
_Receive: TypeAlias = Callable[[], Awaitable[Mapping[str, Any]]]
_Send: TypeAlias = Callable[[dict[str, Any]], Awaitable[None]]

_PATHS: Mapping[str, Signal] = {"/v1/traces": "traces", "/v1/metrics": "metrics", "/v1/logs": "logs"}
_PROTOBUF, _JSON = "application/x-protobuf", "application/json"
_TYPES = {_PROTOBUF: False, "application/protobuf": False, _JSON: True}
_CODES = {400: 3, 401: 16, 413: 8, 429: 8, 503: 14}
"""By the status of HTTP: that of gRPC, which the body says."""
_PATIENCE_S = 30


class _RefusedError(Exception):
    """A request that is answered with an error. `retry_s` are the seconds after which the sender may try again."""

    def __init__(self, status: int, reason: str, retry_s: int = 0, **headers: str) -> None:
        super().__init__(reason)
        self.status = status
        self.retry_s = retry_s
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class _Asked(NamedTuple):
    """The head of a request."""

    signal: Signal
    is_json: bool
    encoding: str
    length: int


class OtlpHttp:
    """The application. With a `token`, each request has to bring it as `Authorization: Bearer TOKEN`."""

    def __init__(self, intake: Intake, token: str = "") -> None:
        self._intake = intake
        self._token = token
        self._working = asyncio.Semaphore(2)
        """More bodies than cores at a time would only hold more memory."""

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        is_json = _media_type(headers) == _JSON
        try:
            asked = self._head(scope, headers)
            accepted = await self._take(asked, receive)
        except _RefusedError as refusal:
            await _answer(send, refusal.status, *_refusal(refusal, is_json=is_json), refusal)
        else:
            response = success(asked.signal, accepted)
            body = _as_json(response) if asked.is_json else response.SerializeToString()
            await _answer(send, 200, body, _JSON if asked.is_json else _PROTOBUF)

    def _head(self, scope: _Scope, headers: Mapping[str, str]) -> _Asked:
        signal = _PATHS.get(scope["path"].rstrip("/"))
        if signal is None:
            raise _RefusedError(404, f"there is nothing at this path; send to {', '.join(_PATHS)}")
        if scope["method"] != "POST":
            raise _RefusedError(405, "only POST is supported", allow="POST")
        given = headers.get("authorization", "").encode()
        if self._token and not hmac.compare_digest(given, f"Bearer {self._token}".encode()):
            raise _RefusedError(401, "the token is missing or wrong", www_authenticate="Bearer")
        kind = _media_type(headers)
        if kind not in _TYPES:
            raise _RefusedError(415, f"a body of type {kind[:100]!r} is not read; send {_PROTOBUF} or {_JSON}")
        encoding = headers.get("content-encoding", "identity").strip().lower() or "identity"
        if encoding not in ("identity", "gzip", "zstd", "deflate"):
            raise _RefusedError(415, f"the encoding {encoding[:100]!r} is not read; send gzip, zstd or none")
        length = headers.get("content-length", "")
        size = int(length) if length.isdecimal() and len(length) < 20 else 0
        if size > self._intake.limits.body_bytes:
            raise _too_large(self._intake.limits.body_bytes)
        return _Asked(signal, _TYPES[kind], encoding, size)

    async def _take(self, asked: _Asked, receive: _Receive) -> Accepted:
        try:
            # What has no length may become as large as the limit, and so may what is compressed.
            is_known = asked.length and asked.encoding == "identity"
            with self._intake.holding(asked.length if is_known else min(8 * asked.length or 1 << 20, self._most)):
                try:
                    async with asyncio.timeout(_PATIENCE_S):
                        body = await self._read(receive)
                except TimeoutError as error:
                    raise _RefusedError(408, f"the body did not arrive within {_PATIENCE_S} seconds") from error
                async with self._working:
                    return await asyncio.to_thread(self._work, asked, body)
        except SourceError as error:
            raise _RefusedError(400, str(error)) from error
        except BusyError as error:
            raise _RefusedError(429, str(error), error.retry_s) from error
        except StorageError as error:
            raise _RefusedError(503, str(error), error.retry_s) from error

    @property
    def _most(self) -> int:
        return self._intake.limits.body_bytes

    async def _read(self, receive: _Receive) -> bytes:
        pieces, size = [], 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _RefusedError(400, "the sender closed the connection before the end of the body")
            pieces.append(message.get("body", b""))
            size += len(pieces[-1])
            if size > self._most:
                raise _too_large(self._most)
            if not message.get("more_body"):
                return b"".join(pieces)

    def _work(self, asked: _Asked, body: bytes) -> Accepted:
        return self._intake.take(asked.signal, decompressed(body, asked.encoding, self._most), is_json=asked.is_json)


def _too_large(most: int) -> _RefusedError:
    return _RefusedError(413, f"the body is larger than {most} bytes; send fewer spans at a time")


def _media_type(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def decompressed(body: bytes, encoding: str, most: int) -> bytes:
    """Return `body` without its `encoding`, at most `most` bytes.

    Raises:
        SourceError: The body is not in this encoding, is cut, or goes on after its end.
    """
    if encoding == "identity":
        return body
    try:
        if encoding == "zstd":
            from tracekit.sources.otlp.receiver.zstd import ZstdDecompressor  # noqa: PLC0415  only where it is spoken

            found = ZstdDecompressor()
            data, is_whole = found.decompress(body, max_length=most + 1), found.eof
            rest = found.unused_data
        else:
            # 32 lets zlib tell gzip from zlib by itself.
            inflating = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
            data = inflating.decompress(body, most + 1)
            is_whole, rest = inflating.eof, inflating.unused_data
    except Exception as error:
        raise SourceError(f"the body is not compressed with {encoding}: {error}") from error
    if len(data) > most:
        raise _too_large(most)
    if not is_whole:
        raise SourceError(f"the body ends in the middle of its {encoding} data")
    if rest:
        raise SourceError(f"the body goes on after the end of its {encoding} data; send all in one piece")
    return data


def _as_json(response: Any) -> bytes:
    rejection = response.partial_success
    if not rejection.error_message:
        return b"{}"
    (count, rejected), (_, reason) = rejection.ListFields()
    return json.dumps({"partialSuccess": {count.json_name: str(rejected), "errorMessage": reason}}).encode()


def _refusal(refusal: _RefusedError, *, is_json: bool) -> tuple[bytes, str]:
    code = _CODES.get(refusal.status, 3)
    if is_json:
        return json.dumps({"code": code, "message": str(refusal)}).encode(), _JSON
    return Status(code=code, message=str(refusal)).SerializeToString(), _PROTOBUF


async def _answer(send: _Send, status: int, body: bytes, kind: str, refusal: _RefusedError | None = None) -> None:
    headers = {"content-type": kind, "content-length": str(len(body)), **(refusal.headers if refusal else {})}
    if refusal is not None and refusal.retry_s:
        headers["retry-after"] = str(refusal.retry_s)
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})
