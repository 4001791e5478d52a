"""Orders to try providers with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from connector.model import ConferenceOrder, Person

START = datetime(2026, 11, 23, 9, tzinfo=UTC)


def order(
    tag: str = "tag-1", address: str = "ada@example.com", rule: str = "", site: str = "", **directory: str
) -> ConferenceOrder:
    """An hour on a Monday morning in November 2026."""
    person = Person(address, "Ada Lovelace", directory)
    return ConferenceOrder(tag, person, "Engines", START, START + timedelta(hours=1), rule, site)
