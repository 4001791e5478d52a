"""What sealing one meeting costs, beside the same fields put together by hand: one header, one AES-256-GCM, one compact JWE each."""

from __future__ import annotations

import json
import os
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from connector.model import Attendee, ContentKey, Meeting, Policy
from connector.seal import jwe
from connector.seal.digest import Digester
from connector.seal.envelope import seal_meeting
from scripts.benchmarks.rows import Row, row, side_by_side

MEETINGS = 300
PEOPLE = 8
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
POLICY = Policy(
    "all", send=frozenset({"subject", "location", "notes", "organizer", "attendees", "link"}), private="full"
)
KEY = ContentKey("kms://bench.example.com/keys/1", "m" * 32, os.urandom(32), NOW)


def run(*, full: bool) -> list[Row]:
    """CPU per meeting with 8 invitees and a body of 2 kB."""
    del full
    people = tuple(Attendee(f"person{n}@example.com", f"Person {n}") for n in range(PEOPLE))
    meeting = Meeting(
        "uid",
        NOW,
        "item",
        "item",
        "1",
        NOW,
        NOW + timedelta(hours=1),
        subject="Weekly review of the plan",
        location="Room 12",
        body="x" * 2048,
        organizer=people[0],
        attendees=people,
    )
    digests = Digester(b"t" * 32, b"d" * 32, 1)

    def ours() -> None:
        for revision in range(MEETINGS):
            seal_meeting(meeting, KEY, "m" * 32, "i" * 43, revision, POLICY, digests)

    sealed = seal_meeting(meeting, KEY, "m" * 32, "i" * 43, 0, POLICY, digests)
    fields = [_opened(one) for one in _ciphertexts(sealed)]

    def by_hand() -> None:
        for _ in range(MEETINGS):
            cipher = AESGCM(KEY.secret)
            for ctx, clear in fields:
                _by_hand(cipher, ctx, clear)

    taken, bare = side_by_side(ours, by_hand)
    each = 1e6 / MEETINGS
    return [
        row(
            "sealing",
            f"CPU per meeting, {PEOPLE} invitees, {len(fields)} fields",
            taken * each,
            "µs",
            "AES-GCM put together by hand",
            bare * each,
        )
    ]


def _ciphertexts(sealed: object) -> list[str]:
    """Every compact JWE in an object."""
    if isinstance(sealed, dict):
        return [found for value in sealed.values() for found in _ciphertexts(value)]
    if isinstance(sealed, list):
        return [found for value in sealed for found in _ciphertexts(value)]
    return [sealed] if isinstance(sealed, str) and sealed.count(".") == 4 else []


def _opened(token: str) -> tuple[str, bytes]:
    header, clear = jwe.decrypt(token, KEY.secret)
    return header["ctx"], clear


def _by_hand(cipher: AESGCM, ctx: str, clear: bytes) -> str:
    """RFC 7516, appendix A.1, with a direct key."""
    header = json.dumps({"alg": "dir", "enc": "A256GCM", "kid": KEY.uri, "ctx": ctx}).encode()
    protected, nonce = _b64(header), os.urandom(12)
    sealed = cipher.encrypt(nonce, clear, protected)
    return b".".join((protected, b"", _b64(nonce), _b64(sealed[:-16]), _b64(sealed[-16:]))).decode()


def _b64(raw: bytes) -> bytes:
    return urlsafe_b64encode(raw).rstrip(b"=")
