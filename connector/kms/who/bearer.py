"""Access tokens: JWTs (RFC 9068) of a configured issuer, for this key server and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError

from connector.errors import Transient
from connector.kms.refusal import Refusal
from connector.kms.settings import IssuerSettings
from connector.kms.who.jwks import Jwks
from connector.relay import strict
from connector.seal.kmswire import jose
from connector.seal.kmswire.plain import LINE, load

SKEW = timedelta(seconds=60)
"""How far the issuer's clock may be off."""
LONGEST = timedelta(hours=24)
"""A token good for longer is not taken: it stands in every message and can't be called back."""
MOST_CHARACTERS = 16 * 1024


@dataclass(frozen=True, slots=True)
class Issuer:
    """One whom tokens may come from."""

    settings: IssuerSettings
    audience: str
    jwks: Jwks

    def user(self, token: str, now: datetime) -> str:
        """Whom the token names. Raises Refusal 401, and 503 while the issuer's keys can't be had."""
        header = jose.header_of(token, 3, MOST_CHARACTERS)
        if header.get("alg") not in self.settings.algorithms:
            raise Refusal(401, "The token is signed with an algorithm that is not taken.")
        claims = self._verified(token, header.get("kid"))
        self._check(claims, now)
        name = claims.get(self.settings.user)
        if not isinstance(name, str) or not LINE.fullmatch(name):
            raise Refusal(401, f"The token has no claim {self.settings.user}.")
        return name

    def _verified(self, token: str, kid: object) -> dict[str, Any]:
        registry = jws.JWSRegistry(algorithms=list(self.settings.algorithms), strict_check_header=False)
        registry.max_payload_length = MOST_CHARACTERS
        try:
            found = jws.deserialize_compact(token, self.jwks.keys(kid), registry=registry)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise Refusal(401, "The token's signature does not fit.") from error
        return dict(load(found.payload))

    def _check(self, claims: dict[str, Any], now: datetime) -> None:
        if claims.get("iss") != self.settings.issuer:
            raise Refusal(401, "The token is of another issuer.")
        audience = claims.get("aud")
        if audience not in (self.audience, [self.audience]):
            raise Refusal(401, f"The token must be for {self.audience} and nothing else.")
        try:
            expires = strict.a_number(claims.get("exp"), "exp", 0, 2**40)
            begins = strict.a_number(claims.get("nbf", claims.get("iat", 0)), "nbf", 0, 2**40)
        except Transient as error:
            raise Refusal(401, "The token says not when it expires.") from error
        if now.timestamp() >= expires:
            raise Refusal(401, "The token has expired.")
        if begins > (now + SKEW).timestamp() or expires > (now + LONGEST).timestamp():
            raise Refusal(401, "The token is not yet good, or good for too long.")


def issuer_of(token: str) -> str:
    """The issuer that a token claims to be of; nothing is verified yet. Raises Refused."""
    jose.header_of(token, 3, MOST_CHARACTERS)
    payload = jose.decode(token.split(".")[1], "the token", MOST_CHARACTERS)
    return str(load(payload).get("iss", ""))
