"""Meetings: what an organiser writes reaches the attendees by mail, or does not (MS-OXWSMTGS 2.2.5, sending modes).

Whoever edits a calendar, a person through `edits` or a client through EWS, goes through these functions.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from tests.lab.exchange.calendar import Attendee, Content, Item, Person, occurrence
from tests.lab.exchange.call import ResponseFault
from tests.lab.exchange.mailbox import Disposal, Mailbox
from tests.lab.exchange.organisation import Mail, Organisation
from tests.lab.exchange.recurrence import Rule

SEND_TO_NONE = "SendToNone"
SEND_TO_ALL_AND_COPY = "SendToAllAndSaveCopy"
TO_ALL = frozenset({"SendOnlyToAll", "SendToAllAndSaveCopy"})
TO_CHANGED = frozenset({"SendOnlyToChanged", "SendToChangedAndSaveCopy"})

CANCELLED = "Canceled: "

_OWN = frozenset({"show_as", "reminder", "categories", "my_response", "replied", "properties", "sensitivity"})
"""What belongs to each copy alone."""

_RESCHEDULING = frozenset({"start", "end", "zone", "rule", "all_day"})


@dataclass(frozen=True, slots=True)
class Place:
    """An item, or one of its occurrences, in a mailbox of the organisation."""

    organisation: Organisation
    mailbox: Mailbox
    item: Item
    original: datetime | None = None

    @property
    def content(self) -> Content:
        """What stands there now."""
        return self.item.content if self.original is None else occurrence(self.item, self.original).content

    @property
    def now(self) -> datetime:
        """The time."""
        return self.organisation.clock()

    def write(self, changes: Mapping[str, Any]) -> None:
        """Write fields of Content (and `rule`, of a whole item) without any mail."""
        if self.original is None:
            self.mailbox.write(self.item, dict(changes), self.now)
        else:
            self.mailbox.write_occurrence(self.item, self.original, dict(changes), self.now)


def create(
    organisation: Organisation, mailbox: Mailbox, content: Content, rule: Rule | None, mode: str
) -> Place:
    """Put an item into the owner's calendar; with attendees it is a meeting, invited to by `mode`."""
    content = replace(
        aligned(content, rule),
        uid=content.uid or organisation.fresh_uid(),
        organizer=Person(mailbox.address, mailbox.name),
        meeting=bool(content.attendees),
        modified_by=mailbox.name,
    )
    place = Place(organisation, mailbox, mailbox.create(content, rule, organisation.clock()))
    if mode in TO_ALL:
        send_request(place)
    return place


def send_request(place: Place) -> None:
    """Send the invitation to all attendees, and mark it as sent."""
    if place.content.attendees:
        place.write({"request_sent": True, "meeting": True})
        _deliver(place, place.content.attendees, "request", SEND_TO_ALL_AND_COPY, reset=True)


def update(place: Place, changes: Mapping[str, Any], mode: str = SEND_TO_NONE) -> None:
    """Change an item, and tell attendees as `mode` says; an invitation not sent before is sent by a mailing mode.

    Only the organiser's changes travel.
    """
    before = place.content
    changes = dict(changes) if place.original else _aligned_changes(place.item, changes)
    if "attendees" in changes:
        changes["meeting"] = before.meeting or bool(changes["attendees"])
    rescheduled = bool(changes.keys() & _RESCHEDULING)
    if rescheduled and before.meeting and before.mine:
        changes["sequence"] = before.sequence + 1
        changes["attendees"] = tuple(_unanswered(one) for one in changes.get("attendees", before.attendees))
    place.write({**changes, "modified_by": place.mailbox.name})
    if before.mine and place.content.meeting and mode != SEND_TO_NONE:
        _tell(place, before, mode, rescheduled=rescheduled)


def aligned(content: Content, rule: Rule | None) -> Content:
    """The content with its times at the first date of the rule, where a master stands."""
    if rule is None:
        return content
    wall = content.zone.to_wall(content.start)
    start = datetime.combine(next(rule.dates()), wall.time())
    return replace(
        content, start=content.zone.to_utc(start), end=content.last_zone.to_utc(start + content.duration)
    )


def _aligned_changes(item: Item, changes: Mapping[str, Any]) -> dict[str, Any]:
    made = dict(changes)
    rule = made.get("rule", item.rule)
    if rule is None or not made.keys() & {"start", "end", "zone", "rule"}:
        return made
    fields = {name: value for name, value in made.items() if name != "rule"}
    shown = replace(item.content, **fields)
    if "start" in made and "rule" not in made:
        made["rule"] = rule = rule.moved_to(shown.zone.to_wall(shown.start).date())
    shown = aligned(shown, rule)
    return made | {"start": shown.start, "end": shown.end}


def _unanswered(attendee: Attendee) -> Attendee:
    return replace(attendee, response="Unknown", replied=None)


def _tell(place: Place, before: Content, mode: str, *, rescheduled: bool) -> None:
    old = {one.address for one in before.attendees}
    now = place.content.attendees
    added = [one for one in now if one.address not in old]
    removed = [one for one in before.attendees if one.address not in {two.address for two in now}]
    drafted = not before.request_sent
    if mode in TO_ALL or added:
        place.write({"request_sent": True})
    if mode in TO_ALL:
        _deliver(place, now, "request" if drafted else "update", mode, reset=rescheduled or drafted)
    elif mode in TO_CHANGED:
        _deliver(place, added, "request", mode, reset=True)
    if not drafted:
        _withdraw(place, removed)


def _deliver(place: Place, recipients: Iterable[Attendee], kind: str, mode: str, *, reset: bool) -> None:
    for attendee in recipients:
        _mail(place, attendee.address, kind, mode)
        mailbox = place.organisation.find(attendee.address)
        if mailbox is None or mailbox is place.mailbox or mailbox.state != "active":
            continue
        copy = mailbox.with_uid(place.content.uid)
        if copy is None:
            _new_copy(place, mailbox)
        else:
            _renew_copy(place, mailbox, copy, reset=reset)
        if mailbox.kind == "room" and reset:
            _answer_as_room(place, mailbox)


def _new_copy(place: Place, mailbox: Mailbox) -> None:
    shown = replace(
        place.content,
        mine=False,
        my_response="NoResponseReceived",
        show_as="Tentative",
        request_sent=True,
        replied=None,
        categories=(),
        reminder=15,
        properties=dict(place.content.properties),
        **_kept(mailbox),
    )
    copy = mailbox.create(shown, place.item.rule if place.original is None else None, place.now)
    if place.original is None:
        for original, override in place.item.overrides.items():
            theirs = {key: value for key, value in override.changes.items() if key not in _OWN}
            mailbox.write_occurrence(copy, original, theirs, place.now)
        for original in place.item.deleted:
            mailbox.delete_occurrence(copy, original, place.now)


def _renew_copy(place: Place, mailbox: Mailbox, copy: Item, *, reset: bool) -> None:
    there = _counterpart(place, mailbox, copy)
    if there is None:
        return
    changes = _travelling(place.content, there.content) | _kept(mailbox)
    if reset:
        changes |= {"my_response": "NoResponseReceived", "show_as": "Tentative", "replied": None}
    if place.original is None and place.item.rule != copy.rule:
        changes["rule"] = place.item.rule
    if changes:
        there.write(changes)


def _kept(mailbox: Mailbox) -> dict[str, Any]:
    """What a room makes of a text."""
    return {"body": ""} if mailbox.deletes_comments else {}


def _counterpart(place: Place, mailbox: Mailbox, copy: Item) -> Place | None:
    there = Place(place.organisation, mailbox, copy, place.original if copy.rule else None)
    try:
        there.content  # noqa: B018 - an occurrence the attendee deleted is not brought back
    except ResponseFault:
        return None
    return there


def _travelling(source: Content, copy: Content) -> dict[str, Any]:
    skipped = _OWN | {"mine", "request_sent", "created", "modified", "modified_by", "uid"}
    names = (name for name in Content.__dataclass_fields__ if name not in skipped)
    return {name: getattr(source, name) for name in names if getattr(source, name) != getattr(copy, name)}


def _withdraw(place: Place, attendees: Iterable[Attendee]) -> None:
    """Tell attendees that the meeting, or their part in it, is off: their copies are marked, not deleted."""
    for attendee in attendees:
        _mail(place, attendee.address, "cancellation")
        mailbox = place.organisation.find(attendee.address)
        copy = (
            mailbox.with_uid(place.content.uid) if mailbox is not None and mailbox.state == "active" else None
        )
        if mailbox is None or copy is None or mailbox is place.mailbox:
            continue
        there = _counterpart(place, mailbox, copy)
        if there is not None:
            subject = CANCELLED + there.content.subject.removeprefix(CANCELLED)
            there.write({"cancelled": True, "subject": subject, "show_as": "Free"})


def cancel(place: Place, mode: str = "SendToAllAndSaveCopy", how: Disposal = "MoveToDeletedItems") -> None:
    """Delete the organiser's item or occurrence, and send cancellations unless `mode` is SendToNone."""
    content = place.content
    if content.meeting and content.mine and content.request_sent and mode != SEND_TO_NONE:
        _withdraw(place, content.attendees)
    if place.original is None:
        place.mailbox.remove(place.item, place.now, how)
    else:
        place.mailbox.delete_occurrence(place.item, place.original, place.now)


def respond(place: Place, response: str, *, mail: bool = True) -> None:
    """Answer an invitation: `response` is Accept, Tentative or Decline. A decline takes the copy away.

    Raises ResponseFault ErrorCalendarIsOrganizerForAccept (or ...Tentative, ...Decline), ErrorCalendarIsCancelledFor...
    """
    content = place.content
    if content.mine:
        raise ResponseFault(
            f"ErrorCalendarIsOrganizerFor{response}", "The organizer cannot answer the meeting."
        )
    if content.cancelled:
        raise ResponseFault(f"ErrorCalendarIsCancelledFor{response}", "The meeting was cancelled.")
    if response == "Decline":
        cancel(place, SEND_TO_NONE)
    else:
        show = "Busy" if response == "Accept" else "Tentative"
        place.write({"my_response": response, "show_as": show, "replied": place.now})
    if mail:
        _report(place, content, response)


def _report(place: Place, content: Content, response: str) -> None:
    organizer = content.organizer.address
    _post(place, organizer, "response", content)
    mailbox = place.organisation.find(organizer)
    item = mailbox.with_uid(content.uid) if mailbox is not None and mailbox.state == "active" else None
    if mailbox is None or item is None:
        return
    there = _counterpart(place, mailbox, item)
    if there is None:
        return
    own = (place.mailbox.address, *place.mailbox.aliases)
    attendees = tuple(
        replace(one, response=response, replied=place.now) if one.address.lower() in own else one
        for one in there.content.attendees
    )
    there.write({"attendees": attendees})


def _answer_as_room(place: Place, room: Mailbox) -> None:
    copy = room.with_uid(place.content.uid)
    if copy is not None:
        there = _counterpart(place, room, copy)
        if there is not None:
            respond(there, "Accept")


def _mail(place: Place, recipient: str, kind: str, mode: str = "") -> None:
    _post(place, recipient, kind, place.content, mode)


def _post(place: Place, recipient: str, kind: str, content: Content, mode: str = "") -> None:
    mail = Mail(
        place.now, place.mailbox.address, recipient, kind, content.uid, content.subject, place.original, mode
    )
    place.organisation.post(mail)
