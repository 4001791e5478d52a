"""What connector and hub say to each other about enrolment (docs/relay.md section 12)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connector.enrolment.proof import LONGEST, PROOF, PUBLIC
from connector.relay import strict

ENROL_PATH = "/relay/v1/enrolment"
RENEW_PATH = "/relay/v1/enrolment/renew"
CONFIRM_PATH = "/relay/v1/enrolment/confirm"
END_PATH = "/relay/v1/enrolment/end"

TOKEN = re.compile(r"cce_([0-9a-f]{16})_([A-Za-z0-9_-]{43})~([A-Za-z0-9._:~@+-]{1,128})")
"""A one-time token: its id, its secret, and the connector's name, which is no secret."""

USED = "enrolment-used"
EXPIRED = "enrolment-expired"


@dataclass(frozen=True, slots=True)
class NewKey:
    """A public key, with a proof that its sender holds the private half."""

    public: str
    proof: str


def write_enrolment(token: str, key: NewKey) -> Mapping[str, Any]:
    """The body of an enrolment."""
    return {"token": token, **write_key(key)}


def write_key(key: NewKey) -> Mapping[str, Any]:
    """The body of a renewal."""
    return {"key": key.public, "proof": key.proof}


def read_enrolment(raw: bytes) -> tuple[re.Match[str], NewKey]:
    """The token's parts, and the key. Raises Transient ``bad-answer`` for anything else."""
    body = strict.an_object(strict.load(raw), "enrolment")
    token = TOKEN.fullmatch(strict.a_text(body.get("token"), TOKEN, "token"))
    if token is None:
        raise strict.bad("token is not of the form it must have")
    return token, _key(body)


def read_key(raw: bytes) -> NewKey:
    """The key of a renewal. Raises Transient ``bad-answer``."""
    return _key(strict.an_object(strict.load(raw), "renewal"))


def _key(body: Mapping[str, Any]) -> NewKey:
    proof = strict.a_text(body.get("proof"), PROOF, "proof")
    if len(proof) > LONGEST:
        raise strict.bad("proof is too long")
    return NewKey(strict.a_text(body.get("key"), PUBLIC, "key"), proof)
