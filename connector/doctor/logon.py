"""One logon, and what the servers say of their version."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from connector.doctor import remedies
from connector.doctor.base import Build
from connector.doctor.findings import Finding, failed, passed, skipped
from connector.doctor.sight import Place
from connector.doctor.visit import Visit, answered, place_of, verdicts_of
from connector.errors import Verdict


def log_on(visit: Visit, endpoints: Sequence[str]) -> Iterator[Finding]:
    """One finding on the logon and one on each server's version."""
    name = visit.organisation.name
    if refusal := next((one for one in verdicts_of(visit) if one.code in remedies.LOGON), None):
        yield from _refused(visit, refusal)
        return
    if not endpoints and answered(list(visit.answers.values())):
        visit.over = "no mailbox is activated yet, so no EWS address is known"
        yield passed("authentication", name, f"Autodiscover accepts {visit.organisation.user}")
        return
    reachable = [one for one in endpoints if visit.look(place_of(visit, one)).clear]
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
        yield version(place_of(visit, endpoint), build)
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
        place = place_of(visit, endpoint)
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
