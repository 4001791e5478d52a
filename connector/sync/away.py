"""Whether the owner is away: by automatic replies, and where configured by appointments shown as out of office."""

from __future__ import annotations

from datetime import timedelta

from connector.model import Presence, ShowAs, Window
from connector.sync.hints import NOT_AWAY, in_force
from connector.sync.visit import Visit

AHEAD = timedelta(days=2)
"""So far ahead an appointment is told as an absence to come; whoever reads presence daily meets each."""


def presence(visit: Visit) -> Presence:
    """What is to be told. Automatic replies go before appointments, for they have a text."""
    stated = in_force(visit.source.presence(visit.mailbox), visit.now)
    if stated.away or not visit.context.rules.absent_by_items:
        return stated
    return _by_items(visit)


def _by_items(visit: Visit) -> Presence:
    """The absence that is on, or the next one; appointments that follow each other without a gap are one."""
    seen = visit.source.view(visit.mailbox, Window(visit.now, visit.now + AHEAD))
    spans = sorted(
        (meeting.start, meeting.end)
        for series in seen.series
        for meeting in series.meetings
        if meeting.show_as is ShowAs.OUT_OF_OFFICE and not meeting.cancelled and meeting.end > visit.now
    )
    if not spans:
        return NOT_AWAY
    since, until = spans[0]
    for start, end in spans[1:]:
        if start <= until:
            until = max(until, end)
    return Presence(away=True, since=since, until=until)
