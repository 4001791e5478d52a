"""What sealing one meeting costs, beside AES-256-GCM alone over the same fields."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from connector.model import Attendee, ContentKey, Meeting, Policy
from connector.seal.digest import Digester
from connector.seal.envelope import seal_meeting
from scripts.benchmarks.rows import Row, cpu_seconds, row

MEETINGS = 300
PEOPLE = 8
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
POLICY = Policy(
    "all", send=frozenset({"subject", "location", "notes", "organizer", "attendees", "link"}), private="full"
)


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
    key = ContentKey("kms://bench.example.com/keys/1", "m" * 32, os.urandom(32), NOW)
    digests = Digester(b"t" * 32, b"d" * 32, 1)

    def ours() -> None:
        for revision in range(MEETINGS):
            seal_meeting(meeting, key, "m" * 32, "i" * 43, revision, POLICY, digests)

    cipher = AESGCM(key.secret)
    fields = [b"x" * 64] * (2 * PEOPLE + 5) + [b"x" * 2048, b"x" * 700]

    def bare() -> None:
        for _ in range(MEETINGS):
            for field in fields:
                cipher.encrypt(os.urandom(12), field, b"ctx")

    each = 1e6 / MEETINGS
    return [
        row(
            "sealing",
            f"CPU per meeting, {PEOPLE} invitees",
            cpu_seconds(ours) * each,
            "µs",
            "AES-GCM alone",
            cpu_seconds(bare) * each,
        )
    ]
