"""A conference that the cloud makes: the order goes up sealed, the answer comes down as a sealed command.

The seam: ``by_hub`` tells the core to send the order with its own events, in one transaction with the intent, and to
take the answer from the command ``conference.made`` (docs/relay.md section 9). So nothing is asked here.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from connector.errors import Transient
from connector.model import Conference, ConferenceOrder


class HubRooms:
    """``connector.conference.base.MadeByHub``."""

    tagged = True
    by_hub: Literal[True] = True

    def __init__(self, name: str) -> None:
        self.name = name

    def make(self, order: ConferenceOrder) -> Conference:  # noqa: ARG002 - part of the protocol
        """The answer is never there at once. Raises Transient."""
        raise Transient("conference-awaited")

    def find(self, order: ConferenceOrder) -> Conference | None:  # noqa: ARG002 - part of the protocol
        """What was made is known from the command alone."""
        return None

    def move(self, conference: Conference, order: ConferenceOrder) -> Conference:  # noqa: ARG002 - part of the protocol
        """It stays, or a new answer comes down."""
        return conference

    def end(self, conference: Conference, order: ConferenceOrder, now: datetime) -> None:
        """The core tells the hub."""

    def close(self) -> None:
        """Nothing is open."""
