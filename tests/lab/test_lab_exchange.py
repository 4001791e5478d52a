"""Unmodified exchangelib can use the lab's Exchange, a real process, over TLS and NTLM."""

import queue
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import exchangelib
import pytest
from exchangelib.autodiscover.protocol import AutodiscoverProtocol
from exchangelib.errors import ErrorImpersonateUserDenied, ErrorServerBusy, UnauthorizedError
from exchangelib.folders import DistinguishedFolderId
from exchangelib.properties import Mailbox
from exchangelib.services import (
    GetStreamingEvents,
    GetUserSettings,
    SubscribeToStreaming,
    SyncFolderItems,
)

from tests.lab.exchange.launch import LabExchange

pytestmark = pytest.mark.lab

USER1, USER2 = "user1@example.com", "user2@example.com"
SOON = datetime(2026, 11, 23, 10, tzinfo=UTC)
SECONDS = 20


@pytest.fixture(scope="module")
def shared() -> Iterator[LabExchange]:
    """One process for all tests that leave it as it was; a minute lasts a second."""
    with LabExchange(
        mailboxes=5, minute=1, heartbeat=0.2, auth="ntlm,negotiate,basic", notification="t"
    ) as lab:
        yield lab


@pytest.fixture
def lab(shared: LabExchange, monkeypatch: pytest.MonkeyPatch) -> Iterator[LabExchange]:
    """The shared process, trusted by requests; faults and scope are taken back afterwards."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(shared.ca))
    yield shared
    exchangelib.close_connections()
    exchangelib.protocol.CachingProtocol.clear_cache()
    shared.clear_faults()
    shared.scope()
    shared.lock(locked=False)


def account(lab: LabExchange, address: str = USER1, password: str = "") -> Any:
    """An unmodified exchangelib account, acting for a mailbox over NTLM."""
    configuration = exchangelib.Configuration(
        service_endpoint=lab.url,
        credentials=exchangelib.Credentials(lab.user, password or lab.password),
        auth_type=exchangelib.NTLM,
        version=exchangelib.Version(exchangelib.Build(15, 1)),
        max_connections=3,
        retry_policy=exchangelib.FailFast(),
    )
    return exchangelib.Account(
        address, config=configuration, access_type=exchangelib.IMPERSONATION, autodiscover=False
    )


def calendar(address: str = USER1) -> Any:
    return DistinguishedFolderId(id="calendar", mailbox=Mailbox(email_address=address))


def test_exchangelib_finds_the_mailboxes_by_autodiscover(lab: LabExchange) -> None:
    """GetUserSettings through exchangelib's own protocol: URLs, group, and InvalidUser for nobody."""
    protocol = AutodiscoverProtocol(
        config=exchangelib.Configuration(
            service_endpoint=lab.autodiscover,
            credentials=exchangelib.Credentials(lab.user, lab.password),
            auth_type=exchangelib.NTLM,
        )
    )
    settings = ["external_ews_url", "internal_ews_url", "grouping_information", "auto_discover_smtp_address"]
    try:
        users = [lab.address(1 + number % 5) for number in range(100)]
        found = list(GetUserSettings(protocol=protocol).call([*users, "ghost@example.com"], settings))
    finally:
        protocol.close()
    assert [user.autodiscover_smtp_address for user in found[:100]] == users
    assert {user.ews_url for user in found[:100]} == {lab.url}
    assert found[100].error_code == "InvalidUser"


def test_exchangelib_lists_and_syncs_a_calendar(lab: LabExchange) -> None:
    """The calendar folder, a view and the sync feed show what was made."""
    made = lab.edit("create", mailbox=USER1, start=SOON.isoformat(), subject="Planning")
    user = account(lab)
    listed = list(user.calendar.view(start=SOON - timedelta(days=1), end=SOON + timedelta(days=1)))
    assert "Planning" in {item.subject for item in listed}
    feed = SyncFolderItems(account=user)
    changes = list(
        feed.call(
            folder=user.calendar,
            shape="IdOnly",
            additional_fields=None,
            sync_state=None,
            ignore=None,
            max_changes_returned=100,
            sync_scope=None,
        )
    )
    assert made["item_id"] in {item.id for _, item in changes}
    assert feed.sync_state


def test_exchangelib_makes_changes_and_deletes(lab: LabExchange) -> None:
    """An item made, changed and deleted by exchangelib is so in truth."""
    [address] = lab.create_mailboxes(1, prefix="written")
    user = account(lab, address)
    day = SOON.replace(hour=0), SOON.replace(hour=23)
    start, end = (exchangelib.EWSDateTime.from_datetime(time) for time in (SOON, SOON + timedelta(hours=1)))
    item = exchangelib.CalendarItem(folder=user.calendar, start=start, end=end, subject="Draft")
    item.save()
    [made] = lab.truth(address, *day)
    assert (made["subject"], made["item_id"]) == ("Draft", item.id)
    item.location = "Room 4"
    item.save(update_fields=["location"])
    [changed] = lab.truth(address, *day)
    assert changed["location"] == "Room 4"
    assert changed["change_key"] == item.changekey != made["change_key"]
    item.delete()
    assert lab.truth(address, *day) == []


def test_exchangelib_streams_changes(lab: LabExchange) -> None:
    """Subscribed, told of a change as it happens, and closed at ConnectionTimeout."""
    user = account(lab, USER2)
    ids = list(SubscribeToStreaming(account=user).call([calendar(USER2)], ["CreatedEvent"]))
    heard: queue.Queue[Any] = queue.Queue()

    def listen() -> None:
        for notification in GetStreamingEvents(account=user).call(ids, connection_timeout=2):
            heard.put(notification)
        heard.put(None)

    reader = threading.Thread(target=listen)
    reader.start()
    told = []
    for _ in range(2):  # the second change happens while the stream is surely open
        lab.edit("create", mailbox=USER2, start=SOON.isoformat(), subject="Now")
        told.append(heard.get(timeout=SECONDS))
    assert [notification.subscription_id for notification in told] == ids * 2
    assert heard.get(timeout=SECONDS) is None
    reader.join(SECONDS)


def test_exchangelib_is_refused_with_a_wrong_password(lab: LabExchange) -> None:
    """One try is one bad logon, and says so in the log."""
    with pytest.raises(UnauthorizedError):
        list(
            SubscribeToStreaming(account=account(lab, password="wrong")).call([calendar()], ["CreatedEvent"])
        )
    assert lab.accounts()[0]["bad_logons"] == 1
    assert "bad logon 1" in lab.log(operation="Logon")[-1]["reason"]


def test_exchangelib_meets_a_denied_scope(lab: LabExchange) -> None:
    """Outside the management scope every operation is refused before anything is opened."""
    lab.scope(denied=[USER1])
    before = lab.log()[-1]["number"]
    with pytest.raises(ErrorImpersonateUserDenied):
        list(SubscribeToStreaming(account=account(lab)).call([calendar()], ["CreatedEvent"]))
    assert lab.log(since=before, address=USER1) == []


def test_exchangelib_meets_a_busy_server(lab: LabExchange) -> None:
    """BackOffMilliseconds arrives in the fault where exchangelib looks for it."""
    lab.fault("Subscribe", "soap", code="ErrorServerBusy", values={"BackOffMilliseconds": "1500"})
    with pytest.raises(ErrorServerBusy) as raised:
        list(SubscribeToStreaming(account=account(lab)).call([calendar()], ["CreatedEvent"]))
    assert raised.value.back_off == 1.5


def test_channel_binding_is_required_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """With Extended Protection on, requests-ntlm's binding over real TLS is accepted."""
    with LabExchange(mailboxes=1, extended_protection="require") as lab:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(lab.ca))
        try:
            assert list(SubscribeToStreaming(account=account(lab)).call([calendar()], ["CreatedEvent"]))
        finally:
            exchangelib.close_connections()
            exchangelib.protocol.CachingProtocol.clear_cache()
