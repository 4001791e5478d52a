"""Instruments that answer as a test tells them to, and the nouns the doctor works with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from connector.doctor import exchange
from connector.doctor.base import Build, Organisation
from connector.doctor.certificate import Certificate
from connector.doctor.findings import Finding, Mark
from connector.doctor.sight import Place, Sight
from connector.errors import Verdict
from connector.model import Identity, Location, Mailbox

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
ENDPOINT = "https://mail.example.com/EWS/Exchange.asmx"
SE = Build(15, 2, 2562, 17)
CERTIFICATE = Certificate(
    ("mail.example.com", "autodiscover.example.com"),
    "Example Root",
    NOW - timedelta(days=30),
    NOW + timedelta(days=300),
    "AB12",
)


def mailbox(name: str = "ada", **changed: str) -> Mailbox:
    """An activated one whose place is known."""
    made = Mailbox(name, "hq", f"{name}@example.com", "staff", "manual", location=Location(ENDPOINT, "A"))
    return replace(made, **changed)  # type: ignore[arg-type]


def organisation(*patients: Mailbox, **changed: object) -> Organisation:
    """One forest with Autodiscover."""
    made = Organisation(
        name="hq",
        domains=("example.com",),
        url="",
        auth="negotiate",
        user="svc-cal-a@example.com",
        secret="exchange/hq/a",
        streams=True,
        patients=patients or (mailbox(),),
    )
    return replace(made, **changed)  # type: ignore[arg-type]


def sight(place: Place, **changed: object) -> Sight:
    """Everything is well there."""
    made = Sight(place, ("192.0.2.10",), certificate=CERTIFICATE, protocol="TLSv1.3", date=NOW, read_at=NOW)
    return replace(made, **changed)  # type: ignore[arg-type]


@dataclass
class Tools:
    """Answers well, but for what a test puts in the way; ``asked`` is what went out."""

    sights: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    builds: Build | Verdict = SE
    places: Mapping[str, Identity | Verdict] = field(default_factory=dict)
    opening: Mapping[str, Verdict] = field(default_factory=dict)
    counting: Verdict | None = None
    listening: Verdict | None = None
    before: bool = False
    asked: list[str] = field(default_factory=list)

    def look(self, place: Place) -> Sight:
        return sight(place, **self.sights.get(place.host, {}))

    def identify(self, endpoint: str) -> Build:
        self.asked.append("identify")
        if isinstance(self.builds, Verdict):
            raise self.builds
        return self.builds

    def locate(self, addresses: Sequence[str]) -> Mapping[str, Identity | Verdict]:
        self.asked.append("locate")
        found = Identity("", "", Location(ENDPOINT, "A"))
        return {address: self.places.get(address, self.places.get("*", found)) for address in addresses}

    def open(self, mailbox: Mailbox) -> None:
        self.asked.append(f"open {mailbox.address}")
        if verdict := self.opening.get(mailbox.address) or self.opening.get("*"):
            raise verdict

    def count(self, mailbox: Mailbox) -> int:
        self.asked.append(f"count {mailbox.address}")
        if self.counting:
            raise self.counting
        return 3

    def listen(self, mailbox: Mailbox) -> timedelta:
        self.asked.append(f"listen {mailbox.address}")
        if self.listening:
            raise self.listening
        return timedelta(seconds=1)

    def refused_before(self) -> bool:
        return self.before


def examined(tools: Tools, patient: Organisation | None = None) -> list[Finding]:
    """Every finding on an organisation."""
    return list(exchange.examine(patient or organisation(), tools, NOW, []))


def faults(findings: Sequence[Finding]) -> list[tuple[str, str]]:
    """Check and code of what failed, in order."""
    return [(one.check, one.code) for one in findings if one.mark is Mark.FAIL]


def of(findings: Sequence[Finding], check: str) -> Finding:
    """The first finding of a check."""
    return next(one for one in findings if one.check == check)
