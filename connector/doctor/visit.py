"""What the doctor has learned of one organisation so far, and whether it goes on asking."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

from connector.doctor import remedies
from connector.doctor.base import Instruments, Organisation
from connector.doctor.findings import Finding
from connector.doctor.sight import Place, Sight, judge
from connector.errors import Verdict
from connector.model import Identity

HTTPS = 443

ABOUT_ONE = frozenset({"address-unknown", "moved-to-exchange-online", "mailbox-disabled"})
"""Answers that say something of one address: Autodiscover itself works."""


def answered(answers: Sequence[Identity | Verdict]) -> bool:
    """Whether Autodiscover said anything of the matter."""
    return any(isinstance(one, Identity) or one.code in ABOUT_ONE for one in answers)


@dataclass(slots=True)
class Visit:
    """What has been learned so far. ``over`` says why nothing more is asked, "" while it goes on."""

    organisation: Organisation
    tools: Instruments
    now: datetime
    sights: dict[Place, Sight] = field(default_factory=dict)
    shown: set[Place] = field(default_factory=set)
    answers: Mapping[str, Identity | Verdict] = field(default_factory=dict)
    busy: list[str] = field(default_factory=list)
    over: str = ""

    def look(self, place: Place) -> Sight:
        """See a place, once."""
        if place not in self.sights:
            self.sights[place] = self.tools.look(place)
        return self.sights[place]

    def show(self, place: Place) -> Iterator[Finding]:
        """Its route and certificate, once."""
        if place not in self.shown:
            self.shown.add(place)
            yield from judge(self.look(place), self.now, self.organisation.expiry_warning)

    def note(self, verdict: Verdict) -> None:
        """End the visit if the verdict asks for it."""
        if verdict.code in remedies.BUSY:
            self.busy.append(verdict.detail or verdict.code)
            self.over = "the server asked to be left alone"
        elif verdict.code in remedies.LOGON:
            self.over = "the service account does not get in"


def place_of(visit: Visit, url: str) -> Place:
    """The host and port of an address of this organisation."""
    parts = urlsplit(url)
    return Place(parts.hostname or "", parts.port or HTTPS, f"sources: {visit.organisation.name}: ca:")


def of_domain(visit: Visit, domain: str) -> list[Identity | Verdict]:
    """What Autodiscover said of the addresses of a mail domain."""
    return [answer for address, answer in visit.answers.items() if address.endswith(f"@{domain}")]


def verdicts_of(visit: Visit) -> list[Verdict]:
    """Where it said no."""
    return [answer for answer in visit.answers.values() if isinstance(answer, Verdict)]
