"""The only room with a socket: what it makes of real servers on loopback."""

from __future__ import annotations

import socket
import ssl
import threading
from base64 import b64encode
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from connector.doctor import network
from connector.doctor.sight import Place, Sight
from tests.lab.strangers import WrongClock
from tests.unit.relay.proxy import PASSWORD, USER, ConnectProxy


def clock() -> datetime:
    """The time of day."""
    return datetime.now(UTC)


def seen(port: int, trust: ssl.SSLContext | None = None, host: str = "localhost", **way: object) -> Sight:
    """What is seen of a port of this machine."""
    context = trust or ssl.create_default_context()
    return network.look(Place(host, port, "ca:"), network.Way(context, **way), clock)  # type: ignore[arg-type]


def test_a_good_server_is_seen_with_certificate_and_time() -> None:
    """Its clock is read from the Date header of a request without credentials."""
    with WrongClock(600) as server:
        port = int(server.url.rpartition(":")[2])
        sight = seen(port, ssl.create_default_context(cafile=str(server.ca)))
    assert sight.clear
    assert sight.certificate is not None
    assert "localhost" in sight.certificate.names
    assert sight.date is not None
    assert sight.read_at is not None
    assert timedelta(minutes=9) < sight.date - sight.read_at < timedelta(minutes=11)


def test_an_untrusted_certificate_is_shown_all_the_same() -> None:
    """So that the administrator learns who issued it."""
    with WrongClock(0) as server:
        sight = seen(int(server.url.rpartition(":")[2]))
    assert (sight.distrust, sight.clear) == ("tls-untrusted", False)
    assert sight.certificate is not None
    assert sight.certificate.issuer == "Lab Exchange Authority"


def test_a_certificate_for_another_name_is_told_apart() -> None:
    """A route leads a foreign name to this server."""
    with WrongClock(0) as server:
        port = int(server.url.rpartition(":")[2])
        trust = ssl.create_default_context(cafile=str(server.ca))
        sight = seen(port, trust, "mail.example.com", routes={"mail.example.com": ("127.0.0.1", port)})
    assert sight.distrust == "tls-wrong-name"


def test_a_closed_port_is_told_from_a_silent_one() -> None:
    """Refused at once: the machine is there and nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert seen(port).obstacle == "port-closed"


def hang_up(server: socket.socket) -> None:
    """End every connection at once."""
    with suppress(OSError):
        while True:
            server.accept()[0].close()


def test_what_hangs_up_instead_of_speaking_tls_is_no_route_problem() -> None:
    """The port is open; TLS is what fails."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=hang_up, args=(server,), daemon=True).start()
        sight = seen(server.getsockname()[1])
    assert sight.distrust == "tls-failed"


@pytest.mark.parametrize(("password", "obstacle"), [(PASSWORD, ""), ("wrong", "proxy-refused")])
def test_through_a_proxy_the_far_end_is_seen(password: str, obstacle: str) -> None:
    """The certificate is the place's own, and a refusing proxy is named."""
    proxy = ConnectProxy()
    credential = b64encode(f"{USER}:{password}".encode()).decode()
    tunnel = network.Tunnel(
        "127.0.0.1", proxy.server_address[1], {"Proxy-Authorization": f"Basic {credential}"}
    )
    try:
        with WrongClock(0) as server:
            trust = ssl.create_default_context(cafile=str(server.ca))
            sight = seen(int(server.url.rpartition(":")[2]), trust, tunnel=tunnel)
    finally:
        proxy.close()
    assert sight.obstacle == obstacle
    assert sight.clear == (not obstacle)
