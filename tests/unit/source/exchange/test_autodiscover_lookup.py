"""SRV records, asked of a DNS server on loopback."""

import socket
from collections.abc import Iterator
from threading import Thread

import dns.message
import dns.resolver
import dns.rrset
import pytest

from connector.source.exchange.lookup import ServiceLookup

NAME = "_autodiscover._tcp.example.com."


class NameServer:
    """Answers each question with what it was told about the name, until it is closed."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.records: dict[str, list[str]] = {}
        self.thread = Thread(target=self._serve, daemon=True)
        self.thread.start()

    @property
    def resolver(self) -> dns.resolver.Resolver:
        made = dns.resolver.Resolver(configure=False)
        made.nameservers = ["127.0.0.1"]
        made.port = self.socket.getsockname()[1]
        return made

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self.socket.getsockname())
        self.thread.join(10)
        self.socket.close()

    def _serve(self) -> None:
        while True:
            packet, sender = self.socket.recvfrom(4096)
            if not packet:
                return
            asked = dns.message.from_wire(packet)
            answer = dns.message.make_response(asked)
            name = asked.question[0].name
            if rows := self.records.get(name.to_text()):
                answer.answer.append(dns.rrset.from_text_list(name, 60, "IN", "SRV", rows))
            self.socket.sendto(answer.to_wire(), sender)


@pytest.fixture
def server() -> Iterator[NameServer]:
    made = NameServer()
    yield made
    made.close()


def test_hosts_come_by_priority_and_weight(server: NameServer) -> None:
    """Lower priority first, greater weight first; the port stands there unless it is 443."""
    server.records[NAME] = [
        "20 0 443 late.example.com.",
        "10 5 443 light.example.com.",
        "10 50 8443 Heavy.example.com.",
    ]
    assert ServiceLookup(server.resolver)(NAME) == [
        "heavy.example.com:8443",
        "light.example.com",
        "late.example.com",
    ]


def test_no_record_is_no_host(server: NameServer) -> None:
    """A name without a record gives nothing, and no exception."""
    assert ServiceLookup(server.resolver)(NAME) == ()
