"""Google Meet: Google Calendar makes the conference itself when the event is written, so nothing is asked beforehand.

The seam: ``by_source`` tells the core to order the conference with a write of the event (``MeetingUpdate.conference``) and
to read what came of it from the event (``WholeItem.hosted``), which may take a while. A calendar of another kind says
that it can't (``WholeItem.hosts``), and the core leaves the keyword with a reason before this provider is reached.
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
