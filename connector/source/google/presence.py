"""Whether people are there: vacation settings, out-of-office events, and other people's free/busy times."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from connector.errors import AccessDenied, Refused, Transient, Unreadable
from connector.model import Availability, BusySpan, Mailbox, Presence, ShowAs, Window
from connector.source.google import convert
from connector.source.google.services import Document, Services
from connector.source.google.text import plain_text

AHEAD = timedelta(days=31)
"""Out-of-office events are looked for so far ahead."""
AT_ONCE = 50
"""Calendars in one free/busy request."""
MOST_ADDRESSES = 100

NO_MAIL = frozenset({"google-not-authorized", "google-scope-missing", "google-gmail-off", "google-forbidden"})
"""Without Gmail, or without the right to its settings, the calendar alone tells who is away."""
_NOT_THERE = Presence(away=False)


def presence(services: Services, mailbox: Mailbox, now: datetime) -> Presence:
    """The owner's absence: the one in force, else the next one. A schedule is passed on as its times.

    A user without Gmail, or a tenant whose administrator has not allowed Gmail's scope, costs the vacation settings only.
    """
    absences = [one for one in (_vacation(services, mailbox), *_events(services, mailbox, now)) if one.away]
    current = [one for one in absences if _ends(one) > now]
    return min(current, key=lambda one: max(_begins(one), now), default=_NOT_THERE)


def _vacation(services: Services, mailbox: Mailbox) -> Presence:
    try:
        settings = services.vacation(mailbox)
    except (AccessDenied, Refused) as verdict:
        if verdict.code not in NO_MAIL:
            raise
        return _NOT_THERE
    return vacation(settings)


def vacation(settings: Mapping[str, Any]) -> Presence:
    """Gmail's VacationSettings; times are strings of epoch milliseconds, unset ones are left out.

    Raises:
        Transient: a time that is none.
    """
    if settings.get("enableAutoReply") is not True:
        return _NOT_THERE
    text = settings.get("responseBodyPlainText") or plain_text(str(settings.get("responseBodyHtml") or ""))
    try:
        since, until = (_epoch(settings.get(name)) for name in ("startTime", "endTime"))
    except (ValueError, OverflowError) as error:
        raise Transient("bad-answer", f"a vacation with a time that is none: {error}") from error
    return Presence(True, since, until, str(text))


def _events(services: Services, mailbox: Mailbox, now: datetime) -> Iterator[Presence]:
    """Absences that stand in the calendar itself; Google lets them be timed only, never whole days."""
    found = services.view(mailbox, Window(now, now + AHEAD), ("eventTypes", "outOfOffice"))
    for event in found:
        try:
            one = convert.meeting(event, UTC)
        except Unreadable:
            continue
        yield Presence(True, one.start, one.end, _declined(event))


def _declined(event: Document) -> str:
    properties = event.get("outOfOfficeProperties")
    return str(properties.get("declineMessage") or "") if isinstance(properties, Mapping) else ""


def _epoch(stated: object) -> datetime | None:
    return None if stated in {None, "", "0"} else datetime.fromtimestamp(int(str(stated)) / 1000, UTC)


def _begins(presence: Presence) -> datetime:
    return presence.since or datetime.min.replace(tzinfo=UTC)


def _ends(presence: Presence) -> datetime:
    return presence.until or datetime.max.replace(tzinfo=UTC)


def availability(
    services: Services, acting: Mailbox, addresses: Sequence[str], window: Window
) -> tuple[Availability, ...]:
    """Free/busy of at most 100 addresses in the acting user's name, one answer per address in their order.

    Raises:
        Refused: more addresses than the core may ask for.
    """
    if len(addresses) > MOST_ADDRESSES:
        raise Refused("request-refused", f"{len(addresses)} addresses in one free/busy request")
    answers: dict[str, Any] = {}
    for part in _parts(addresses):
        answers |= services.free_busy(acting, part, window)
    return tuple(_one(address, answers.get(address)) for address in addresses)


def members(services: Services, mailbox: Mailbox, lists: Sequence[str], most: int, now: datetime) -> int:
    """How many people stand behind groups, counted no further than beyond ``most``; free/busy expands up to 100 each."""
    if not lists:
        return 0
    expansion = min(most + 1, MOST_ADDRESSES)
    groups = services.groups(mailbox, lists[:AT_ONCE], expansion, Window(now, now + timedelta(hours=1)))
    return sum(_size(groups.get(one), expansion) for one in lists[:AT_ONCE])


def _size(group: object, most: int) -> int:
    """A group that is too large to be expanded counts as one beyond what was asked for; an unknown address as one person."""
    if not isinstance(group, Mapping):
        return 1
    calendars = group.get("calendars")
    return len(calendars) if isinstance(calendars, list) else most


def _parts(addresses: Sequence[str]) -> Iterable[Sequence[str]]:
    return (addresses[at : at + AT_ONCE] for at in range(0, len(addresses), AT_ONCE))


def _one(address: str, answer: object) -> Availability:
    """One person's answer; errors stand inside a success, person by person."""
    if not isinstance(answer, Mapping) or not isinstance(answer.get("busy", []), list):
        return Availability(address, code="bad-answer")
    if answer.get("errors"):
        return Availability(address, code="no-free-busy")
    try:
        spans = tuple(
            BusySpan(_utc(one["start"]), _utc(one["end"]), ShowAs.BUSY) for one in answer.get("busy", [])
        )
    except (KeyError, TypeError, ValueError):
        return Availability(address, code="bad-answer")
    return Availability(address, spans)


def _utc(text: str) -> datetime:
    read = datetime.fromisoformat(text)
    return (read.replace(tzinfo=UTC) if read.tzinfo is None else read).astimezone(UTC)
