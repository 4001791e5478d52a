"""Each of Google's reasons leads to its verdict, its reach and words for an administrator."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import (
    AccessDenied,
    Conflict,
    CredentialRefused,
    CursorExpired,
    Refused,
    Scope,
    Throttled,
    Transient,
    Verdict,
)
from connector.model import Phase
from connector.reasons import REASONS
from connector.source.google.breadth import USERS, Breadth
from connector.source.google.errors import grant_verdict, verdict
from connector.source.google.transport import Reply
from connector.sync.state import transition
from tests.lab.google.problems import GRANTS, ApiError
from tests.lab.google.problems import REASONS as GIVEN

TABLE: list[tuple[str, type[Verdict], str, Phase]] = [
    ("rateLimitExceeded", Throttled, "busy", Phase.LIVE),
    ("userRateLimitExceeded", Throttled, "busy", Phase.LIVE),
    ("dailyLimitExceeded", Throttled, "google-day-full", Phase.LIVE),
    ("quotaExceeded", Throttled, "google-calendar-full", Phase.LIVE),
    ("backendError", Transient, "server-error", Phase.LIVE),
    ("internalError", Transient, "server-error", Phase.LIVE),
    ("fullSyncRequired", CursorExpired, "cursor-expired", Phase.LOADING),
    ("updatedMinTooLongAgo", CursorExpired, "cursor-expired", Phase.LOADING),
    ("deleted", Refused, "item-not-found", Phase.LIVE),
    ("conditionNotMet", Conflict, "item-changed", Phase.LIVE),
    ("accessNotConfigured", CredentialRefused, "google-api-off", Phase.LIVE),
    ("insufficientPermissions", AccessDenied, "google-scope-missing", Phase.BLOCKED),
    ("notACalendarUser", AccessDenied, "google-calendar-off", Phase.BLOCKED),
    ("forbidden", AccessDenied, "google-forbidden", Phase.BLOCKED),
    ("authError", AccessDenied, "google-token-refused", Phase.BLOCKED),
    ("notFound", AccessDenied, "no-calendar", Phase.BLOCKED),
    ("requiredAccessLevel", Refused, "google-read-only", Phase.LIVE),
    ("forbiddenForNonOrganizer", Refused, "attendee-copy", Phase.LIVE),
    ("forbiddenForServiceAccounts", Refused, "google-delegation-missing", Phase.LIVE),
    ("failedPrecondition", Refused, "google-gmail-off", Phase.LIVE),
    ("pushNotSupportedForRequestedResource", Refused, "google-no-push", Phase.LIVE),
    ("channelIdNotUnique", Refused, "google-channel-taken", Phase.LIVE),
    ("invalid", Refused, "request-refused", Phase.LIVE),
    ("badRequest", Refused, "request-refused", Phase.LIVE),
]

GRANT_TABLE: list[tuple[str, type[Verdict], str]] = [
    ("unauthorized_client", AccessDenied, "google-not-authorized"),
    ("no-user", AccessDenied, "google-no-such-user"),
    ("deleted-user", AccessDenied, "google-user-deleted"),
    ("restricted", AccessDenied, "google-user-restricted"),
    ("key-removed", CredentialRefused, "google-key-removed"),
    ("signature", CredentialRefused, "google-key-removed"),
    ("clock", CredentialRefused, "google-clock"),
    ("internal_failure", Transient, "server-error"),
]


def answer(reason: str, status: int = 0, location: str = "", retry_after: str = "") -> Reply:
    error = ApiError(reason, location=location, status=status)
    headers = {"retry-after": retry_after} if retry_after else {}
    return Reply(error.code, headers, json.dumps(error.document()).encode())


def test_the_table_is_whole() -> None:
    """Every reason the lab can give is in it, but the one that an insert takes as done."""
    assert {reason for reason, *_ in TABLE} | {"duplicate"} == set(GIVEN)
    assert {name for name, *_ in GRANT_TABLE} == set(GRANTS)


@pytest.mark.parametrize(("reason", "kind", "code", "phase"), TABLE)
def test_a_reason_leads_to_its_state(reason: str, kind: type[Verdict], code: str, phase: Phase) -> None:
    """The verdict, its code with words in ``reasons``, and the state of a mailbox that was live."""
    found = verdict(answer(reason))
    assert (type(found), found.code) == (kind, code)
    assert REASONS[code].sentence
    assert transition(Phase.LIVE, found, 1, 0.5).phase is phase


@pytest.mark.parametrize(("name", "kind", "code"), GRANT_TABLE)
def test_a_refused_grant_leads_to_its_state(name: str, kind: type[Verdict], code: str) -> None:
    """What the token endpoint says is mostly one user's state; keys and clock are the source's."""
    error = GRANTS[name]
    found = grant_verdict(Reply(error.code, {}, json.dumps(error.document()).encode()))
    assert (type(found), found.code) == (kind, code)
    assert (found.scope is Scope.SOURCE) == (kind is CredentialRefused)
    assert REASONS[code].remedy or kind is Transient


def test_every_configuration_fault_names_a_step() -> None:
    """Whatever an administrator has to do in a console says where."""
    needing = [
        code for code, kind in ((c, k) for _, k, c, _ in TABLE) if kind in {AccessDenied, CredentialRefused}
    ]
    left_alone = {"google-token-refused", "no-calendar"}
    assert [code for code in needing if code not in left_alone and not REASONS[code].remedy] == []


def test_429_means_the_same_as_403() -> None:
    """The status of a spent quota does not matter."""
    assert verdict(answer("rateLimitExceeded", status=429)).code == "busy"
    assert verdict(Reply(429, {}, b"")).code == "busy"


def test_a_stated_wait_is_kept_to() -> None:
    """Retry-After is a lower bound, and a mad one is cut to an hour."""
    patient = verdict(answer("rateLimitExceeded", retry_after="120"))
    mad = verdict(answer("rateLimitExceeded", retry_after="999999"))
    assert isinstance(patient, Throttled)
    assert patient.retry_after == timedelta(minutes=2)
    assert isinstance(mad, Throttled)
    assert mad.retry_after == timedelta(hours=1)


@pytest.mark.parametrize("name", ["syncToken", "pageToken"])
def test_a_refused_bookmark_is_an_expired_one(name: str) -> None:
    """400 about the token means the same as 410."""
    assert isinstance(verdict(answer("invalid", location=name)), CursorExpired)


def test_an_event_that_is_not_there_is_no_closed_calendar() -> None:
    """404 of an event is an item's, 404 of a list the mailbox's."""
    assert verdict(answer("notFound"), item=True).code == "item-not-found"
    assert verdict(answer("notFound")).code == "no-calendar"


def test_a_calendars_own_limit_ends_a_write() -> None:
    """Waiting for hours inside a mailbox's turn would keep it from being read."""
    assert isinstance(verdict(answer("quotaExceeded"), writing=True), Refused)


@pytest.mark.parametrize(
    ("status", "code"), [(500, "server-error"), (502, "server-error"), (418, "bad-answer")]
)
@pytest.mark.parametrize(
    "body", [b"", b"<html>Error</html>", b'{"error": "text"}', b'{"error": {"errors": [null]}}']
)
def test_without_an_envelope_the_status_decides(status: int, code: str, body: bytes) -> None:
    """A front end's HTML, or nothing at all, is judged by its status."""
    assert verdict(Reply(status, {}, body)).code == code


@given(st.integers(100, 599), st.binary(max_size=200))
def test_nothing_but_verdicts_comes_of_any_answer(status: int, body: bytes) -> None:
    """Whatever a server answers, it is a verdict with words for it."""
    assert verdict(Reply(status, {}, body)).code in REASONS
    assert grant_verdict(Reply(status, {}, body)).code in REASONS


def test_the_newer_envelope_is_read_too() -> None:
    """AIP-193 puts the reason into details."""
    body = {
        "error": {
            "code": 403,
            "message": "x",
            "status": "PERMISSION_DENIED",
            "details": [{"reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}],
        }
    }
    assert verdict(Reply(403, {}, json.dumps(body).encode())).code == "google-scope-missing"


def test_what_several_users_meet_is_everybodys() -> None:
    """The third different user makes a missing delegation the source's; one who gets through takes it back."""
    breadth = Breadth(lambda: 0.0)
    refused = AccessDenied("google-not-authorized")
    assert breadth.judge(refused, "a") is refused
    assert breadth.judge(refused, "a") is refused
    assert breadth.judge(refused, "b") is refused
    wide = breadth.judge(refused, "c")
    assert isinstance(wide, CredentialRefused)
    breadth.passed()
    assert breadth.judge(refused, "d") is refused
    assert USERS == 3


def test_a_storm_holds_the_source() -> None:
    """A quota that three users meet is the project's; other troubles stay where they are."""
    breadth = Breadth(lambda: 0.0)
    busy = Throttled("busy", retry_after=timedelta(seconds=10))
    found = [breadth.judge(busy, user) for user in "abc"]
    assert [one.scope for one in found] == [Scope.MAILBOX, Scope.MAILBOX, Scope.SOURCE]
    off = AccessDenied("google-calendar-off")
    assert [breadth.judge(off, user) for user in "abcd"] == [off] * 4
