"""The requests, as elements that the EWS schema (Exchange 2016) accepts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from connector.model import Window
from connector.source.exchange.envelope import Element, m, t

PAGE = 512
"""MaxChangesReturned of SyncFolderItems: the schema's limit."""
VIEW_ROWS = 1000
"""EWSFindCountLimit: a view never returns more."""

PUBLIC_STRINGS = "00020329-0000-0000-C000-000000000046"
OWN_SET = "5d1c6f5e-0f0b-4d2b-9d5a-6f2a9be9c3a1"
MARKER = "CalendarConnectorMarker"
KEY = "CalendarConnectorKey"
TMS = "TMS:ExternalConferenceData"
UC = "UCCapabilities"
"""Properties by which conferencing plug-ins mark meetings as theirs."""
NATIVE_BODY = "0x1016"
"""PR_NATIVE_BODY_INFO: 1 plain text, 2 RTF, 3 HTML."""

_CONTENT = (
    "item:Subject",
    "item:Sensitivity",
    "item:Body",
    "calendar:UID",
    "calendar:RecurrenceId",
    "calendar:Start",
    "calendar:End",
    "calendar:OriginalStart",
    "calendar:IsAllDayEvent",
    "calendar:LegacyFreeBusyStatus",
    "calendar:Location",
    "calendar:IsCancelled",
    "calendar:CalendarItemType",
    "calendar:MyResponseType",
    "calendar:Organizer",
    "calendar:RequiredAttendees",
    "calendar:OptionalAttendees",
    "calendar:Resources",
    "calendar:StartTimeZone",
    "calendar:StartTimeZoneId",
    "calendar:JoinOnlineMeetingUrl",
)
_WHOLE = (
    *_CONTENT,
    "item:ItemClass",
    "item:HasAttachments",
    "item:Culture",
    "calendar:IsMeeting",
    "calendar:MeetingRequestWasSent",
    "calendar:Recurrence",
    "calendar:LastOccurrence",
)
_TIMES = ("calendar:UID", "calendar:Start", "calendar:End", "calendar:CalendarItemType")


def get_folder() -> Element:
    """The calendar folder, ids only."""
    return m("GetFolder", m("FolderShape", t("BaseShape", text="IdOnly")), m("FolderIds", _calendar()))


def get_inbox() -> Element:
    """The inbox with its name."""
    inbox = t("DistinguishedFolderId", Id="inbox")
    return m("GetFolder", m("FolderShape", t("BaseShape", text="Default")), m("FolderIds", inbox))


def convert_id(item_id: str, address: str) -> Element:
    """A check that answers without opening anything but the session: an id from one format into another."""
    source = t("AlternateId", Format="EwsId", Id=item_id, Mailbox=address)
    return m("ConvertId", m("SourceIds", source), DestinationFormat="EntryId")


def sync_folder_items(cursor: str | None) -> Element:
    """One page of the calendar's changes, ids only: every further property costs the server another call."""
    parts = [m("ItemShape", t("BaseShape", text="IdOnly")), m("SyncFolderId", _calendar())]
    if cursor is not None:
        parts.append(m("SyncState", text=cursor))
    return m("SyncFolderItems", *parts, m("MaxChangesReturned", text=str(PAGE)))


def get_content(ids: Iterable[Element]) -> Element:
    """Items with everything a Meeting is made of, the body as text."""
    links = [_named(PUBLIC_STRINGS, name) for name in ("SkypeTeamsMeetingUrl", "OnlineMeetingExternalLink")]
    properties = t("AdditionalProperties", *map(_field, _CONTENT), *links)
    shape = m("ItemShape", t("BaseShape", text="IdOnly"), t("BodyType", text="Text"), properties)
    return m("GetItem", shape, m("ItemIds", *ids))


def get_whole(item_id: str) -> Element:
    """One item with its body as it rests, and everything that decides whether it may be written."""
    marks = (
        _named(OWN_SET, MARKER),
        _named(OWN_SET, KEY),
        _named(PUBLIC_STRINGS, TMS),
        _named(PUBLIC_STRINGS, UC),
    )
    native = t("ExtendedFieldURI", PropertyTag=NATIVE_BODY, PropertyType="Integer")
    links = [_named(PUBLIC_STRINGS, name) for name in ("SkypeTeamsMeetingUrl", "OnlineMeetingExternalLink")]
    properties = t("AdditionalProperties", *map(_field, _WHOLE), *marks, native, *links)
    shape = m("ItemShape", t("BaseShape", text="IdOnly"), t("BodyType", text="Best"), properties)
    return m("GetItem", shape, m("ItemIds", item(item_id)))


def expand_list(address: str) -> Element:
    """Who stands behind a distribution list, one level deep."""
    return m("ExpandDL", m("Mailbox", t("EmailAddress", text=address)))


def get_for_writing(item_id: str) -> Element:
    """What a write has to know of the item: its change key, our marker, and whether its invitation was sent."""
    fields = (
        "item:ItemClass",
        "calendar:IsMeeting",
        "calendar:MeetingRequestWasSent",
        "calendar:MyResponseType",
        "calendar:IsCancelled",
    )
    marks = (_named(OWN_SET, MARKER), _named(OWN_SET, KEY))
    properties = t("AdditionalProperties", *map(_field, fields), *marks)
    shape = m("ItemShape", t("BaseShape", text="IdOnly"), properties)
    return m("GetItem", shape, m("ItemIds", item(item_id)))


def calendar_view(window: Window) -> Element:
    """The occurrences that touch the window, ids and times; no restriction and no paging can stand beside a view."""
    shape = m("ItemShape", t("BaseShape", text="IdOnly"), t("AdditionalProperties", *map(_field, _TIMES)))
    view = m(
        "CalendarView",
        MaxEntriesReturned=str(VIEW_ROWS),
        StartDate=instant(window.start),
        EndDate=instant(window.end),
    )
    return m("FindItem", shape, view, m("ParentFolderIds", _calendar()), Traversal="Shallow")


def find_by_key(key: str) -> Element:
    """Items of the calendar that carry our key."""
    wanted = t("IsEqualTo", _named(OWN_SET, KEY), t("FieldURIOrConstant", t("Constant", Value=key)))
    paging = m("IndexedPageItemView", MaxEntriesReturned="2", Offset="0", BasePoint="Beginning")
    return m(
        "FindItem",
        m("ItemShape", t("BaseShape", text="IdOnly")),
        paging,
        m("Restriction", wanted),
        m("ParentFolderIds", _calendar()),
        Traversal="Shallow",
    )


def get_oof(address: str) -> Element:
    """The owner's automatic replies."""
    return m("GetUserOofSettingsRequest", t("Mailbox", t("Address", text=address)))


def get_mail_tips(acting: str, addresses: Iterable[str]) -> Element:
    """Whether automatic replies are on for these recipients, as a sender would be shown it."""
    recipients = (t("Mailbox", t("EmailAddress", text=address)) for address in addresses)
    return m(
        "GetMailTips",
        m("SendingAs", t("EmailAddress", text=acting)),
        m("Recipients", *recipients),
        m("MailTipsRequested", text="OutOfOfficeMessage"),
    )


def get_mail_tips_limits() -> Element:
    """How many recipients one GetMailTips may ask for."""
    return m("GetServiceConfiguration", m("RequestedConfiguration", m("ConfigurationName", text="MailTips")))


def get_availability(addresses: Sequence[str], window: Window) -> Element:
    """Free/busy in UTC, so that no zone has to be asked for first."""
    mailboxes = m("MailboxDataArray", *map(_mailbox_data, addresses))
    span = t("TimeWindow", t("StartTime", text=_wall(window.start)), t("EndTime", text=_wall(window.end)))
    options = t("FreeBusyViewOptions", span, t("RequestedView", text="FreeBusy"))
    return m("GetUserAvailabilityRequest", _utc(), mailboxes, options)


def update_item(item_id: str, change_key: str, updates: Iterable[Element], mail: str) -> Element:
    """One change; a conflict is answered, never resolved by the server."""
    change = t("ItemChange", item(item_id, change_key), t("Updates", *updates))
    return m(
        "UpdateItem",
        m("ItemChanges", change),
        ConflictResolution="NeverOverwrite",
        MessageDisposition="SaveOnly",
        SendMeetingInvitationsOrCancellations=mail,
    )


def create_item(calendar_item: Element, mail: str) -> Element:
    """A new item in the calendar."""
    folder = m("SavedItemFolderId", _calendar())
    return m("CreateItem", folder, m("Items", calendar_item), SendMeetingInvitations=mail)


def answer(kind: str, item_id: str, change_key: str) -> Element:
    """Answer an invitation; ``kind`` is AcceptItem, TentativelyAcceptItem or DeclineItem."""
    reference = t("ReferenceItemId", Id=item_id, ChangeKey=change_key)
    return m("CreateItem", m("Items", t(kind, reference)), MessageDisposition="SendAndSaveCopy")


def delete_item(item_id: str, change_key: str, mail: str) -> Element:
    """Into the folder of deleted items, as Outlook does, with cancellations as ``mail`` says."""
    return m(
        "DeleteItem",
        m("ItemIds", item(item_id, change_key)),
        DeleteType="MoveToDeletedItems",
        SendMeetingCancellations=mail,
    )


# --- parts ---------------------------------------------------------------------------------------


def item(item_id: str, change_key: str = "") -> Element:
    """An item's id."""
    return t("ItemId", Id=item_id, **({"ChangeKey": change_key} if change_key else {}))


def master_of(occurrence_id: str) -> Element:
    """The master of a series, by the id of any of its occurrences or exceptions."""
    return t("RecurringMasterItemId", OccurrenceId=occurrence_id)


def set_field(uri: str, value: Element) -> Element:
    """Set a field of a calendar item."""
    return t("SetItemField", _field(uri), t("CalendarItem", value))


def set_own(name: str, value: str) -> Element:
    """Set one of our own named properties."""
    return t("SetItemField", _named(OWN_SET, name), t("CalendarItem", own(name, value)))


def delete_own(name: str) -> Element:
    """Take one of our own named properties away."""
    return t("DeleteItemField", _named(OWN_SET, name))


def own(name: str, value: str) -> Element:
    """One of our own named properties with its value."""
    return t("ExtendedProperty", _named(OWN_SET, name), t("Value", text=value))


def instant(at: datetime) -> str:
    """An instant as xs:dateTime in UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _wall(at: datetime) -> str:
    """The same without the Z: a TimeWindow is in the zone of the request, which is UTC."""
    return instant(at)[:-1]


def _calendar() -> Element:
    return t("DistinguishedFolderId", Id="calendar")


def _field(uri: str) -> Element:
    return t("FieldURI", FieldURI=uri)


def _named(property_set: str, name: str) -> Element:
    return t("ExtendedFieldURI", PropertySetId=property_set, PropertyName=name, PropertyType="String")


def _mailbox_data(address: str) -> Element:
    email = t("Email", t("Address", text=address))
    return t("MailboxData", email, t("AttendeeType", text="Required"), t("ExcludeConflicts", text="false"))


def _utc() -> Element:
    """UTC as a SerializableTimeZone: both halves of the year alike."""
    return t("TimeZone", t("Bias", text="0"), _half("StandardTime", 10), _half("DaylightTime", 3))


def _half(name: str, month: int) -> Element:
    parts = {"Bias": "0", "Time": "00:00:00", "DayOrder": "1", "Month": str(month), "DayOfWeek": "Sunday"}
    return t(name, *(t(part, text=value) for part, value in parts.items()))
