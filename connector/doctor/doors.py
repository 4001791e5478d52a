"""Autodiscover: the places where it may answer, and what it says of each mail domain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from connector.doctor import remedies
from connector.doctor.base import Organisation
from connector.doctor.findings import Finding, passed, skipped
from connector.doctor.sight import Place, Sight
from connector.doctor.visit import Visit, answered, of_domain, place_of
from connector.errors import Verdict
from connector.model import Identity

ENDPOINTS = 4
"""EWS addresses that are looked at; there is one for each site or namespace of an organisation."""

CONNECTION = frozenset({"unreachable", "timeout", "tls-untrusted", "tls-expired"})
"""Verdicts of somebody who was not reached."""


def doors(visit: Visit) -> dict[str, list[Place]]:
    """Where each mail domain's Autodiscover may answer, looked at."""
    if visit.organisation.url:
        return {}
    entrances = {
        domain: [place_of(visit, f"https://{host}") for host in (f"autodiscover.{domain}", domain)]
        for domain in visit.organisation.domains
    }
    for places in entrances.values():
        for place in places:
            visit.look(place)
    return entrances


def show_doors(visit: Visit, entrances: Mapping[str, Sequence[Place]]) -> Iterator[Finding]:
    """The door that was gone through, or those that kept shut with what keeps them."""
    for domain, places in entrances.items():
        sights = [visit.look(place) for place in places]
        for sight in _entered(sights) if _reached(of_domain(visit, domain)) else _shut(sights):
            yield from visit.show(sight.place)


def _entered(sights: Sequence[Sight]) -> list[Sight]:
    """None when it was neither: an HTTP redirect or an SRV record has led elsewhere."""
    return [sight for sight in sights if sight.clear][:1]


def _shut(sights: Sequence[Sight]) -> list[Sight]:
    """A host whose certificate is for others may simply not be meant for Autodiscover; one that is nowhere as well."""
    there = [sight for sight in sights if not sight.obstacle]
    meant = [sight for sight in there if sight.distrust != "tls-wrong-name"]
    return meant or there or list(sights[:1])


def endpoints(visit: Visit) -> list[str]:
    """EWS addresses: the fixed one, those Autodiscover tells, else those remembered of the mailboxes."""
    if visit.organisation.url:
        return [visit.organisation.url]
    told = [
        answer.location.endpoint
        for answer in visit.answers.values()
        if isinstance(answer, Identity) and answer.location
    ]
    known = [one.location.endpoint for one in visit.organisation.patients if one.location]
    return list(dict.fromkeys(told or known))[:ENDPOINTS]


def questions(organisation: Organisation) -> list[str]:
    """Addresses to ask about: every patient, and a stranger of each domain that has none. Asking opens no mailbox."""
    asked = [one.address for one in organisation.patients]
    for domain in organisation.domains:
        if not any(one.endswith(f"@{domain}") for one in asked):
            own = organisation.user.lower()
            asked.append(own if own.endswith(f"@{domain}") else f"calendar-connector@{domain}")
    return asked


def _reached(answers: Sequence[Identity | Verdict]) -> bool:
    return any(isinstance(one, Identity) or one.code not in CONNECTION for one in answers)


def autodiscover(visit: Visit) -> Iterator[Finding]:
    """A finding for each mail domain."""
    organisation = visit.organisation
    if organisation.url:
        yield skipped("autodiscover", organisation.name, f"not asked: `url:` says {organisation.url}")
        return
    for domain in organisation.domains:
        answers = of_domain(visit, domain)
        if answered(answers):
            places = [one.location.endpoint for one in answers if isinstance(one, Identity) and one.location]
            yield passed("autodiscover", domain, f"it leads to {places[0]}" if places else "it answers")
        elif visit.over:
            yield skipped("autodiscover", domain, visit.over)
        else:
            for verdict in [one for one in answers if isinstance(one, Verdict)][:1]:
                visit.note(verdict)
                yield remedies.autodiscover(organisation, domain, verdict)
