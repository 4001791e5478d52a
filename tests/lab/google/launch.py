"""The lab as a process of its own: `with LabGoogle(users=3) as lab: ...`."""

import json
import tempfile
from contextlib import closing
from datetime import datetime
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.lab.google.server import HOSTS
from tests.lab.process import LabError, Server


class LabGoogle:
    """One running lab: ``port`` serves all of Google's hosts, ``ca`` is to be trusted, ``key_file`` is the account's."""

    def __init__(self, *, users: int = 10, domain: str = "brand.example") -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="lab-google-")
        self._options = [
            *("--dir", self._directory.name, "--users", str(users), "--domain", domain),
        ]
        self._server = Server("tests.lab.google")

    def __enter__(self) -> Self:
        """Start the process and wait until it serves."""
        try:
            ready = self._server.start(self._options)
        except BaseException:
            self.stop()
            raise
        self.port: int = ready["port"]
        self.admin: str = ready["admin"]
        self.ca = Path(ready["ca"])
        self.key_file = Path(ready["key_file"])
        self.domain: str = ready["domain"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the process."""
        self.stop()

    @property
    def key(self) -> str:
        """The service account's key file."""
        return self.key_file.read_text(encoding="utf-8")

    @property
    def resolve(self) -> dict[str, str]:
        """Google's hosts, all at the lab's port."""
        return dict.fromkeys(HOSTS, f"127.0.0.1:{self.port}")

    def address(self, number: int) -> str:
        """The address of user number `number`, counted from 1."""
        return f"user{number}@{self.domain}"

    def stop(self) -> None:
        """End the process, the hard way when it does not listen."""
        self._server.stop()
        self._directory.cleanup()

    def edit(self, name: str, **facts: Any) -> dict[str, Any]:
        """Change a calendar the way people do (`edits.Edits`)."""
        return self.tell(f"/edit/{name}", **facts)

    def truth(self, address: str, start: datetime, end: datetime) -> Any:
        """What is in a calendar between two times."""
        return self.tell("/truth", address=address, start=start.isoformat(), end=end.isoformat())["truth"]

    def fault(self, kind: str, *, times: int = 1, operation: str = "*", subject: str = "") -> None:
        """Order a fault (`faults.Order`)."""
        self.tell("/fault", kind=kind, times=times, operation=operation, subject=subject)

    def user(self, number: int, **facts: Any) -> None:
        """Change what a user is like (`tenant.User`)."""
        self.tell("/user", address=self.address(number), **facts)

    def log(self, since: int = 0) -> list[dict[str, Any]]:
        """Requests so far."""
        return list(self.tell("/log", since=since)["entries"])

    def tell(self, path: str, **facts: Any) -> dict[str, Any]:
        """One command of the admin door."""
        door = HTTPConnection(self.admin.removeprefix("http://"), timeout=60)
        with closing(door):
            door.request("POST", path, json.dumps(facts, default=str))
            answer = door.getresponse()
            document = dict(json.load(answer))
        if answer.status != 200:
            raise LabError(f"{path}: {document.get('error', answer.status)}")
        return document
