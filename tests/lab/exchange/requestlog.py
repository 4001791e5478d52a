"""What was asked of the lab, by whom and about whom: the evidence for "this mailbox was never opened"."""

import itertools
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from lxml import etree

from tests.lab.exchange.soap import T

LENGTH = 500_000


@dataclass(slots=True)
class Entry:
    """One request. `touched` are the mailboxes it opened, `asked` those whose free/busy or mail tips it wanted.

    `status` is the HTTP status of the answer, None while the request is being answered and 0 when the connection was dropped.
    """

    number: int
    at: datetime
    operation: str
    caller: str
    acting: str | None
    anchor: str
    back_end: str
    connection: int
    host: str
    touched: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    status: int | None = None
    reason: str = ""

    def document(self) -> dict[str, Any]:
        """The entry as JSON."""
        return asdict(self) | {"at": self.at.isoformat()}


class RequestLog:
    """The newest half a million entries."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        """`now` gives aware UTC times."""
        self._now = now
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._entries: deque[Entry] = deque(maxlen=LENGTH)

    def open(self, operation: str, **known: Any) -> Entry:
        """Begin an entry at the request's arrival; the caller fills in the rest as it learns it."""
        facts = {
            "caller": "",
            "acting": None,
            "anchor": "",
            "back_end": "",
            "connection": 0,
            "host": "",
        } | known
        with self._lock:
            entry = Entry(next(self._numbers), self._now(), operation, **facts)
            self._entries.append(entry)
        return entry

    def entries(
        self, *, since: int = 0, operation: str | None = None, address: str | None = None
    ) -> list[Entry]:
        """Entries after number `since`, of one operation, that acted as, touched or were anchored to one address."""
        with self._lock:
            found = [entry for entry in self._entries if entry.number > since]
        if operation:
            found = [entry for entry in found if entry.operation == operation]
        if address:
            found = [entry for entry in found if address.lower() in {entry.acting, *entry.touched}]
        return found

    def clear(self) -> None:
        """Forget all entries; the numbers go on."""
        with self._lock:
            self._entries.clear()


ASKING = {"GetUserAvailability", "GetMailTips", "ResolveNames"}


def addresses(operation: str, request: etree._Element) -> tuple[list[str], list[str]]:
    """The addresses a request names: those it opens (t:Mailbox of a folder id) and those it only asks about."""
    operation = operation.removesuffix("Request")  # as two request elements are called
    if operation in ASKING:
        named = [element.text for element in request.iter(f"{T}Address", f"{T}EmailAddress")]
        return [], sorted({text.strip().lower() for text in named if text})
    opened: set[str] = set()
    for folder in request.iter(f"{T}DistinguishedFolderId"):
        opened |= {child.text.strip().lower() for child in folder.iter(f"{T}EmailAddress") if child.text}
    if operation == "GetUserOofSettings":
        opened |= {element.text.strip().lower() for element in request.iter("{*}Address") if element.text}
    return sorted(opened), []
