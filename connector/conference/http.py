"""JSON over HTTPS to a conference service: bounded, never redirected, blind to the environment's proxies and files."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from connector.conference.answer import Answer
from connector.errors import Transient
from connector.tls import tls_code, trusting

LARGEST = 1_000_000
"""Bytes of an answer."""
LONGEST_SECONDS = 60
"""An answer that is not complete by then is given up."""
_TIMEOUT = httpx.Timeout(connect=10, read=30, write=30, pool=10)


@dataclass(frozen=True, slots=True)
class FarEnd:
    """Where a service is. ``proxy`` gives the proxy's URL, its credential in it, None for none; asked at each use."""

    url: str
    agent: str
    ca: Path | None = None
    proxy: Callable[[], str | None] = field(default=lambda: None, repr=False)


class Service:
    """One service; may be used from several threads. Raises Transient where no whole answer came."""

    def __init__(self, far_end: FarEnd) -> None:
        self._far_end = far_end
        self._tls = trusting(far_end.ca, setting="conference: ca")
        self._lock = threading.Lock()
        self._client: httpx.Client | None = None
        self._proxy: str | None = None

    def ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        form: Mapping[str, str] | None = None,
        token: str = "",
    ) -> Answer:
        """One request, with JSON or a form in it."""
        headers = {"User-Agent": self._far_end.agent, "Accept": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        try:
            client = self._open()
            request = client.build_request(
                method, self._far_end.url + path, params=params, json=body, data=form, headers=headers
            )
            return _answer(client, request)
        except httpx.TimeoutException as error:
            raise Transient("timeout", str(error)) from error
        except httpx.ProxyError as error:
            raise Transient("proxy-refused", str(error)) from error
        except (httpx.HTTPError, OSError) as error:
            raise Transient(tls_code(error) or "unreachable", str(error)) from error

    def close(self) -> None:
        """Give up connections."""
        with self._lock:
            if self._client:
                self._client.close()
                self._client = None

    def _open(self) -> httpx.Client:
        """The client; made anew when the proxy or its password has changed."""
        wanted = self._far_end.proxy()
        with self._lock:
            if self._client is not None and wanted != self._proxy:
                self._client.close()
                self._client = None
            if self._client is None:
                self._proxy = wanted
                self._client = httpx.Client(
                    verify=self._tls, proxy=wanted, trust_env=False, follow_redirects=False, timeout=_TIMEOUT
                )
            return self._client


def _answer(client: httpx.Client, request: httpx.Request) -> Answer:
    response = client.send(request, stream=True)
    try:
        raw = bytearray()
        ends = time.monotonic() + LONGEST_SECONDS
        for chunk in response.iter_bytes():
            raw += chunk
            if len(raw) > LARGEST:
                raise Transient("bad-answer", "the answer is too long")
            if time.monotonic() > ends:
                raise Transient("timeout", "the answer does not end")
    finally:
        response.close()
    return Answer(response.status_code, dict(response.headers), _object(bytes(raw)))


def _object(raw: bytes) -> Mapping[str, Any]:
    """The JSON object of a body; what else stands there is no answer of the service, and its status says enough."""
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
