"""The lab as a process of its own, for tests and the demo: `with LabExchange(mailboxes=10) as lab: ...`."""

import json
import tempfile
from contextlib import closing
from datetime import datetime
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

from tests.lab.exchange.settings import DEFAULT_PASSWORD
from tests.lab.process import LabError, Server

ADMIN_SECONDS = 120.0


class LabExchange:
    """One running lab. Its addresses are attributes; every method is one command of the admin door.

    `url`, `autodiscover` (SOAP), `pox`, `plain` (http redirect), `admin`; `ca` is the file to trust; `user` and `upn` are the two
    forms of the service account's name.
    """

    def __init__(self, *, mailboxes: int = 10, password: str = DEFAULT_PASSWORD, **options: Any) -> None:
        """`options` are those of the command line: `extended_protection="require"`, `groups=2`, `expired=True`."""
        self.password = password
        self._options = ["--mailboxes", str(mailboxes)]
        for name, value in options.items():
            flag = f"--{name.replace('_', '-')}"
            self._options += [flag] if value is True else [] if value is False else [flag, str(value)]
        self._own_directory = (
            None if "dir" in options else tempfile.TemporaryDirectory(prefix="lab-exchange-")
        )
        if self._own_directory:
            self._options += ["--dir", self._own_directory.name]
        self._server = Server("tests.lab.exchange")

    def __enter__(self) -> Self:
        """Start the process and wait until it serves."""
        try:
            ready = self._server.start(self._options, environment={"LAB_EXCHANGE_PASSWORD": self.password})
        except BaseException:
            self.stop()
            raise
        self.url: str = ready["url"]
        self.autodiscover: str = ready["autodiscover"]
        self.pox: str = ready["pox"]
        self.plain: str = ready["plain"]
        self.admin: str = ready["admin"]
        self.ca = Path(ready["ca"])
        self.port: int = ready["port"]
        self.account: str = ready["account"]
        self.domain: str = ready["domain"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the process."""
        self.stop()

    @property
    def user(self) -> str:
        r"""`EXAMPLE\svc-calendar`."""
        return f"{self.domain.split('.')[0].upper()}\\{self.account}"

    @property
    def upn(self) -> str:
        """`svc-calendar@example.com`."""
        return f"{self.account}@{self.domain}"

    def address(self, number: int) -> str:
        """The address of the mailbox made as number `number`, counted from 1."""
        return f"user{number}@{self.domain}"

    def stop(self) -> None:
        """End the process, the hard way when it does not listen."""
        self._server.stop()
        if self._own_directory:
            self._own_directory.cleanup()

    def edit(self, name: str, **arguments: Any) -> dict[str, Any]:
        """Change a calendar the way people do; names and arguments are those of `edits.EDITS`."""
        return self._post(f"/edit/{name}", arguments)

    def truth(self, address: str, start: datetime, end: datetime) -> Any:
        """What is in a calendar between two times."""
        asked = {"address": address, "start": start.isoformat(), "end": end.isoformat()}
        return self._get("/truth", asked)["truth"]

    def fault(
        self, operation: str, kind: str, *, times: int = 1, acting: str | None = None, **facts: Any
    ) -> None:
        """Order a fault (`faults.Kind`, `faults.Fault`) for the next requests of an operation; "*" is any."""
        order = {"operation": operation, "times": times, "acting": acting, "fault": {"kind": kind, **facts}}
        self._post("/fault", order)

    def clear_faults(self) -> None:
        """Take all orders back and let go what is stalled."""
        self._post("/faults/clear", {})

    def pending_faults(self) -> dict[str, int]:
        """Orders not yet met, by operation."""
        return dict(self._get("/faults", {})["pending"])

    def log(self, *, since: int = 0, operation: str = "", address: str = "") -> list[dict[str, Any]]:
        """The request log (`requestlog.Entry`)."""
        asked: dict[str, Any] = {"since": since}
        asked |= {name: value for name, value in (("operation", operation), ("address", address)) if value}
        return list(self._get("/log", asked)["entries"])

    def accounts(self) -> list[dict[str, Any]]:
        """Bad logons and locks."""
        return list(self._get("/accounts", {})["accounts"])

    def subscriptions(self) -> list[dict[str, Any]]:
        """The living subscriptions."""
        return list(self._get("/subscriptions", {})["subscriptions"])

    def limits(self) -> dict[str, dict[str, int]]:
        """Requests and streams under way, by charged account."""
        return self._get("/limits", {})

    def mailboxes(self) -> list[str]:
        """All primary addresses."""
        return list(self._get("/mailboxes", {})["mailboxes"])

    def create_mailboxes(self, count: int, prefix: str = "user", domain: str = "") -> list[str]:
        """Add many mailboxes and return their addresses."""
        return list(self._post("/mailboxes", {"count": count, "prefix": prefix, "domain": domain})["made"])

    def change_password(self, password: str, user: str = "", *, disconnect: bool = True) -> None:
        """Give an account another password; connections already logged on are closed unless told otherwise."""
        named = user or self.account
        self._post("/password", {"user": named, "password": password, "disconnect": disconnect})

    def lock(self, user: str = "", *, locked: bool = True) -> None:
        """Lock an account, or unlock it."""
        self._post("/lock", {"user": user or self.account, "locked": locked})

    def scope(self, allowed: list[str] | None = None, denied: list[str] | None = None) -> None:
        """Say for whom the service account may act: addresses or patterns, None is everybody."""
        self._post("/scope", {"allowed": allowed, "denied": denied or []})

    def redirect(self, address: str, *, to: str = "", url: str = "", error: str = "") -> None:
        """Have Autodiscover redirect or refuse an address; without any of the three it answers honestly again."""
        facts = {name: value for name, value in (("to", to), ("url", url), ("error", error)) if value}
        self._post("/redirect", {"address": address, **facts})

    def plain_redirect(self, location: str) -> None:
        """Where the plain HTTP side points; an empty location makes it answer 404."""
        self._post("/plain", {"location": location})

    def miss_events(self, address: str | None = None) -> int:
        """Lose waiting events: ErrorMissedNotificationEvents follows on the stream."""
        return int(self._post("/miss", {"address": address})["hit"])

    def forget_subscriptions(self, address: str | None = None) -> int:
        """End subscriptions; their streams are told."""
        return int(self._post("/forget", {"address": address})["gone"])

    def restart_server(self) -> int:
        """As after a restart of the mail server: connections closed, all subscriptions forgotten."""
        return int(self._post("/restart", {})["gone"])

    def pause(self) -> None:
        """Refuse connections until `resume`."""
        self._post("/pause", {})

    def resume(self) -> None:
        """Serve again, on the same port."""
        self._post("/resume", {})

    def disconnect(self) -> None:
        """Close all connections once."""
        self._post("/disconnect", {})

    def new_certificate(self, *names: str, expired: bool = False) -> None:
        """Show another certificate of the same authority from now on."""
        self._post("/certificate", {"expired": expired} | ({"names": list(names)} if names else {}))

    def advance(self, seconds: float) -> datetime:
        """Push the lab's clock forward and return its time."""
        return datetime.fromisoformat(self._post("/clock", {"advance": seconds})["now"])

    def now(self) -> datetime:
        """The lab's time."""
        return datetime.fromisoformat(self._get("/clock", {})["now"])

    def _get(self, path: str, asked: dict[str, Any]) -> dict[str, Any]:
        return self._call("GET", f"{path}?{urlencode(asked)}")

    def _post(self, path: str, arguments: dict[str, Any]) -> dict[str, Any]:
        return self._call("POST", path, json.dumps(arguments, default=_plain))

    def _call(self, method: str, path: str, body: str | None = None) -> dict[str, Any]:
        door = HTTPConnection(self.admin.removeprefix("http://"), timeout=ADMIN_SECONDS)
        with closing(door):
            door.request(method, path, body)
            answer = door.getresponse()
            document = dict(json.load(answer))
        if answer.status != 200:
            raise LabError(document.get("error", f"{method} {path}: {answer.status}"))
        return document


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{value!r} has no form in JSON")
