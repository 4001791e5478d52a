"""The lab's Exchange fails the way servers and networks fail, and its log tells the truth."""

import gzip
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException, IncompleteRead
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.lab.exchange.launch import LabExchange
from tests.lab.lab_client import SECONDS, Client
from tests.lab.process import LabError
from tests.unit.lab.server_site import GET_FOLDER, SUBSCRIBE, USER1, body_of, schema, stream

pytestmark = pytest.mark.lab

SOON = datetime(2026, 11, 23, 10, tzinfo=UTC)
ENDLESS = stream("{}").replace(">1<", ">30<")
TRIES = 2000


@pytest.fixture(scope="module")
def shared() -> Iterator[LabExchange]:
    """One process for all tests that leave it as it was; a minute lasts a second."""
    options: dict[str, Any] = {"minute": 1, "heartbeat": 0.2, "auth": "ntlm,negotiate,basic"}
    with LabExchange(mailboxes=5, balancer_cookie=True, notification="t", **options) as lab:
        yield lab


@pytest.fixture
def lab(shared: LabExchange) -> Iterator[LabExchange]:
    """The shared process; what a test ordered is taken back afterwards."""
    yield shared
    shared.clear_faults()
    shared.scope()
    shared.lock(locked=False)


def test_answers_validate_against_the_schema(lab: LabExchange) -> None:
    """Every document of a stream and of plain operations, as it came over the wire."""
    rules = schema()
    if rules is None:
        pytest.skip("the EWS schema of the reference shelf is not here")
    with Client(lab) as client:
        wanted = client.subscribe()
        lab.edit("create", mailbox=USER1, start=SOON.isoformat())
        raw = client.ask(stream(wanted), X_AnchorMailbox=USER1).read()
        answers = [piece + b"</s:Envelope>" for piece in raw.split(b"</s:Envelope>")[:-1]]
        answers += [client.ask(body).read() for body in (GET_FOLDER, SUBSCRIBE)]
    assert len(answers) > 5
    for answer in answers:
        assert rules.validate(body_of(answer)), rules.error_log


def test_the_401_offers_every_scheme_and_a_cookie(lab: LabExchange) -> None:
    """Each scheme has a header of its own, and a load balancer may set a cookie on the 401."""
    with Client(lab) as client:
        client.authorization = "Bearer x"
        answer = client.ask(GET_FOLDER)
        answer.read()
    assert answer.headers.get_all("WWW-Authenticate") == ["NTLM", "Negotiate", 'Basic realm="exchange"']
    assert answer.headers["Set-Cookie"].startswith("LB-Pool=")


def test_large_answers_are_compressed_for_who_asks(lab: LabExchange) -> None:
    """gzip, and the same document."""
    many = GET_FOLDER.replace(
        "</m:FolderIds>", '<t:DistinguishedFolderId Id="calendar"/>' * 20 + "</m:FolderIds>"
    )
    with Client(lab) as client:
        answer = client.ask(many, Accept_Encoding="gzip, deflate")
        packed = answer.read()
        assert answer.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(packed).count(b"GetFolderResponseMessage ") == 21


def test_only_tls_1_2_and_newer_is_spoken(lab: LabExchange) -> None:
    """TLS 1.2 is accepted; plain HTTP is not answered."""
    context = ssl.create_default_context(cafile=str(lab.ca))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with (
        socket.create_connection(("127.0.0.1", lab.port), SECONDS) as raw,
        context.wrap_socket(raw, server_hostname="127.0.0.1") as secured,
    ):
        assert secured.version() == "TLSv1.2"
    with closing(HTTPConnection("127.0.0.1", lab.port, timeout=SECONDS)) as plain:
        plain.request("GET", "/")
        with pytest.raises((HTTPException, OSError)):
            plain.getresponse()


def test_plain_autodiscover_redirects(lab: LabExchange) -> None:
    """Where http points can be changed, also to nowhere."""
    port = urlsplit(lab.plain).port

    def look() -> tuple[int, str | None]:
        with closing(HTTPConnection("127.0.0.1", port, timeout=SECONDS)) as plain:
            plain.request("GET", "/autodiscover/autodiscover.xml")
            answer = plain.getresponse()
            return answer.status, answer.headers["Location"]

    assert look() == (302, lab.pox)
    lab.plain_redirect("https://evil.example/autodiscover.xml")
    assert look() == (302, "https://evil.example/autodiscover.xml")
    lab.plain_redirect("")
    assert look()[0] == 404
    lab.plain_redirect(lab.pox)


def test_damage_on_the_wire(lab: LabExchange) -> None:
    """A wrong length, a reset, an empty answer and a page arrive as such; then everything is well again."""
    lab.fault("GetFolder", "wrong_length")
    with Client(lab) as client, pytest.raises(IncompleteRead):
        client.ask(GET_FOLDER).read()
    lab.fault("GetFolder", "dropped")
    with Client(lab) as client, pytest.raises((ConnectionError, ssl.SSLError)):
        client.ask(GET_FOLDER)
    lab.fault("GetFolder", "empty")
    lab.fault("GetFolder", "html", status=503, headers={"Retry-After": "3"})
    with Client(lab) as client:
        assert client.ask(GET_FOLDER).read() == b""
        page = client.ask(GET_FOLDER)
        assert (page.status, page.headers["Retry-After"]) == (503, "3")
        assert b"<html>" in page.read()
        assert b"NoError" in client.ask(GET_FOLDER).read()
    assert lab.pending_faults() == {}


def test_a_stream_cut_in_the_middle_of_a_document(lab: LabExchange) -> None:
    """The chunked body has no end."""
    with Client(lab) as client:
        wanted = client.subscribe()
        lab.fault("GetStreamingEvents", "wrong_length", documents=1)
        with pytest.raises(IncompleteRead) as raised:
            client.ask(stream(wanted), X_AnchorMailbox=USER1).read()
    assert raised.value.partial.count(b"</s:Envelope>") == 1


def test_a_stalled_answer_is_let_go(lab: LabExchange) -> None:
    """Clearing the faults ends it."""
    lab.fault("GetFolder", "stalled")
    with Client(lab) as client:
        answer = client.ask(GET_FOLDER)
        assert answer.read(20).startswith(b"<?xml")
        lab.clear_faults()
        assert not answer.read().endswith(b"Envelope>")


def test_a_client_that_leaves_frees_its_stream() -> None:
    """The hanging connection is given back when the client's end closes, long before the next heartbeat."""
    with LabExchange(mailboxes=1, auth="basic") as slow:
        with Client(slow) as client:
            answer = client.ask(ENDLESS.format(client.subscribe()), X_AnchorMailbox=USER1)
            assert b"OK" in answer.read1(4096)
            assert slow.limits()["hanging"] == {USER1: 1}
        answer.close()
        assert any(slow.limits()["hanging"] == {} for _ in range(TRIES))


def test_hanging_connections_are_limited() -> None:
    """The second stream of the same charged account is refused when the limit is one."""
    with (
        LabExchange(mailboxes=1, auth="basic", hanging=1) as small,
        Client(small) as first,
        Client(small) as second,
    ):
        ids = [first.subscribe() for _ in range(2)]
        held = first.ask(ENDLESS.format(ids[0]), X_AnchorMailbox=USER1)
        refused = second.ask(ENDLESS.format(ids[1]), X_AnchorMailbox=USER1)
        assert refused.status == 500
        assert b"ErrorExceededConnectionCount" in refused.read()
        held.close()


def test_a_paused_server_refuses_connections(lab: LabExchange) -> None:
    """Living connections are closed, new ones refused, and the port is the same afterwards."""
    with Client(lab) as client:
        client.ask(GET_FOLDER).read()
        lab.pause()
        with pytest.raises((OSError, HTTPException)):
            client.ask(GET_FOLDER)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", lab.port), SECONDS)
        lab.resume()
    with Client(lab) as client:
        assert client.ask(GET_FOLDER).status == 200


def test_a_restart_forgets_all_subscriptions(lab: LabExchange) -> None:
    """Old ids are not found on the new process."""
    with Client(lab) as client:
        wanted = client.subscribe()
    assert lab.restart_server() > 0
    assert lab.subscriptions() == []
    with Client(lab) as client:
        raw = client.ask(stream(wanted), X_AnchorMailbox=USER1).read()
    assert b"ErrorSubscriptionNotFound" in raw


def test_the_password_changes_under_the_client(lab: LabExchange) -> None:
    """The old password is refused and counted, five times lock the account, unlocking opens it."""
    lab.change_password("another")
    try:
        for _ in range(5):
            with Client(lab) as client:
                assert client.ask(GET_FOLDER).status == 401
        assert lab.accounts()[0]["locked"] is True
    finally:
        lab.change_password(lab.password)
    with Client(lab) as client:
        assert client.ask(GET_FOLDER).status == 401
    lab.lock(locked=False)
    with Client(lab) as client:
        assert client.ask(GET_FOLDER).status == 200


def test_certificates_can_be_changed_and_expire(lab: LabExchange) -> None:
    """A client that verifies refuses the expired one."""
    lab.new_certificate(expired=True)
    with Client(lab) as client, pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        client.ask(GET_FOLDER)
    lab.new_certificate("mail.example.com")
    with Client(lab) as client:
        assert client.ask(GET_FOLDER).status == 200


def test_the_log_proves_who_was_opened(lab: LabExchange) -> None:
    """A mailbox nobody asked for has no entry; one that was has each of its requests."""
    [quiet, busy] = lab.create_mailboxes(2, prefix="log")
    before = lab.log()[-1]["number"] if lab.log() else 0
    with Client(lab) as client:
        client.ask(GET_FOLDER, busy, X_AnchorMailbox=busy).read()
        client.ask(stream(client.subscribe(busy)), None, X_AnchorMailbox=busy).read()
    assert lab.log(since=before, address=quiet) == []
    operations = [entry["operation"] for entry in lab.log(since=before, address=busy)]
    assert operations == ["GetFolder", "Subscribe", "GetStreamingEvents"]
    assert {entry["status"] for entry in lab.log(since=before)} == {200}


def test_the_admin_door_says_what_is_wrong(lab: LabExchange) -> None:
    """Unknown commands, wrong arguments and refused edits raise with a sentence."""
    with pytest.raises(LabError, match="no such command"):
        lab.edit("nonsense")
    with pytest.raises(LabError, match="No mailbox"):
        lab.edit("create", mailbox="ghost@example.com", start=SOON.isoformat())
    with pytest.raises(LabError, match="is not a valid Kind"):
        lab.fault("GetItem", "nonsense")


def test_the_truth_is_what_was_made(lab: LabExchange) -> None:
    """Edits and truth through the admin door."""
    [address] = lab.create_mailboxes(1, prefix="truth")
    lab.edit("create", mailbox=address, start=SOON.isoformat(), subject="Planning")
    day = lab.truth(address, SOON.replace(hour=0), SOON.replace(hour=23))
    assert [one["subject"] for one in day] == ["Planning"]


def test_the_clock_can_be_pushed() -> None:
    """Time of the lab goes forward by what was said."""
    with LabExchange(mailboxes=1) as other:
        before = other.now()
        assert (other.advance(3600) - before).total_seconds() >= 3600
