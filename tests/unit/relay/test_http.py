"""The hub over HTTPS: trust, proxies, credentials, limits, and answers that are none."""

from __future__ import annotations

import gzip
import json
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from connector.errors import ConfigError, CredentialRefused, Superseded, Throttled, Transient
from connector.model import SealedCommand
from connector.relay import strict, websocket, wire
from connector.relay.far_end import FarEnd, Proxy, tls_context
from connector.relay.http import POLL_AGAIN_AFTER, HttpCloud
from connector.relay.memory import MemoryHub
from tests.contract.cloud import INSTANCE, JWE, MAILBOX, NOW, Events, Listener, greet, ids
from tests.contract.test_cloud_http import far_end
from tests.contract.wire_hub import TOKEN, Answer, WireHub, answer, problem
from tests.fakes.clock import ManualClock
from tests.lab.exchange.certificates import Authority
from tests.unit.relay.proxy import PASSWORD, USER, ConnectProxy


def command(command_id: str) -> SealedCommand:
    return SealedCommand(command_id, MAILBOX, JWE, NOW)


@pytest.fixture
def server() -> Iterator[WireHub]:
    server = WireHub(MemoryHub())
    yield server
    server.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def cloud(server: WireHub, clock: ManualClock) -> Iterator[HttpCloud]:
    cloud = HttpCloud(far_end(server.url), clock)
    greet(cloud, "run-1")
    yield cloud
    cloud.close()


def code_of(cloud: HttpCloud) -> str:
    with pytest.raises(Transient) as caught:
        greet(cloud, "run-1")
    return caught.value.code


# --- what is asked


def test_events_go_out_compressed_with_run_and_mark(server: WireHub, cloud: HttpCloud) -> None:
    """Content type of a CloudEvents batch, gzip, the run, and the highest order acknowledged so far."""
    events = Events()
    cloud.send([events.put("m1")])
    cloud.send([events.put("m2")])
    _, headers, body = server.requests[-1]
    assert headers["content-type"] == "application/cloudevents-batch+json"
    assert (headers["content-encoding"], headers["relay-run"], headers["relay-acknowledged"]) == (
        "gzip",
        "run-1",
        "1.1",
    )
    assert headers["authorization"] == f"Bearer {TOKEN}"
    assert headers["user-agent"] == "calendar-connector/0.1.0 (cal-01.example.com)"
    assert headers["accept-encoding"] == "identity"
    assert [one["subject"] for one in json.loads(gzip.decompress(body))] == ["m2"]


def test_the_present_credential_counts(server: WireHub, clock: ManualClock) -> None:
    """A new secret is used at the next request; none at all is said before anything is asked."""
    present: list[str | None] = [None]
    cloud = HttpCloud(far_end(server.url, credential=lambda: present[0]), clock)
    with pytest.raises(CredentialRefused) as caught:
        greet(cloud, "run-1")
    assert caught.value.code == "credential-missing"
    assert server.requests == []
    present[0] = "wrong"
    with pytest.raises(CredentialRefused) as caught:
        greet(cloud, "run-1")
    assert caught.value.code == "credential-refused"
    present[0] = TOKEN
    greet(cloud, "run-1")
    cloud.close()


def test_a_credential_is_not_shown(server: WireHub) -> None:
    """Neither a hub nor a proxy shows its secret."""
    hub = far_end(server.url, proxy=Proxy("http://proxy", USER, PASSWORD))
    assert TOKEN not in repr(hub)
    assert PASSWORD not in repr(Proxy("http://proxy", USER, PASSWORD))


# --- answers


def test_a_batch_that_is_refused_is_halved_until_one_event_stands_alone(
    server: WireHub, cloud: HttpCloud
) -> None:
    """Those before it are delivered, it alone is refused, those after it come next."""
    events = Events()
    batch = [events.put(f"m{number}") for number in range(4)]
    server.canned.extend([problem(413, "too-large"), problem(413, "too-large")])
    assert cloud.send(batch).acknowledged == ids(batch[:1])
    server.canned.extend([problem(400, "malformed")] * 2)
    receipt = cloud.send(batch[1:])
    assert receipt.acknowledged == ()
    assert [(key, one.code, one.retry) for key, one in receipt.rejected.items()] == [
        (batch[1].envelope.id, "malformed", False)
    ]
    assert cloud.send(batch[2:]).acknowledged == ids(batch[2:])


@pytest.mark.parametrize("status", [400, 413, 404, 418])
def test_the_page_of_something_in_between_makes_no_dead_letter(
    server: WireHub, cloud: HttpCloud, status: int
) -> None:
    """Only the hub itself can refuse an event for good."""
    server.canned.append(Answer(status, b"<h1>no</h1>", {"Content-Type": "text/html"}))
    with pytest.raises(Transient):
        cloud.send([Events().put("m1")])


def test_a_redirect_is_not_followed(server: WireHub, cloud: HttpCloud) -> None:
    """The credential goes nowhere else."""
    server.canned.append(Answer(307, b"", {"Location": f"{server.url}/elsewhere"}))
    assert code_of(cloud) == "bad-answer"
    assert "/elsewhere" not in server.paths()


def test_a_hub_may_ask_for_patience(server: WireHub, cloud: HttpCloud) -> None:
    """Retry-After comes through."""
    server.canned.append(problem(503, "busy", **{"Retry-After": "70"}))
    with pytest.raises(Throttled) as caught:
        cloud.send([Events().put("m1")])
    assert caught.value.retry_after == timedelta(seconds=70)


@pytest.mark.parametrize(
    "said",
    [
        Answer(200, b""),
        Answer(200, b"<html>"),
        Answer(200, b"[]"),
        Answer(200, b'{"ack":"all"}'),
        answer({"epoch": -1, "sequence": 0}),
        Answer(200, b"{" + b" " * strict.MAX_BODY + b"}"),
        Answer(200, gzip.compress(b" " * 10_000_000), {"Content-Encoding": "gzip"}),
    ],
)
def test_an_answer_that_is_none_is_passing_trouble(server: WireHub, cloud: HttpCloud, said: Answer) -> None:
    """Empty, not JSON, of another shape, too long, or a bomb: never believed, never another exception."""
    server.canned.extend([said, said])
    assert code_of(cloud) == "bad-answer"
    with pytest.raises(Transient):
        cloud.send([Events().put("m1")])


def test_nobody_there_is_unreachable(clock: ManualClock) -> None:
    """A refused connection."""
    gone = WireHub(MemoryHub())
    gone.close()
    cloud = HttpCloud(far_end(gone.url), clock)
    assert code_of(cloud) == "unreachable"
    cloud.close()


def test_the_environment_is_not_looked_at(
    server: WireHub, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Proxy variables of the shell that started us lead nowhere."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    cloud = HttpCloud(far_end(server.url), clock, downlink="websocket")
    greet(cloud, "run-1")
    listener = Listener(cloud)
    server.hub.command(command("c1"))
    assert listener.commands(1)
    listener.end()
    cloud.close()


def test_close_ends_a_blocked_poll(server: WireHub, clock: ManualClock) -> None:
    """From another thread, in the middle of a long answer."""
    cloud = HttpCloud(far_end(server.url), clock, downlink="poll")
    greet(cloud, "run-1")
    listener = Listener(cloud)
    cloud.close()
    listener.join()
    with pytest.raises(Transient):
        greet(cloud, "run-1")


# --- trust


TODAY = datetime.now(UTC)
"""OpenSSL looks at the real clock."""


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, TODAY)


def client_certificate(authority: Authority, path: Path) -> Path:
    """Key and certificate for client authentication in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, INSTANCE)])
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    made = authority._sign(name, key.public_key(), TODAY, timedelta(days=1), [(usage, False)])
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


def secure(authority: Authority, *, expired: bool = False) -> WireHub:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.issue(["localhost"], TODAY, expired=expired).path)
    return WireHub(MemoryHub(), context)


def test_over_tls_with_a_ca_of_ones_own(authority: Authority, clock: ManualClock) -> None:
    """Named in the configuration, it is trusted."""
    server = secure(authority)
    cloud = HttpCloud(far_end(server.url, tls=tls_context(authority.path)), clock)
    greet(cloud, "run-1")
    batch = [Events().put("m1")]
    assert cloud.send(batch).acknowledged == ids(batch)
    cloud.close()
    server.close()


def test_the_web_socket_goes_over_tls_too(authority: Authority, clock: ManualClock) -> None:
    """The same trust for the downlink."""
    server = secure(authority)
    cloud = HttpCloud(far_end(server.url, tls=tls_context(authority.path)), clock, downlink="websocket")
    greet(cloud, "run-1")
    server.only_web_sockets = True
    server.hub.command(command("c1"))
    listener = Listener(cloud)
    assert [one.id for one in listener.commands(1)] == ["c1"]
    listener.end()
    cloud.close()
    server.close()


@pytest.mark.parametrize(("expired", "code"), [(False, "tls-untrusted"), (True, "tls-expired")])
def test_a_certificate_that_is_not_trusted_is_named_so(
    authority: Authority, clock: ManualClock, expired: bool, code: str
) -> None:
    """Unknown authority and expiry have remedies of their own, on the way up and down."""
    server = secure(authority, expired=expired)
    trust = tls_context(authority.path) if expired else tls_context()
    cloud = HttpCloud(far_end(server.url, tls=trust), clock, downlink="websocket")
    assert code_of(cloud) == code
    listener = Listener(cloud)
    listener.join()
    assert isinstance(listener.error, Transient)
    assert listener.error.code == code
    cloud.close()
    server.close()


def test_without_its_client_certificate_a_connection_fails(
    authority: Authority, clock: ManualClock, tmp_path: Path
) -> None:
    """Where the hub asks for one; with it no token is needed."""
    server = secure(authority)
    assert server.tls
    server.tls.load_verify_locations(authority.path)
    server.tls.verify_mode = ssl.CERT_REQUIRED
    server.canned.append(answer({"epoch": 0, "sequence": 0}))
    shown = client_certificate(authority, tmp_path / "client.pem")

    def dial(tls: ssl.SSLContext) -> HttpCloud:
        return HttpCloud(FarEnd(server.url, INSTANCE, "0.1.0", tls, lambda: None, certified=True), clock)

    bare, certified = dial(tls_context(authority.path)), dial(tls_context(authority.path, shown))
    assert code_of(bare) in ("unreachable", "bad-answer")
    assert greet(certified, "run-1").sequence == 0
    bare.close()
    certified.close()
    server.close()


def test_certificate_files_that_are_none_are_the_administrators_to_mend(tmp_path: Path) -> None:
    """One sentence that names the file."""
    empty = tmp_path / "ca.pem"
    empty.write_text("nothing")
    for ca in (empty, tmp_path / "missing.pem"):
        with pytest.raises(ConfigError, match=r"\.pem"):
            tls_context(ca)


# --- proxies


@pytest.fixture
def proxy() -> Iterator[ConnectProxy]:
    proxy = ConnectProxy()
    yield proxy
    proxy.close()


def test_everything_goes_through_the_proxy_with_basic(
    authority: Authority, clock: ManualClock, proxy: ConnectProxy
) -> None:
    """Uplink and web socket; user and password of any characters."""
    server = secure(authority)
    hub = far_end(server.url, tls=tls_context(authority.path), proxy=Proxy(proxy.url, USER, PASSWORD))
    cloud = HttpCloud(hub, clock, downlink="websocket")
    greet(cloud, "run-1")
    server.only_web_sockets = True
    server.hub.command(command("c1"))
    listener = Listener(cloud)
    assert listener.commands(1)
    listener.end()
    assert len(proxy.targets) == 2
    assert proxy.refused == 0
    cloud.close()
    server.close()


def test_a_proxy_that_refuses_is_named_so(
    authority: Authority, clock: ManualClock, proxy: ConnectProxy
) -> None:
    """A wrong password of the proxy is not a wrong password of the hub."""
    far = secure(authority)
    hub = far_end(far.url, tls=tls_context(authority.path), proxy=Proxy(proxy.url, USER, "wrong"))
    cloud = HttpCloud(hub, clock)
    assert code_of(cloud) == "proxy-refused"
    assert far.requests == []
    cloud.close()
    far.close()


# --- the choice of the way down


def test_where_the_web_socket_is_refused_it_polls_for_an_hour(
    server: WireHub, cloud: HttpCloud, clock: ManualClock
) -> None:
    """Then the web socket is tried again."""
    server.upgrade = "refuse"
    server.hub.command(command("c1"))
    listener = Listener(cloud)
    assert listener.commands(1)
    assert wire.POLL_PATH in server.paths()
    server.upgrade = "yes"
    clock.forward(POLL_AGAIN_AFTER)
    listener.join()
    again = Listener(cloud, listener.cursor)
    server.hub.command(command("c2"))
    assert [one.id for one in again.commands(1)] == ["c2"]
    again.end()
    assert server.paths()[-1].startswith(f"{wire.COMMANDS_PATH}?")


def test_three_connections_that_break_off_at_once_mean_polling(server: WireHub, cloud: HttpCloud) -> None:
    """The first two could be a hub that restarts."""
    server.upgrade = "break"
    server.hub.command(command("c1"))
    for _ in range(websocket.BREAKS - 1):
        listener = Listener(cloud)
        listener.join()
        assert isinstance(listener.error, Transient)
    listener = Listener(cloud)
    assert listener.commands(1)
    listener.end()


def test_a_connection_that_swallows_frames_breaks_off(
    server: WireHub, cloud: HttpCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hub speaks at once; silence means that something in between does not pass frames on."""
    monkeypatch.setattr(websocket, "FIRST_FRAME_SECONDS", 1.0)
    server.upgrade = "silent"
    listener = Listener(cloud)
    listener.join()
    assert isinstance(listener.error, Transient)


def test_with_websocket_alone_there_is_no_fallback(server: WireHub, clock: ManualClock) -> None:
    """As configured; the reason is named."""
    cloud = HttpCloud(far_end(server.url), clock, downlink="websocket")
    greet(cloud, "run-1")
    server.upgrade = "refuse"
    listener = Listener(cloud)
    listener.join()
    assert isinstance(listener.error, Transient)
    assert listener.error.code == "websocket-refused"
    cloud.close()


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (problem(401, "credential-refused"), CredentialRefused),
        (problem(409, "superseded"), Superseded),
        (problem(428, "greet-first"), Transient),
        (problem(503, "busy", **{"Retry-After": "5"}), Throttled),
        (problem(500, "oops"), Transient),
    ],
)
def test_a_hub_that_refuses_the_upgrade_by_the_protocol_is_believed(
    server: WireHub, cloud: HttpCloud, said: Answer, kind: type[Exception]
) -> None:
    """That is an answer, not an obstacle: no falling back to polling."""
    server.canned.append(said)
    listener = Listener(cloud)
    listener.join()
    assert type(listener.error) is kind
    assert wire.POLL_PATH not in server.paths()


@pytest.mark.parametrize("status", [401, 403, 407, 429])
def test_a_refusal_that_is_not_the_hubs_means_polling(server: WireHub, cloud: HttpCloud, status: int) -> None:
    """Proxies that know no web sockets say 403 and the like on a page of their own: no credential was refused."""
    server.canned.append(Answer(status, b"<html>Forbidden</html>", {"Content-Type": "text/html"}))
    server.hub.command(command("c1"))
    listener = Listener(cloud)
    assert listener.commands(1)
    listener.end()


def test_a_redirected_web_socket_is_not_followed(server: WireHub, cloud: HttpCloud) -> None:
    """Neither token nor certificate goes elsewhere; it polls instead."""
    server.canned.append(Answer(307, b"", {"Location": f"{server.url}/elsewhere"}))
    server.hub.command(command("c1"))
    listener = Listener(cloud)
    assert listener.commands(1)
    listener.end()
    assert not [path for path in server.paths() if "elsewhere" in path]
