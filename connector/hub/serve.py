"""The running hub: one process, one event loop, TLS."""

from __future__ import annotations

import json
import signal
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import FrameType

import structlog
import uvicorn

from connector.errors import ConfigError, Problem
from connector.hub import logs
from connector.hub.app import HubApplication
from connector.hub.database import Database
from connector.hub.settings import Settings
from connector.server.alone import only_one

GRACE_SECONDS = 2
"""For answers under way. Idle TLS connections whose peer does not say goodbye use it up, so it is short."""
FRAME_BYTES = 16 * 1024
"""Connectors send acknowledgements only."""

_log = structlog.get_logger(__name__)


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; SIGHUP reads the certificate anew. Raises UserError."""
    tls = _tls(settings)
    with only_one(settings.database, "hub"), _listening(settings.listen) as listener:
        database = Database(settings.database)
        logs.configure()
        try:
            _Server(settings, database, tls, listener).run(sockets=[listener])
        finally:
            database.close()


class _Server(uvicorn.Server):
    """Says when it is ready, and lets go of held answers when it is to end."""

    def __init__(
        self, settings: Settings, database: Database, tls: ssl.SSLContext | None, listener: socket.socket
    ) -> None:
        self._app = HubApplication(settings, database, lambda: datetime.now(UTC))
        self._settings = settings
        self._tls = tls
        self._listener = listener
        super().__init__(_config(self._app, settings, tls))

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then print one line of JSON for whoever started us."""
        await super().startup(sockets)
        if self.should_exit:
            return
        signal.signal(signal.SIGHUP, lambda *_: self._renew())
        scheme = "https" if self._tls else "http"
        host, port = self._listener.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        print(json.dumps({"ready": True, "url": f"{scheme}://{shown}:{port}", "port": port}), flush=True)  # noqa: T201 - the ready line

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
        """The first signal ends it in good order, a second one at once; unlike uvicorn's own, it is not raised again."""
        self._app.stop_waiting()
        self.force_exit = self.should_exit
        self.should_exit = True

    def _renew(self) -> None:
        """New connections get what is in the certificate files now; if that is nothing good, the old one stays."""
        if self._tls and self._settings.certificate and self._settings.key:
            try:
                self._tls.load_cert_chain(self._settings.certificate, self._settings.key)
            except (OSError, ssl.SSLError) as error:
                _log.error("certificate.refused", reason=str(error))
                return
            _log.info("certificate.renewed")


def _config(app: HubApplication, settings: Settings, tls: ssl.SSLContext | None) -> uvicorn.Config:
    ping = settings.times.ping.total_seconds()
    config = uvicorn.Config(
        app,
        http="h11",
        ws="websockets-sansio",
        loop="asyncio",
        lifespan="on",
        ws_ping_interval=ping,
        ws_ping_timeout=ping,
        ws_max_size=FRAME_BYTES,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_keep_alive=75,
        limit_concurrency=settings.limits.connections,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
    )
    config.load()
    config.ssl = tls
    return config


def _tls(settings: Settings) -> ssl.SSLContext | None:
    """TLS 1.2 or newer. Raises ConfigError; without a certificate only loopback may be served."""
    if settings.certificate is None or settings.key is None:
        if _address(settings.listen)[0] not in ("127.0.0.1", "::1", "localhost"):
            raise _problem("The hub needs --certificate and --key to listen on anything but loopback.")
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(settings.certificate, settings.key)
    except (OSError, ssl.SSLError) as error:
        raise _problem(
            f"Certificate {settings.certificate} and key {settings.key} can't be used: {error}"
        ) from error
    return context


@contextmanager
def _listening(listen: str) -> Iterator[socket.socket]:
    host, port = _address(listen)
    try:
        listener = socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=1024
        )
    except (OSError, OverflowError) as error:
        raise _problem(f"The hub can't listen on {listen}: {error}") from error
    with listener:
        yield listener


def _address(listen: str) -> tuple[str, int]:
    host, colon, port = listen.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit():
        raise _problem(f"--listen {listen} is not HOST:PORT; write 0.0.0.0:8443 or [::]:8443")
    return host.strip("[]"), int(port)


def _problem(sentence: str) -> ConfigError:
    return ConfigError((Problem(sentence),))
