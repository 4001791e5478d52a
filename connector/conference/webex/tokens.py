"""Access to Webex: an integration's or service app's refresh token is exchanged for access tokens (RFC 6749 section 6).

Webex lets an access token live for about two weeks, a refresh token for about three months after its last use, so it is
used every few days although nobody makes a meeting.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from connector.conference.answer import Answer, retry_after
from connector.conference.http import Service
from connector.errors import CredentialRefused, KeystoreError, Throttled, Transient
from connector.model import Clock

PATH = "/v1/access_token"
EARLY = timedelta(minutes=10)
"""So long before its end a token is renewed."""
SHORTEST, LONGEST = timedelta(minutes=1), timedelta(days=30)
"""What is believed of an access token's life."""
LONGEST_REFRESH = timedelta(days=3_660)
"""What is believed of a refresh token's."""
USED = timedelta(days=6)
"""So often a refresh token is used at least; a machine may stand still for weeks between."""
PATIENCE = timedelta(minutes=1)
"""The wait when Webex asks for one without saying how long."""


class Tokens:
    """The access token of one account, shared by every entry that names it.

    ``secret`` reads a secret by name, "" where there is none; ``save`` keeps one that Webex has exchanged.
    A refresh token that was refused is not shown again until another is set.
    """

    def __init__(
        self,
        account: str,
        service: Service,
        clock: Clock,
        secret: Callable[[str], str],
        save: Callable[[str, str], None],
    ) -> None:
        self._client_name = f"webex/{account}/client"
        self._refresh_name = f"webex/{account}/refresh-token"
        self._service = service
        self._clock = clock
        self._secret = secret
        self._save = save
        self._lock = threading.Lock()
        self._access = ""
        self._ends: datetime | None = None
        self._exchanged = ""
        self._refused = b""
        self._used: datetime | None = None
        self._refresh_ends: datetime | None = None

    @property
    def secret(self) -> str:
        """The refresh token's name in the keystore."""
        return self._refresh_name

    def current(self) -> str:
        """An access token that is good for a while. Raises CredentialRefused, Throttled and Transient."""
        with self._lock:
            self._keep_exchanged()
            if not self._access or self._ends is None or self._clock() >= self._ends - EARLY:
                self._renew()
            return self._access

    def keep(self) -> datetime | None:
        """Use the refresh token if it was not used for days; when it ends without that, None where Webex did not say.

        Raises CredentialRefused, Throttled and Transient.
        """
        with self._lock:
            self._keep_exchanged()
            if self._used is None or self._clock() >= self._used + USED:
                self._renew()
            return self._refresh_ends

    def spoiled(self, token: str) -> None:
        """Webex would not take this one before its time."""
        with self._lock:
            if token == self._access:
                self._access = ""

    def _renew(self) -> None:
        client, refresh = self._needed(self._client_name), self._needed(self._refresh_name)
        shown = hashlib.sha256(f"{client}\n{refresh}".encode()).digest()
        if shown == self._refused:
            raise CredentialRefused("webex-sign-in-ended", self._refresh_name)
        client_id, _, client_secret = client.partition(":")
        answer = self._service.ask(
            "POST",
            PATH,
            form={
                "grant_type": "refresh_token",
                "client_id": client_id,
                "client_secret": client_secret,
                "refresh_token": refresh,
            },
        )
        if answer.status in {400, 401}:
            self._refused = shown
            raise CredentialRefused("webex-sign-in-ended", self._refresh_name)
        self._take(answer, refresh)

    def _take(self, answer: Answer, shown: str) -> None:
        if answer.status in {423, 429}:
            wait = retry_after(answer, self._clock(), PATIENCE)
            raise Throttled("busy", f"HTTP {answer.status}", retry_after=wait)
        access, lasts = answer.data.get("access_token"), answer.data.get("expires_in")
        if answer.status != 200 or not isinstance(access, str) or not isinstance(lasts, int) or not access:
            code = "server-error" if answer.status >= 500 else "bad-answer"
            raise Transient(code, f"HTTP {answer.status} for a token")
        self._access = access
        self._used = self._clock()
        self._ends = self._used + min(max(timedelta(seconds=lasts), SHORTEST), LONGEST)
        left = answer.data.get("refresh_token_expires_in")
        believed = isinstance(left, int) and 0 <= left <= LONGEST_REFRESH.total_seconds()
        self._refresh_ends = self._used + timedelta(seconds=int(left or 0)) if believed else None
        exchanged = answer.data.get("refresh_token")
        if isinstance(exchanged, str) and exchanged not in {"", shown}:
            self._exchanged = exchanged
        self._keep_exchanged()

    def _keep_exchanged(self) -> None:
        """The old refresh token may be worthless by now, so nothing goes on until the new one is kept."""
        if not self._exchanged:
            return
        try:
            self._save(self._refresh_name, self._exchanged)
        except KeystoreError as error:
            raise Transient("keystore-unwritable", str(error)) from error
        self._exchanged = ""

    def _needed(self, name: str) -> str:
        secret = self._secret(name)
        if not secret:
            raise CredentialRefused("conference-credential-missing", name)
        return secret
