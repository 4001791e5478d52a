"""The lab's other door: plain HTTP and JSON on loopback, for tests and for people who try things by hand."""

import json
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.lab.exchange.clock import Clock
from tests.lab.google.edits import Edits
from tests.lab.google.problems import ApiError
from tests.lab.google.server import Lab

Document = dict[str, Any]
BODY_LIMIT = 64 * 1024 * 1024


class Admin:
    """The commands by path."""

    def __init__(self, lab: Lab, clock: Clock) -> None:
        self._lab = lab
        self._clock = clock
        self._edits = Edits(lab)
        self.commands: dict[str, Callable[[Document], Any]] = {
            "/truth": self._truth,
            "/log": lambda facts: {"entries": list(lab.log)[facts.get("since", 0) :]},
            "/fault": lambda facts: lab.faults.order(**facts),
            "/faults/clear": lambda _: lab.faults.clear(),
            "/faults": lambda _: {"pending": lab.faults.pending()},
            "/users": lambda facts: {"made": lab.tenant.add_user(facts["address"]).address},
            "/rooms": lambda facts: {"made": lab.tenant.add_calendar(facts["id"]).id},
            "/user": self._user,
            "/scopes": self._scopes,
            "/grants": self._grants,
            "/key": lambda _: lab.tenant.new_key(),
            "/key/revoke": self._revoke,
            "/tokens/forget": lambda _: lab.tenant.tokens.clear(),
            "/cursors/expire": self._expire,
            "/quotas": self._quotas,
            "/page": self._page,
            "/api": self._api,
            "/meet": self._meet,
            "/readers": self._readers,
            "/channels": self._channels,
            "/push": lambda facts: setattr(lab.push, "trust", facts["ca"]),
            "/mails": lambda _: {"mails": lab.services.writing.mails},
            "/event": lambda facts: lab.tenant.calendars[facts["mailbox"]].get(facts["item"]),
            "/clock": self._advance,
            "/federation": self._federation,
            "/hang": lambda _: lab.going.clear(),
            "/go": lambda _: lab.going.set(),
        }

    def handle(self, path: str, facts: Document) -> Any:
        """Do what a path says. Raises KeyError, ValueError and ApiError."""
        if path.startswith("/edit/"):
            return self._edits.edit(path.removeprefix("/edit/"), facts)
        with self._lab.tenant.lock:
            return self.commands[path](facts)

    def _truth(self, facts: Document) -> Document:
        span = (datetime.fromisoformat(facts[name]) for name in ("start", "end"))
        return {"truth": self._edits.truth(facts["address"], *span)}

    def _user(self, facts: Document) -> None:
        user = self._lab.tenant.users[facts.pop("address")]
        for name, value in facts.items():
            setattr(user, name, value)

    def _scopes(self, facts: Document) -> None:
        self._lab.tenant.scopes = set(facts["scopes"])

    def _grants(self, facts: Document) -> Document:
        for name, value in facts.items():
            setattr(self._lab.grants, name, value)
        return {"made": self._lab.grants.made}

    def _federation(self, facts: Document) -> Document:
        """Change what it is like; the answer is the machine's token and the configuration that names ``file``."""
        federation, path = self._lab.federation, facts.pop("file", "/nowhere")
        for name, value in facts.items():
            setattr(federation, name, value)
        return {"token": federation.token, "configuration": federation.configuration(path)}

    def _revoke(self, facts: Document) -> None:
        del self._lab.tenant.keys[facts["id"]]
        self._lab.tenant.tokens.clear()

    def _expire(self, facts: Document) -> None:
        for calendar in self._lab.tenant.calendars.values():
            if facts.get("address", calendar.id) == calendar.id:
                calendar.life += 1

    def _quotas(self, facts: Document) -> Document:
        for name, value in facts.items():
            setattr(self._lab.quotas, name, value)
        return {"refused": dict(self._lab.quotas.refused)}

    def _page(self, facts: Document) -> None:
        self._lab.services.reading.page = facts["size"]

    def _api(self, facts: Document) -> None:
        self._lab.services.api_on = facts["on"]

    def _meet(self, facts: Document) -> Document:
        rooms = self._lab.tenant.rooms
        if facts.pop("now", False):
            rooms.hurry()
        for name, value in facts.items():
            setattr(rooms, name, value)
        return {"requests": rooms.requests, "made": rooms.made}

    def _readers(self, facts: Document) -> None:
        self._lab.tenant.calendars[facts["calendar"]].readers = facts["readers"]

    def _channels(self, _: Document) -> Document:
        push = self._lab.push
        open_now = [
            {"id": one.id, "calendar": one.calendar, "expires": one.expires.isoformat(), "number": one.number}
            for one in push.channels.values()
        ]
        return {"channels": open_now, "delivered": push.delivered}

    def _advance(self, facts: Document) -> Document:
        if "advance" in facts:
            self._clock.advance(timedelta(seconds=facts["advance"]))
        return {"now": self._clock.now().isoformat()}


def start(admin: Admin) -> ThreadingHTTPServer:
    """Serve in a thread; the port is the server's."""

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._serve(dict(parse_qsl(urlsplit(self.path).query)))

        def do_POST(self) -> None:
            length = min(int(self.headers.get("Content-Length") or 0), BODY_LIMIT)
            self._serve(json.loads(self.rfile.read(length) or b"{}"))

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
            """Nothing to say."""

        def _serve(self, facts: Document) -> None:
            try:
                status, document = 200, admin.handle(urlsplit(self.path).path, facts) or {}
            except ApiError as error:
                status, document = 422, {"error": error.reason}
            except (KeyError, ValueError, TypeError) as error:
                status, document = 400, {"error": f"{type(error).__name__}: {error}"}
            raw = json.dumps(document, default=str).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="admin", daemon=True).start()
    return server
