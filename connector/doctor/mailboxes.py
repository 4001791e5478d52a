"""Activated mailboxes: impersonation, calendars, streaming, and how patient the server had to be asked to be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from connector.doctor import impersonation, remedies
from connector.doctor.findings import Finding, passed, skipped
from connector.doctor.visit import ABOUT_ONE, Visit
from connector.errors import Verdict
from connector.model import Identity, Mailbox

CONTROLS = 2
"""Further activated mailboxes that are opened to tell a missing role from a narrow scope."""


def examine_mailboxes(visit: Visit) -> Iterator[Finding]:
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
