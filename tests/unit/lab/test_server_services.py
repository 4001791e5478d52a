"""The way of a request through the lab's web services."""

import threading
from pathlib import Path

import pytest
from lxml import etree

from tests.lab.exchange import soap
from tests.lab.exchange.call import ResponseFault
from tests.lab.exchange.edits import EDITS
from tests.lab.exchange.faults import Fault, Kind
from tests.lab.exchange.limits import Figures, Limits
from tests.lab.exchange.settings import Settings, StreamSettings
from tests.lab.exchange.wire import Answer, DropConnection
from tests.unit.lab.server_site import (
    GET_FOLDER,
    SUBSCRIBE,
    USER1,
    Lab,
    body_of,
    code,
    documents,
    envelope,
    impersonation,
    schema,
    stream,
    subscription_id,
)

END = b"</s:Envelope>"


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """Three mailboxes; user1 has an alias; streams end at once."""
    monkeypatch.setenv("NTLM_USER_FILE", "")
    made = Lab(Settings(tmp_path, mailboxes=3, stream=StreamSettings(minute=0.02, notification="t")))
    made.site.organisation.add("room@example.com", aliases=("saal@example.com",))
    return made


def test_a_good_request_is_answered(lab: Lab) -> None:
    """The handler's answer goes out in an envelope with the server's version, and the log says who was opened."""
    answer, entry = lab.ask(GET_FOLDER, x_anchormailbox="User1@example.com")
    assert (answer.status, code(answer)) == (200, "NoError")
    assert isinstance(answer.body, bytes)
    assert etree.fromstring(answer.body).find(f".//{soap.T}ServerVersionInfo") is not None
    assert (entry.operation, entry.acting, entry.anchor, entry.touched) == (
        "GetFolder",
        USER1,
        USER1,
        [USER1],
    )
    assert {"request-id", "X-FEServer", "X-BEServer"} <= {name for name, _ in answer.headers}


@pytest.mark.parametrize("raw", [b"", b"<html/>", b"<a", envelope("")])
def test_what_is_no_soap_is_a_fault(lab: Lab, raw: bytes) -> None:
    """HTTP 500 and ErrorSchemaValidation."""
    answer, _ = lab.send(raw)
    assert (answer.status, code(answer)) == (500, "ErrorSchemaValidation")


def test_an_unknown_operation_is_a_fault(lab: Lab) -> None:
    """Nothing is made up for what the lab does not do."""
    answer, entry = lab.ask("<m:Teleport/>")
    assert (answer.status, code(answer), entry.operation) == (500, "ErrorInvalidRequest", "Teleport")


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("SmtpAddress", "room@example.com", "NoError"),
        ("SmtpAddress", "SAAL@example.com", "NoError"),
        ("PrincipalName", "room@example.com", "NoError"),
        ("PrimarySmtpAddress", "room@example.com", "NoError"),
        ("PrimarySmtpAddress", "saal@example.com", "ErrorNonPrimarySmtpAddress"),
        ("SmtpAddress", "ghost@example.com", "ErrorNonExistentMailbox"),
        ("SmtpAddress", "user2@example.com", "ErrorImpersonateUserDenied"),
        ("SID", "S-1-5-21", "ErrorInvalidExchangeImpersonationHeaderData"),
        ("SmtpAddress", " ", "ErrorInvalidExchangeImpersonationHeaderData"),
    ],
)
def test_impersonation(lab: Lab, kind: str, name: str, expected: str) -> None:
    """Who may be acted for, and by which of their names."""
    lab.site.scope.set(["*@example.com"], denied=["user2@example.com"])
    answer, entry = lab.send(envelope(GET_FOLDER, impersonation(name, kind)))
    assert code(answer) == expected
    assert entry.touched == (["room@example.com"] if expected == "NoError" else [])


def test_a_scope_is_a_list_or_everybody(lab: Lab) -> None:
    """Outside the list is denied; no list is everybody again."""
    lab.site.scope.set([USER1])
    assert code(lab.ask(GET_FOLDER)[0]) == "NoError"
    assert code(lab.ask(GET_FOLDER, acting="user3@example.com")[0]) == "ErrorImpersonateUserDenied"
    lab.site.scope.set()
    assert code(lab.ask(GET_FOLDER, acting="user3@example.com")[0]) == "NoError"


def test_subscribe_sets_the_affinity_cookie_when_asked(lab: Lab) -> None:
    """X-PreferServerAffinity brings X-BackEndOverrideCookie, its absence none."""
    plain, _ = lab.ask(SUBSCRIBE)
    assert not [value for name, value in plain.headers if name == "Set-Cookie"]
    pinned, _ = lab.ask(SUBSCRIBE, x_preferserveraffinity="TRUE")
    cookies = [value for name, value in pinned.headers if name == "Set-Cookie"]
    assert cookies[0].startswith("X-BackEndOverrideCookie=mbx")


def test_the_cookie_leads_to_the_subscription(lab: Lab) -> None:
    """The anchor's cookie pins another member's subscription to the anchor's server, and the stream finds both there."""
    anchor, other = _apart(lab)
    pinned, first = lab.ask(SUBSCRIBE, acting=anchor, x_anchormailbox=anchor, x_preferserveraffinity="true")
    cookie = next(value for name, value in pinned.headers if name == "Set-Cookie").partition(";")[0]
    member, second = lab.ask(
        SUBSCRIBE, acting=other, x_anchormailbox=other, x_preferserveraffinity="true", cookie=cookie
    )
    assert first.back_end == second.back_end
    wanted = stream(subscription_id(member))
    good, _ = lab.ask(wanted, acting=None, x_preferserveraffinity="true", cookie=cookie)
    assert b"ErrorReadEventsFailed" not in b"".join(documents(good))
    lost, _ = lab.ask(wanted, acting=None, x_anchormailbox=other)
    assert b"ErrorReadEventsFailed" in b"".join(documents(lost))


def _apart(lab: Lab) -> tuple[str, str]:
    """Two mailboxes with homes on different servers."""
    lab.site.create_mailboxes(20)
    homes = {lab.site.directory.back_end(box.address): box.address for box in lab.site.organisation}
    first, second, *_ = homes.values()
    return first, second


def test_a_cookie_of_another_group_leads_nowhere(lab: Lab) -> None:
    """The first group's cookie on the next group's Subscribe is refused."""
    EDITS["move_group"](lab.site.organisation, mailbox="user2@example.com", group="B")
    pinned, _ = lab.ask(SUBSCRIBE, x_preferserveraffinity="true")
    cookie = next(value for name, value in pinned.headers if name == "Set-Cookie").partition(";")[0]
    headers = {"x_preferserveraffinity": "true", "cookie": cookie}
    assert code(lab.ask(SUBSCRIBE, **headers)[0]) == "NoError"
    refused, _ = lab.ask(SUBSCRIBE, acting="user2@example.com", **headers)
    assert code(refused) == "ErrorProxyRequestNotAllowed"


def test_a_delay_holds_the_budget(lab: Lab) -> None:
    """While an answer is delayed, its mailbox's budget is used."""
    lab.site.faults.push("GetFolder", Fault(Kind.DELAY))
    slow = threading.Thread(target=lab.ask, args=(GET_FOLDER,))
    slow.start()
    running = (lab.site.limits.report()["running"] for _ in range(1_000_000))
    assert next(held for held in running if held) == {USER1: 1}
    lab.site.faults.clear()
    slow.join(20)
    assert lab.site.limits.report()["running"] == {}


def test_the_stream_s_log_names_its_mailboxes(lab: Lab) -> None:
    """Touched are the mailboxes whose subscriptions the connection carries."""
    subscribed, _ = lab.ask(SUBSCRIBE, acting="user3@example.com")
    answer, entry = lab.ask(
        stream(subscription_id(subscribed)), acting=None, x_anchormailbox="user3@example.com"
    )
    assert list(documents(answer))
    assert entry.touched == ["user3@example.com"]


def test_the_budget_is_the_mailbox_s(lab: Lab) -> None:
    """ErrorServerBusy is a SOAP fault with the time to stay away."""
    limits = Limits(Figures(concurrency=1, back_off_ms=2500))
    with limits.request(USER1, "GetItem"):
        with limits.request("user2@example.com", "GetItem"):
            assert limits.report()["running"] == {USER1: 1, "user2@example.com": 1}
        with pytest.raises(ResponseFault) as raised, limits.request(USER1, "GetItem"):
            raise AssertionError("the budget was not kept")
    assert raised.value.scope == "soap"
    assert raised.value.values["BackOffMilliseconds"] == "2500"
    assert next(iter(raised.value.values)) == "Policy"
    assert limits.report()["running"] == {}


def test_parallel_syncs_of_one_mailbox_have_their_own_limit() -> None:
    """ConcurrentSyncCalls counts Sync operations only."""
    limits = Limits(Figures(concurrent_syncs=1))
    with limits.request(USER1, "SyncFolderItems"):
        with limits.request(USER1, "GetItem"):
            pass
        with pytest.raises(ResponseFault, match="ErrorServerBusy"), limits.request(USER1, "SyncFolderItems"):
            raise AssertionError("the limit was not kept")


def test_a_fault_meets_its_operation_and_mailbox_once(lab: Lab) -> None:
    """Other operations and mailboxes pass, and so does the next request."""
    lab.site.faults.push("GetFolder", Fault(Kind.RESPONSE, "ErrorMailboxStoreUnavailable"), acting=USER1)
    assert code(lab.ask(SUBSCRIBE)[0]) == "NoError"
    assert code(lab.ask(GET_FOLDER, acting="user2@example.com")[0]) == "NoError"
    assert lab.site.faults.pending() == {"GetFolder": 1}
    answer, entry = lab.ask(GET_FOLDER)
    assert (code(answer), entry.reason) == ("ErrorMailboxStoreUnavailable", "fault on order: response")
    assert code(lab.ask(GET_FOLDER)[0]) == "NoError"
    assert lab.site.faults.pending() == {}


def test_a_fault_for_ever_lasts_until_cleared(lab: Lab) -> None:
    """times=-1, any operation."""
    lab.site.faults.push("*", Fault(Kind.SOAP, "ErrorServerBusy", values={"BackOffMilliseconds": "10"}), -1)
    assert {code(lab.ask(GET_FOLDER)[0]) for _ in range(3)} == {"ErrorServerBusy"}
    lab.site.faults.clear()
    assert code(lab.ask(GET_FOLDER)[0]) == "NoError"


def test_every_message_of_a_batch_fails(lab: Lab) -> None:
    """A response fault has as many messages as the request has ids."""
    lab.site.faults.push("GetItem", Fault(Kind.RESPONSE, "ErrorItemCorrupt"))
    items = "".join(f'<t:ItemId Id="{number}"/>' for number in range(3))
    answer, _ = lab.ask(f"<m:GetItem><m:ItemIds>{items}</m:ItemIds></m:GetItem>")
    assert isinstance(answer.body, bytes)
    assert answer.body.count(b"ErrorItemCorrupt") == 3


def test_pages_instead_of_answers(lab: Lab) -> None:
    """Any status with headers and HTML, and an empty 200."""
    lab.site.faults.push("GetFolder", Fault(Kind.HTML, status=503, headers={"Retry-After": "7"}))
    lab.site.faults.push("GetFolder", Fault(Kind.EMPTY))
    page, _ = lab.ask(GET_FOLDER)
    assert page.status == 503
    assert ("Retry-After", "7") in page.headers
    assert lab.ask(GET_FOLDER)[0].body == b""


def test_damaged_bodies(lab: Lab) -> None:
    """Half a document with a true or an untrue length, garbage, an illegal character, a byte order mark."""
    lab.site.faults.push("GetFolder", Fault(Kind.TRUNCATED))
    honest = lab.ask(GET_FOLDER, acting="user2@example.com")[0]
    assert isinstance(honest.body, bytes)
    assert not honest.body.endswith(b"Envelope>")
    for kind in (Kind.WRONG_LENGTH, Kind.GARBAGE, Kind.ILLEGAL, Kind.BOM):
        lab.site.faults.push("GetFolder", Fault(kind))
    short, garbage, illegal, marked = (lab.ask(GET_FOLDER)[0] for _ in range(4))
    assert isinstance(short.body, bytes)
    assert short.announced is not None
    assert short.announced > len(short.body)
    assert short.cut
    assert isinstance(garbage.body, bytes)
    assert b"Envelope" not in garbage.body
    assert b"&#x1;" in bytes(illegal.body)  # type: ignore[arg-type]  # not a stream
    assert bytes(marked.body).startswith(b"\xef\xbb\xbf")  # type: ignore[arg-type]  # not a stream


def test_an_answer_may_be_lost_after_the_operation(lab: Lab) -> None:
    """`after` carries the operation out first; a dropped connection has no answer at all."""
    lab.site.faults.push("Subscribe", Fault(Kind.DROPPED, after=True))
    lab.site.faults.push("Subscribe", Fault(Kind.DROPPED))
    with pytest.raises(DropConnection):
        lab.ask(SUBSCRIBE)
    assert len(lab.site.streaming.subscriptions.report()) == 1
    with pytest.raises(DropConnection):
        lab.ask(SUBSCRIBE)
    assert len(lab.site.streaming.subscriptions.report()) == 1


def test_damaged_streams(lab: Lab) -> None:
    """Two documents in one chunk, one over several, a cut in the middle of one."""
    wanted = stream(subscription_id(lab.ask(SUBSCRIBE)[0]))

    def damaged(fault: Fault) -> Answer:
        lab.site.faults.push("GetStreamingEvents", fault)
        return lab.ask(wanted)[0]

    assert [piece.count(END) for piece in documents(damaged(Fault(Kind.TWO_IN_ONE)))] == [2]
    pieces = list(documents(damaged(Fault(Kind.SPLIT))))
    assert len(pieces) > 10
    assert b"".join(pieces).count(END) == 2
    whole, rest = documents(damaged(Fault(Kind.TRUNCATED, documents=1)))
    assert whole.endswith(END)
    assert not rest.endswith(END)
    assert damaged(Fault(Kind.WRONG_LENGTH)).cut


def test_a_stalled_answer_waits_for_its_release(lab: Lab) -> None:
    """Half a document comes, the end only when faults are cleared or the time is over."""
    lab.site.faults.push("GetFolder", Fault(Kind.STALLED, seconds=0.01))
    answer, _ = lab.ask(GET_FOLDER)
    pieces = list(documents(answer))
    assert len(pieces) == 1
    assert not pieces[0].endswith(b"Envelope>")


def test_failures_validate_against_the_schema(lab: Lab) -> None:
    """Error answers of every operation that the lab or a test makes fail are valid."""
    rules = schema()
    if rules is None:
        pytest.skip("the EWS schema of the reference shelf is not here")
    trouble = soap.Trouble("ErrorServerBusy", "Busy.", {"BackOffMilliseconds": "5"})
    operations = [
        "GetItem",
        "FindItem",
        "SyncFolderItems",
        "GetFolder",
        "Subscribe",
        "Unsubscribe",
        "GetStreamingEvents",
        "ConvertId",
        "UpdateItem",
        "CreateItem",
        "DeleteItem",
        "GetUserOofSettings",
        "GetUserAvailability",
        "GetMailTips",
        "GetServerTimeZones",
    ]
    for operation in operations:
        response = soap.failure(operation, trouble, 1)
        assert rules.validate(response), f"{operation}: {rules.error_log}"
    for body in (GET_FOLDER, SUBSCRIBE):
        answer, _ = lab.ask(body)
        assert isinstance(answer.body, bytes)
        assert rules.validate(body_of(answer.body)), rules.error_log
