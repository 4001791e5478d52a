"""The lab's other door: plain HTTP and JSON on a loopback port, for tests and for people who try things by hand.

GET answers what is; POST does something. Every body and every answer is a JSON object.
"""

import json
import logging
import threading
from collections.abc import Callable, Mapping
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.lab.exchange.call import ResponseFault
from tests.lab.exchange.certificates import Authority
from tests.lab.exchange.directory import Redirect
from tests.lab.exchange.edits import EDITS, truth
from tests.lab.exchange.faults import Fault, Kind
from tests.lab.exchange.plain import PlainRedirect
from tests.lab.exchange.server import Server
from tests.lab.exchange.site import Site

logger = logging.getLogger(__name__)

Arguments = dict[str, Any]
Command = Callable[[Arguments], Any]
MOVES = {"move_group", "move_online"}
"""Edits after which a mailbox is on another server, where its subscriptions are unknown."""
BODY_LIMIT = 64 * 1024 * 1024


class Admin:
    """The commands by path."""

    def __init__(self, site: Site, server: Server, plain: PlainRedirect, authority: Authority) -> None:
        """For one running lab."""
        self._plain = plain
        self._site = site
        self._server = server
        self._authority = authority
        self._gets: Mapping[str, Command] = {
            "/truth": self._truth,
            "/log": self._log,
            "/accounts": lambda _: {"accounts": site.accounts.report()},
            "/subscriptions": lambda _: {"subscriptions": site.streaming.subscriptions.report()},
            "/limits": lambda _: site.limits.report(),
            "/faults": lambda _: {"pending": site.faults.pending()},
            "/mailboxes": lambda _: {"mailboxes": [mailbox.address for mailbox in site.organisation]},
            "/clock": lambda _: {"now": site.clock.now().isoformat()},
        }
        self._posts: Mapping[str, Command] = {
            "/fault": self._fault,
            "/faults/clear": lambda _: site.faults.clear(),
            "/log/clear": lambda _: site.log.clear(),
            "/password": self._password,
            "/lock": lambda args: site.accounts.lock(args["user"], locked=args.get("locked", True)),
            "/scope": lambda args: site.scope.set(args.get("allowed"), args.get("denied", ())),
            "/mailboxes": self._mailboxes,
            "/redirect": self._redirect,
            "/miss": lambda args: {"hit": site.streaming.subscriptions.miss(args.get("address"))},
            "/forget": lambda args: {"gone": site.streaming.subscriptions.forget(args.get("address"))},
            "/restart": self._restart,
            "/pause": lambda _: server.pause(),
            "/resume": lambda _: server.start(),
            "/disconnect": lambda _: server.close_connections(),
            "/certificate": self._certificate,
            "/clock": self._clock,
            "/plain": self._plain_redirect,
        }

    def handle(self, method: str, path: str, arguments: Arguments) -> Any:
        """Do what a path says and return what to answer.

        Raises:
            KeyError: no such path, or an argument is missing.
            ValueError: an argument is wrong.
            ResponseFault: an edit was refused as Exchange would refuse it.
        """
        if method == "POST" and path.startswith("/edit/"):
            return self._edit(path.removeprefix("/edit/"), arguments)
        commands = self._gets if method == "GET" else self._posts
        return commands[path](arguments)

    def _edit(self, name: str, arguments: Arguments) -> Any:
        answer = EDITS[name](self._site.organisation, **arguments)
        if name in MOVES:
            self._site.streaming.subscriptions.forget(arguments["mailbox"].lower())
        return answer

    def _truth(self, arguments: Arguments) -> Any:
        asked = [arguments[name] for name in ("address", "start", "end")]
        return {"truth": truth(self._site.organisation, *asked)}

    def _log(self, arguments: Arguments) -> Any:
        entries = self._site.log.entries(
            since=int(arguments.get("since", 0)),
            operation=arguments.get("operation"),
            address=arguments.get("address"),
        )
        return {"entries": [entry.document() for entry in entries]}

    def _fault(self, arguments: Arguments) -> None:
        facts = dict(arguments["fault"])
        fault = Fault(Kind(facts.pop("kind")), **facts)
        self._site.faults.push(
            arguments["operation"], fault, int(arguments.get("times", 1)), arguments.get("acting")
        )

    def _password(self, arguments: Arguments) -> None:
        self._site.accounts.set_password(arguments["user"], arguments["password"])
        if arguments.get("disconnect", True):
            self._server.close_connections()

    def _mailboxes(self, arguments: Arguments) -> Any:
        made = self._site.create_mailboxes(
            int(arguments["count"]), arguments.get("prefix", "user"), arguments.get("domain", "")
        )
        return {"made": made}

    def _redirect(self, arguments: Arguments) -> None:
        order = Redirect(arguments.get("to", ""), arguments.get("url", ""), arguments.get("error", ""))
        self._site.directory.put_in_the_way(arguments["address"], None if order == Redirect() else order)

    def _plain_redirect(self, arguments: Arguments) -> None:
        self._plain.location = arguments["location"]

    def _restart(self, _: Arguments) -> Any:
        """As a restarted server process: all subscriptions are forgotten, all connections closed."""
        self._server.pause()
        gone = self._site.streaming.subscriptions.forget()
        self._server.start()
        return {"gone": gone}

    def _certificate(self, arguments: Arguments) -> None:
        names = list(arguments.get("names", self._site.settings.hosts))
        expired = bool(arguments.get("expired", False))
        self._server.use(self._authority.issue(names, self._site.clock.now(), expired=expired))
        self._server.close_connections()

    def _clock(self, arguments: Arguments) -> Any:
        now = self._site.clock.advance(timedelta(seconds=float(arguments["advance"])))
        return {"now": now.isoformat()}


class _Door(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def start(admin: Admin, host: str = "127.0.0.1") -> ThreadingHTTPServer:
    """Serve the commands on a free port; `server_address` names it."""

    class Handler(BaseHTTPRequestHandler):
        """One admin request."""

        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._reply(dict(parse_qsl(urlsplit(self.path).query)))

        def do_POST(self) -> None:
            length = min(int(self.headers.get("Content-Length") or 0), BODY_LIMIT)
            self._reply(json.loads(self.rfile.read(length) or b"{}"))

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            logger.debug(format, *args)

        def _reply(self, arguments: Arguments) -> None:
            status, answer = _judged(admin, self.command, urlsplit(self.path).path, arguments)
            body = json.dumps(answer if isinstance(answer, dict) else {"result": answer}).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    served = _Door((host, 0), Handler)
    threading.Thread(target=served.serve_forever, name="admin", daemon=True).start()
    return served


def _judged(admin: Admin, method: str, path: str, arguments: Arguments) -> tuple[int, Any]:
    try:
        return 200, admin.handle(method, path, arguments)
    except KeyError as error:
        return 404, {"error": f"{method} {path}: no such command or argument: {error}"}
    except (ValueError, TypeError) as error:
        return 400, {"error": f"{method} {path}: {error}"}
    except ResponseFault as fault:
        return 409, {"error": fault.text, "code": fault.code}
