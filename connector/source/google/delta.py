"""The change feed of a calendar: events.list with a sync token, masters and exceptions as they changed.

The first pages bring ids alone (``fields`` chooses what is sent, not what is found); later ones bring events, which are kept
for the expansion that follows in the same step. Anything that belongs to a series is reported as its series.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any

from connector.errors import CursorExpired, Transient
from connector.model import Delta, Mailbox
from connector.source.google.convert import home_of
from connector.source.google.services import BRIEF, KINDS, PAGE, Document, Query, Services, items

IDS: Query = (
    ("fields", "nextPageToken,nextSyncToken,items(id,status,recurringEventId)"),
    ("prettyPrint", "false"),
)
KEPT = 256
"""Mailboxes whose last page is kept at most; it is only there to save requests."""


class Seen:
    """The events of the last page of each mailbox, by the id they are reported under. Thread-safe, may be lost."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pages: OrderedDict[str, dict[str, Document]] = OrderedDict()

    def keep(self, mailbox: Mailbox, events: Iterable[Document]) -> None:
        """Remember a page in place of the one before."""
        with self._lock:
            self._pages[mailbox.id] = {reported(event): event for event in events}
            while len(self._pages) > KEPT:
                self._pages.popitem(last=False)

    def take(self, mailbox: Mailbox) -> Mapping[str, Document]:
        """What was remembered, once: a later question deserves a later answer."""
        with self._lock:
            return self._pages.pop(mailbox.id, {})


def delta(services: Services, seen: Seen, mailbox: Mailbox, cursor: str | None) -> Delta:
    """One page of changes since ``cursor``.

    Raises:
        CursorExpired: Google has forgotten the token, or it is none of ours.
    """
    place = _place(cursor)
    page = services.events(mailbox, _query(place))
    events = items(page)
    if place.get("sync"):
        seen.keep(mailbox, events)
    return _delta(page, events, place)


def reported(event: Document) -> str:
    """The id under which a change is reported: a live exception's own, for it may be all there is of its series here."""
    return home_of(event) if event.get("status") == "cancelled" else str(event.get("id", ""))


def _delta(page: Document, events: list[Document], place: Mapping[str, str]) -> Delta:
    dirty: dict[str, None] = {}
    gone: dict[str, None] = {}
    for event in events:
        if not isinstance(event.get("id"), str):
            raise Transient("bad-answer", "a change without an id")
        deleted = event.get("status") == "cancelled" and not event.get("recurringEventId")
        (gone if deleted else dirty)[reported(event)] = None
    more, done = page.get("nextPageToken"), page.get("nextSyncToken")
    if not more and not done:
        raise Transient("bad-answer", "a last page of changes without a token")
    following = {**place, "page": str(more)} if more else {"sync": str(done)}
    unique = tuple(one for one in dirty if one not in gone)
    return Delta(unique, tuple(gone), json.dumps(following), bool(more))


def _query(place: Mapping[str, str]) -> Query:
    """The same parameters from page to page and from sync to sync; only tokens and the choice of fields differ."""
    query: Query = (*KINDS, ("singleEvents", "false"), ("maxResults", str(PAGE)))
    token = place.get("sync")
    query = (*query, ("syncToken", token), *BRIEF) if token else (*query, *IDS)
    return (*query, ("pageToken", place["page"])) if "page" in place else query


def _place(cursor: str | None) -> dict[str, str]:
    if cursor is None:
        return {}
    try:
        place: Any = json.loads(cursor)
    except ValueError as error:
        raise CursorExpired("cursor-expired", "not a cursor of ours") from error
    if not isinstance(place, dict) or not place.keys() & {"sync", "page"}:
        raise CursorExpired("cursor-expired", "not a cursor of ours")
    return place
