"""Who is at the other end: NTLM, Negotiate (SPNEGO with NTLM inside) and Basic, as IIS in front of Exchange does them.

NTLM and Negotiate authenticate the connection, Basic each request. Extended Protection compares the client's channel binding with
the server's certificate (RFC 5929; on by default from Exchange 2019 CU14).
"""

import base64
import binascii
import hashlib
import hmac
import logging
import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import spnego
from spnego._ntlm_raw.messages import (
    Authenticate,
    AvId,
    NTClientChallengeV2,
)  # the only reader of the wire form
from spnego.channel_bindings import GssChannelBindings
from spnego.exceptions import SpnegoError

from tests.lab.exchange.accounts import Account, Accounts

logger = logging.getLogger(__name__)

NO_TOKEN = (SpnegoError, ValueError, IndexError, struct.error)
"""What pyspnego raises for bytes that are no token, and for a logon it refuses."""
NTLM_SIGNATURE = b"NTLMSSP\x00"
V1_RESPONSE = 24
NO_BINDING = bytes(16)


class Scheme(StrEnum):
    """What a 401 may offer."""

    NTLM = "NTLM"
    NEGOTIATE = "Negotiate"
    BASIC = "Basic"


class ExtendedProtection(StrEnum):
    """The three settings of IIS: no look, a wrong binding refused, a missing one refused too."""

    NONE = "none"
    ALLOW = "allow"
    REQUIRE = "require"


@dataclass(frozen=True, slots=True)
class Known:
    """The request comes from this account; `token` is the last word of the handshake, for the answer's header."""

    user: str
    token: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Answer 401 with these WWW-Authenticate values; `reason` is for the log alone."""

    challenges: list[str]
    reason: str


@dataclass(frozen=True, slots=True)
class Policy:
    """How the site authenticates: schemes in the order they are offered, and what it does about channel bindings."""

    accounts: Accounts
    schemes: tuple[Scheme, ...]
    protection: ExtendedProtection
    now: Callable[[], datetime]


class Authenticator:
    """The state of one connection."""

    def __init__(self, policy: Policy, end_point: bytes) -> None:
        """`end_point` is the connection's `tls-server-end-point` binding, prefix included; empty without TLS."""
        self._policy = policy
        self._bindings = GssChannelBindings(application_data=end_point)
        self._context: spnego.ContextProxy | None = None
        self._user: str | None = None

    def judge(self, authorization: str) -> Known | Unknown:
        """Take the request's Authorization header (empty when it has none) one step further."""
        scheme, _, credentials = authorization.partition(" ")
        offered = {offer.lower(): offer for offer in self._policy.schemes}
        if not scheme:
            return Known(self._user) if self._user else self._refuse("no credentials")
        if scheme.lower() not in offered:
            return self._refuse(f"{scheme} is not offered")
        try:
            token = base64.b64decode(credentials.strip(), validate=True)
        except binascii.Error:
            return self._refuse("the credentials are not base64")
        if offered[scheme.lower()] is Scheme.BASIC:
            return self._basic(token)
        return self._step(offered[scheme.lower()], token)

    def _basic(self, token: bytes) -> Known | Unknown:
        user, _, password = token.decode("utf-8", "replace").partition(":")
        account = self._policy.accounts.find(user)
        if account is None:
            return self._refuse(f"nobody is called {user}")
        if account.locked:
            return self._refuse(f"{account.name} is locked")
        if not hmac.compare_digest(password.encode(), account.password.encode()):
            return self._bad(account, "wrong password")
        self._policy.accounts.accepted(account)
        return Known(account.name)

    def _step(self, scheme: Scheme, token: bytes) -> Known | Unknown:
        if self._context is None or _is_first(token):
            self._user = None
            self._context = spnego.server(
                protocol=scheme.lower(),
                channel_bindings=self._bindings
                if self._policy.protection is ExtendedProtection.REQUIRE
                else None,
                options=_options(scheme),
            )
        message = _authenticate_message(token)
        if message is None:
            return self._challenge(scheme, token)
        return self._finish(scheme, token, message)

    def _challenge(self, scheme: Scheme, token: bytes) -> Known | Unknown:
        try:
            out = self._context.step(token) if self._context else None
        except NO_TOKEN as error:
            return self._refuse(f"the first token is not understood: {error}")
        return Unknown([f"{scheme} {base64.b64encode(out or b'').decode()}"], "challenge")

    def _finish(self, scheme: Scheme, token: bytes, message: Authenticate) -> Known | Unknown:
        context, self._context = self._context, None
        account = self._policy.accounts.find(message.user_name or "", message.domain_name or "")
        if account is None:
            return self._refuse(f"nobody is called {message.domain_name}\\{message.user_name}")
        if account.locked:
            return self._refuse(f"{account.name} is locked")
        if fault := self._binding_fault(message):
            return self._refuse(f"{account.name}: {fault}")
        try:
            out = context.step(token) if context else None
        except NO_TOKEN as error:
            return self._bad(account, str(error))
        self._policy.accounts.accepted(account)
        self._user = account.name
        return Known(account.name, f"{scheme} {base64.b64encode(out).decode()}" if out else "")

    def _binding_fault(self, message: Authenticate) -> str:
        """What is wrong with the client's channel binding; stricter than pyspnego, which takes sixteen zero bytes for a match."""
        if self._policy.protection is ExtendedProtection.NONE:
            return ""
        sent = _binding(message)
        if sent is None:
            return "" if self._policy.protection is ExtendedProtection.ALLOW else "no channel binding"
        own = hashlib.md5(self._bindings.pack(), usedforsecurity=False).digest()
        return "" if hmac.compare_digest(sent, own) else "channel binding of another certificate"

    def _bad(self, account: Account, reason: str) -> Unknown:
        self._policy.accounts.refused(account, self._policy.now())
        return self._refuse(f"{account.name}: {reason}, bad logon {account.bad_logons}")

    def _refuse(self, reason: str) -> Unknown:
        logger.info("401: %s", reason)
        self._context = None
        return Unknown([_offer(scheme) for scheme in self._policy.schemes], reason)


def _offer(scheme: Scheme) -> str:
    return 'Basic realm="exchange"' if scheme is Scheme.BASIC else str(scheme)


def _options(scheme: Scheme) -> spnego.NegotiateOptions:
    own = spnego.NegotiateOptions
    return own.use_ntlm if scheme is Scheme.NTLM else own.use_negotiate


def _is_first(token: bytes) -> bool:
    """Whether the token opens a handshake: an NTLM NEGOTIATE_MESSAGE, or a SPNEGO NegTokenInit (application tag 0x60)."""
    return token[:12] == NTLM_SIGNATURE + b"\x01\x00\x00\x00" or token[:1] == b"\x60"


def _authenticate_message(token: bytes) -> Authenticate | None:
    """The NTLM AUTHENTICATE_MESSAGE inside a raw or a SPNEGO token; its fields are offsets, so what follows it does no harm."""
    start = token.find(NTLM_SIGNATURE + b"\x03\x00\x00\x00")
    if start < 0:
        return None
    try:
        return Authenticate.unpack(token[start:])
    except NO_TOKEN:
        return None


def _binding(message: Authenticate) -> bytes | None:
    """The client's binding digest, None when it sent none; sixteen zeros mean none too (MS-NLMP 2.2.2.1)."""
    response = message.nt_challenge_response or b""
    if len(response) <= V1_RESPONSE:
        return None
    try:
        pairs = NTClientChallengeV2.unpack(response[16:]).av_pairs
    except NO_TOKEN:
        return None
    sent = bytes(pairs.get(AvId.channel_bindings, NO_BINDING))
    return None if sent == NO_BINDING else sent
