"""The whole Exchange source against the lab's Exchange, a real process, over TLS and NTLM with channel binding."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connector.errors import AccessDenied, CredentialRefused, CursorExpired, Throttled, Transient
from connector.model import Attendee, Identity, Mailbox, Meeting, MeetingUpdate, NewMeeting, Window
from connector.source.exchange.account import Directory
from connector.source.exchange.redirects import RememberedRedirects, Trust
from connector.source.exchange.settings import ExchangeSettings, ForgetfulRefusals, Limits
from connector.source.exchange.source import ExchangeSource
from connector.source.exchange.transport import Exchange
from tests.lab.exchange.launch import LabExchange

pytestmark = pytest.mark.lab

NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
WINDOW = Window(NOW - timedelta(days=7), NOW + timedelta(days=31))


@pytest.fixture(scope="module")
def shared() -> Iterator[LabExchange]:
    """One process for all tests that leave it as it was."""
    with LabExchange(
        mailboxes=12, auth="negotiate,ntlm,basic", extended_protection="require", balancer_cookie=True
    ) as lab:
        yield lab


@pytest.fixture
def lab(shared: LabExchange) -> Iterator[LabExchange]:
    """The shared process; what a test ordered is taken back afterwards."""
    yield shared
    shared.clear_faults()
    shared.scope()


@pytest.fixture
def source(lab: LabExchange) -> Iterator[ExchangeSource]:
    """A source that is closed at the end."""
    opened = connect(lab)
    yield opened
    opened.close()


def connect(lab: LabExchange, **options: Any) -> ExchangeSource:
    """A source as the configuration would make it."""
    given: dict[str, Any] = {"auth": "ntlm", "password": lambda: lab.password, "url": lab.url, **options}
    limits = Limits(connect=10, silence=20, answer=30)
    settings = ExchangeSettings("hq", "lab.example.com", lab.user, ca=lab.ca, limits=limits, **given)
    exchange = Exchange(settings, ForgetfulRefusals())
    trust = Trust(frozenset(), RememberedRedirects(lambda: None, lambda _: None))
    return ExchangeSource(exchange, Directory(settings, exchange, trust, lambda: datetime.now(UTC)))


def mailbox(lab: LabExchange, number: int) -> Mailbox:
    """One of the lab's mailboxes; each test has its own."""
    return Mailbox(f"m{number}", "hq", lab.address(number), "staff", "manual")


def by_start(source: ExchangeSource, of: Mailbox, window: Window = WINDOW) -> list[Meeting]:
    """The window as the source reads it."""
    expansion = source.view(of, window)
    assert expansion.unreadable == ()
    return sorted(
        (m for series in expansion.series for m in series.meetings), key=lambda m: (m.start, m.item_id)
    )


def facts(meeting: Meeting) -> tuple[object, ...]:
    """What the lab tells of an occurrence too."""
    day = meeting.first_day.isoformat() if meeting.first_day else None
    return (
        meeting.uid,
        meeting.original_start,
        meeting.start,
        meeting.end,
        meeting.subject,
        meeting.location,
        day,
        meeting.cancelled,
    )


def truth(lab: LabExchange, of: Mailbox) -> list[tuple[object, ...]]:
    """The same facts from the lab's own books."""
    moment = datetime.fromisoformat
    rows = lab.truth(of.address, WINDOW.start, WINDOW.end)
    found = [
        (
            row["uid"],
            moment(row["original_start"]),
            moment(row["start"]),
            moment(row["end"]),
            row["subject"],
            row["location"],
            row["first_day"],
            row["cancelled"],
        )
        for row in rows
    ]
    return sorted(found, key=str)


def hours(ahead: float) -> str:
    """A time of day ahead, as edits are given it."""
    return (NOW + timedelta(hours=ahead)).isoformat()


@pytest.mark.parametrize("scheme", ["ntlm", "negotiate", "basic"])
def test_every_scheme_opens_the_calendar(lab: LabExchange, scheme: str) -> None:
    """NTLM, Negotiate and Basic satisfy Extended Protection, and probe names its mailbox."""
    opened = connect(lab, auth=scheme)
    owner = mailbox(lab, 1)
    assert opened.probe(owner) == Identity(owner.address, "", None)
    opened.close()


def test_list_equals_the_calendar_after_every_edit(lab: LabExchange, source: ExchangeSource) -> None:
    """Create, move, make recurring, change and delete one occurrence, whole days, cancel: delta and view both follow."""
    owner = mailbox(lab, 2)
    cursor = source.delta(owner, None).cursor
    known: dict[str, tuple[Meeting, ...]] = {}

    def step() -> None:
        nonlocal cursor
        page = source.delta(owner, cursor)
        cursor = page.cursor
        for series in source.expand(owner, page.dirty, WINDOW).series:
            known[series.uid] = series.meetings
        gone = {*page.gone}
        for uid, meetings in list(known.items()):
            known[uid] = tuple(m for m in meetings if not gone & {m.item_id, m.home_id})
        listed = sorted((facts(m) for meetings in known.values() for m in meetings), key=str)
        assert listed == truth(lab, owner)
        assert sorted(map(facts, by_start(source, owner)), key=str) == truth(lab, owner)

    one = lab.edit("create", mailbox=owner.address, subject="One", start=hours(2), location="Here")["item_id"]
    step()
    lab.edit("move", mailbox=owner.address, item=one, start=hours(4))
    step()
    lab.edit("make_recurring", mailbox=owner.address, item=one, recurrence={"kind": "daily", "count": 6})
    step()
    second = hours(4 + 24)
    lab.edit(
        "change_occurrence", mailbox=owner.address, item=one, at=second, subject="Other", start=hours(30)
    )
    step()
    lab.edit("delete_occurrence", mailbox=owner.address, item=one, at=hours(4 + 48))
    step()
    for zone in (
        "Russian Standard Time",
        "Tokyo Standard Time",
        "Hawaiian Standard Time",
        "W. Europe Standard Time",
    ):
        day = (NOW + timedelta(days=3)).date().isoformat()
        lab.edit(
            "create", mailbox=owner.address, subject=zone, start=f"{day}T00:00:00", zone=zone, all_day=True
        )
        step()
    lab.edit("cancel", mailbox=owner.address, item=one)
    step()


def test_alias_is_answered_with_the_primary_address(lab: LabExchange, source: ExchangeSource) -> None:
    """Impersonating by PrimarySmtpAddress once shows it."""
    owner = mailbox(lab, 3)
    lab.edit("change_address", mailbox=owner.address, to="married@example.com")
    with pytest.raises(AccessDenied) as caught:
        source.probe(owner)
    assert (caught.value.code, caught.value.detail) == ("alias-address", "married@example.com")


def test_mailbox_outside_the_scope_is_denied(lab: LabExchange, source: ExchangeSource) -> None:
    """The management scope decides; the reason names the right that is missing."""
    owner = mailbox(lab, 4)
    lab.scope(denied=[owner.address])
    with pytest.raises(AccessDenied, match="impersonation-denied"):
        source.probe(owner)


def test_damaged_item_leaves_its_neighbours(lab: LabExchange, source: ExchangeSource) -> None:
    """One corrupt item is quarantined, the others are listed."""
    owner = mailbox(lab, 5)
    bad = lab.edit("create", mailbox=owner.address, subject="Bad", start=hours(1))["item_id"]
    lab.edit("create", mailbox=owner.address, subject="Good", start=hours(2))
    lab.edit("corrupt", mailbox=owner.address, item=bad)
    found = source.view(owner, WINDOW)
    assert [(each.item_id, each.code) for each in found.unreadable] == [(bad, "item-corrupt")]
    assert [m.subject for series in found.series for m in series.meetings] == ["Good"]


@pytest.mark.parametrize(
    "kind", ["truncated", "wrong_length", "empty", "html", "garbage", "two_in_one", "dropped"]
)
def test_broken_page_moves_no_cursor(lab: LabExchange, source: ExchangeSource, kind: str) -> None:
    """Half a page of changes is an error; asked again, the whole page comes."""
    owner = mailbox(lab, 6)
    cursor = source.delta(owner, None).cursor
    made = lab.edit("create", mailbox=owner.address, subject="One", start=hours(1))["item_id"]
    lab.fault("SyncFolderItems", kind, times=2, status=200)
    with pytest.raises(Transient):
        source.delta(owner, cursor)
    lab.clear_faults()
    assert source.delta(owner, cursor).dirty == (made,)


@pytest.mark.parametrize("kind", ["illegal", "bom", "split"])
def test_odd_but_whole_page_is_read(lab: LabExchange, source: ExchangeSource, kind: str) -> None:
    """An illegal character, a byte order mark, or a document over many chunks is no reason to give up."""
    lab.fault("SyncFolderItems", kind)
    assert source.delta(mailbox(lab, 7), None).cursor


def test_busy_server_says_how_long(lab: LabExchange, source: ExchangeSource) -> None:
    """The back-off of a fault and of a response message both arrive."""
    for kind, number in (("soap", 7), ("response", 11)):
        lab.fault("SyncFolderItems", kind, code="ErrorServerBusy", values={"BackOffMilliseconds": "4000"})
        with pytest.raises(Throttled) as caught:
            source.delta(mailbox(lab, number), None)
        assert caught.value.retry_after == timedelta(seconds=4)


def test_lost_sync_state_means_reading_afresh(lab: LabExchange, source: ExchangeSource) -> None:
    """A cursor the server does not understand any more expires."""
    with pytest.raises(CursorExpired):
        source.delta(mailbox(lab, 7), "AAAA")


def test_writes_are_made_once(lab: LabExchange, source: ExchangeSource) -> None:
    """Update and create, twice each: one change and one meeting; the second answer of a lost one finds it done."""
    owner = mailbox(lab, 8)
    item = lab.edit("create", mailbox=owner.address, subject="One", start=hours(1))["item_id"]
    update = MeetingUpdate("k1", item, location="Room", body="<p>Join</p>", marker="m")
    assert not source.apply(owner, update).repeated
    assert source.apply(owner, update).repeated
    guest = Attendee(lab.address(9), "Nine")
    new = NewMeeting(
        "k2",
        "new-1@example.com",
        "New",
        NOW + timedelta(days=1),
        NOW + timedelta(days=1, hours=1),
        attendees=(guest,),
    )
    lab.fault("CreateItem", "dropped", after=True)
    with pytest.raises(Transient):
        source.apply(owner, new)
    assert source.apply(owner, new).repeated
    listed = by_start(source, owner)
    assert [(m.subject, m.location) for m in listed] == [("One", "Room"), ("New", "")]
    assert [m.subject for m in by_start(source, mailbox(lab, 9))] == ["New"]


def test_free_busy_and_presence(lab: LabExchange, source: ExchangeSource) -> None:
    """Asked impersonating the owner; a stranger's answer is a reason."""
    owner = mailbox(lab, 10)
    lab.edit("create", mailbox=owner.address, subject="One", start=hours(1), end=hours(2), show_as="Busy")
    mine, stranger = source.availability(owner, [owner.address, "nobody@elsewhere.example"], WINDOW)
    assert [(span.start, span.end) for span in mine.busy] == [
        (NOW + timedelta(hours=1), NOW + timedelta(hours=2))
    ]
    assert stranger.code == "no-free-busy"
    assert not source.presence(owner).away
    log = lab.log(operation="GetUserAvailability")
    assert {entry["acting"] for entry in log} <= {owner.address}


def test_many_workers_share_few_logons(lab: LabExchange, source: ExchangeSource) -> None:
    """Eight threads on eight mailboxes are served side by side and disturb each other in nothing."""
    failures: list[Exception] = []

    def work(number: int) -> None:
        try:
            owner = mailbox(lab, number)
            for _ in range(10):
                source.delta(owner, None)
                source.view(owner, WINDOW)
        except Exception as error:  # noqa: BLE001 - shown below
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(5, 13) if number != 5]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_wrong_password_never_locks_the_account(lab: LabExchange) -> None:
    """Many threads with a wrong password make at most two bad logons; the lab would lock at five."""
    opened = connect(lab, password=lambda: "Wrong-1")
    refusals: list[Exception] = []

    def knock(number: int) -> None:
        try:
            opened.delta(mailbox(lab, number), None)
        except (CredentialRefused, Transient) as error:
            refusals.append(error)

    threads = [threading.Thread(target=knock, args=(number,)) for number in range(1, 13)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    opened.close()
    account = lab.accounts()[0]
    assert len(refusals) == 12
    assert account["bad_logons"] <= 2
    assert not account["locked"]
