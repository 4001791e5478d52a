"""One Exchange organisation, check by check: a handful of requests, one at a time, and never a second failed logon."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import urlsplit

from connector.doctor import impersonation, remedies
from connector.doctor.base import Build, Instruments, Organisation
from connector.doctor.findings import Finding, failed, passed, skipped
from connector.doctor.sight import Place, Sight, judge
from connector.errors import Verdict
from connector.model import Identity, Mailbox

ENDPOINTS = 4
"""EWS addresses that are looked at; there is one for each site or namespace of an organisation."""

CONTROLS = 2
"""Further activated mailboxes that are opened to tell a missing role from a narrow scope."""

HTTPS = 443


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


def examine(
    organisation: Organisation, tools: Instruments, now: datetime, sights: list[Sight]
) -> Iterator[Finding]:
    """In order; what was seen of places is added to ``sights``."""
    visit = Visit(organisation, tools, now)
    doors = _doors(visit)
    if not organisation.url:
        visit.answers = tools.locate(list(_questions(organisation).values()))
    endpoints = _endpoints(visit)
    yield from _show_doors(visit, doors)
    for endpoint in endpoints:
        yield from visit.show(_place(visit, endpoint))
    yield from _log_on(visit, endpoints)
    yield from _autodiscover(visit)
    yield from _mailboxes(visit)
    sights += visit.sights.values()


# --- from outside


def _place(visit: Visit, url: str) -> Place:
    parts = urlsplit(url)
    return Place(parts.hostname or "", parts.port or HTTPS, f"sources: {visit.organisation.name}: ca:")


def _doors(visit: Visit) -> dict[str, list[Place]]:
    """Where each mail domain's Autodiscover may answer, looked at."""
    if visit.organisation.url:
        return {}
    doors = {
        domain: [_place(visit, f"https://{host}") for host in (f"autodiscover.{domain}", domain)]
        for domain in visit.organisation.domains
    }
    for places in doors.values():
        for place in places:
            visit.look(place)
    return doors


def _show_doors(visit: Visit, doors: Mapping[str, Sequence[Place]]) -> Iterator[Finding]:
    """The door that was gone through, or those that kept shut with what keeps them."""
    for domain, places in doors.items():
        sights = [visit.look(place) for place in places]
        for sight in _entered(sights) if _reached(_of_domain(visit, domain)) else _shut(sights):
            yield from visit.show(sight.place)


def _entered(sights: Sequence[Sight]) -> list[Sight]:
    """None when it was neither: an HTTP redirect or an SRV record has led elsewhere."""
    return [sight for sight in sights if sight.clear][:1]


def _shut(sights: Sequence[Sight]) -> list[Sight]:
    """A host whose certificate is for others may simply not be meant for Autodiscover; one that is nowhere as well."""
    there = [sight for sight in sights if not sight.obstacle]
    meant = [sight for sight in there if sight.distrust != "tls-wrong-name"]
    return meant or there or list(sights[:1])


def _endpoints(visit: Visit) -> list[str]:
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


# --- logon and version


def _log_on(visit: Visit, endpoints: Sequence[str]) -> Iterator[Finding]:
    """One finding on the logon and one on each server's version."""
    name = visit.organisation.name
    if refusal := next((one for one in _verdicts(visit) if one.code in remedies.LOGON), None):
        yield from _refused(visit, refusal)
        return
    if not endpoints and _answered(list(visit.answers.values())):
        visit.over = "no mailbox is activated yet, so no EWS address is known"
        yield passed("authentication", name, f"Autodiscover accepts {visit.organisation.user}")
        return
    reachable = [one for one in endpoints if visit.look(_place(visit, one)).clear]
    if not reachable:
        visit.over = "no EWS address can be reached"
        yield skipped("authentication", name, visit.over)
        return
    accepted = False
    for endpoint in reachable:
        try:
            build = visit.tools.identify(endpoint)
        except Verdict as verdict:
            yield from _not_identified(visit, endpoint, verdict)
            if visit.over:
                return
            continue
        if not accepted:
            accepted = True
            yield passed(
                "authentication", name, f"{visit.organisation.user} is accepted ({visit.organisation.auth})"
            )
        yield version(_place(visit, endpoint), build)
    if not accepted:
        visit.over = "no EWS address answers as it should"
        yield skipped("authentication", name, visit.over)


def _refused(visit: Visit, verdict: Verdict) -> Iterator[Finding]:
    visit.note(verdict)
    yield remedies.logon(visit.organisation, verdict, before=visit.tools.refused_before())


def _not_identified(visit: Visit, endpoint: str, verdict: Verdict) -> Iterator[Finding]:
    visit.note(verdict)
    name = visit.organisation.name
    if verdict.code in remedies.LOGON:
        yield remedies.logon(visit.organisation, verdict, before=visit.tools.refused_before())
    elif visit.over:
        yield skipped("authentication", name, visit.over)
    else:
        place = _place(visit, endpoint)
        yield remedies.server(place.name, place.host, verdict)


def version(place: Place, build: Build) -> Finding:
    """Exchange 2016, 2019 and SE are served; SE continues the build numbers of 2019 from 2562 on."""
    words = f"{build.major}.{build.minor} build {build.build}.{build.revision}"
    if not build.major:
        return skipped("version", place.name, "the server does not tell its version")
    if (build.major, build.minor) < (15, 1):
        sentence = f"Exchange {words} is older than Exchange 2016"
        return failed(
            "version",
            place.name,
            "server-version",
            sentence,
            "Mailboxes have to be on Exchange 2016 or newer.",
        )
    if (build.major, build.minor, build.build) >= (15, 2, 2562):
        return passed("version", place.name, f"Exchange SE, {words}")
    product = "Exchange 2019" if build.minor >= 2 else "Exchange 2016"
    advice = "Microsoft's regular support of it ended on 2025-10-14; Exchange SE follows it."
    return passed("version", place.name, f"{product}, {words}", advice)


# --- Autodiscover


def _questions(organisation: Organisation) -> dict[str, str]:
    """Addresses to ask about: every patient, and one of each domain that has none. Asking opens no mailbox."""
    asked = {one.address: one.address for one in organisation.patients}
    for domain in organisation.domains:
        if not any(one.endswith(f"@{domain}") for one in asked):
            own = organisation.user.lower()
            stranger = own if own.endswith(f"@{domain}") else f"calendar-connector@{domain}"
            asked[stranger] = stranger
    return asked


def _of_domain(visit: Visit, domain: str) -> list[Identity | Verdict]:
    return [answer for address, answer in visit.answers.items() if address.endswith(f"@{domain}")]


def _verdicts(visit: Visit) -> list[Verdict]:
    return [answer for answer in visit.answers.values() if isinstance(answer, Verdict)]


ABOUT_ONE = frozenset({"address-unknown", "moved-to-exchange-online", "mailbox-disabled"})
"""Answers that say something of one address: Autodiscover itself works."""


def _answered(answers: Sequence[Identity | Verdict]) -> bool:
    return any(isinstance(one, Identity) or one.code in ABOUT_ONE for one in answers)


CONNECTION = frozenset({"unreachable", "timeout", "tls-untrusted", "tls-expired"})
"""Verdicts of somebody who was not reached."""


def _reached(answers: Sequence[Identity | Verdict]) -> bool:
    return any(isinstance(one, Identity) or one.code not in CONNECTION for one in answers)


def _autodiscover(visit: Visit) -> Iterator[Finding]:
    organisation = visit.organisation
    if organisation.url:
        yield skipped("autodiscover", organisation.name, f"not asked: `url:` says {organisation.url}")
        return
    for domain in organisation.domains:
        answers = _of_domain(visit, domain)
        if _answered(answers):
            places = [one.location.endpoint for one in answers if isinstance(one, Identity) and one.location]
            yield passed("autodiscover", domain, f"it leads to {places[0]}" if places else "it answers")
        elif visit.over:
            yield skipped("autodiscover", domain, visit.over)
        else:
            for verdict in [one for one in answers if isinstance(one, Verdict)][:1]:
                visit.note(verdict)
                yield remedies.autodiscover(organisation, domain, verdict)


# --- mailboxes


def _mailboxes(visit: Visit) -> Iterator[Finding]:
    """Impersonation, throttling, calendars, streaming: asked in one go, told in order."""
    lost, found = _sorted_out(visit)
    opened = _open(visit, found)
    calendars = list(_calendars(visit, opened))
    streaming = _streaming(visit, opened)
    yield impersonation.judge(visit.organisation, opened, visit.over)
    yield _throttling(visit)
    yield from lost
    yield from calendars
    yield streaming


def _sorted_out(visit: Visit) -> tuple[list[Finding], list[Mailbox]]:
    """Findings on those who live nowhere, and the others with the place they live at."""
    lost, found = [], []
    for mailbox in visit.organisation.patients:
        answer = visit.answers.get(mailbox.address)
        if isinstance(answer, Identity):
            found.append(replace(mailbox, location=answer.location))
        elif answer is None or (mailbox.location and answer.code != "moved-to-exchange-online"):
            found.append(mailbox)
        elif answer.code in ABOUT_ONE:
            lost.append(remedies.mailbox(visit.organisation, "calendar", mailbox.address, answer))
    return lost, found


def _open(visit: Visit, mailboxes: Sequence[Mailbox]) -> impersonation.Opened:
    opened = impersonation.Opened(_try_each(visit, mailboxes))
    if opened.denied and not opened.granted:
        compared = _try_each(visit, visit.organisation.others[:CONTROLS])
        return replace(opened, compared=compared)
    return opened


def _try_each(visit: Visit, mailboxes: Sequence[Mailbox]) -> dict[Mailbox, Verdict | None]:
    """What came of opening them, one after the other, as long as the visit goes on."""
    outcomes = {}
    for mailbox in mailboxes:
        if not visit.over:
            outcomes[mailbox] = _try(visit, mailbox)
    return outcomes


def _try(visit: Visit, mailbox: Mailbox) -> Verdict | None:
    try:
        visit.tools.open(mailbox)
    except Verdict as verdict:
        visit.note(verdict)
        return verdict
    return None


def _calendars(visit: Visit, opened: impersonation.Opened) -> Iterator[Finding]:
    for mailbox, verdict in opened.outcomes.items():
        if verdict is None:
            yield _calendar(visit, mailbox)
        elif not remedies.ends_the_visit(verdict) and verdict.code != impersonation.DENIED:
            clearest = _clearer(visit.answers.get(mailbox.address), verdict)
            yield remedies.mailbox(visit.organisation, "calendar", mailbox.address, clearest)


def _clearer(told: Identity | Verdict | None, met: Verdict) -> Verdict:
    """Autodiscover's word on a mailbox, where opening it met nothing that can be named."""
    if isinstance(told, Verdict) and told.code in ABOUT_ONE and not remedies.knows(met.code):
        return told
    return met


def _calendar(visit: Visit, mailbox: Mailbox) -> Finding:
    if visit.over:
        return skipped("calendar", mailbox.address, visit.over)
    try:
        count = visit.tools.count(mailbox)
    except Verdict as verdict:
        visit.note(verdict)
        return remedies.mailbox(visit.organisation, "calendar", mailbox.address, verdict)
    return passed("calendar", mailbox.address, f"it can be read; {count} meetings in the coming 24 hours")


def _throttling(visit: Visit) -> Finding:
    name = visit.organisation.name
    if visit.busy:
        return remedies.throttled(visit.organisation, f"Exchange asked for patience ({visit.busy[0]})")
    if visit.organisation.busy:
        servers = ", ".join(visit.organisation.busy)
        return remedies.throttled(
            visit.organisation, f"Exchange asked the running daemon for patience ({servers})"
        )
    if visit.over:
        return skipped("throttling", name, visit.over)
    return passed("throttling", name, "no request was put off")


def _streaming(visit: Visit, opened: impersonation.Opened) -> Finding:
    name = visit.organisation.name
    if not visit.organisation.streams:
        return skipped("streaming", name, "`stream: off`: mailboxes are polled")
    if visit.over or not opened.granted:
        return skipped("streaming", name, visit.over or "no mailbox could be opened")
    mailbox = opened.granted[0]
    try:
        took = visit.tools.listen(mailbox)
    except Verdict as verdict:
        if not remedies.over_budget(verdict):
            visit.note(verdict)
        return remedies.streaming(visit.organisation, mailbox.address, verdict)
    return passed("streaming", mailbox.address, f"the first document came after {took.total_seconds():.1f} s")
