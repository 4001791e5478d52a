"""The token endpoint: RFC 7523 assertions of the service account in the name of a user."""

import secrets
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from tests.lab.google.problems import GRANTS, GrantError
from tests.lab.google.tenant import ACCOUNT, TOKEN_URI, Tenant, Token, part, unpadded

Document = dict[str, Any]
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LONGEST = 3600
SKEW = timedelta(minutes=5)


class Grants:
    """Hands out tokens; ``seconds`` is how long each lives, ``refused`` an error for everybody."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self.seconds = 3599
        self.refused = ""
        self.made = 0

    def answer(self, body: bytes) -> Document:
        """A token for a form. Raises GrantError."""
        if self.refused:
            raise GRANTS[self.refused]
        form = parse_qs(body.decode())
        if form.get("grant_type") != [GRANT]:
            raise GrantError("unsupported_grant_type", "Invalid grant_type")
        claims = self._claims(form.get("assertion", [""])[0])
        return self._token(claims["sub"], frozenset(claims["scope"].split()))

    def _claims(self, assertion: str) -> Document:
        try:
            head, body, signature = assertion.split(".")
            header, claims = part(head), part(body)
        except ValueError as error:
            raise GrantError("invalid_grant", "Invalid JWT: must be a valid JWT") from error
        key = self._tenant.keys.get(header.get("kid", ""))
        if key is None or claims.get("iss") != ACCOUNT:
            raise GRANTS["key-removed"]
        if header.get("alg") != "RS256" or claims.get("aud") != TOKEN_URI:
            raise GrantError("invalid_grant", "Invalid JWT: audience or algorithm")
        try:
            key.verify(unpadded(signature), f"{head}.{body}".encode(), padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature as error:
            raise GRANTS["signature"] from error
        self._check_times(claims)
        self._check_subject(claims)
        return claims

    def _check_times(self, claims: Document) -> None:
        now = self._tenant.now()
        made, ends = (datetime.fromtimestamp(claims[name], now.tzinfo) for name in ("iat", "exp"))
        if not now - timedelta(seconds=LONGEST) - SKEW < made < now + SKEW or ends <= now:
            raise GRANTS["clock"]
        if ends - made > timedelta(seconds=LONGEST):
            raise GRANTS["clock"]

    def _check_subject(self, claims: Document) -> None:
        if set(claims.get("scope", "").split()) - self._tenant.scopes:
            raise GRANTS["unauthorized_client"]
        user = self._tenant.users.get(claims.get("sub", ""))
        if user is None:
            raise GRANTS["no-user"]
        if user.state:
            raise GRANTS[user.state]

    def _token(self, subject: str, scopes: frozenset[str]) -> Document:
        value = f"ya29.{secrets.token_urlsafe(48)}"
        ends = self._tenant.now() + timedelta(seconds=self.seconds)
        self._tenant.tokens[value] = Token(subject, scopes, ends)
        self.made += 1
        return {"access_token": value, "expires_in": self.seconds, "token_type": "Bearer"}
