"""The hub's lists of some people, opened with the keys, held against their calendars in every part that is sent."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from connector.model import ContentKey
from connector.seal.opening import open_meeting
from tests.lab.books import Books
from tests.lab.site import Site, SiteError

LOOK_SECONDS = 0.2

Picture = tuple[Any, ...]


class Lists:
    """What users see of ``people``. Keys and ids are asked of the daemon and remembered."""

    def __init__(self, site: Site, people: Sequence[str]) -> None:
        self.people = list(people)
        self.books = Books(site.hub.database)
        self._site = site
        self._ids: dict[str, str] = {}
        self._keys: dict[str, ContentKey] = {}

    def activate(self, seconds: float = 60) -> None:
        """Activate everybody and wait until every list is at the hub."""
        self._site.ask("mailbox.activate", addresses=self.people)
        self._site.wait(self.all_active, "everybody to be active", seconds)
        self.settle(seconds)

    def all_active(self) -> bool:
        """Whether every mailbox is read and its list complete."""
        return set(self.states()) == {"active"}

    def states(self) -> list[str]:
        """The state of each, in their order."""
        states = {row["address"]: row["state"] for row in self._site.ask("mailbox.list")}
        return [states.get(address, "unknown") for address in self.people]

    def settle(self, seconds: float = 60) -> float:
        """Wait until every list equals its calendar; the seconds it took. Raises SiteError with the differences."""
        begun = time.monotonic()
        differing = self.people
        while differing or (differing := self.differing(self.people)):
            if time.monotonic() - begun > seconds:
                raise SiteError(f"after {seconds} s {self.explain(differing)}\n{self._site.tail()}")
            time.sleep(LOOK_SECONDS)
            differing = self.differing(differing)
        return time.monotonic() - begun

    def differing(self, people: Iterable[str] | None = None) -> list[str]:
        """Whose lists differ from their calendars."""
        return [one for one in people or self.people if self.shown(one) != self.truth(one)]

    def explain(self, people: Iterable[str]) -> str:
        """The differences in words."""
        parts = []
        for address in people:
            shown, truth = self.shown(address), self.truth(address)
            missing, extra = [x for x in truth if x not in shown], [x for x in shown if x not in truth]
            parts.append(f"the list of {address} lacks {missing[:5]} and has {extra[:5]}")
        return "; ".join(parts)

    def shown(self, address: str) -> list[Picture]:
        """The hub's list of a mailbox, every seal verified."""
        sealed = self._site.hub.meetings(self._id(address)).values()
        if unknown := {one["encryptionKeyUrl"] for one in sealed} - self._keys.keys():
            self._learn(address)
            if unknown - self._keys.keys():
                return [("sealed under a key that the connector does not have",)]
        return sorted(_shown(open_meeting(one, self._keys.__getitem__)) for one in sealed)

    def truth(self, address: str) -> list[Picture]:
        """The calendar, for the window that the connector keeps."""
        midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return sorted(
            map(_true, self._site.rows(address, midnight - timedelta(days=7), midnight + timedelta(days=32)))
        )

    def _id(self, address: str) -> str:
        if address not in self._ids:
            self._ids[address] = self._site.ask("mailbox.show", address=address)["id"]
        return self._ids[address]

    def _learn(self, address: str) -> None:
        for row in self._site.ask("mailbox.keys", address=address):
            secret = bytes.fromhex(row["secret"])
            self._keys[row["uri"]] = ContentKey(row["uri"], row["mailbox"], secret, datetime.now(UTC))


def _shown(meeting: dict[str, Any]) -> Picture:
    return (
        _utc(meeting["start"]),
        _utc(meeting["end"]),
        meeting["subject"],
        meeting["location"].strip(),
        meeting["notes"].strip(),
        meeting.get("allDay") or "",
        meeting["isCancelled"],
        meeting["isRecurring"],
        meeting["organizer"]["address"] if "organizer" in meeting else "",
        tuple(sorted({(one["address"], one["responseType"]) for one in meeting.get("participants", ())})),
    )


def _true(row: dict[str, Any]) -> Picture:
    return (
        _utc(row["start"]),
        _utc(row["end"]),
        row["subject"],
        (row["location"] or "").strip(),
        (row["body"] or "").strip(),
        row["first_day"] or "",
        row["cancelled"],
        row["kind"] != "Single",
        row["organizer"],
        tuple(sorted({(one["address"], _RESPONSES[one["response"]]) for one in row["attendees"]})),
    )


_RESPONSES = {
    "Unknown": "NONE",
    "NoResponseReceived": "NONE",
    "Accept": "ACCEPTED",
    "Tentative": "TENTATIVE",
    "Decline": "DECLINED",
    "Organizer": "ORGANIZER",
}


def _utc(text: str) -> str:
    return datetime.fromisoformat(text).astimezone(UTC).isoformat().replace("+00:00", "Z")
