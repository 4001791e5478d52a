"""The outside of the trial: the lab Exchange, the hub on a machine of its own, and the appliance between them."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

from connector.model import ContentKey
from connector.seal.opening import open_meeting
from scripts.packaging.trial.machine import Machine, MachineError
from scripts.packaging.trial.network import OUTSIDE
from tests.lab.exchange.certificates import Authority
from tests.lab.exchange.launch import LabExchange

INSTANCE = "trial-01.example.com"
HUB_NAME = "hub.example.net"
HUB_PORT = 8443
MAIL_NAME = "mail.example.com"
UNIT = "calendar-connector"
HUB_UNIT = "calendar-connector-hub"
ANSWERS_PATH = "/srv/answers.yaml"
PATIENCE = 30.0
LOOK_SECONDS = 0.1

ANSWERS = """\
exchange: "{url}"
account: "{user}"
password: "{password}"
hub: "https://{hub}:{port}"
token: "{token}"
domains: "{domain}"
exchange_ca: /srv/exchange.pem
hub_ca: /srv/hub.pem
auth: ntlm
mode: active
mailbox: "{owner}"
"""

FURTHER = """\
sources: {{hq: {{timing: {{debounce: 200ms}}}}}}
policies:
  staff: {{write: [hub], send: [subject, location, notes, organizer, attendees, link], presence: text}}
log: {{level: {level}}}
"""


@dataclass(frozen=True, slots=True)
class Meeting:
    """What the trial puts into a calendar; the words are looked for in the journal afterwards."""

    subject: str
    location: str
    body: str


class Site:
    """Both machines and the lab; ``keys`` are filled when a mailbox is activated."""

    def __init__(self, appliance: Machine, hub: Machine, exchange: LabExchange, folder: Path) -> None:
        self.appliance = appliance
        self.hub = hub
        self.exchange = exchange
        self.owner = exchange.address(1)
        self.meetings: list[Meeting] = []
        self.secrets: list[str] = [exchange.password]
        self._folder = folder
        self._keys: Mapping[str, ContentKey] = {}
        self._token = ""

    # --- the hub

    def furnish_hub(self, address: str) -> None:
        """Certificate and settings, as docs/install.md says."""
        authority = Authority(self._folder, datetime.now(UTC))
        pem = authority.issue([HUB_NAME, address], datetime.now(UTC)).path.read_text()
        self.hub.write("/etc/calendar-connector-hub/tls.pem", pem)
        self.hub.do("chgrp", HUB_UNIT, "/etc/calendar-connector-hub/tls.pem")
        self.hub.do("chmod", "640", "/etc/calendar-connector-hub/tls.pem")
        tls = "/etc/calendar-connector-hub/tls.pem"
        self.hub.write(
            "/etc/calendar-connector-hub/hub.toml",
            f'listen = "0.0.0.0:{HUB_PORT}"\ncertificate = "{tls}"\nkey = "{tls}"\n',
        )
        self._tls = ssl.create_default_context(cafile=str(authority.path))
        self._address = address

    def token_for(self, *options: str) -> str:
        """A new token, from the hub's own command."""
        token = self.hub.do(HUB_UNIT, "token", "create", *options).strip()
        self.secrets.append(token)
        return token

    def shown(self) -> list[tuple[str, str]]:
        """Subjects and places of the owner's list at the hub, opened and verified."""
        mailbox = next(iter(self._keys.values())).mailbox_id
        self._token = self._token or self.token_for("--user", mailbox)
        connection = HTTPSConnection(self._address, HUB_PORT, timeout=PATIENCE, context=self._tls)
        with closing(connection):
            path = f"/relay/v1/mailboxes/{mailbox}/meetings"
            connection.request("GET", path, headers={"Authorization": f"Bearer {self._token}"})
            answer = connection.getresponse()
            page = json.load(answer)
        if answer.status != 200:
            return []
        opened = [open_meeting(sealed, self._keys.__getitem__) for sealed in page["meetings"]]
        return sorted((str(one["subject"]), str(one["location"])) for one in opened)

    # --- the appliance

    def name_hosts(self, hub_address: str) -> None:
        """What the name service would say."""
        hosts = f"127.0.0.1 localhost\n{hub_address} {HUB_NAME}\n{OUTSIDE} {MAIL_NAME}\n"
        self.appliance.write("/etc/hosts", hosts)

    def furnish_appliance(self, token: str) -> None:
        """The answers, where `setup` is told to find them, and what the trial wants to be different."""
        self.appliance.write("/srv/hub.pem", (self._folder / "ca.pem").read_text())
        self.appliance.write("/srv/exchange.pem", self.exchange.ca.read_text())
        self.configure(level="info")
        text = ANSWERS.format(
            url=self.exchange.url,
            user=self.exchange.upn,
            password=self.exchange.password,
            hub=HUB_NAME,
            port=HUB_PORT,
            token=token,
            domain=self.exchange.domain,
            owner=self.owner,
        )
        self.appliance.write(ANSWERS_PATH, text)
        (self.appliance.root / ANSWERS_PATH[1:]).chmod(0o600)

    def tidy(self) -> None:
        """Take away what only the trial needed."""
        for path in (ANSWERS_PATH, "/srv/hub.pem", "/srv/exchange.pem"):
            (self.appliance.root / path[1:]).unlink()

    def configure(self, *, level: str) -> None:
        """Write what differs from what `setup` writes."""
        self.appliance.write("/etc/calendar-connector/conf.d/trial.yaml", FURTHER.format(level=level))

    def take_keys(self) -> None:
        """Get the keys of the owner's mailbox."""
        rows = json.loads(self.appliance.do(UNIT, "mailbox", "keys", self.owner, "--json"))
        now = datetime.now(UTC)
        self._keys = {
            row["uri"]: ContentKey(row["uri"], row["mailbox"], bytes.fromhex(row["secret"]), now)
            for row in rows
        }
        self.secrets += [row["secret"] for row in rows]

    def meet(self, subject: str) -> float:
        """Put a meeting into the owner's calendar; seconds until the hub's list, opened, equals the calendar."""
        made = Meeting(subject, f"Room of {subject}", f"Notes of {subject}")
        self.meetings.append(made)
        start = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1, hours=len(self.meetings))
        self.exchange.edit(
            "create",
            mailbox=self.owner,
            start=start.isoformat(),
            end=(start + timedelta(minutes=30)).isoformat(),
            subject=made.subject,
            location=made.location,
            body=made.body,
        )
        wanted = sorted((one.subject, one.location) for one in self.meetings)
        return wait(lambda: self.shown() == wanted, f"the hub to show {subject}")


def wait(condition: Callable[[], bool], what: str, seconds: float = PATIENCE) -> float:
    """Wait for something outside of this process; the seconds it took. Raises MachineError."""
    begun = time.monotonic()
    while not condition():
        if time.monotonic() - begun > seconds:
            raise MachineError(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(LOOK_SECONDS)
    return time.monotonic() - begun


def packages(folder: Path) -> dict[str, Path]:
    """The packages in a folder by name. Raises MachineError when one is missing."""
    found = {path.name.partition("_")[0]: path for path in folder.glob("*.deb")}
    for name in (UNIT, HUB_UNIT):
        if name not in found:
            raise MachineError(f"there is no {name} in {folder}; run scripts/build-deb first")
    return found


def listing(machine: Machine) -> set[str]:
    """Every path on its disk."""
    return set(machine.do("find", "/", "-xdev", "!", "-path", "/proc/*").splitlines())


def facts(machine: Machine, path: str) -> Any:
    """Owner, group and mode of a path."""
    return machine.do("stat", "--format=%U:%G %a", path).strip()
