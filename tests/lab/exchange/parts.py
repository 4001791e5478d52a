"""The properties of a calendar item that are more than one element of text, each added to its parent."""

from datetime import datetime

from lxml import etree

from tests.lab.exchange.bodies import as_html, as_text
from tests.lab.exchange.calendar import (
    Attendee,
    Content,
    Kind,
    Person,
    Sight,
    exceptions,
    occurrence,
    originals,
)
from tests.lab.exchange.definitions import write_rule, write_zone
from tests.lab.exchange.elements import instant, t
from tests.lab.exchange.frame import Frame, Write
from tests.lab.exchange.mailbox import Mailbox
from tests.lab.exchange.properties import write_property
from tests.lab.exchange.zones import Zone

OCCURRENCE_CLASS = "IPM.Appointment.Occurrence"
FOLDER_KEY = "AQAAABYAAAA="
EXCEPTION_CLASS = "IPM.OLE.CLASS.{00061055-0000-0000-C000-000000000046}"


def write_id(parent: etree._Element, mailbox: Mailbox, sight: Sight, name: str = "ItemId") -> None:
    """Add the id with its ChangeKey."""
    t(parent, name, Id=mailbox.id_of(sight), ChangeKey=mailbox.key_of(sight.item))


def write_person(parent: etree._Element, person: Person | Attendee) -> None:
    """Add t:Mailbox."""
    made = t(parent, "Mailbox")
    t(made, "Name", person.name or person.address)
    t(made, "EmailAddress", person.address)
    t(made, "RoutingType", "SMTP")
    if isinstance(person, Attendee) and person.kind:
        t(made, "MailboxType", person.kind)


def item_class(frame: Frame) -> str:
    classes = {Kind.OCCURRENCE: OCCURRENCE_CLASS, Kind.EXCEPTION: EXCEPTION_CLASS}
    return classes.get(frame.sight.kind, frame.content.item_class)


def body(parent: etree._Element, frame: Frame) -> None:
    content, wanted = frame.content, frame.shape.body
    kind = content.body_kind if wanted == "Best" else wanted
    text = (
        as_html(content.body, content.body_kind)
        if kind == "HTML"
        else as_text(content.body, content.body_kind)
    )
    t(parent, "Body", text if content.body else "", BodyType=kind, IsTruncated="false")


def text_body(parent: etree._Element, frame: Frame) -> None:
    text = as_text(frame.content.body, frame.content.body_kind)
    t(parent, "TextBody", text, BodyType="Text", IsTruncated="false")


def categories(parent: etree._Element, frame: Frame) -> None:
    if frame.content.categories:
        made = t(parent, "Categories")
        for category in frame.content.categories:
            t(made, "String", category)


def response_objects(parent: etree._Element, frame: Frame) -> None:
    content = frame.content
    made = t(parent, "ResponseObjects")
    if content.meeting and content.mine:
        t(made, "CancelCalendarItem")
    elif content.meeting and not content.cancelled:
        for name in ("AcceptItem", "TentativelyAcceptItem", "DeclineItem", "ReplyToItem", "ReplyAllToItem"):
            t(made, name)
    t(made, "ForwardItem")


def properties(parent: etree._Element, frame: Frame) -> None:
    held = frame.content.properties
    for key, attributes in frame.shape.extended.items():
        if key in held:
            write_property(parent, attributes, held[key])


def rights(parent: etree._Element, frame: Frame) -> None:
    made = t(parent, "EffectiveRights")
    for name in ("CreateAssociated", "CreateContents", "CreateHierarchy"):
        t(made, name, "false")
    for name in ("Delete", "Modify", "Read"):
        t(made, name, "true")


def organizer(parent: etree._Element, frame: Frame) -> None:
    person = frame.content.organizer
    write_person(
        t(parent, "Organizer"),
        person if person.address else Person(frame.mailbox.address, frame.mailbox.name),
    )


def attendees(name: str, role: str) -> Write:
    def write(parent: etree._Element, frame: Frame) -> None:
        chosen = [one for one in frame.content.attendees if one.role == role]
        made = t(parent, name) if chosen else None
        for one in chosen:
            if made is not None:
                attendee(made, one)

    return write


def attendee(parent: etree._Element, attendee: Attendee) -> None:
    made = t(parent, "Attendee")
    write_person(made, attendee)
    t(made, "ResponseType", attendee.response)
    if attendee.replied:
        t(made, "LastResponseTime", instant(attendee.replied))


def recurrence(parent: etree._Element, frame: Frame) -> None:
    if frame.sight.kind is Kind.MASTER and frame.sight.item.rule:
        write_rule(parent, frame.sight.item.rule)


def first_occurrence(parent: etree._Element, frame: Frame) -> None:
    if frame.sight.kind is Kind.MASTER:
        item = frame.sight.item
        first = next((at for at in originals(item) if at not in item.deleted), None)
        if first is not None:
            occurrence_info(parent, "FirstOccurrence", frame, occurrence(item, first))


def last_occurrence(parent: etree._Element, frame: Frame) -> None:
    item = frame.sight.item
    if (
        frame.sight.kind is not Kind.MASTER
        or item.rule is None
        or (item.rule.end is None and item.rule.count is None)
    ):
        return
    last = None
    for at in originals(item):
        last = last if at in item.deleted else at
    if last is not None:
        occurrence_info(parent, "LastOccurrence", frame, occurrence(item, last))


def modified_occurrences(parent: etree._Element, frame: Frame) -> None:
    if frame.sight.kind is Kind.MASTER and frame.sight.item.overrides:
        made = t(parent, "ModifiedOccurrences")
        for sight in exceptions(frame.sight.item):
            occurrence_info(made, "Occurrence", frame, sight)


def deleted_occurrences(parent: etree._Element, frame: Frame) -> None:
    if frame.sight.kind is Kind.MASTER and frame.sight.item.deleted:
        made = t(parent, "DeletedOccurrences")
        for at in sorted(frame.sight.item.deleted):
            t(t(made, "DeletedOccurrence"), "Start", instant(at))


def occurrence_info(parent: etree._Element, name: str, frame: Frame, sight: Sight) -> None:
    made = t(parent, name)
    write_id(made, frame.mailbox, sight)
    t(made, "Start", instant(sight.content.start))
    t(made, "End", instant(sight.content.end))
    t(made, "OriginalStart", instant(sight.original or sight.content.start))


def enhanced_location(parent: etree._Element, frame: Frame) -> None:
    made = t(parent, "EnhancedLocation")
    t(made, "DisplayName", frame.content.location)
    t(made, "Annotation", "")
    address = t(made, "PostalAddress")
    t(address, "Type", "Business")
    t(address, "LocationSource", "None")


def online_settings(parent: etree._Element, frame: Frame) -> None:
    if frame.content.online:
        made = t(parent, "OnlineMeetingSettings")
        t(made, "LobbyBypass", "Disabled")
        t(made, "AccessLevel", "Internal")
        t(made, "Presenters", "Internal")


def names(frame: Frame, roles: frozenset[str]) -> str:
    return "; ".join(one.name or one.address for one in frame.content.attendees if one.role in roles)


def state(content: Content) -> int:
    """AppointmentState (MS-OXOCAL 2.2.1.10): 1 meeting, 2 received, 4 cancelled."""
    return content.meeting * 1 + (content.meeting and not content.mine) * 2 + content.cancelled * 4


def due(frame: Frame) -> str | None:
    return instant(frame.content.start) if frame.content.reminder is not None else None


def size(content: Content) -> int:
    return (
        2048
        + 2 * (len(content.body) + len(content.subject) + len(content.location))
        + 256 * len(content.attendees)
    )


def original(frame: Frame) -> str | None:
    return instant(frame.sight.original) if frame.sight.original else None


def optional(text: str) -> str | None:
    return text or None


def item_id(parent: etree._Element, frame: Frame) -> None:
    write_id(parent, frame.mailbox, frame.sight)


def parent_folder(parent: etree._Element, frame: Frame) -> None:
    t(parent, "ParentFolderId", Id=frame.mailbox.folder_id(), ChangeKey=FOLDER_KEY)


def start_zone(parent: etree._Element, frame: Frame) -> None:
    write_zone(parent, "StartTimeZone", frame.content.zone)


def end_zone(parent: etree._Element, frame: Frame) -> None:
    write_zone(parent, "EndTimeZone", frame.content.last_zone)


def number(value: int | None) -> str | None:
    return None if value is None else str(value)


def wall(when: datetime, zone: Zone) -> str:
    """The local time as StartWallClock has it."""
    return zone.to_wall(when).isoformat(timespec="seconds")


def moment(when: datetime | None) -> str | None:
    return None if when is None else instant(when)
