"""Google's reasons as verdicts: ``error.errors[].reason`` decides, never the status alone.

The table is that of "Handle API errors" of the Calendar guides, and what the token endpoint says in ``error`` and
``error_description``. An answer without Google's envelope (HTML of a front end, nothing at all) is judged by its status.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

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
from connector.source.google.transport import Reply

BUSY = timedelta(seconds=10)
"""Quotas are counted over a sliding minute; the core doubles this from refusal to refusal."""
CALENDAR_FULL = timedelta(minutes=30)
"""A calendar's own limits last for hours."""
DAY_FULL = timedelta(hours=1)
LONGEST_WAIT = timedelta(hours=1)

Make = Callable[[str], Verdict]


@dataclass(frozen=True, slots=True)
class Fault:
    """An error as Google words it; ``location`` is the parameter that is to blame, "" when none is named."""

    status: int
    reason: str
    message: str = ""
    location: str = ""

    def __str__(self) -> str:
        return f"{self.status} {self.reason} {self.message[:200]}".strip()


def _busy(detail: str) -> Verdict:
    return Throttled("busy", detail, retry_after=BUSY)


def _day_full(detail: str) -> Verdict:
    return Throttled("google-day-full", detail, retry_after=DAY_FULL, scope=Scope.SOURCE)


def _calendar_full(detail: str) -> Verdict:
    return Throttled("google-calendar-full", detail, retry_after=CALENDAR_FULL)


REASONS: Mapping[str, Make] = {
    "rateLimitExceeded": _busy,
    "userRateLimitExceeded": _busy,
    "dailyLimitExceeded": _day_full,
    "quotaExceeded": _calendar_full,
    "backendError": lambda detail: Transient("server-error", detail),
    "internalError": lambda detail: Transient("server-error", detail),
    "conditionNotMet": lambda detail: Conflict("item-changed", detail),
    "fullSyncRequired": lambda detail: CursorExpired("cursor-expired", detail),
    "updatedMinTooLongAgo": lambda detail: CursorExpired("cursor-expired", detail),
    "deleted": lambda detail: Refused("item-not-found", detail),
    "accessNotConfigured": lambda detail: CredentialRefused("google-api-off", detail),
    "insufficientPermissions": lambda detail: AccessDenied("google-scope-missing", detail),
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": lambda detail: AccessDenied("google-scope-missing", detail),
    "notACalendarUser": lambda detail: AccessDenied("google-calendar-off", detail),
    "authError": lambda detail: AccessDenied("google-token-refused", detail),
    "forbidden": lambda detail: AccessDenied("google-forbidden", detail),
    "requiredAccessLevel": lambda detail: Refused("google-read-only", detail),
    "forbiddenForNonOrganizer": lambda detail: Refused("attendee-copy", detail),
    "forbiddenForServiceAccounts": lambda detail: Refused("google-delegation-missing", detail),
    "failedPrecondition": lambda detail: Refused("google-gmail-off", detail),
    "pushNotSupportedForRequestedResource": lambda detail: Refused("google-no-push", detail),
    "channelIdNotUnique": lambda detail: Refused("google-channel-taken", detail),
}
"""What each reason means where nothing more is known; ``verdict`` knows more of some."""

WRITES_NEVER = frozenset({"quotaExceeded", "forbidden"})
"""Reasons that end a write for good: waiting inside the mailbox's turn would keep it from being read."""

_STATUSES: Mapping[int, Make] = {
    400: lambda detail: Refused("request-refused", detail),
    401: lambda detail: AccessDenied("google-token-refused", detail),
    403: lambda detail: AccessDenied("google-forbidden", detail),
    404: lambda detail: Refused("request-refused", detail),
    409: lambda detail: Refused("request-refused", detail),
    410: lambda detail: CursorExpired("cursor-expired", detail),
    412: lambda detail: Conflict("item-changed", detail),
    413: lambda detail: Refused("request-refused", detail),
    429: _busy,
}

_CURSORS = frozenset({"syncToken", "pageToken"})


def verdict(reply: Reply, *, item: bool = False, writing: bool = False) -> Verdict:
    """What an answer other than success means. ``item``: one event was named; ``writing``: the calendar was to change."""
    fault = read(reply)
    if fault is None:
        return by_status(reply)
    if fault.reason == "notFound":
        return Refused("item-not-found", str(fault)) if item else AccessDenied("no-calendar", str(fault))
    if fault.status == 400 and (fault.location in _CURSORS or "ync token" in fault.message):
        return CursorExpired("cursor-expired", str(fault))
    if writing and fault.reason in WRITES_NEVER:
        code = "google-calendar-full" if fault.reason == "quotaExceeded" else "google-forbidden"
        return Refused(code, str(fault))
    make = REASONS.get(fault.reason)
    return patient(make(str(fault)), reply) if make else by_status(reply, str(fault))


def by_status(reply: Reply, detail: str = "") -> Verdict:
    """The meaning of a status alone."""
    detail = detail or f"HTTP {reply.status} without Google's envelope"
    if reply.status >= 500:
        return Transient("server-error", detail)
    make = _STATUSES.get(reply.status)
    return patient(make(detail), reply) if make else Transient("bad-answer", detail)


def read(reply: Reply) -> Fault | None:
    """The error inside an answer; None where there is no envelope."""
    error = _mapping(_json(reply.body)).get("error")
    if not isinstance(error, Mapping):
        return None
    several = error.get("errors")
    first = _mapping(several[0]) if isinstance(several, list) and several else {}
    reason = _text(first, "reason") or _detailed(error) or _text(error, "reason") or _text(error, "status")
    message = _text(error, "message") or _text(first, "message")
    return Fault(reply.status, reason, message, _text(first, "location"))


def patient(verdict: Verdict, reply: Reply) -> Verdict:
    """The same, with the wait that the server asked for."""
    stated = reply.headers.get("retry-after", "")
    if not isinstance(verdict, Throttled) or not re.fullmatch(r"\d{1,6}", stated):
        return verdict
    wait = min(timedelta(seconds=int(stated)), LONGEST_WAIT)
    return Throttled(
        verdict.code, verdict.detail, retry_after=max(wait, verdict.retry_after), scope=verdict.scope
    )


# --- the token endpoint

_GRANTS: tuple[tuple[str, str, Make], ...] = (
    ("unauthorized_client", "", lambda d: AccessDenied("google-not-authorized", d)),
    ("invalid_scope", "", lambda d: AccessDenied("google-not-authorized", d)),
    ("invalid_grant", "invalid email or user id", lambda d: AccessDenied("google-no-such-user", d)),
    ("invalid_grant", "account has been deleted", lambda d: AccessDenied("google-user-deleted", d)),
    ("access_denied", "", lambda d: AccessDenied("google-user-restricted", d)),
    ("invalid_grant", "no valid verifier", lambda d: CredentialRefused("google-key-removed", d)),
    ("invalid_grant", "invalid jwt signature", lambda d: CredentialRefused("google-key-removed", d)),
    ("invalid_grant", "account not found", lambda d: CredentialRefused("google-key-removed", d)),
    ("invalid_grant", "short-lived token", lambda d: CredentialRefused("google-clock", d)),
    ("invalid_grant", "", lambda d: AccessDenied("google-grant-refused", d)),
    ("invalid_client", "", lambda d: CredentialRefused("google-key-removed", d)),
)
"""``error``, words of ``error_description`` in lower case, and what they mean; the first that fits counts."""


def grant_verdict(reply: Reply) -> Verdict:
    """What a refused grant means. Almost all of it is one user's own state."""
    answer = _mapping(_json(reply.body))
    error, words = _text(answer, "error"), _text(answer, "error_description")
    detail = f"{reply.status} {error} {words[:200]}".strip()
    if reply.status == 429:
        return patient(_busy(detail), reply)
    for name, part, make in _GRANTS:
        if error == name and part in words.lower():
            return make(detail)
    if reply.status >= 500 or error in {"internal_failure", "temporarily_unavailable", "server_error"}:
        return Transient("server-error", detail)
    return Transient("bad-answer", detail)


def _detailed(error: Mapping[str, Any]) -> str:
    """The reason of the newer envelope (AIP-193, ErrorInfo)."""
    details = error.get("details")
    found = (_text(_mapping(one), "reason") for one in details) if isinstance(details, list) else ()
    return next((reason for reason in found if reason), "")


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(of: Mapping[str, Any], name: str) -> str:
    value = of.get(name)
    return value if isinstance(value, str) else ""
