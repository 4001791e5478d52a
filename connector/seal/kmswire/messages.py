"""Requests and answers: what stands in them, and what must not. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from connector.seal.kmswire.plain import (
    LINE,
    TOKEN,
    URI,
    a_number,
    a_text,
    an_object,
    dump,
    load,
    malformed,
)

RESET = 499
"""Status of a reset: forget all ephemeral and unbound keys."""

_ENVELOPE = frozenset({"client", "method", "uri", "requestId"})
_ANSWER_ENVELOPE = frozenset({"status", "reason", "requestId"})
_REASON = re.compile(r"[\s\S]{0,2048}")
_CREDENTIAL_BYTES = 16 * 1024
"""JSON bytes of the longest credential or key that a request may carry."""


class Method(StrEnum):
    """What is to be done with the object of ``uri``."""

    CREATE = "create"
    RETRIEVE = "retrieve"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Credential:
    """Who asks: a bearer token, or a key of the client's own (``jwk`` with x5c) with a ``proof`` at the handshake; "" and None for what is absent.

    ``user_id`` is a hint that a key service must not believe where token or key tell the user.
    """

    bearer: str = field(default="", repr=False)
    jwk: Mapping[str, Any] | None = None
    proof: str = field(default="", repr=False)
    user_id: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """``members`` are those beside the envelope: count, resourceUri, authIds, jwk..."""

    method: Method
    uri: str
    request_id: str
    client_id: str
    credential: Credential = field(repr=False)
    members: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """``status`` as in HTTP; ``members`` are those beside the envelope: key, keys, resource... and ``errorCode``."""

    status: int
    request_id: str
    reason: str = ""
    members: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def good(self) -> bool:
        """Whether it was done."""
        return 200 <= self.status < 300

    @property
    def error_code(self) -> int:
        """Cisco's ``errorCode`` (405005 and 405006: revoked, 301002: migrated); 0 when there is none."""
        code = self.members.get("errorCode")
        return code if isinstance(code, int) and not isinstance(code, bool) else 0


def write_request(request: Request) -> bytes:
    """The JSON of a request."""
    credential = request.credential
    shown = {
        "userId": credential.user_id,
        "bearer": credential.bearer,
        "jwk": credential.jwk,
        "proof": credential.proof,
    }
    return dump(
        {
            "client": {
                "clientId": request.client_id,
                "credential": {name: value for name, value in shown.items() if value},
            },
            "method": request.method.value,
            "uri": request.uri,
            "requestId": request.request_id,
            **request.members,
        }
    )


def read_request(raw: bytes) -> Request:
    """The key service's reading of it. Raises Refused ``kms-malformed``; also for an answer that came back as a request."""
    members = load(raw)
    if "status" in members:
        raise malformed("a request has no status; it is an answer sent back")
    client = an_object(members.get("client"), "client")
    return Request(
        method=_method(members.get("method")),
        uri=a_text(members.get("uri"), "uri", URI),
        request_id=a_text(members.get("requestId"), "requestId", LINE),
        client_id=a_text(client.get("clientId"), "clientId", LINE),
        credential=_read_credential(an_object(client.get("credential"), "credential")),
        members={name: value for name, value in members.items() if name not in _ENVELOPE},
    )


def _method(value: Any) -> Method:
    try:
        return Method(a_text(value, "method"))
    except ValueError as error:
        raise malformed("method is unknown") from error


def _read_credential(members: Mapping[str, Any]) -> Credential:
    bearer, jwk = members.get("bearer"), members.get("jwk")
    if (bearer is None) == (jwk is None):
        raise malformed("a credential is a bearer or a jwk")
    return Credential(
        bearer="" if bearer is None else a_text(bearer, "bearer", TOKEN),
        jwk=None if jwk is None else a_small_object(jwk, "credential.jwk"),
        proof=a_text(members["proof"], "proof", TOKEN) if "proof" in members else "",
        user_id=a_text(members["userId"], "userId", LINE) if members.get("userId") else "",
    )


def a_small_object(value: Any, what: str) -> Mapping[str, Any]:
    """``value`` if it is an object of at most 16 KiB: a JWK of a megabyte is an attack."""
    members = an_object(value, what)
    if len(dump(members)) > _CREDENTIAL_BYTES:
        raise malformed(f"{what} is longer than {_CREDENTIAL_BYTES} bytes")
    return members


def write_answer(answer: Answer) -> bytes:
    """The JSON of an answer."""
    reason = {"reason": answer.reason} if answer.reason else {}
    return dump({"status": answer.status, **reason, "requestId": answer.request_id, **answer.members})


def read_answer(raw: bytes) -> Answer:
    """The client's reading of it. Raises Refused ``kms-malformed``; also for its own request sent back (a reflection)."""
    members = load(raw)
    if "method" in members or "client" in members:
        raise malformed("an answer has neither method nor client; it is a request sent back")
    return Answer(
        status=a_number(members.get("status"), "status", 100, 599),
        request_id=a_text(members.get("requestId"), "requestId", LINE),
        reason=a_text(members["reason"], "reason", _REASON) if members.get("reason") else "",
        members={name: value for name, value in members.items() if name not in _ANSWER_ENVELOPE},
    )


def answers(answer: Answer, request_id: str) -> Answer:
    """The same, if it answers that request. Raises Refused ``kms-malformed``: requestIds are fresh, so anything else is a replay."""
    if answer.request_id != request_id:
        raise malformed("the answer to another request")
    return answer
