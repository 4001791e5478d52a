"""Facts about GetItem, FindItem, GetFolder and ConvertId; every answer is also held against the EWS schema."""

import pytest
from lxml import etree

from tests.lab.exchange.call import ResponseFault
from tests.lab.exchange.elements import NAMES
from tests.unit.lab.asking import ANNA, BERT, CALENDAR, EUROPE, SCHEMA, Lab, codes, schema, texts

DAILY = {"kind": "daily", "count": 5}
KEYWORD = '<t:ExtendedFieldURI DistinguishedPropertySetId="PublicStrings" PropertyName="Marker" PropertyType="String"/>'


def uris(*names: str) -> str:
    """FieldURI paths."""
    return "".join(f'<t:FieldURI FieldURI="{name}"/>' for name in names)


@pytest.mark.skipif(not SCHEMA.exists(), reason="the EWS schema is not at hand")
def test_the_schema_is_really_asked() -> None:
    """A response out of order is not valid, so that the tests of this file judge something."""
    known = schema()
    assert known is not None
    broken = etree.fromstring(f'<m:GetItemResponse xmlns:m="{NAMES["m"]}"><m:Nonsense/></m:GetItemResponse>')
    assert not known.validate(broken)


@pytest.mark.parametrize(
    "recurrence",
    [
        None,
        DAILY,
        {"kind": "weekly", "days": ["Monday", "Friday"], "end": "2027-01-01"},
        {"kind": "monthly"},
        {"kind": "relative-monthly", "days": ["WeekendDay"], "index": "Last"},
        {"kind": "yearly"},
        {"kind": "relative-yearly", "days": ["Monday"], "index": "Fourth"},
    ],
)
@pytest.mark.parametrize("shape", ["IdOnly", "Default", "AllProperties"])
def test_every_kind_of_item_is_valid_in_every_shape(recurrence: dict[str, object] | None, shape: str) -> None:
    """Single meetings and all six patterns, with exceptions and deletions, obey the schema in all base shapes."""
    lab = Lab()
    made = lab.edit(
        "create",
        mailbox=ANNA,
        start="2026-11-23T09:00",
        zone=EUROPE,
        subject="a \x01 b",
        body="<p>x</p>",
        attendees=[
            BERT,
            {"address": "c@example.com", "role": "Optional"},
            {"address": "r@example.com", "role": "Resource"},
        ],
        recurrence=recurrence,
        categories=["Red"],
        online=True,
        join_url="https://meet.example.com/1",
        conference_type=0,
        properties=[{"set": "PublicStrings", "name": "Marker", "value": "on"}],
    )
    if recurrence:
        first, second = (one["start"] for one in lab.truth(ANNA, end="2030-01-01")[:2])
        lab.edit("change_occurrence", mailbox=ANNA, item=made["uid"], at=first, subject="other")
        lab.edit("delete_occurrence", mailbox=ANNA, item=made["uid"], at=second)
    seen = [one["item_id"] for one in lab.truth(ANNA, end="2030-01-01")[:2]]
    more = uris(
        "calendar:JoinOnlineMeetingUrl",
        "calendar:OnlineMeetingSettings",
        "calendar:EnhancedLocation",
        "item:TextBody",
    )
    more += uris("calendar:StartTimeZoneId", "calendar:StartWallClock", "calendar:IsOrganizer") + KEYWORD
    answer = lab.get(made["item_id"], *seen, shape=shape, paths=more)
    assert set(codes(answer)) == {"NoError"}
    assert "https://meet.example.com/1" in texts(answer, "t:JoinOnlineMeetingUrl")


def test_additional_properties_come_beside_the_base_shape() -> None:
    """IdOnly with two paths and one extended property shows exactly those."""
    lab = Lab()
    marker = [{"set": "00020329-0000-0000-C000-000000000046", "name": "marker", "value": "k1"}]
    made = lab.edit("create", mailbox=ANNA, start="2026-11-23T09:00", subject="x", properties=marker)
    item = lab.get(made["item_id"], shape="IdOnly", paths=uris("item:Subject", "calendar:UID") + KEYWORD)
    names = [etree.QName(one).localname for one in item.iterfind(".//t:CalendarItem/*", NAMES)]
    assert names == ["ItemId", "Subject", "ExtendedProperty", "UID"]
    assert texts(item, "t:Value") == ["k1"]


@pytest.mark.parametrize(
    ("kind", "wanted", "expected"),
    [
        ("HTML", "Text", "two\r\nlines & more"),
        ("HTML", "Best", "<p>two<br>lines &amp; more</p>"),
        ("Text", "HTML", "two<br>"),
    ],
)
def test_bodies_come_in_the_kind_asked_for(kind: str, wanted: str, expected: str) -> None:
    """HTML becomes text, text becomes HTML, and Best leaves them."""
    lab = Lab()
    body = "<p>two<br>lines &amp; more</p>" if kind == "HTML" else "two\nlines"
    made = lab.edit("create", mailbox=ANNA, start="2026-11-23T09:00", body=body, body_kind=kind)
    shape = (
        f"<ItemShape><t:BaseShape>AllProperties</t:BaseShape><t:BodyType>{wanted}</t:BodyType></ItemShape>"
    )
    answer = lab.ask(f'<GetItem>{shape}<ItemIds><t:ItemId Id="{made["item_id"]}"/></ItemIds></GetItem>')
    assert expected in texts(answer, "t:Body")[0]


def test_a_batch_answers_each_item_by_itself() -> None:
    """Good, unknown, malformed, foreign and corrupt ids of one batch get their own codes, in order."""
    lab = Lab()
    good = lab.edit("create", mailbox=ANNA, start="2026-11-23T09:00")
    gone = lab.edit("create", mailbox=ANNA, start="2026-11-23T09:00")
    bad = lab.edit("create", mailbox=ANNA, start="2026-11-23T09:00")
    foreign = lab.edit("create", mailbox=BERT, start="2026-11-23T09:00")
    lab.edit("delete", mailbox=ANNA, item=gone["uid"])
    lab.edit("corrupt", mailbox=ANNA, item=bad["uid"])
    ids = [good["item_id"], gone["item_id"], good["item_id"].lower(), foreign["item_id"], bad["item_id"]]
    expected = [
        "NoError",
        "ErrorItemNotFound",
        "ErrorInvalidIdMalformed",
        "ErrorAccessDenied",
        "ErrorItemCorrupt",
    ]
    assert codes(lab.get(*ids)) == expected


def test_who_was_let_in_may_read() -> None:
    """A granted reader gets what the owner gets, but may not write."""
    lab = Lab()
    made = lab.edit("create", mailbox=ANNA, start="2026-11-23T09:00")
    lab.edit("grant", mailbox=ANNA, reader=BERT)
    assert codes(lab.get(made["item_id"], acting=BERT)) == ["NoError"]
    update = '<t:DeleteItemField><t:FieldURI FieldURI="calendar:Location"/></t:DeleteItemField>'
    assert codes(lab.update(made["item_id"], update, acting=BERT)) == ["ErrorAccessDenied"]


def test_the_bare_service_account_has_no_calendar() -> None:
    """Without impersonation there is no mailbox to open."""
    with pytest.raises(ResponseFault, match="ErrorMissingEmailAddress"):
        Lab().ask(
            "<GetFolder><FolderShape><t:BaseShape>IdOnly</t:BaseShape></FolderShape>"
            f"<FolderIds>{CALENDAR}</FolderIds></GetFolder>",
            acting=None,
        )


def test_occurrences_are_addressed_by_number_and_masters_by_occurrence() -> None:
    """OccurrenceItemId counts deleted ones too; RecurringMasterItemId leads back to the series."""
    lab = Lab()
    made = lab.edit("create", mailbox=ANNA, start="2026-11-23T09:00", recurrence=DAILY)
    lab.edit("delete_occurrence", mailbox=ANNA, item=made["uid"], at="2026-11-24T09:00")
    number = '<t:OccurrenceItemId RecurringMasterId="{}" InstanceIndex="{}"/>'
    asked = [number.format(made["item_id"], index) for index in (3, 2, 6)]
    answer = lab.get(*asked)
    assert codes(answer) == [
        "NoError",
        "ErrorCalendarOccurrenceIsDeletedFromRecurrence",
        "ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange",
    ]
    assert texts(answer, "t:OriginalStart") == ["2026-11-25T09:00:00Z"]
    occurrence = lab.truth(ANNA)[0]["item_id"]
    back = lab.get(f'<t:RecurringMasterItemId OccurrenceId="{occurrence}"/>', shape="IdOnly")
    ids = [one.get("Id") for one in back.iterfind(".//t:ItemId", NAMES)]
    assert ids == [made["item_id"]]


def test_a_master_tells_its_occurrences() -> None:
    """First, last, modified and deleted occurrences stand in the master."""
    lab = Lab()
    made = lab.edit("create", mailbox=ANNA, start="2026-11-23T09:00", recurrence=DAILY)
    lab.edit("delete_occurrence", mailbox=ANNA, item=made["uid"], at="2026-11-23T09:00")
    lab.edit(
        "change_occurrence", mailbox=ANNA, item=made["uid"], at="2026-11-25T09:00", start="2026-11-25T10:00"
    )
    answer = lab.get(made["item_id"])
    assert texts(answer, "t:FirstOccurrence/t:Start") == ["2026-11-24T09:00:00Z"]
    assert texts(answer, "t:LastOccurrence/t:Start") == ["2026-11-27T09:00:00Z"]
    assert texts(answer, "t:ModifiedOccurrences/t:Occurrence/t:OriginalStart") == ["2026-11-25T09:00:00Z"]
    assert texts(answer, "t:DeletedOccurrences/t:DeletedOccurrence/t:Start") == ["2026-11-23T09:00:00Z"]


@pytest.mark.parametrize(
    ("spec", "expected", "described"),
    [
        (EUROPE, EUROPE, True),
        ("UTC", "UTC", True),
        ("tzone://Microsoft/Utc", "tzone://Microsoft/Utc", False),
        (
            {"id": "tzone://Microsoft/Custom", "name": "Home", "like": EUROPE},
            "tzone://Microsoft/Custom",
            True,
        ),
        ({"id": "Elbonia Standard Time", "offset": 77, "described": False}, "Elbonia Standard Time", False),
    ],
)
def test_zones_keep_their_names(spec: object, expected: str, described: bool) -> None:
    """StartTimeZone has the id that was stored, with the rule only where Exchange would send it."""
    lab = Lab()
    made = lab.edit("create", mailbox=ANNA, start="2026-11-23T09:00", zone=spec)
    zone = lab.get(made["item_id"]).find(".//t:StartTimeZone", NAMES)
    assert zone is not None
    assert (zone.get("Id"), zone.find("t:Periods", NAMES) is not None) == (expected, described)


def test_a_view_shows_occurrences_in_order() -> None:
    """CalendarView gives singles and occurrences by start, never masters."""
    lab = Lab()
    lab.edit("create", mailbox=ANNA, start="2026-11-24T08:00", subject="single")
    lab.edit("create", mailbox=ANNA, start="2026-11-23T09:00", subject="series", recurrence=DAILY)
    answer = lab.view(
        "2026-11-23", "2026-11-25", uris("item:Subject", "calendar:CalendarItemType", "item:Body")
    )
    assert texts(answer, "t:Subject") == ["series", "single", "series"]
    assert texts(answer, "t:CalendarItemType") == ["Occurrence", "Single", "Occurrence"]
    assert texts(answer, "t:Body") == []


def test_a_view_is_cut_at_its_limits() -> None:
    """MaxEntriesReturned and at most 1,000 entries; IncludesLastItemInRange says that something is missing."""
    lab = Lab()
    lab.edit("create", mailbox=ANNA, start="2026-01-01T09:00", recurrence={"kind": "daily"})
    for hour in (10, 11):
        lab.edit("create", mailbox=ANNA, start=f"2026-01-01T{hour}:00", recurrence={"kind": "daily"})
    few = lab.view("2026-11-01", "2026-12-01", limit=10).find(".//m:RootFolder", NAMES)
    many = lab.view("2026-01-01", "2027-01-01").find(".//m:RootFolder", NAMES)
    assert few is not None
    assert many is not None
    assert (few.get("IncludesLastItemInRange"), len(few[0])) == ("false", 10)
    assert (many.get("IncludesLastItemInRange"), len(many[0])) == ("false", 1000)


def test_a_view_is_at_most_two_years_long() -> None:
    """A longer window is refused, and so is one that ends before it begins."""
    lab = Lab()
    assert codes(lab.view("2026-01-01", "2029-01-01")) == ["ErrorCalendarViewRangeTooBig"]
    assert codes(lab.view("2026-01-02", "2026-01-01")) == ["ErrorCalendarEndDateIsEarlierThanStartDate"]


def test_a_restriction_finds_items_by_uid_and_marker() -> None:
    """Without a view FindItem gives singles and masters that match."""
    lab = Lab()
    for mark in "ab":
        marker = [{"set": "PublicStrings", "name": "Marker", "value": mark}]
        lab.edit(
            "create",
            mailbox=ANNA,
            start="2026-11-23T09:00",
            subject=mark,
            properties=marker,
            recurrence=DAILY,
        )
    constant = '<t:FieldURIOrConstant><t:Constant Value="{}"/></t:FieldURIOrConstant>'
    later = f'<t:IsGreaterThan><t:FieldURI FieldURI="calendar:Start"/>{constant.format("2026-11-01T00:00:00Z")}</t:IsGreaterThan>'
    same = f"<t:IsEqualTo>{KEYWORD}{constant.format('b')}</t:IsEqualTo>"
    answer = lab.ask(
        '<FindItem Traversal="Shallow"><ItemShape><t:BaseShape>Default</t:BaseShape></ItemShape>'
        '<IndexedPageItemView MaxEntriesReturned="10" Offset="0" BasePoint="Beginning"/>'
        f"<Restriction><t:And>{later}{same}</t:And></Restriction><ParentFolderIds>{CALENDAR}</ParentFolderIds></FindItem>"
    )
    assert texts(answer, "t:Subject") == ["b"]


def test_folders_are_known_by_name_and_by_id() -> None:
    """The calendar's id leads back to the calendar; other mailboxes' folders are closed."""
    lab = Lab()
    ask = "<GetFolder><FolderShape><t:BaseShape>Default</t:BaseShape></FolderShape><FolderIds>{}</FolderIds></GetFolder>"
    other = f'<t:DistinguishedFolderId Id="calendar"><t:Mailbox><t:EmailAddress>{BERT}</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId>'
    answer = lab.ask(
        ask.format(
            f'{CALENDAR}<t:DistinguishedFolderId Id="msgfolderroot"/>{other}<t:DistinguishedFolderId Id="tasks"/>'
        )
    )
    assert codes(answer) == ["NoError", "NoError", "ErrorAccessDenied", "ErrorFolderNotFound"]
    found = answer.find(".//t:CalendarFolder/t:FolderId", NAMES)
    assert found is not None
    again = lab.ask(ask.format(f'<t:FolderId Id="{found.get("Id")}"/>'))
    assert texts(again, "t:DisplayName") == ["Calendar"]


def test_converting_an_id_checks_the_connection() -> None:
    """ConvertId answers per id: a good one, one that is no id, and one of an unknown mailbox."""
    lab = Lab()
    made = lab.edit("create", mailbox=ANNA, start="2026-11-23T09:00")["item_id"]
    ids = "".join(
        f'<t:AlternateId Format="EwsId" Id="{one}" Mailbox="{mailbox}"/>'
        for one, mailbox in ((made, ANNA), ("AAAA", ANNA), (made, "nobody@example.com"))
    )
    answer = lab.ask(f'<ConvertId DestinationFormat="OwaId"><SourceIds>{ids}</SourceIds></ConvertId>')
    assert codes(answer) == ["NoError", "ErrorInvalidIdMalformed", "ErrorNonExistentMailbox"]


def test_signed_meetings_and_attachments_show() -> None:
    """The item's class and HasAttachments say what a writer must leave alone."""
    lab = Lab()
    fields = {"item_class": "IPM.Appointment.SMIME", "has_attachments": True}
    made = lab.edit("create", mailbox=ANNA, start="2026-11-23T09:00", **fields)
    answer = lab.get(made["item_id"])
    assert texts(answer, "t:ItemClass") == ["IPM.Appointment.SMIME"]
    assert texts(answer, "t:HasAttachments") == ["true"]
