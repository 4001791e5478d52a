"""Rooms of a Jitsi server: a name nobody guesses, and where the server asks for it a token. No server is asked.

Tokens as lib-jitsi-meet's doc/tokens.md describes them: claims ``aud``, ``iss``, ``sub``, ``room``, ``nbf``, ``exp``.
The link goes to every invitee, so its token names a room and nobody.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b32encode
from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey, RSAKey

from connector.conference.settings import JitsiSettings, JitsiToken
from connector.errors import CredentialRefused
from connector.model import Conference, ConferenceOrder, JoinDetails, Kind

ROOM_CHARACTERS = 26
"""Of five bits each: 130 bits."""


class JitsiRooms:
    """``connector.conference.base.Provider``: the room's name follows from the order's tag and ``room_key``."""

    tagged = True

    def __init__(
        self, name: str, settings: JitsiSettings, room_key: Callable[[], bytes], secret: Callable[[str], str]
    ) -> None:
        self.name = name
        self._settings = settings
        self._room_key = room_key
        self._secret = secret

    def make(self, order: ConferenceOrder) -> Conference:
        """Raises CredentialRefused where tokens are asked for and their secret is missing or no key."""
        room = room_name(self._room_key(), order.tag)
        url = f"{self._settings.url.rstrip('/')}/{room}"
        if self._settings.token:
            url += f"?jwt={self._token(self._settings.token, room, order)}"
        return Conference(Kind.ONE_TIME, JoinDetails(url=url, service="jitsi", meeting_id=room))

    def find(self, order: ConferenceOrder) -> Conference | None:
        """The same order gives the same room."""
        return self.make(order)

    def move(self, conference: Conference, order: ConferenceOrder) -> Conference:
        """The room stays; a token is made out for the new times."""
        del conference
        return self.make(order)

    def end(self, conference: Conference, order: ConferenceOrder, now: datetime) -> None:
        """A room that nobody enters is not there."""

    def close(self) -> None:
        """Nothing is open."""

    def _token(self, token: JitsiToken, room: str, order: ConferenceOrder) -> str:
        header = {"alg": token.algorithm, **({"kid": token.key_id} if token.key_id else {})}
        lasts = token.series_lasts if order.rule else token.lasts
        claims = {
            "aud": token.audience,
            "iss": token.app,
            "sub": token.subject or urlsplit(self._settings.url).hostname,
            "room": room,
            "exp": int((order.end + lasts).timestamp()),
        }
        return jwt.encode(header, claims, self._key(token), algorithms=[token.algorithm])

    def _key(self, token: JitsiToken) -> OctKey | RSAKey:
        secret = self._secret(token.secret)
        if not secret:
            raise CredentialRefused("conference-credential-missing", token.secret)
        try:
            if token.algorithm.startswith("HS"):
                return OctKey.import_key(secret)
            return RSAKey.import_key(secret)
        except (JoseError, ValueError, TypeError) as error:
            raise CredentialRefused("conference-key-unusable", token.secret) from error


def room_name(key: bytes, tag: str) -> str:
    """130 bits of HMAC-SHA-256 over the tag, in letters and digits that survive any client."""
    digest = hmac.new(key, f"jitsi room {tag}".encode(), hashlib.sha256).digest()
    return b32encode(digest).decode()[:ROOM_CHARACTERS].lower()
