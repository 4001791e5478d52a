"""Every reason that Google gives, with the real daemon: each user's own state and remedy, or everybody's, as status tells it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connector.reasons import explain
from tests.lab.google.site import GoogleSite

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

TOMORROW = (datetime.now(UTC) + timedelta(days=1)).replace(hour=9, minute=0, second=0, microsecond=0)

ONES_OWN = {
    "rateLimitExceeded": ("busy", "active"),
    "userRateLimitExceeded": ("busy", "active"),
    "tooManyRequests": ("busy", "active"),
    "quotaExceeded": ("google-calendar-full", "active"),
    "backendError": ("server-error", "active"),
    "internalError": ("server-error", "active"),
    "html": ("server-error", "active"),
    "empty": ("server-error", "active"),
    "cut": ("bad-answer", "active"),
    "badRequest": ("request-refused", "active"),
    "insufficientPermissions": ("google-scope-missing", "error"),
    "notACalendarUser": ("google-calendar-off", "error"),
    "forbidden": ("google-forbidden", "error"),
    "authError": ("google-token-refused", "error"),
    "notFound": ("no-calendar", "error"),
}
"""Reasons of the calendar: what the user's mailbox says, and its state. Nobody else is touched."""

GRANTS = {
    "no-user": "google-no-such-user",
    "deleted-user": "google-user-deleted",
    "restricted": "google-user-restricted",
    "unauthorized_client": "google-not-authorized",
}
"""What the token endpoint says of one user."""

EVERYBODYS = {"accessNotConfigured": "google-api-off", "dailyLimitExceeded": "google-day-full"}
"""Reasons that concern the whole project, whoever hears them first."""

USERS = len(ONES_OWN) + len(GRANTS) + 1


@pytest.fixture(scope="module")
def site() -> Iterator[GoogleSite]:
    """A user for each reason, and one who stays well."""
    with GoogleSite(users=USERS) as started:
        started.start()
        started.activate(*(started.google.address(number) for number in range(1, USERS + 1)))
        yield started


def shown(site: GoogleSite, address: str) -> dict[str, Any]:
    """What ``mailbox show`` knows."""
    found: dict[str, Any] = site.ask("mailbox.show", address=address)
    return found


def remedied(site: GoogleSite, address: str, code: str, state: str) -> None:
    """Wait until a mailbox says a reason's sentence and remedy, in a state."""
    reason = explain(code)
    remedy = reason.remedy.replace("{address}", address).replace("{source}", "brand")
    site.wait(
        lambda: reason.sentence in str(shown(site, address)) and site.state(address) == state,
        f"{code} of {address}: {shown(site, address)}",
    )
    assert shown(site, address)["remedy"] == remedy


def test_a_users_reason_is_the_users_state(site: GoogleSite) -> None:
    """One after the other, each with another user; the one without trouble is served all the while."""
    google, well = site.google, site.google.address(USERS)
    for number, (reason, (code, state)) in enumerate(ONES_OWN.items(), 1):
        google.fault(reason, times=1000, operation="events.list", subject=google.address(number))
        remedied(site, google.address(number), code, state)
    google.edit("create", mailbox=well, start=TOMORROW.isoformat(), subject="Well")
    site.follows(well)
    assert site.state(well) == "active"


def test_a_refused_grant_is_the_users_state(site: GoogleSite) -> None:
    """Nobody of that name any more, deleted, suspended, no scope: the user is parked and the administrator told."""
    google, well = site.google, site.google.address(USERS)
    for number, (kind, code) in enumerate(GRANTS.items(), len(ONES_OWN) + 1):
        google.user(number, state=kind)
        google.tell("/tokens/forget")
        remedied(site, google.address(number), code, "error")
    google.edit("create", mailbox=well, start=TOMORROW.isoformat(), subject="Still well")
    site.follows(well)


def test_everybodys_reason_holds_the_source(site: GoogleSite) -> None:
    """Said once for all, with the step to take; nobody's mailbox is in error for it, and work goes on when it is over."""
    google, well = site.google, site.google.address(USERS)
    for reason, code in EVERYBODYS.items():
        google.fault(reason, times=1000, operation="events.list")
        site.wait(lambda code=code: explain(code).sentence in str(site.ask("status")["held"]), code)  # type: ignore[misc]
        assert site.state(well) == "active"
        google.tell("/faults/clear")
        site.cli("source", "resume", "brand")
        google.edit("create", mailbox=well, start=TOMORROW.isoformat(), subject=reason)
        site.follows(well)
