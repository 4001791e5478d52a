"""Who lives in the stand-in Exchange: all of it follows from a mailbox's number."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

DOMAIN = "bench.example.com"
HOST = f"mail.{DOMAIN}"
PER_GROUP = 1000
"""Mailboxes in one affinity group: five streams of 200."""
ENDPOINT = f"https://{HOST}/EWS/Exchange.asmx"


def address(number: int) -> str:
    """The primary address of a mailbox."""
    return f"u{number:05d}@{DOMAIN}"


def number_of(text: bytes | str) -> int:
    """The inverse of ``address``; also for the head of an item or subscription id."""
    return int(text[1:6])


def group(number: int) -> str:
    """The affinity group of a mailbox, as the connector makes it of Autodiscover's settings."""
    return f"{site(number)} {ENDPOINT}"


def site(number: int) -> str:
    """GroupingInformation of a mailbox."""
    return f"site{number // PER_GROUP}"


def window() -> tuple[datetime, datetime]:
    """What the connector keeps: 7 days back, 31 ahead, today between."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=7), today + timedelta(days=32)
