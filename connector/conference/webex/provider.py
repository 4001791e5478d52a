"""A person's personal room, or a meeting of its own for each order.

A meeting carries the order's tag as an integration tag and is looked for by it before it is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from connector.conference import words
from connector.conference.answer import Answer
from connector.conference.http import Service
from connector.conference.settings import Make, WebexSettings
from connector.conference.webex import wire
from connector.conference.webex.tokens import Tokens
from connector.errors import Refused
from connector.model import Clock, Conference, ConferenceOrder, Kind

PERSONAL_ROOM = "/v1/meetingPreferences/personalMeetingRoom"
MEETINGS = "/v1/meetings"
OVERRIDES = {"myroom": Make.PERSONAL_ROOM, "onetime": Make.ONE_TIME}
"""What stands behind a keyword's colon and names no site."""
SPACE = "space"


class WebexRooms:
    """``connector.conference.base.Provider``. The service and tokens may be shared with others."""

    tagged = True

    def __init__(
        self, name: str, settings: WebexSettings, service: Service, tokens: Tokens, clock: Clock
    ) -> None:
        self.name = name
        self._settings = settings
        self._service = service
        self._tokens = tokens
        self._clock = clock
        self._title = words.text(settings.title)

    def make(self, order: ConferenceOrder) -> Conference:
        """Raises Refused ``webex-host-not-licensed``, ``-no-personal-room``, ``-no-spaces`` and others of Webex."""
        if self._wanted(order) is Make.PERSONAL_ROOM:
            return self._personal_room(order)
        body = wire.new_meeting(order, self._title_of(order), self._site(order), self._clock())
        return self._search(order) or wire.meeting(self._ask("POST", MEETINGS, body=body).data)

    def find(self, order: ConferenceOrder) -> Conference | None:
        """The personal room, or the meeting that carries the order's tag."""
        if self._wanted(order) is Make.PERSONAL_ROOM:
            return self._personal_room(order)
        return self._search(order)

    def move(self, conference: Conference, order: ConferenceOrder) -> Conference:
        """Tell Webex the new time; a meeting that somebody deleted there is made anew."""
        if conference.kind is Kind.PERSONAL:
            return conference
        body = wire.changed_meeting(order, self._title_of(order), self._clock())
        answer = self._answer("PATCH", _path(conference), body=body)
        if answer.status == 404:
            return self.make(order)
        return wire.meeting(self._accepted(answer).data)

    def end(self, conference: Conference, order: ConferenceOrder, now: datetime) -> None:
        """Delete a meeting that is still to come; nobody is mailed by Webex."""
        over = not order.rule and order.end <= now
        if conference.kind is Kind.PERSONAL or not conference.id or over:
            return
        query = {"hostEmail": order.organizer.address, "sendEmail": "false"}
        answer = self._answer("DELETE", _path(conference), params=query)
        if answer.status not in {404, 410}:
            self._accepted(answer)

    @property
    def secret(self) -> str:
        """The refresh token's name."""
        return self._tokens.secret

    def keep_signed_in(self) -> datetime | None:
        """An account's other entries share its sign-in; the first one asked renews it for all."""
        return self._tokens.keep()

    def close(self) -> None:
        """Give up connections; an account's other entries open them again."""
        self._service.close()

    def _wanted(self, order: ConferenceOrder) -> Make:
        if order.site == SPACE:
            raise Refused("webex-no-spaces")
        return OVERRIDES.get(order.site, self._settings.make)

    def _site(self, order: ConferenceOrder) -> str:
        """The site that the keyword names, ``acme`` for acme.webex.com, else the configured one, else the user's own."""
        site = "" if order.site in OVERRIDES else order.site
        return (site if "." in site else f"{site}.webex.com") if site else self._settings.site

    def _title_of(self, order: ConferenceOrder) -> str:
        names = {"subject": order.subject, "organizer": words.person(order.organizer)}
        return words.fill(self._title, names) or "Meeting"

    def _personal_room(self, order: ConferenceOrder) -> Conference:
        site = self._site(order)
        query = {"userEmail": order.organizer.address} | ({"siteUrl": site} if site else {})
        answer = self._answer("GET", PERSONAL_ROOM, params=query)
        if answer.status == 404:
            raise Refused("webex-no-personal-room")
        return wire.personal_room(self._accepted(answer).data)

    def _search(self, order: ConferenceOrder) -> Conference | None:
        answer = self._ask("GET", MEETINGS, params=wire.search(order, self._site(order)))
        return wire.found(answer, wire.tag_of(order))

    # --- one request

    def _ask(self, method: str, path: str, **parts: Mapping[str, Any]) -> Answer:
        return self._accepted(self._answer(method, path, **parts))

    def _accepted(self, answer: Answer) -> Answer:
        if answer.status not in {200, 204}:
            raise wire.verdict_of(answer, self._clock())
        return answer

    def _answer(self, method: str, path: str, **parts: Mapping[str, Any]) -> Answer:
        """With a token; one that was withdrawn before its time is renewed once."""
        token = self._tokens.current()
        answer = self._service.ask(method, path, token=token, **parts)
        if answer.status == 401:
            self._tokens.spoiled(token)
            answer = self._service.ask(method, path, token=self._tokens.current(), **parts)
        return answer


def _path(conference: Conference) -> str:
    return f"{MEETINGS}/{quote(conference.id, safe='')}"
