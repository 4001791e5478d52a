"""From ids to meetings (design.md, "Delta to window"): Google stays the authority on where a series takes place.

A series is asked for by events.instances, which brings every occurrence in the window with its own content. A guest who was invited
to single occurrences has exceptions without a series; those are found by their UID.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, tzinfo

from connector.errors import Refused, Unreadable
from connector.model import Expansion, Mailbox, Meeting, Quarantined, Series, Window
from connector.source.google import convert
from connector.source.google.convert import home_of
from connector.source.google.exceptions import exceptions
from connector.source.google.preferences import Preferences
from connector.source.google.services import Document, Services


@dataclass(slots=True)
class _Findings:
    """What a step has learned: occurrences by UID, and what could not be had."""

    found: dict[str, dict[str, Document]] = field(default_factory=dict)
    gone: dict[str, None] = field(default_factory=dict)
    unreadable: dict[str, Quarantined] = field(default_factory=dict)

    def take(self, events: Iterable[Document]) -> None:
        """Sort occurrences under their UID."""
        for event in events:
            if event.get("status") != "cancelled":
                self.found.setdefault(convert.uid(event), {})[str(event.get("id"))] = event


class Expander:
    """Expands in one mailbox; made for one step and thrown away."""

    def __init__(
        self, services: Services, preferences: Preferences, mailbox: Mailbox, window: Window
    ) -> None:
        self._services = services
        self._preferences = preferences
        self._mailbox = mailbox
        self._window = window
        self._findings = _Findings()
        self._told: set[str] = set()
        self._masters: dict[str, Document] = {}

    def dirty(self, ids: Sequence[str], seen: Mapping[str, Document]) -> Expansion:
        """What the ids are now; ``seen`` are events that the change feed has just brought."""
        series: dict[str, Document] = {}
        for event_id in dict.fromkeys(ids):
            event = seen.get(event_id) or self._event(event_id)
            if event is None:
                continue
            if event.get("recurringEventId") or event.get("recurrence"):
                series.setdefault(home_of(event), event)
            elif event.get("status") == "cancelled":
                self._findings.gone[event_id] = None
            else:
                self._findings.found.setdefault(convert.uid(event), {})[event_id] = event
        self._told = {str(event.get("id")) for event in seen.values() if event.get("recurringEventId")}
        self._masters = {str(event.get("id")): event for event in seen.values() if event.get("recurrence")}
        for home, event in series.items():
            self._expand(home, event)
        return self._expansion()

    def everything(self, events: Iterable[Document]) -> Expansion:
        """A view's occurrences by series."""
        self._findings.take(events)
        return self._expansion()

    def _event(self, event_id: str) -> Document | None:
        try:
            return self._services.event(self._mailbox, event_id)
        except Refused as refusal:
            if refusal.code != "item-not-found":
                raise
        self._findings.gone[event_id] = None
        return None

    def _expand(self, home: str, event: Document) -> None:
        """All occurrences of a series in the window; none at all is an answer too."""
        if event.get("recurrence"):
            self._masters[home] = event
        try:
            instances = self._services.instances(self._mailbox, home, self._window)
        except Refused as refusal:
            if refusal.code != "item-not-found":
                raise
            self._orphan(event)
            return
        if not instances and _stands_alone(event):
            self._orphan(event)
        elif not instances and not event.get("iCalUID"):
            self._bare(home)
        elif event.get("iCalUID"):
            self._findings.found.setdefault(convert.uid(event), {})
        self._findings.take(instances)

    def _bare(self, home: str) -> None:
        """A series without occurrences, known by the remains of an exception: others may be left of a deleted one."""
        master = self._event(home)
        if master is None:
            return
        if not master.get("iCalUID"):
            self._findings.gone[home] = None
            return
        uid = convert.uid(master)
        self._findings.found.setdefault(uid, {})
        if master.get("status") == "cancelled":
            self._findings.take(self._services.view(self._mailbox, self._window, ("iCalUID", uid)))

    def _orphan(self, event: Document) -> None:
        """An exception whose series is not in this calendar, or no longer: its siblings have the same UID."""
        if not event.get("iCalUID"):
            self._findings.gone[str(event["id"])] = None
            return
        uid = convert.uid(event)
        self._findings.found.setdefault(uid, {})
        self._findings.take(self._services.view(self._mailbox, self._window, ("iCalUID", uid)))

    def _expansion(self) -> Expansion:
        findings = self._findings
        series = [
            Series(uid, tuple(self._meetings(events.values()))) for uid, events in findings.found.items()
        ]
        return Expansion(tuple(series), tuple(findings.gone), tuple(findings.unreadable.values()))

    def _meetings(self, events: Iterable[Document]) -> list[Meeting]:
        events = list(events)
        own = exceptions(events, self._masters, self._told)
        read = (self._meeting(event, own) for event in events)
        inside = [one for one in read if one is not None and self._window.overlaps(one.start, one.end)]
        return sorted(inside, key=lambda one: (one.start, one.item_id))

    def _meeting(self, event: Document, own: Collection[str]) -> Meeting | None:
        """One occurrence, with words of its own or not; what can't be read is set aside alone."""
        try:
            found = convert.meeting(event, self._zone(event))
            return replace(found, exception=True) if found.recurring and found.item_id in own else found
        except Unreadable as verdict:
            item = verdict.item_id or "unknown"
            self._findings.unreadable[item] = Quarantined(item, verdict.code)
            return None

    def _zone(self, event: Document) -> tzinfo:
        return self._preferences.zone(self._mailbox) if convert.whole_day(event) else UTC


def _stands_alone(event: Document) -> bool:
    """Whether it is an exception that is there, so that a series without occurrences is not all there is of it."""
    return bool(event.get("recurringEventId")) and event.get("status") != "cancelled"
