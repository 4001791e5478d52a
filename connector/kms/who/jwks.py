"""An issuer's public keys, fetched over TLS with its own trust, cached and bounded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock

import httpx
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from connector.errors import ConfigError, Problem, Transient
from connector.kms.refusal import Refusal
from connector.kms.settings import IssuerSettings
from connector.model import Clock
from connector.relay import strict
from connector.tls import trusting

MOST_BYTES = 256 * 1024
MOST_KEYS = 100
AGAIN_AFTER = timedelta(seconds=30)
"""An issuer that can't be reached, or has no such key, is asked again no sooner."""
_TIMEOUT = httpx.Timeout(connect=5, read=5, write=5, pool=5)

_log = structlog.get_logger(__name__)

Fetch = Callable[[], bytes]


class Jwks:
    """The keys of one issuer. Safe to call from several threads."""

    def __init__(self, fetch: Fetch, kept: timedelta, clock: Clock) -> None:
        self._fetch = fetch
        self._kept = kept
        self._clock = clock
        self._lock = Lock()
        self._keys: KeySet | None = None
        self._fresh_until: datetime | None = None
        self._not_before: datetime | None = None

    def keys(self, kid: object) -> KeySet:
        """The keys, fetched anew when they are old or lack ``kid``. Raises Refusal 503 when there are none to be had."""
        with self._lock:
            if self._wanted(kid):
                self._renew()
            if self._keys is None:
                raise Refusal(503, "The issuer's keys can't be fetched; try again later.")
            return self._keys

    def _wanted(self, kid: object) -> bool:
        now = self._clock()
        if self._not_before and now < self._not_before:
            return False
        known = self._keys is not None and any(key.kid == kid for key in self._keys.keys)
        return not known or self._fresh_until is None or now >= self._fresh_until

    def _renew(self) -> None:
        """What can't be fetched or read leaves the former keys in force: an issuer's short absence stops nobody."""
        self._not_before = self._clock() + AGAIN_AFTER
        try:
            self._keys = _read(self._fetch())
            self._fresh_until = self._clock() + self._kept
        except (httpx.HTTPError, OSError, JoseError, Transient, ValueError, KeyError, TypeError) as error:
            _log.warning("issuer.keys", kind=type(error).__name__)


def fetcher(issuer: IssuerSettings) -> Fetch:
    """The way to an issuer's keys: an https address, or a file. Raises ConfigError."""
    if not issuer.jwks.startswith("https://"):
        path = Path(issuer.jwks)
        if "://" in issuer.jwks or not path.is_absolute():
            raise ConfigError((Problem(f"jwks {issuer.jwks} is neither an https address nor a path."),))
        return path.read_bytes
    client = httpx.Client(
        verify=trusting(issuer.ca, setting="issuers: ca"),
        trust_env=False,
        follow_redirects=False,
        timeout=_TIMEOUT,
    )
    return lambda: _get(client, issuer.jwks)


def _get(client: httpx.Client, url: str) -> bytes:
    raw = bytearray()
    with client.stream("GET", url, headers={"Accept-Encoding": "identity"}) as response:
        response.raise_for_status()
        for chunk in response.iter_raw():
            raw += chunk
            if len(raw) > MOST_BYTES:
                raise ValueError("the issuer's keys are too long")
    return bytes(raw)


def _read(raw: bytes) -> KeySet:
    """Public keys that sign; whatever else is in the set is left out."""
    if len(raw) > MOST_BYTES:
        raise ValueError("the issuer's keys are too long")
    listed = strict.a_list(strict.an_object(strict.load(raw), "the set").get("keys"), "keys", MOST_KEYS)
    keys = [dict(strict.an_object(one, "a key")) for one in listed]
    signing = [one for one in keys if one.get("kty") in ("RSA", "EC") and one.get("use", "sig") == "sig"]
    return KeySet.import_key_set({"keys": signing})
