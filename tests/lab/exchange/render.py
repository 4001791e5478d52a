"""Calendar items as XML: the table of all properties in schema order, written when the shape asks for them."""

from collections.abc import Callable

from lxml import etree

from tests.lab.exchange import parts
from tests.lab.exchange.calendar import Sight
from tests.lab.exchange.elements import boolean, duration, instant, t
from tests.lab.exchange.frame import Field, Frame, Shape, Write
from tests.lab.exchange.mailbox import Mailbox


def write_item(parent: etree._Element, mailbox: Mailbox, sight: Sight, shape: Shape) -> None:
    """Add t:CalendarItem."""
    frame = Frame(mailbox, sight, shape)
    made = t(parent, "CalendarItem")
    for one in FIELDS:
        if shape.wants(one):
            one.write(made, frame)


def _text(name: str, value: Callable[[Frame], str | None]) -> Write:
    def write(parent: etree._Element, frame: Frame) -> None:
        text = value(frame)
        if text is not None:
            t(parent, name, text)

    return write


def _flag(name: str, value: Callable[[Frame], bool]) -> Write:
    return _text(name, lambda frame: boolean(value(frame)))


_GET_ONLY = "!"
_TO, _CC = frozenset({"Required"}), frozenset({"Optional"})


def _of(uri: str, shapes: str, write: Write) -> Field:
    """`shapes`: d Default, a AllProperties, ! never in FindItem; the identity stands in every shape."""
    bases = {"d": {"Default"}, "a": {"AllProperties"}, "i": {"IdOnly", "Default", "AllProperties"}}
    chosen = set[str]().union(*(bases.get(letter, set()) for letter in shapes))
    return Field(uri, write, frozenset(chosen), _GET_ONLY in shapes)


def _row(uri: str, shapes: str, value: Callable[[Frame], str | None]) -> Field:
    return _of(uri, shapes, _text(uri.partition(":")[2], value))


def _bit(uri: str, shapes: str, value: Callable[[Frame], bool]) -> Field:
    return _of(uri, shapes, _flag(uri.partition(":")[2], value))


FIELDS: tuple[Field, ...] = (
    _of("item:ItemId", "i", parts.item_id),
    _of("item:ParentFolderId", "a", parts.parent_folder),
    _row("item:ItemClass", "a", parts.item_class),
    _row("item:Subject", "da", lambda frame: frame.content.subject),
    _row("item:Sensitivity", "a", lambda frame: frame.content.sensitivity),
    _of("item:Body", "a!", parts.body),
    _row("item:DateTimeReceived", "a", lambda frame: instant(frame.content.created)),
    _row("item:Size", "a", lambda frame: str(parts.size(frame.content))),
    _of("item:Categories", "a", parts.categories),
    _row("item:Importance", "a", lambda frame: frame.content.importance),
    _bit("item:IsSubmitted", "a", lambda _: False),
    _bit("item:IsDraft", "a", lambda _: False),
    _bit("item:IsFromMe", "a", lambda _: False),
    _bit("item:IsResend", "a", lambda _: False),
    _bit("item:IsUnmodified", "a", lambda _: False),
    _row("item:DateTimeSent", "a", lambda frame: instant(frame.content.created)),
    _row("item:DateTimeCreated", "a", lambda frame: instant(frame.content.created)),
    _of("item:ResponseObjects", "da!", parts.response_objects),
    _row("item:ReminderDueBy", "a", parts.due),
    _bit("item:ReminderIsSet", "a", lambda frame: frame.content.reminder is not None),
    _row("item:ReminderMinutesBeforeStart", "a", lambda frame: str(frame.content.reminder or 0)),
    _row("item:DisplayCc", "a", lambda frame: parts.names(frame, _CC)),
    _row("item:DisplayTo", "a", lambda frame: parts.names(frame, _TO)),
    _bit("item:HasAttachments", "da", lambda frame: frame.content.has_attachments),
    _of("item:ExtendedProperty", "i", parts.properties),
    _row("item:Culture", "a!", lambda frame: parts.optional(frame.content.culture)),
    _of("item:EffectiveRights", "a", parts.rights),
    _row("item:LastModifiedName", "a", lambda frame: frame.content.modified_by or frame.mailbox.name),
    _row("item:LastModifiedTime", "a", lambda frame: instant(frame.content.modified)),
    _bit("item:IsAssociated", "a", lambda _: False),
    _of("item:TextBody", "!", parts.text_body),
    _row("calendar:UID", "a", lambda frame: frame.content.uid),
    _row("calendar:RecurrenceId", "a", parts.original),
    _row("calendar:DateTimeStamp", "a", lambda frame: instant(frame.content.modified)),
    _row("calendar:Start", "da", lambda frame: instant(frame.content.start)),
    _row("calendar:End", "da", lambda frame: instant(frame.content.end)),
    _row("calendar:OriginalStart", "a", parts.original),
    _bit("calendar:IsAllDayEvent", "a", lambda frame: frame.content.all_day),
    _row("calendar:LegacyFreeBusyStatus", "da", lambda frame: frame.content.show_as),
    _row("calendar:Location", "da", lambda frame: frame.content.location),
    _bit("calendar:IsMeeting", "a", lambda frame: frame.content.meeting),
    _bit("calendar:IsCancelled", "a", lambda frame: frame.content.cancelled),
    _bit("calendar:IsRecurring", "a", lambda frame: frame.sight.original is not None),
    _bit("calendar:MeetingRequestWasSent", "a", lambda frame: frame.content.request_sent),
    _bit("calendar:IsResponseRequested", "a!", lambda frame: frame.content.response_requested),
    _row("calendar:CalendarItemType", "da", lambda frame: frame.sight.kind.value),
    _row("calendar:MyResponseType", "a", lambda frame: frame.content.my_response),
    _of("calendar:Organizer", "da", parts.organizer),
    _of("calendar:RequiredAttendees", "a!", parts.attendees("RequiredAttendees", "Required")),
    _of("calendar:OptionalAttendees", "a!", parts.attendees("OptionalAttendees", "Optional")),
    _of("calendar:Resources", "a!", parts.attendees("Resources", "Resource")),
    _row("calendar:Duration", "a", lambda frame: duration(frame.content.end - frame.content.start)),
    _row("calendar:TimeZone", "a", lambda frame: frame.content.zone.name),
    _row("calendar:AppointmentReplyTime", "a", lambda frame: parts.moment(frame.content.replied)),
    _row("calendar:AppointmentSequenceNumber", "a", lambda frame: str(frame.content.sequence)),
    _row("calendar:AppointmentState", "a", lambda frame: str(parts.state(frame.content))),
    _of("calendar:Recurrence", "a!", parts.recurrence),
    _of("calendar:FirstOccurrence", "a!", parts.first_occurrence),
    _of("calendar:LastOccurrence", "a!", parts.last_occurrence),
    _of("calendar:ModifiedOccurrences", "a!", parts.modified_occurrences),
    _of("calendar:DeletedOccurrences", "a!", parts.deleted_occurrences),
    _of("calendar:StartTimeZone", "a!", parts.start_zone),
    _of("calendar:EndTimeZone", "a!", parts.end_zone),
    _row("calendar:ConferenceType", "a", lambda frame: parts.number(frame.content.conference_type)),
    _bit("calendar:AllowNewTimeProposal", "a!", lambda _: True),
    _bit("calendar:IsOnlineMeeting", "a", lambda frame: frame.content.online),
    _row("calendar:MeetingWorkspaceUrl", "a", lambda frame: parts.optional(frame.content.workspace_url)),
    _row("calendar:NetShowUrl", "a", lambda frame: parts.optional(frame.content.net_show_url)),
    _of("calendar:EnhancedLocation", "!", parts.enhanced_location),
    _row("calendar:StartWallClock", "", lambda frame: parts.wall(frame.content.start, frame.content.zone)),
    _row("calendar:EndWallClock", "", lambda frame: parts.wall(frame.content.end, frame.content.last_zone)),
    _row("calendar:StartTimeZoneId", "", lambda frame: frame.content.zone.id),
    _row("calendar:EndTimeZoneId", "", lambda frame: frame.content.last_zone.id),
    _row("calendar:JoinOnlineMeetingUrl", "", lambda frame: parts.optional(frame.content.join_url)),
    _of("calendar:OnlineMeetingSettings", "!", parts.online_settings),
    _bit("calendar:IsOrganizer", "", lambda frame: frame.content.mine),
)

KNOWN_URIS = frozenset(one.uri for one in FIELDS)
