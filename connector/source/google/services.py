"""The operations of Google's REST interface that are used, each one request in one user's name."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from connector.errors import Transient, Verdict
from connector.model import Mailbox, Window
from connector.source.google.account import Directory
from connector.source.google.authentication import CALENDAR, GMAIL, Tokens
from connector.source.google.breadth import Breadth
from connector.source.google.errors import verdict
from connector.source.google.settings import CALENDAR_HOST, GMAIL_HOST
from connector.source.google.throttle import Budget
from connector.source.google.transport import Letter, Reply, Wire

Document = dict[str, Any]
Query = tuple[tuple[str, str], ...]

ROOT = "/calendar/v3"
PAGE = 2500
"""Events on a page; the interface allows no more."""
MOST_PAGES = 400
PATCH_COST = 3
"""A patch counts three times (Calendar guides, "Performance tips")."""

KINDS: Query = tuple(("eventTypes", kind) for kind in ("default", "fromGmail", "focusTime", "outOfOffice"))
"""What counts as a meeting: where somebody works and birthdays do not. Lists and watches have to name the same ones."""


_PERSON = "email,displayName,self"
WANTED = (
    "id,status,etag,iCalUID,eventType,recurringEventId,originalStartTime,recurrence,start,end,summary,location,description,"
    f"organizer({_PERSON}),attendees({_PERSON},organizer,optional,resource,responseStatus),visibility,transparency,hangoutLink,"
    "conferenceData(conferenceSolution(key(type)),entryPoints(entryPointType,uri)),outOfOfficeProperties(declineMessage)"
)
"""What is read of events that come many at once; half of what Google would send ("Performance tips", partial response)."""
BRIEF: Query = (("fields", f"nextPageToken,nextSyncToken,items({WANTED})"), ("prettyPrint", "false"))


@dataclass(frozen=True, slots=True)
class Ask:
    """One operation. ``missing`` are statuses that the caller understands by itself; ``item`` and ``writing`` as in errors.verdict."""

    method: str
    path: str
    query: Query = ()
    body: Mapping[str, Any] | None = None
    etag: str = ""
    scope: str = CALENDAR
    host: str = CALENDAR_HOST
    cost: int = 1
    item: bool = False
    writing: bool = False
    understood: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Answer:
    """A success, or a status that the caller understands."""

    status: int
    document: Document


class Services:
    """Asks in the name of whoever a mailbox belongs to. Thread-safe."""

    def __init__(self, wire: Wire, tokens: Tokens, directory: Directory, budget: Budget) -> None:
        self._wire = wire
        self._tokens = tokens
        self._directory = directory
        self._budget = budget
        self._breadth = Breadth()

    # --- reading

    def events(self, mailbox: Mailbox, query: Query) -> Document:
        """One page of events.list."""
        return self.ask(mailbox, Ask("GET", self._events(mailbox), query)).document

    def event(self, mailbox: Mailbox, event_id: str) -> Document:
        """events.get. Raises Refused ``item-not-found``."""
        return self.ask(mailbox, Ask("GET", self._event(mailbox, event_id), item=True)).document

    def instances(self, mailbox: Mailbox, master_id: str, window: Window) -> list[Document]:
        """Every occurrence of a series that touches the window. Raises Refused ``item-not-found``."""
        query = (*_span(window), *BRIEF)
        ask = Ask("GET", f"{self._event(mailbox, master_id)}/instances", query, item=True)
        return self._all(mailbox, ask)

    def view(self, mailbox: Mailbox, window: Window, *more: tuple[str, str]) -> list[Document]:
        """Every occurrence that touches the window; ``more`` narrows it down."""
        kinds = () if any(name == "eventTypes" for name, _ in more) else KINDS
        query = (("singleEvents", "true"), *_span(window), *kinds, *more, *BRIEF)
        return self._all(mailbox, Ask("GET", self._events(mailbox), query))

    def changed_since(self, mailbox: Mailbox, since: datetime) -> list[Document]:
        """Events, not occurrences, that were made or changed after a moment."""
        query = (("updatedMin", since.isoformat()), *KINDS)
        return self._all(mailbox, Ask("GET", self._events(mailbox), query))

    def setting(self, mailbox: Mailbox, name: str) -> str:
        """A user's setting, such as ``timezone`` or ``locale``; "" where there is none."""
        ask = Ask("GET", f"{ROOT}/users/me/settings/{name}", understood=frozenset({404}))
        return str(self.ask(mailbox, ask).document.get("value", ""))

    def vacation(self, mailbox: Mailbox) -> Document:
        """Gmail's automatic reply. Raises Refused ``google-gmail-off`` for users without mail."""
        ask = Ask("GET", "/gmail/v1/users/me/settings/vacation", scope=GMAIL, host=GMAIL_HOST)
        return self.ask(mailbox, ask).document

    def free_busy(self, acting: Mailbox, calendars: Sequence[str], window: Window) -> Mapping[str, Any]:
        """freeBusy.query: the answers by calendar, at most 50."""
        body = {**dict(_span(window)), "items": [{"id": one} for one in calendars]}
        found = self.ask(acting, Ask("POST", f"{ROOT}/freeBusy", body=body)).document.get("calendars")
        if not isinstance(found, Mapping):
            raise Transient("bad-answer", "free/busy without calendars")
        return found

    def groups(self, acting: Mailbox, lists: Sequence[str], most: int, window: Window) -> Mapping[str, Any]:
        """freeBusy.query of groups: who stands behind each, expanded to ``most`` members (at most 100)."""
        items_ = [{"id": one} for one in lists]
        body = {**dict(_span(window)), "items": items_, "groupExpansionMax": most}
        found = self.ask(acting, Ask("POST", f"{ROOT}/freeBusy", body=body)).document.get("groups", {})
        return found if isinstance(found, Mapping) else {}

    # --- writing

    def patch(self, mailbox: Mailbox, event_id: str, body: Document, etag: str, mails: str) -> Document:
        """events.patch where the event is still the one with this etag. Raises Conflict."""
        query = (("sendUpdates", mails), ("conferenceDataVersion", "1"))
        path = self._event(mailbox, event_id)
        ask = Ask("PATCH", path, query, body, etag=etag, cost=PATCH_COST, item=True, writing=True)
        return self.ask(mailbox, ask).document

    def insert(self, mailbox: Mailbox, body: Document, mails: str) -> Answer:
        """events.insert; status 409 where an event of this id was made before."""
        query = (("sendUpdates", mails), ("conferenceDataVersion", "1"))
        ask = Ask("POST", self._events(mailbox), query, body, writing=True, understood=frozenset({409}))
        return self.ask(mailbox, ask)

    def delete(self, mailbox: Mailbox, event_id: str, etag: str, mails: str) -> Answer:
        """events.delete; status 404 or 410 where it is gone already."""
        ask = Ask(
            "DELETE",
            self._event(mailbox, event_id),
            (("sendUpdates", mails),),
            etag=etag,
            item=True,
            writing=True,
            understood=frozenset({404, 410}),
        )
        return self.ask(mailbox, ask)

    def quick_add(self, mailbox: Mailbox, text: str, mails: str) -> Document:
        """events.quickAdd: Google reads the words in the user's language and zone."""
        query = (("text", text), ("sendUpdates", mails))
        return self.ask(
            mailbox, Ask("POST", f"{self._events(mailbox)}/quickAdd", query, writing=True)
        ).document

    # --- rooms, in the name of a user who may share them

    def share(self, room: str, reader: str, role: str, owner: str) -> None:
        """acl.insert, without the mail that Google would send by itself."""
        body = {"role": role, "scope": {"type": "user", "value": reader}}
        query = (("sendNotifications", "false"),)
        self._ask(owner, Ask("POST", f"{_calendar(room)}/acl", query, body, writing=True))

    def unshare(self, room: str, reader: str, owner: str) -> None:
        """acl.delete; a rule that is gone already is fine."""
        path = f"{_calendar(room)}/acl/{quote(f'user:{reader}', safe='')}"
        self._ask(owner, Ask("DELETE", path, writing=True, understood=frozenset({404})))

    # --- channels

    def watch(self, mailbox: Mailbox, body: Document) -> Document:
        """events.watch. Raises Refused ``google-no-push`` where a calendar has no notifications."""
        return self.ask(mailbox, Ask("POST", f"{self._events(mailbox)}/watch", KINDS, body)).document

    def stop(self, mailbox: Mailbox, channel_id: str, resource_id: str) -> Answer:
        """channels.stop; status 404 where it is gone already."""
        body = {"id": channel_id, "resourceId": resource_id}
        ask = Ask("POST", f"{ROOT}/channels/stop", body=body, understood=frozenset({404}))
        return self.ask(mailbox, ask)

    # --- one request

    def ask(self, mailbox: Mailbox, ask: Ask) -> Answer:
        """Send it in the name of whoever a mailbox belongs to. Raises verdicts."""
        return self._ask(self._directory.subject(mailbox), ask)

    def _ask(self, subject: str, ask: Ask) -> Answer:
        """With a token; one that is refused is renewed once."""
        try:
            reply = self._send(subject, ask)
            if reply.status == 401:
                reply = self._send(subject, ask)
            answer = _answer(reply, ask)
        except Verdict as found:
            wider = self._breadth.judge(found, subject)
            if wider is found:
                raise
            raise wider from found
        self._breadth.passed()
        return answer

    def _send(self, subject: str, ask: Ask) -> Reply:
        token = self._tokens.bearer(subject, ask.scope)
        self._budget.wait(subject, ask.cost)
        headers = {"Authorization": f"Bearer {token}"}
        if ask.etag:
            headers["If-Match"] = ask.etag
        body = b""
        if ask.body is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(ask.body).encode()
        reply = self._wire.send(Letter(ask.method, ask.host, ask.path, ask.query, headers, body))
        if reply.status == 401:
            self._tokens.discard(subject, ask.scope, token)
        return reply

    def _all(self, mailbox: Mailbox, ask: Ask) -> list[Document]:
        """The items of every page: only a missing nextPageToken ends a list."""
        found: list[Document] = []
        query: Query = (*ask.query, ("maxResults", str(PAGE)))
        for _ in range(MOST_PAGES):
            page = self.ask(mailbox, Ask(ask.method, ask.path, query, item=ask.item)).document
            found += items(page)
            token = page.get("nextPageToken")
            if not token:
                return found
            query = (*ask.query, ("maxResults", str(PAGE)), ("pageToken", str(token)))
        raise Transient("bad-answer", f"more than {MOST_PAGES} pages")

    def _events(self, mailbox: Mailbox) -> str:
        return f"{_calendar(self._directory.calendar(mailbox))}/events"

    def _event(self, mailbox: Mailbox, event_id: str) -> str:
        return f"{self._events(mailbox)}/{quote(event_id, safe='')}"


def items(page: Document) -> list[Document]:
    """The events of a page. Raises Transient where it has no list of them."""
    found = page.get("items", [])
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise Transient("bad-answer", "a page without a list of events")
    return found


def _answer(reply: Reply, ask: Ask) -> Answer:
    if reply.status in ask.understood:
        return Answer(reply.status, {})
    if not 200 <= reply.status < 300:
        raise verdict(reply, item=ask.item, writing=ask.writing)
    if not reply.body:
        return Answer(reply.status, {})
    try:
        document = json.loads(reply.body)
    except ValueError as error:
        raise Transient("bad-answer", f"{ask.path}: no JSON") from error
    if not isinstance(document, dict):
        raise Transient("bad-answer", f"{ask.path}: no object")
    return Answer(reply.status, document)


def _calendar(calendar_id: str) -> str:
    return f"{ROOT}/calendars/{quote(calendar_id, safe='')}"


def _span(window: Window) -> Query:
    return ("timeMin", window.start.isoformat()), ("timeMax", window.end.isoformat())
