"""The site as an administrator meets it: ways to break it, and the doctor through the real command."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lab.exchange.launch import LabExchange
from tests.lab.site import CONNECTOR, ROOT, Site
from tests.lab.strangers import TlsBridge, WrongClock

LOCAL_NAMES_ONLY = '''"""No name but localhost is looked up: tests ask no DNS server."""
import socket

_ask = socket.getaddrinfo


def local(host, *args, **kwargs):
    if host and host != "localhost" and not host.replace(".", "").isdigit():
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return _ask(host, *args, **kwargs)


socket.getaddrinfo = local
'''


@dataclass(frozen=True)
class Report:
    """What the command said."""

    code: int
    findings: list[dict[str, Any]]

    @property
    def faults(self) -> set[tuple[str, str]]:
        """Check and code of everything that failed."""
        return {(one["check"], one["code"]) for one in self.findings if one["mark"] == "fail"}

    @property
    def passes(self) -> set[str]:
        """Checks that passed at least once."""
        return {one["check"] for one in self.findings if one["mark"] == "pass"}

    def told(self) -> str:
        """All of it in lines, for a test that fails."""
        return "\n".join(
            f"{one['mark']} {one['check']} {one['subject']}: {one['sentence']}" for one in self.findings
        )

    def pasted(self) -> str:
        """Every line to paste."""
        return "\n".join(line for one in self.findings for line in one["paste"])

    def of(self, check: str) -> dict[str, Any]:
        """The first finding of a check."""
        return next(one for one in self.findings if one["check"] == check)


class Practice:
    """The site, and the command as an administrator calls it."""

    def __init__(self, site: Site, folder: Path) -> None:
        self.site = site
        self.lab = site.exchange
        self._environment = os.environ | {"PYTHONPATH": str(folder)}
        (folder / "sitecustomize.py").write_text(LOCAL_NAMES_ONLY)

    def doctor(self, *arguments: str) -> Report:
        """Its findings."""
        done = subprocess.run(
            [*CONNECTOR, "doctor", *arguments, "--json", "--config", str(self.site.config)],
            cwd=ROOT,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.stdout, done.stderr
        return Report(done.returncode, json.loads(done.stdout)["findings"])

    @contextmanager
    def configured(self, *changes: tuple[str, str]) -> Iterator[None]:
        """Other words in the configuration."""
        text = self.site.configuration()
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        self.site.write_config(text)
        try:
            yield
        finally:
            self.site.write_config()

    @contextmanager
    def url(self, url: str, *changes: tuple[str, str]) -> Iterator[None]:
        """A fixed EWS address in place of Autodiscover."""
        with self.configured(("    auth: ntlm", f"    url: {url}\n    auth: ntlm"), *changes):
            yield

    @contextmanager
    def secret(self, name: str, value: str, right: str) -> Iterator[None]:
        """Another secret; the right one is typed again afterwards, which forgets refusals."""
        self.site.cli("secret", "set", name, stdin=value)
        try:
            yield
        finally:
            self.site.cli("secret", "set", name, stdin=right)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """The service account is locked."""
        self.lab.lock()
        try:
            yield
        finally:
            self.lab.lock(locked=False)
            self.site.cli("secret", "set", "exchange/hq/a", stdin=self.lab.password)

    @contextmanager
    def faulty(self, operation: str, kind: str, **facts: Any) -> Iterator[None]:
        """The lab answers an operation wrongly until the end."""
        self.lab.fault(operation, kind, times=-1, **facts)
        try:
            yield
        finally:
            self.lab.clear_faults()

    @contextmanager
    def undone(self, do: Callable[[], object], undo: Callable[[], object]) -> Iterator[None]:
        """Something done and taken back."""
        do()
        try:
            yield
        finally:
            undo()


@contextmanager
def other_lab(practice: Practice, bridge: bool = False, **options: Any) -> Iterator[None]:
    """Another Exchange in place of the site's, at a fixed address; through a TLS bridge with a certificate of its own."""
    with LabExchange(mailboxes=5, **options) as lab:
        found = TlsBridge(lab.port) if bridge else None
        try:
            port, ca = (found.port, found.ca) if found else (lab.port, lab.ca)
            with practice.url(f"https://localhost:{port}/EWS/Exchange.asmx", (str(practice.lab.ca), str(ca))):
                yield
        finally:
            if found:
                found.close()
            practice.site.cli("secret", "set", "exchange/hq/a", stdin=practice.lab.password)


@contextmanager
def wrong_clock(practice: Practice) -> Iterator[None]:
    """A hub whose clock is ten minutes ahead."""
    with (
        WrongClock(600) as hub,
        practice.configured((practice.site.hub.url, hub.url), (str(practice.site.hub.ca), str(hub.ca))),
    ):
        yield
