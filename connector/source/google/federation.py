"""Signing without a key of our own: workload identity federation, and the service account's own key at Google.

The site's identity provider keeps a token in a file; Google's token service changes it into a federated one (RFC 8693); with that the
IAM credentials service signs the assertion as the service account (``signJwt``), which domain-wide delegation needs.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol
from urllib.parse import quote, urlencode

from connector.errors import CredentialRefused, Transient, Verdict
from connector.model import Clock
from connector.source.google.errors import by_status, read
from connector.source.google.keyfile import Claims, Federation
from connector.source.google.settings import IAM_HOST, STS_HOST
from connector.source.google.transport import Letter, Reply

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS = "urn:ietf:params:oauth:token-type:access_token"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
EARLY = timedelta(minutes=5)
LONGEST_TOKEN = 64 * 1024
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_API_OFF = frozenset({"SERVICE_DISABLED", "accessNotConfigured"})


class Post(Protocol):
    """The part of ``transport.Wire`` that is needed here."""

    def send(self, letter: Letter) -> Reply:
        """One request. Raises verdicts."""


@dataclass(frozen=True, slots=True)
class _Held:
    value: str = field(repr=False)
    ends: datetime


class FederatedAccount:
    """Signs as the service account. Thread-safe; keeps the federated token until shortly before its end."""

    def __init__(self, federation: Federation, post: Post, clock: Clock) -> None:
        self.email = federation.email
        self._federation = federation
        self._post = post
        self._clock = clock
        self._lock = threading.Lock()
        self._held: _Held | None = None

    def sign(self, claims: Claims) -> str:
        """A JWT (``projects.serviceAccounts.signJwt``).

        Raises:
            CredentialRefused: the file, the pool or the service account does not let us.
            Transient: trouble that passes.
        """
        reply = self._signed(claims)
        if reply.status == 401:
            with self._lock:
                self._held = None
            reply = self._signed(claims)
        if reply.status != 200:
            raise _not_signed(reply)
        return str(_members(reply, "signedJwt")["signedJwt"])

    def _signed(self, claims: Claims) -> Reply:
        path = f"/v1/projects/-/serviceAccounts/{quote(self.email, safe='@')}:signJwt"
        headers = {"Authorization": f"Bearer {self._token()}", "Content-Type": "application/json"}
        body = json.dumps({"payload": json.dumps(claims)}).encode()
        return self._post.send(Letter("POST", IAM_HOST, path, headers=headers, body=body))

    def _token(self) -> str:
        with self._lock:
            if self._held is None or self._clock() >= self._held.ends - EARLY:
                self._held = self._exchange()
            return self._held.value

    def _exchange(self) -> _Held:
        federation, now = self._federation, self._clock()
        form = {
            "grant_type": EXCHANGE,
            "audience": federation.audience,
            "scope": SCOPE,
            "requested_token_type": ACCESS,
            "subject_token": subject_token(federation),
            "subject_token_type": federation.token_type,
        }
        letter = Letter("POST", STS_HOST, "/v1/token", headers=_FORM, body=urlencode(form).encode())
        reply = self._post.send(letter)
        if reply.status != 200:
            raise _not_exchanged(reply)
        answer = _members(reply, "access_token")
        try:
            return _Held(str(answer["access_token"]), now + timedelta(seconds=int(answer["expires_in"])))
        except (KeyError, TypeError, ValueError) as error:
            raise Transient("bad-answer", "a federated token without an end") from error


def subject_token(federation: Federation) -> str:
    """The identity provider's token as it is in its file now. Raises CredentialRefused."""
    try:
        with federation.path.open("rb") as file:
            text = file.read(LONGEST_TOKEN + 1).decode().strip()
        found = json.loads(text)[federation.member] if federation.member else text
    except (OSError, ValueError, KeyError, TypeError) as error:
        why = error.strerror if isinstance(error, OSError) else type(error).__name__
        raise CredentialRefused("google-federation-token", f"{federation.path}: {why}") from error
    if not isinstance(found, str) or not found or len(text) > LONGEST_TOKEN:
        raise CredentialRefused("google-federation-token", f"{federation.path}: no token")
    return found


def _not_exchanged(reply: Reply) -> Verdict:
    """OAuth's errors (RFC 6749, section 5.2): the token has ended, or the pool's conditions are against it."""
    if reply.status >= 500 or reply.status == 429:
        return by_status(reply)
    said = _object(reply)
    words = f"{said.get('error', '')} {str(said.get('error_description', ''))[:200]}".strip()
    return CredentialRefused("google-federation-refused", f"{reply.status} {words}".strip())


def _not_signed(reply: Reply) -> Verdict:
    fault = read(reply)
    if reply.status >= 500 or reply.status == 429 or fault is None:
        return by_status(reply)
    code = "google-signing-off" if fault.reason in _API_OFF else "google-signing-forbidden"
    return CredentialRefused(code, str(fault))


def _members(reply: Reply, name: str) -> dict[str, Any]:
    answer = _object(reply)
    if not isinstance(answer.get(name), str):
        raise Transient("bad-answer", f"an answer without {name}")
    return answer


def _object(reply: Reply) -> dict[str, Any]:
    try:
        found = json.loads(reply.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
