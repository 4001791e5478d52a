"""The plain HTTP side of Autodiscover: a redirect, for clients that found nothing at https://autodiscover.DOMAIN."""

import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

logger = logging.getLogger(__name__)


class PlainRedirect:
    """Answers every GET with 302 to `location`, which may be changed while it runs; an empty one makes it answer 404."""

    def __init__(self, location: str, host: str = "127.0.0.1") -> None:
        """Serve on a free port."""
        self.location = location
        owner = self

        class Handler(BaseHTTPRequestHandler):
            """One request."""

            def do_GET(self) -> None:
                self.send_response(302 if owner.location else 404)
                if owner.location:
                    self.send_header("Location", owner.location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
                logger.debug(format, *args)

        self._server = ThreadingHTTPServer((host, 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, name="plain", daemon=True).start()

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
