"""Requests and answers under an ephemeral key. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from connector.seal.kmswire import jose
from connector.seal.kmswire.messages import (
    Answer,
    Request,
    read_answer,
    read_request,
    write_answer,
    write_request,
)
from connector.seal.kmswire.plain import LINE, a_text


@dataclass(frozen=True, slots=True)
class EphemeralKey:
    """The 256-bit key that client and key service agreed on; both directions use it until ``expires``.

    ``uri`` is its kid. ``user_id`` is whom the service takes the client for.
    """

    uri: str
    secret: bytes = field(repr=False)
    expires: datetime
    user_id: str = ""
    client_id: str = ""


def kid_of(token: str) -> str:
    """Under which key a sealed message is, not yet authenticated; a service looks its ephemeral key up by it. Raises Refused ``kms-broken``."""
    return a_text(jose.header_of(token, 5, jose.MAX_SEALED).get("kid"), "kid", LINE)


def is_signed(token: str) -> bool:
    """Whether it has the form of a signed message rather than of a sealed one."""
    return token.count(".", 0, jose.MAX_SIGNED) == 2


def seal_request(request: Request, key: EphemeralKey) -> str:
    """The client's side."""
    return jose.encrypt_sealed(write_request(request), key.secret, key.uri)


def open_request(token: str, key: EphemeralKey) -> Request:
    """The key service's side. Raises Refused ``kms-broken`` or ``kms-malformed``."""
    return read_request(jose.decrypt_sealed(token, key.secret, key.uri))


def seal_answer(answer: Answer, key: EphemeralKey) -> str:
    """The key service's side."""
    return jose.encrypt_sealed(write_answer(answer), key.secret, key.uri)


def open_answer(token: str, key: EphemeralKey) -> Answer:
    """The client's side; the caller pairs it by requestId. Raises Refused ``kms-broken`` or ``kms-malformed``."""
    return read_answer(jose.decrypt_sealed(token, key.secret, key.uri))
