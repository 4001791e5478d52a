"""Messages signed by the static key: answers to a handshake, and resets. Pure."""

from __future__ import annotations

from connector.seal.kmswire import jose
from connector.seal.kmswire.messages import RESET, Answer, read_answer, write_answer
from connector.seal.kmswire.static import StaticKey, StaticPublic


def sign(answer: Answer, static: StaticKey, algorithm: str = "PS256") -> str:
    """The key service's side; ``algorithm`` is PS256, or RS256 for a client that asks for it."""
    return jose.sign(write_answer(answer), static.key, static.kid, algorithm)


def sign_reset(reason: str, request_id: str, static: StaticKey, algorithm: str = "PS256") -> str:
    """A reset: the service can't open what it was sent. ``request_id`` is a fresh one, for the request's can't be read."""
    return sign(Answer(RESET, request_id, reason), static, algorithm)


def open_signed(token: str, static: StaticPublic) -> Answer:
    """The client's side: an answer to a handshake or a reset. Raises Refused ``kms-broken`` or ``kms-malformed``.

    A recorded reset verifies for ever, so the caller must not obey one whose requestId is not pending more than once in a while.
    """
    return read_answer(jose.verify(token, static.key, static.kid))
