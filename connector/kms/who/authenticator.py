"""Turns a credential into a caller, at the handshake and again with every request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from connector.errors import Refused
from connector.kms.caller import Caller
from connector.kms.refusal import Refusal
from connector.kms.who.bearer import Issuer, issuer_of
from connector.kms.who.enrolled import Enrolled
from connector.model import Clock
from connector.seal.kmswire.handshake import Offer
from connector.seal.kmswire.identity import check_proof, read_public
from connector.seal.kmswire.messages import Credential, Request
from connector.seal.kmswire.static import fingerprint

Holder = Callable[[str], str | None]
"""The name of whoever holds the token of an anonymous authorization; None for any other text."""


@dataclass(frozen=True, slots=True)
class Authenticator:
    """All the ways to prove who one is. ``admins`` are users that may use the administrative operations."""

    issuers: Mapping[str, Issuer]
    enrolled: Mapping[str, Enrolled]
    admins: frozenset[str]
    holder: Holder
    clock: Clock

    def greet(self, offer: Offer) -> Caller:
        """Who makes this handshake. Raises Refusal 401 or 403."""
        credential = offer.request.credential
        user = self._bearer(credential.bearer) if credential.jwk is None else self._proof(credential, offer)
        return Caller(user, offer.request.client_id, admin=user in self.admins)

    def again(self, caller: Caller, request: Request) -> None:
        """A later request's credential must name the same caller and still be good. Raises Refusal 401 or 403."""
        credential = request.credential
        if credential.jwk is None:
            user = self._bearer(credential.bearer)
        else:
            user = self._known(_fingerprint(credential), credential, self.clock()).user
        if (user, request.client_id) != (caller.user, caller.client):
            raise Refusal(403, "The handshake was made by somebody else.")

    def _bearer(self, token: str) -> str:
        anonymous = self.holder(token)
        if anonymous:
            return anonymous
        try:
            issuer = self.issuers.get(issuer_of(token))
            if issuer is None:
                raise Refusal(401, "The token is of an issuer that is not configured.")
            return _person(issuer.user(token, self.clock()))
        except Refused as error:
            raise Refusal(401, "The bearer is no token that can be read.") from error

    def _proof(self, credential: Credential, offer: Offer) -> str:
        now = self.clock()
        try:
            shown = check_proof(credential, offer.binding, now)
        except Refused as error:
            raise Refusal(401, f"The key is not proven: {error.detail}.") from error
        return self._known(shown, credential, now).user

    def _known(self, shown: str, credential: Credential, now: datetime) -> Enrolled:
        found = self.enrolled.get(shown)
        if found is None:
            raise Refusal(403, f"The key {shown} is not enrolled; enrol it in kms.toml.")
        try:
            found.check_chain(credential, now)
        except Refused as error:
            raise Refusal(401, "The connector's chain can't be read.") from error
        return found


def _person(name: str) -> str:
    """A token's user, who can't pass for a connector or for the holder of an anonymous authorization."""
    if name.startswith(("connector:", "anonymous:", "kms://", "/resources/")):
        raise Refusal(401, "The token's user has a name that is kept for others.")
    return name


def _fingerprint(credential: Credential) -> str:
    try:
        return fingerprint(read_public(credential.jwk or {}))
    except Refused as error:
        raise Refusal(401, "The key of the credential can't be read.") from error
