"""One Exchange organisation, check by check: a handful of requests, one at a time, and never a second failed logon."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from connector.doctor.base import Instruments, Organisation
from connector.doctor.doors import autodiscover, doors, endpoints, questions, show_doors
from connector.doctor.findings import Finding
from connector.doctor.logon import log_on
from connector.doctor.mailboxes import examine_mailboxes
from connector.doctor.sight import Sight
from connector.doctor.visit import Visit, place_of


def examine(
    organisation: Organisation, tools: Instruments, now: datetime, sights: list[Sight]
) -> Iterator[Finding]:
    """In order; what was seen of places is added to ``sights``."""
    visit = Visit(organisation, tools, now)
    entrances = doors(visit)
    if not organisation.url:
        visit.answers = tools.locate(questions(organisation))
    found = endpoints(visit)
    yield from show_doors(visit, entrances)
    for endpoint in found:
        yield from visit.show(place_of(visit, endpoint))
    yield from log_on(visit, found)
    yield from autodiscover(visit)
    yield from examine_mailboxes(visit)
    sights += visit.sights.values()
