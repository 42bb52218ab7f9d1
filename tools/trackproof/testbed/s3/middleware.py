"""WSGI middleware around the S3 server: records every request and injects faults."""

from __future__ import annotations

import io
import json
import socket
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from trackproof.testbed.stand_ins.contract_violations import IncomingRequest
from trackproof.testbed.stand_ins.faults import Fault, Faults
from trackproof.testbed.stand_ins.ledger import Ledger

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

SERVICE = "s3"

_CHECKSUM_HEADERS = ("HTTP_CONTENT_MD5", "HTTP_X_AMZ_CHECKSUM", "HTTP_X_AMZ_TRAILER")


class S3Middleware:
    """Records requests without their bodies, which are audio, and applies the matching fault."""

    def __init__(
        self, app: WSGIApplication, ledger: Ledger, faults: Faults, *, folder: str = ""
    ) -> None:
        """Wrap `app`, the S3 server's own, which answers below `folder` too."""
        self._app = app
        self._folder = folder
        self._ledger = ledger
        self._faults = faults

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        if self._folder and environ["PATH_INFO"].startswith(f"{self._folder}/"):
            environ["PATH_INFO"] = environ["PATH_INFO"].removeprefix(self._folder)
        # WSGI decodes a path's bytes as Latin-1, whatever their encoding.
        path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
        method = environ["REQUEST_METHOD"]
        if path.startswith("/moto-api"):
            return self._app(environ, start)
        request = IncomingRequest(
            method=method,
            path=path,
            query=dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)),
            headers=_headers(environ),
            body=b"",
        )
        ticket = self._ledger.open(SERVICE, request)
        fault = self._faults.take(SERVICE, method, path)
        if fault is None or not (fault.drop or fault.answers):
            return self._forward(environ, start, ticket, fault)
        time.sleep(fault.delay)
        if fault.carried_out:
            for _ in self._app(environ, lambda *_: lambda _: None):
                pass  # the service performs the request, only its answer is lost
        status = None if fault.drop else fault.status or 200
        self._ledger.close(ticket, status=status, faulted=True, carried_out=fault.carried_out)
        if fault.drop:
            _hang_up(environ)
        body = (fault.body or json.dumps({"error": f"injected fault: {status}"})).encode()
        start(f"{status} Injected", [("content-length", str(len(body))), *fault.headers.items()])
        return [body]

    def _forward(
        self,
        environ: WSGIEnvironment,
        start: StartResponse,
        ticket: tuple[int, int],
        fault: Fault | None,
    ) -> Iterable[bytes]:
        statuses: list[int] = []

        def record_status(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            statuses.append(int(status.split(maxsplit=1)[0]))
            return start(status, headers, *rest)

        if fault is not None:
            time.sleep(fault.delay)
            if fault.store_only is not None:
                _shorten(environ, fault.store_only)
        answer = self._app(environ, record_status)
        self._ledger.close(
            ticket, status=statuses[0] if statuses else None, faulted=fault is not None
        )
        if fault is None or fault.cut_after is None:
            return answer
        return _cut(answer, fault.cut_after, environ)


def _shorten(environ: WSGIEnvironment, size: int) -> None:
    """Keep the first bytes of a request's body: the store loses the rest without a word."""
    sent = int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(sent)[:size]
    environ["wsgi.input"] = io.BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))
    for name in [name for name in environ if name.startswith(_CHECKSUM_HEADERS)]:
        del environ[name]


def _cut(answer: Iterable[bytes], left: int, environ: WSGIEnvironment) -> Iterator[bytes]:
    for chunk in answer:
        if len(chunk) > left:
            yield chunk[:left]
            _hang_up(environ)
        left -= len(chunk)
        yield chunk


def _hang_up(environ: WSGIEnvironment) -> None:
    """Close the connection without an answer; werkzeug treats it as a client disconnect."""
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    raise ConnectionResetError("an injected fault")


def _headers(environ: WSGIEnvironment) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name.removeprefix("HTTP_").replace("_", "-").lower(), str(value))
        for name, value in environ.items()
        if name.startswith("HTTP_") or name in {"CONTENT_TYPE", "CONTENT_LENGTH"}
    )
