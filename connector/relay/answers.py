"""What a hub's refusal means (docs/relay.md section 2). Pure; used by every way to the hub."""

from __future__ import annotations

import email.utils
from collections.abc import Mapping
from datetime import datetime, timedelta

from connector.errors import CredentialRefused, Superseded, Throttled, Transient, Verdict
from connector.relay import strict, wire

KNOWN_STATUSES = frozenset({400, 401, 403, 409, 412, 413, 428, 429, 503})
"""Statuses that a hub gives by the protocol; others come from something in between, or are passing trouble."""


class Unacceptable(Exception):
    """The hub refuses the request as a whole for what is in it; ``code`` is ``malformed`` or ``too-large``."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def problem_code(content_type: str, body: bytes) -> str:
    """The code of a problem document, "" when the body is none."""
    if content_type.partition(";")[0].strip().lower() != wire.PROBLEM_TYPE:
        return ""
    try:
        return strict.a_text(strict.an_object(strict.load(body), "problem").get("code"), strict.SLUG, "code")
    except Verdict:
        return ""


def verdict_of(status: int, headers: Mapping[str, str], body: bytes, now: datetime) -> Verdict | Unacceptable:
    """What an answer other than 200 means."""
    code = problem_code(headers.get("content-type", ""), body)
    detail = f"HTTP {status} {code}".strip()
    if status in (400, 413) and code in ("malformed", "too-large"):
        return Unacceptable(code)
    if status == 409 and code == "superseded":
        return Superseded("superseded", detail)
    if status in (401, 403):
        return CredentialRefused("credential-refused", detail)
    wait = retry_after(headers.get("retry-after", ""), now)
    if status in (429, 503) and wait:
        return Throttled("busy", detail, retry_after=wait)
    return Transient(_PASSING.get(status) or ("server-error" if status >= 500 else "bad-answer"), detail)


_PASSING = {407: "proxy-refused", 412: "greet-again", 428: "greet-again", 429: "busy", 503: "busy"}
"""Codes of statuses after which it is tried again as the connector likes."""


def retry_after(value: str, now: datetime) -> timedelta | None:
    """The wait in a Retry-After header (RFC 9110 section 10.2.3); None when there is none to be made out."""
    if value.isascii() and value.isdigit() and len(value) < 8:
        return timedelta(seconds=int(value))
    try:
        moment = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    return max(moment - now, timedelta(0)) or None
