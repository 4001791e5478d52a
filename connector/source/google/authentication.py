"""Tokens: RFC 7523 grants of the service account, each in the name of one user and for one scope.

The two scopes are asked for apart, since one that is not allow-listed fails a whole grant: without Gmail's only presence
suffers. ``subject`` is always set. Nobody but mailboxes of the source (and the rooms' reader and owner) is ever a subject.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import urlencode

from connector.errors import AccessDenied, CredentialRefused, Transient, Verdict
from connector.model import Clock
from connector.source.base import Notice
from connector.source.google import keyfile
from connector.source.google.errors import grant_verdict
from connector.source.google.federation import FederatedAccount, Post
from connector.source.google.keyfile import Claims, Federation, KeyFile
from connector.source.google.settings import TOKEN_HOST, GoogleSettings, Key
from connector.source.google.transport import Letter

CALENDAR = "https://www.googleapis.com/auth/calendar"
GMAIL = "https://www.googleapis.com/auth/gmail.settings.basic"
AUDIENCE = f"https://{TOKEN_HOST}/token"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LIFE = timedelta(hours=1)
EARLY = timedelta(minutes=5)
"""A token is renewed so long before it ends."""


@dataclass(frozen=True, slots=True)
class Token:
    """An access token and when it ends."""

    value: str = field(repr=False)
    ends: datetime


class Account(Protocol):
    """A service account that signs, with a key of its own or at Google."""

    @property
    def email(self) -> str:
        """Its address."""

    def sign(self, claims: Claims) -> str:
        """A JWT. Raises CredentialRefused and others."""


class Tokens:
    """Tokens by subject and scope. Thread-safe; one user's grants are made one after the other."""

    def __init__(
        self,
        settings: GoogleSettings,
        post: Post,
        clock: Clock,
        tell: Callable[[Notice], None] = lambda _notice: None,
    ) -> None:
        self._settings = settings
        self._post = post
        self._clock = clock
        self._tell = tell
        self._lock = threading.Lock()
        self._held: dict[tuple[str, str], Token] = {}
        self._making: dict[str, threading.Lock] = {}
        self._accounts: dict[str, Account] = {}
        self._stand_in = ""

    def bearer(self, subject: str, scope: str) -> str:
        """A token in the name of ``subject``.

        Raises:
            AccessDenied: the subject is none of ours, or Google knows a reason against it.
            CredentialRefused: no key is accepted.
        """
        self._admit(subject)
        token = self._fresh(subject, scope)
        if token is None:
            with self._turn(subject):
                token = self._fresh(subject, scope) or self._grant(subject, scope)
        return token.value

    def discard(self, subject: str, scope: str, value: str) -> None:
        """A token was refused: it is not used again."""
        with self._lock:
            held = self._held.get((subject, scope))
            if held is not None and held.value == value:
                del self._held[subject, scope]

    def forget(self, subject: str) -> None:
        """Whoever has left leaves no token behind."""
        with self._lock:
            for scope in (CALENDAR, GMAIL):
                self._held.pop((subject, scope), None)
            self._making.pop(subject, None)

    def _admit(self, subject: str) -> None:
        """The one door: delegation would open every calendar of the tenant, so only mailboxes of the source pass."""
        _, _, domain = subject.rpartition("@")
        named = subject in {self._settings.reader, self._settings.room_owner}
        if (
            not subject
            or domain not in self._settings.domains
            or not (named or self._settings.enlisted(subject))
        ):
            self.forget(subject)
            raise AccessDenied("google-not-enlisted", subject)

    def _fresh(self, subject: str, scope: str) -> Token | None:
        with self._lock:
            token = self._held.get((subject, scope))
        return token if token is not None and self._clock() < token.ends - EARLY else None

    def _turn(self, subject: str) -> threading.Lock:
        with self._lock:
            return self._making.setdefault(subject, threading.Lock())

    def _grant(self, subject: str, scope: str) -> Token:
        """Ask with the first key that is accepted."""
        refused: Verdict | None = None
        for place, key in enumerate(self._settings.keys):
            try:
                token = self._ask(self._account(key), subject, scope)
            except CredentialRefused as verdict:
                if verdict.code == "google-clock":
                    raise
                refused = refused or verdict
                continue
            self._note_stand_in(key.name if place else "")
            with self._lock:
                self._held[subject, scope] = token
            return token
        raise refused or CredentialRefused("credential-missing")

    def _account(self, key: Key) -> Account:
        content = key.content()
        with self._lock:
            known = self._accounts.get(content)
        if known is None:
            known = self._made(keyfile.read(content))
            with self._lock:
                self._accounts = {
                    text: one for text, one in self._accounts.items() if text in self._contents()
                }
                self._accounts[content] = known
        return known

    def _made(self, read: KeyFile | Federation) -> Account:
        return FederatedAccount(read, self._post, self._clock) if isinstance(read, Federation) else read

    def _contents(self) -> set[str]:
        return {key.content() for key in self._settings.keys}

    def _ask(self, account: Account, subject: str, scope: str) -> Token:
        now = self._clock()
        form = urlencode({"grant_type": GRANT, "assertion": _assertion(account, subject, scope, now)})
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        reply = self._post.send(Letter("POST", TOKEN_HOST, "/token", headers=headers, body=form.encode()))
        if reply.status != 200:
            raise grant_verdict(reply)
        try:
            answer = json.loads(reply.body)
            return Token(str(answer["access_token"]), now + timedelta(seconds=int(answer["expires_in"])))
        except (ValueError, KeyError, TypeError) as error:
            raise Transient("bad-answer", "a grant without a token") from error

    def _note_stand_in(self, name: str) -> None:
        """Say once that a further key works in place of the first, and once that it is over."""
        if name == self._stand_in:
            return
        first = self._settings.keys[0].name
        self._tell(Notice("account-taken-over", first, by=name or self._stand_in, over=not name))
        self._stand_in = name


def _assertion(account: Account, subject: str, scope: str, now: datetime) -> str:
    """A signed assertion (RFC 7523, section 3), an hour long as Google's server-to-server guide has it."""
    begins = int(now.timestamp())
    claims = {
        "iss": account.email,
        "sub": subject,
        "scope": scope,
        "aud": AUDIENCE,
        "iat": begins,
        "exp": begins + int(LIFE.total_seconds()),
    }
    return account.sign(claims)
