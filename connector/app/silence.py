"""Silence is no sign of health: a canary that is not changed, and a source where nothing changes in a working hour."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from connector.alarms import kinds
from connector.app.appliance import Appliance
from connector.model import Phase

HOUR = timedelta(hours=1)
CROWD = 50
"""With so many live mailboxes an hour of work without a single change is no chance."""
COUNTED = timedelta(minutes=5)
"""Mailboxes are counted so often."""
_WORKING_DAYS = 5


class Canary:
    """A mailbox that somebody's own job changes every few minutes: when it is silent, changes do not arrive."""

    def __init__(self, appliance: Appliance) -> None:
        self._appliance = appliance
        self._since = appliance.ground.clock()

    def look(self) -> None:
        """Compare its last change with the time."""
        ground, alarms = self._appliance.ground, self._appliance.alarms
        address = ground.loaded.config.alarms.canary
        if not address:
            return
        changed = self._appliance.reporter.changed_at(address) or self._since
        if ground.clock() - max(changed, self._since) > HOUR:
            alarms.raise_(kinds.CANARY_SILENT, canary=address)
        else:
            alarms.clear(kinds.CANARY_SILENT)


class SourceSilence:
    """Sources with a crowd of mailboxes, in the hours of ``alarms.working_hours`` from Monday to Friday."""

    def __init__(self, appliance: Appliance) -> None:
        self._appliance = appliance
        self._working_since: datetime | None = None
        self._counted_at: datetime | None = None
        self._live: Counter[str] = Counter()

    def look(self) -> None:
        """Compare the last change of each source with the time."""
        ground, alarms = self._appliance.ground, self._appliance.alarms
        now = ground.clock()
        if not self._working(now):
            self._working_since = None
            alarms.clear(kinds.SOURCE_SILENT)
            return
        self._working_since = self._working_since or now
        self._count(now)
        for source in ground.loaded.config.sources:
            changed = self._appliance.reporter.source_changed_at(source) or self._working_since
            silent = now - max(changed, self._working_since) > HOUR
            if silent and self._live[source] >= CROWD:
                alarms.raise_(kinds.SOURCE_SILENT, source, source=source, mailboxes=self._live[source])
            else:
                alarms.clear(kinds.SOURCE_SILENT, source)

    def _working(self, now: datetime) -> bool:
        hours = self._appliance.ground.loaded.config.alarms.working_hours
        return hours is not None and hours.covers(now) and hours.weekday(now) < _WORKING_DAYS

    def _count(self, now: datetime) -> None:
        if self._counted_at is None or now - self._counted_at >= COUNTED:
            self._counted_at = now
            self._live = Counter(one.source for one in self._appliance.ground.store.mailboxes(Phase.LIVE))
