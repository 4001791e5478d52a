"""One Google tenant, check by check: keys, each scope, a user of every domain, and how changes are heard of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from connector.doctor.findings import Finding, failed, passed, skipped
from connector.doctor.sight import Place, Sight, judge
from connector.errors import Verdict
from connector.model import Mailbox
from connector.reasons import explain

HOSTS = ("oauth2.googleapis.com", "www.googleapis.com", "gmail.googleapis.com")
FEDERATION_HOSTS = ("sts.googleapis.com", "iamcredentials.googleapis.com")
"""Asked only where workload identity federation stands for a key."""
CA_KEY = "sources.NAME.ca:"


class GoogleInstruments(Protocol):
    """Asks one tenant, a request at a time. ``calendar`` and ``mail`` raise verdicts of connector.errors."""

    def look(self, place: Place) -> Sight:
        """See a place without a token."""

    def keys(self) -> Mapping[str, str]:
        """Each secret that holds a service account key, with "" or the code of what is wrong with the file."""

    def grant(self, secret: str, mailbox: Mailbox) -> None:
        """Ask for a token of the calendar in the owner's name with this key alone."""

    def calendar(self, mailbox: Mailbox) -> str:
        """Open the calendar of an activated mailbox in its owner's name; the role that is granted."""

    def mail(self, mailbox: Mailbox) -> None:
        """Read the owner's vacation settings."""

    def streamed(self) -> int:
        """How many calendars have a notification channel just now."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """One source as configured. ``patients`` are activated mailboxes, ``push`` says how changes are heard of."""

    name: str
    domains: tuple[str, ...]
    push: str
    patients: tuple[Mailbox, ...]
    expiry_warning: timedelta = timedelta(days=30)
    hosts: tuple[str, ...] = HOSTS


def examine(
    tenant: Tenant, tools: GoogleInstruments, now: datetime, sights: list[Sight]
) -> Iterator[Finding]:
    """In order; what was seen of places is added to ``sights``, by which the clock is judged."""
    clear = True
    for host in tenant.hosts:
        sight = tools.look(Place(host, 443, CA_KEY.replace("NAME", tenant.name), exchange=False))
        sights.append(sight)
        yield from judge(sight, now, tenant.expiry_warning)
        clear = clear and sight.clear
    found = tools.keys()
    keys = list(_keys(found))
    yield from keys
    if clear and len(found) > 1:
        yield from _each_key([secret for secret, code in found.items() if not code], tenant, tools)
    if not clear or not any(one.code == "" for one in keys):
        yield skipped("calendar", tenant.name, "without a connection and a key nobody is asked for")
        return
    yield from _people(tenant, tools)
    yield _push(tenant, tools)


def _keys(found: Mapping[str, str]) -> Iterator[Finding]:
    for secret, code in found.items():
        if not code:
            yield passed("key", secret, "it can be used to sign as a service account")
            continue
        reason = explain(code)
        yield failed("key", secret, code, reason.sentence, reason.remedy.replace("{secret}", secret))


def _each_key(secrets: list[str], tenant: Tenant, tools: GoogleInstruments) -> Iterator[Finding]:
    """Each of several keys by itself, so that a new one is known to be good before the old one is retired."""
    for secret in secrets if tenant.patients else ():
        try:
            tools.grant(secret, tenant.patients[0])
        except Verdict as verdict:
            reason = explain(verdict.code)
            remedy = reason.remedy.replace("{secret}", secret).replace(
                "{address}", tenant.patients[0].address
            )
            yield failed("grant", secret, verdict.code, f"{reason.sentence} ({verdict.detail})", remedy)
        else:
            yield passed("grant", secret, "Google accepts it")


def _people(tenant: Tenant, tools: GoogleInstruments) -> Iterator[Finding]:
    """One user of each domain, with both scopes; further patients that were named, with the calendar alone."""
    asked: set[str] = set()
    for domain in tenant.domains:
        mine = [one for one in tenant.patients if one.address.endswith(f"@{domain}")]
        if not mine:
            yield skipped("calendar", domain, "no mailbox of this domain is activated")
            continue
        asked.add(mine[0].id)
        yield _calendar(tenant, tools, mine[0])
        yield _mail(tenant, tools, mine[0])
    for mailbox in tenant.patients:
        if mailbox.id not in asked:
            yield _calendar(tenant, tools, mailbox)


def _calendar(tenant: Tenant, tools: GoogleInstruments, mailbox: Mailbox) -> Finding:
    try:
        role = tools.calendar(mailbox)
    except Verdict as verdict:
        return _refused("calendar", tenant, mailbox, verdict)
    return passed("calendar", mailbox.address, f"the calendar opens in the user's name, as {role}")


def _mail(tenant: Tenant, tools: GoogleInstruments, mailbox: Mailbox) -> Finding:
    """Without it only presence suffers, so a missing scope is told and fails nothing."""
    try:
        tools.mail(mailbox)
    except Verdict as verdict:
        if verdict.code in {"google-not-authorized", "google-scope-missing", "google-gmail-off"}:
            sentence = "vacation settings can't be read; absences are known from the calendar alone"
            return skipped("vacation", mailbox.address, sentence, explain(verdict.code).remedy)
        return _refused("vacation", tenant, mailbox, verdict)
    return passed("vacation", mailbox.address, "vacation settings can be read")


def _refused(check: str, tenant: Tenant, mailbox: Mailbox, verdict: Verdict) -> Finding:
    reason = explain(verdict.code)
    remedy = reason.remedy.replace("{address}", mailbox.address).replace("{source}", tenant.name)
    return failed(check, mailbox.address, verdict.code, f"{reason.sentence} ({verdict.detail})", remedy)


def _push(tenant: Tenant, tools: GoogleInstruments) -> Finding:
    if tenant.push == "off":
        return passed("push", tenant.name, "changes are heard of by polling, as configured")
    count, way = (
        tools.streamed(),
        "through the hub" if tenant.push == "hub" else "through a receiver of our own",
    )
    return passed("push", tenant.name, f"changes are heard of {way}; {count} calendars have a channel")
