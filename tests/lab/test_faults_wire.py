"""HTTP and below: pages for SOAP, cut and stalled answers, resets, certificates, names. The real source, a real server, a bridge."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.errors import AccessDenied, MailboxMoved, Refused, Scope, Throttled, Transient, Verdict
from connector.model import Mailbox
from connector.source.exchange.account import Directory
from connector.source.exchange.redirects import RememberedRedirects, Trust
from connector.source.exchange.settings import ExchangeSettings, ForgetfulRefusals, Limits
from connector.source.exchange.source import ExchangeSource
from connector.source.exchange.transport import Exchange
from tests.lab.exchange.certificates import Authority
from tests.lab.exchange.launch import LabExchange
from tests.lab.tcp_fault_proxy import TcpFaultProxy

pytestmark = pytest.mark.lab

OWNER = Mailbox("m1", "hq", "user1@example.com", "staff", "manual")
HOST = "mail.example.com"
QUICK = Limits(connect=2, silence=0.7, answer=1.5, session_wait=2)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabExchange]:
    """One process for all."""
    folder = tmp_path_factory.mktemp("lab")
    with LabExchange(mailboxes=2, hosts=HOST, extended_protection="require", dir=folder) as started:
        yield started


@pytest.fixture
def bridge(lab: LabExchange) -> Iterator[TcpFaultProxy]:
    """A bridge with the server's own certificate."""
    (certificate,) = lab.ca.parent.glob("server-*.pem")
    with TcpFaultProxy(lab.port, certificate) as made:
        yield made
    lab.clear_faults()


def connect(lab: LabExchange, port: int, **options: Any) -> ExchangeSource:
    """A source whose way leads to this port."""
    given: dict[str, Any] = {"limits": QUICK, "resolve": {HOST: f"127.0.0.1:{port}"}, "ca": lab.ca, **options}
    settings = ExchangeSettings(
        "hq",
        "i",
        lab.user,
        password=lambda: lab.password,
        url=f"https://{HOST}/EWS/Exchange.asmx",
        **given,
    )
    exchange = Exchange(settings, ForgetfulRefusals())
    trust = Trust(frozenset(), RememberedRedirects(lambda: None, lambda _: None))
    return ExchangeSource(exchange, Directory(settings, exchange, trust, lambda: datetime.now(UTC)))


@pytest.fixture
def source(lab: LabExchange, bridge: TcpFaultProxy) -> Iterator[ExchangeSource]:
    """A source over the bridge, logged on."""
    opened = connect(lab, bridge.port)
    assert opened.delta(OWNER, None).cursor
    yield opened
    opened.close()


def met(source: ExchangeSource) -> Verdict:
    """The verdict of the next delta."""
    with pytest.raises(Verdict) as caught:
        source.delta(OWNER, None)
    return caught.value


# --- HTTP answers that are no SOAP


@dataclass(frozen=True, slots=True)
class Page:
    """An HTTP answer, and what it means."""

    status: int
    kind: type[Verdict]
    word: str
    scope: Scope = Scope.SERVER
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    wait: float = 0.0

    def __str__(self) -> str:
        return (
            f"{self.status}{'-' + self.headers[0][0] if self.headers else ''}{'-aspx' if self.body else ''}"
        )


PAGES = [
    Page(200, Transient, "bad-answer"),
    Page(302, Transient, "bad-answer", headers=(("Location", "/owa/auth/logon.aspx"),)),
    Page(301, Transient, "bad-answer", headers=(("Location", "https://error.example.com/"),)),
    Page(400, Transient, "server-error"),
    Page(401, Transient, "no-challenge"),
    Page(403, AccessDenied, "ews-forbidden", Scope.MAILBOX),
    Page(404, Transient, "server-error"),
    Page(413, Refused, "request-refused", Scope.MAILBOX),
    Page(429, Transient, "busy"),
    Page(440, Transient, "server-error"),
    Page(451, MailboxMoved, "mailbox-moving", Scope.MAILBOX),
    Page(456, Transient, "server-error"),
    Page(500, Transient, "server-error", headers=(("X-CasErrorCode", "ServerNotFound"),)),
    Page(500, Transient, "server-error", body="<h1>Server Error in '/EWS' Application.</h1>"),
    Page(502, Transient, "server-error"),
    Page(503, Transient, "busy"),
    Page(503, Throttled, "busy", headers=(("Retry-After", "30"),), wait=30.0),
    Page(504, Transient, "server-error"),
]


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_page_in_place_of_soap(lab: LabExchange, source: ExchangeSource, page: Page) -> None:
    """Each status is a definite verdict; the next answer is believed again, and the logon was never in doubt."""
    facts: dict[str, Any] = {"status": page.status, "headers": dict(page.headers), "body": page.body}
    lab.fault("SyncFolderItems", "html", **facts)
    verdict = met(source)
    assert (type(verdict), verdict.code, verdict.scope) == (page.kind, page.word, page.scope)
    assert (verdict.retry_after.total_seconds() if isinstance(verdict, Throttled) else 0.0) == page.wait
    if page.scope is not Scope.MAILBOX or page.wait == 0.0:
        assert source.delta(OWNER, None).cursor
    assert lab.accounts()[0]["bad_logons"] == 0


@pytest.mark.parametrize("status", [200, 403, 500, 502, 503])
def test_load_balancers_page_before_the_server(
    lab: LabExchange, bridge: TcpFaultProxy, source: ExchangeSource, status: int
) -> None:
    """A pool without members answers for the server; nothing is believed and nothing is lost."""
    bridge.harm("page", status=status)
    assert met(source).code in {"bad-answer", "ews-forbidden", "server-error", "busy"}
    assert source.delta(OWNER, None).cursor
    assert lab.accounts()[0]["bad_logons"] == 0


# --- bytes that are cut, stalled, doubled

DAMAGED = ["empty", "truncated", "wrong_length", "garbage", "two_in_one", "stalled"]


@pytest.mark.parametrize("kind", DAMAGED)
def test_damaged_document_is_never_believed(lab: LabExchange, source: ExchangeSource, kind: str) -> None:
    """Not half a page, not two documents for one, not a page recovered by guessing: the cursor stays where it was."""
    cursor = source.delta(OWNER, None).cursor
    made = lab.edit("create", mailbox=OWNER.address, subject=kind, start="2030-01-01T10:00:00Z")["item_id"]
    lab.fault("SyncFolderItems", kind, times=2, status=200)
    with pytest.raises(Transient) as caught:
        source.delta(OWNER, cursor)
    assert caught.value.scope is Scope.SERVER or caught.value.code == "bad-answer"
    lab.clear_faults()
    assert made in source.delta(OWNER, cursor).dirty


@pytest.mark.parametrize("kind", ["illegal", "bom", "split"])
def test_odd_but_whole_document_is_read(lab: LabExchange, source: ExchangeSource, kind: str) -> None:
    """Illegal characters, a byte order mark and many chunks are no damage."""
    lab.fault("SyncFolderItems", kind)
    assert source.delta(OWNER, None).cursor


@pytest.mark.parametrize("after", [0, 1, 17, 200, 700])
@pytest.mark.parametrize("kind", ["end", "reset"])
def test_connection_cut_at_any_byte(
    bridge: TcpFaultProxy, source: ExchangeSource, kind: str, after: int
) -> None:
    """In the status line, the headers or the document: an error or the whole answer by a second try, never a part."""
    whole = source.delta(OWNER, None)
    bridge.harm(kind, after=after, times=2)
    try:
        assert source.delta(OWNER, None).dirty == whole.dirty
    except Transient as verdict:
        assert verdict.code in {"unreachable", "bad-answer"}  # noqa: PT017 - either outcome is right
        assert verdict.scope is Scope.SERVER  # noqa: PT017
    bridge.heal()
    assert source.delta(OWNER, None).dirty == whole.dirty


def test_stalled_answer_is_given_up(bridge: TcpFaultProxy, source: ExchangeSource) -> None:
    """Silence inside an answer ends by our own patience."""
    bridge.harm("stall", after=300, times=2)
    verdict = met(source)
    assert (verdict.code, verdict.scope) == ("timeout", Scope.SERVER)
    bridge.heal()
    assert source.delta(OWNER, None).cursor


def test_answer_that_only_drips_is_given_up(bridge: TcpFaultProxy, source: ExchangeSource) -> None:
    """A byte now and then never trips the limit of silence; the limit of the whole answer does."""
    bridge.harm("slow", after=600, pause=0.2, times=3)
    assert met(source).code == "timeout"
    bridge.heal()
    assert source.delta(OWNER, None).cursor


def test_answer_sent_twice_is_not_mixed_up(bridge: TcpFaultProxy, source: ExchangeSource) -> None:
    """A surplus answer on a kept connection is not taken for the next request's."""
    bridge.harm("twice")
    first = source.delta(OWNER, None)
    try:
        assert source.probe(OWNER).address == OWNER.address
    except Transient as verdict:
        assert verdict.code in {"bad-answer", "unreachable"}  # noqa: PT017 - either outcome is right
    assert source.delta(OWNER, None).dirty == first.dirty


# --- connections, certificates, names


def test_idle_connection_that_was_reset_costs_a_read_nothing(
    bridge: TcpFaultProxy, source: ExchangeSource
) -> None:
    """A firewall forgets kept connections: the read is sent once more on a new one."""
    before = bridge.connections
    bridge.drop_idle()
    assert source.delta(OWNER, None).cursor
    assert bridge.connections == before + 1


def test_nobody_listening_is_the_servers_fault(lab: LabExchange) -> None:
    """Connection refused: scope server, so that one mailbox finds out for all."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        opened = connect(lab, taken.getsockname()[1])
        verdict = met(opened)
        opened.close()
    assert (verdict.code, verdict.scope) == ("unreachable", Scope.SERVER)


def test_certificate_renewed_by_the_same_authority_goes_unnoticed(
    lab: LabExchange, source: ExchangeSource
) -> None:
    """New connections see the new one; the channel binding follows it."""
    direct = connect(lab, lab.port)
    assert direct.delta(OWNER, None).cursor
    lab.new_certificate(HOST)
    lab.disconnect()
    assert direct.delta(OWNER, None).cursor
    direct.close()


@pytest.mark.parametrize(("expired", "word"), [(False, "tls-untrusted"), (True, "tls-expired")])
def test_certificate_that_is_not_trusted_ends_the_talk(
    lab: LabExchange, tmp_path: Path, expired: bool, word: str
) -> None:
    """A foreign authority or a past date: no request and no secret goes out."""
    now = datetime.now(UTC)
    stranger = Authority(tmp_path, now)
    certificate = stranger.issue([HOST], now, expired=expired)
    with TcpFaultProxy(lab.port, certificate.path) as proxy:
        seen = len(lab.log())
        opened = connect(lab, proxy.port, ca=stranger.path if expired else lab.ca)
        verdict = met(opened)
        opened.close()
        assert len(lab.log()) == seen
    assert (verdict.code, verdict.scope) == (word, Scope.SERVER)


def test_bridge_with_another_certificate_costs_no_account(lab: LabExchange, tmp_path: Path) -> None:
    """Trusted by us but not the server's own: Extended Protection refuses the binding, which is that server's alarm."""
    now = datetime.now(UTC)
    both = tmp_path / "both.pem"
    stranger = Authority(tmp_path, now)
    certificate = stranger.issue([HOST], now)
    both.write_bytes(stranger.path.read_bytes() + lab.ca.read_bytes())
    resolve = socket.getaddrinfo
    with TcpFaultProxy(lab.port, certificate.path) as proxy, pytest.MonkeyPatch.context() as patch:
        ports = [lab.port]

        def look_up(host: str, port: int, *rest: Any, **more: Any) -> Any:
            where = ("127.0.0.1", ports[-1]) if host == HOST else (host, port)
            return resolve(*where, *rest, **more)

        patch.setattr(socket, "getaddrinfo", look_up)
        opened = connect(lab, 0, ca=both, resolve={})
        assert opened.delta(OWNER, None).cursor
        ports.append(proxy.port)
        lab.disconnect()
        verdict = met(opened)
        assert (verdict.code, verdict.scope) == ("channel-binding", Scope.SERVER)
        ports.append(lab.port)
        assert opened.delta(OWNER, None).cursor
        opened.close()
    assert lab.accounts()[0]["bad_logons"] == 0


def test_name_that_leads_elsewhere_is_asked_anew(lab: LabExchange, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a DNS change new connections go to the new address, without a restart."""
    (certificate, *_) = sorted(lab.ca.parent.glob("server-*.pem"), key=lambda one: one.stat().st_mtime)[::-1]
    resolve = socket.getaddrinfo
    with TcpFaultProxy(lab.port, certificate) as old, TcpFaultProxy(lab.port, certificate) as new:
        ports = [old.port]

        def look_up(host: str, port: int, *rest: Any, **more: Any) -> Any:
            where = ("127.0.0.1", ports[-1]) if host == HOST else (host, port)
            return resolve(*where, *rest, **more)

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        opened = connect(lab, 0, resolve={})
        assert opened.delta(OWNER, None).cursor
        ports.append(new.port)
        old.drop_idle()
        assert opened.delta(OWNER, None).cursor
        assert (old.connections, new.connections) == (1, 1)
        opened.close()


def test_patience_of_the_table_is_what_the_product_ships() -> None:
    """A stalled stream or answer is noticed in 95 s (Exchange's heartbeat comes every 45 s)."""
    assert timedelta(seconds=Limits().silence) == timedelta(seconds=95)
