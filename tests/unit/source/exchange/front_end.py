"""A front end on loopback that answers as a test says: real TLS, real sockets, one thread for each connection."""

import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO, Self, cast

from connector.source.exchange.envelope import SOAP
from tests.lab.exchange.certificates import ServerCertificate
from tests.lab.exchange.wire import Answer, DropConnection, Request, read_request, write_answer

XML = ("Content-Type", "text/xml; charset=utf-8")
HOST = "mail.example.com"


def soap(content: str = "<ok/>") -> bytes:
    """A SOAP answer."""
    return (
        f'<?xml version="1.0"?><s:Envelope xmlns:s="{SOAP}"><s:Body>{content}</s:Body></s:Envelope>'.encode()
    )


def good(_: Request) -> Answer:
    """The shortest honest answer."""
    return Answer(200, soap(), [XML])


@dataclass(slots=True)
class Visit:
    """One request as it arrived, and over which connection."""

    connection: int
    request: Request


@dataclass(slots=True)
class FrontEnd:
    """Answers by ``answer``; ``per_connection`` makes an answerer for each connection instead."""

    answer: Callable[[Request], Answer] = good
    certificate: ServerCertificate | None = None
    per_connection: Callable[[], Callable[[Request], Answer]] | None = None
    visits: list[Visit] = field(default_factory=list)
    _listener: socket.socket = field(default_factory=socket.socket)
    _open: list[socket.socket] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)
    _count: int = 0

    def __enter__(self) -> Self:
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.hang_up()
        for thread in self._threads:
            thread.join(5)

    @property
    def port(self) -> int:
        """The TCP port."""
        return int(self._listener.getsockname()[1])

    @property
    def resolve(self) -> dict[str, str]:
        """The route to here, as the configuration writes it."""
        return {HOST: f"127.0.0.1:{self.port}"}

    @property
    def requests(self) -> list[Request]:
        """What arrived."""
        return [visit.request for visit in self.visits]

    def hang_up(self) -> None:
        """Close all connections."""
        for each in self._open:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                raw, _ = self._listener.accept()
            except OSError:
                return
            self._count += 1
            self._start(self._serve, raw, self._count)

    def _serve(self, raw: socket.socket, number: int) -> None:
        try:
            with self._secured(raw) as connection, connection.makefile("rwb") as stream:
                self._open.append(connection)
                self._talk(cast("BinaryIO", stream), number)
        except (OSError, DropConnection):
            raw.close()

    def _secured(self, raw: socket.socket) -> socket.socket:
        if self.certificate is None:
            return raw
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate.path)
        return context.wrap_socket(raw, server_side=True)

    def _talk(self, stream: BinaryIO, number: int) -> None:
        answer = self.per_connection() if self.per_connection else self.answer
        while (request := read_request(stream)) is not None:
            self.visits.append(Visit(number, request))
            if not write_answer(stream, request, answer(request)):
                return
