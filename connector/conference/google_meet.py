"""Google Meet: Google Calendar makes the conference itself when the event is written, so nothing is asked beforehand.

The seam: ``by_source`` tells the core to have the source write the event with ``conferenceData.createRequest``, whose
``requestId`` is the order's tag (asking twice with the same one makes one conference), and to read the details from
the event that comes back. A calendar that is not Google's can't do that, and for it this provider refuses.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from connector.errors import Refused
from connector.model import Conference, ConferenceOrder


class GoogleMeet:
    """``connector.conference.base.MadeBySource``."""

    tagged = True
    by_source: Literal[True] = True

    def __init__(self, name: str) -> None:
        self.name = name

    def make(self, order: ConferenceOrder) -> Conference:  # noqa: ARG002 - part of the protocol
        """Reached for a calendar of another kind only. Raises Refused."""
        raise Refused("conference-needs-google")

    def find(self, order: ConferenceOrder) -> Conference | None:  # noqa: ARG002 - part of the protocol
        """Nothing is kept outside the event."""
        return None

    def move(self, conference: Conference, order: ConferenceOrder) -> Conference:  # noqa: ARG002 - part of the protocol
        """It moves with its event."""
        return conference

    def end(self, conference: Conference, order: ConferenceOrder, now: datetime) -> None:
        """It goes with its event."""

    def close(self) -> None:
        """Nothing is open."""
