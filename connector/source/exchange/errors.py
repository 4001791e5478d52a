"""What an answer of Exchange means: response codes, HTTP answers and failures below, each as a verdict."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime

from connector.errors import (
    AccessDenied,
    Conflict,
    CredentialRefused,
    CursorExpired,
    MailboxMoved,
    Refused,
    Scope,
    Throttled,
    Transient,
    Unreadable,
    Verdict,
)
from connector.source.exchange.codes import Class, classify
from connector.source.exchange.dialling import ProxyRefused
from connector.source.exchange.envelope import Element, local
from connector.source.exchange.http11 import BrokenAnswer

LONGEST_BACK_OFF = timedelta(hours=24)

Meaning = tuple[type[Verdict], str]

_BY_CLASS: dict[Class, Meaning] = {
    Class.BUSY: (Transient, "busy"),
    Class.TOO_MANY: (Transient, "busy"),
    Class.MOVED: (Transient, "mailbox-unavailable"),
    Class.ACCOUNT: (AccessDenied, "impersonation-denied"),
    Class.CONFIG: (AccessDenied, "server-setup"),
    Class.SYNC_STATE: (CursorExpired, "cursor-expired"),
    Class.SUB_DEAD: (Transient, "subscription-lost"),
    Class.EVENTS_LOST: (Transient, "subscription-lost"),
    Class.TAKEN_OVER: (Transient, "subscription-lost"),
    Class.ITEM: (Unreadable, "item-unreadable"),
    Class.MEETING: (Refused, "request-refused"),
    Class.REQUEST: (Refused, "request-refused"),
    Class.FREE_BUSY: (Refused, "no-free-busy"),
    Class.VERSION: (Transient, "server-version"),
    Class.IGNORE: (Transient, "server-error"),
    Class.FOREIGN: (Refused, "request-refused"),
    Class.UNKNOWN: (Transient, "server-error"),
}

_BY_CODE: dict[str, Meaning] = {
    # moved: asking where the mailbox lives now is what helps
    "ErrorConnectionFailed": (MailboxMoved, "mailbox-moving"),
    "ErrorCrossSiteRequest": (MailboxMoved, "mailbox-moving"),
    "ErrorMailboxMoveInProgress": (MailboxMoved, "mailbox-moving"),
    "ErrorProxyRequestNotAllowed": (MailboxMoved, "mailbox-moving"),
    "ErrorProxyServiceDiscoveryFailed": (MailboxMoved, "mailbox-moving"),
    "ErrorServiceDiscoveryFailed": (MailboxMoved, "mailbox-moving"),
    "ErrorWrongServerVersion": (MailboxMoved, "mailbox-moving"),
    "ErrorWrongServerVersionDelegate": (MailboxMoved, "mailbox-moving"),
    # busy by class, but by itself no call for patience: some damaged items answer with it for ever
    "ErrorInternalServerError": (Transient, "server-error"),
    # account
    "ErrorAccountDisabled": (AccessDenied, "mailbox-disabled"),
    "ErrorCannotFindUser": (AccessDenied, "address-unknown"),
    "ErrorInvalidExchangeImpersonationHeaderData": (AccessDenied, "impersonation-denied"),
    "ErrorInvalidSmtpAddress": (AccessDenied, "address-unknown"),
    "ErrorNonExistentMailbox": (AccessDenied, "address-unknown"),
    "ErrorNonPrimarySmtpAddress": (AccessDenied, "alias-address"),
    "ErrorPasswordChangeRequired": (CredentialRefused, "credential-refused"),
    "ErrorPasswordExpired": (CredentialRefused, "credential-refused"),
    "ErrorQuotaExceeded": (Refused, "mailbox-full"),
    "ErrorSubmissionQuotaExceeded": (Refused, "mailbox-full"),
    # sync state
    "ErrorFolderNotFound": (AccessDenied, "no-calendar"),
    # free/busy
    "ErrorNoCalendar": (AccessDenied, "no-calendar"),
    # items
    "ErrorBatchProcessingStopped": (Transient, "server-error"),
    "ErrorCalendarCannotUpdateDeletedItem": (Unreadable, "item-not-found"),
    "ErrorCalendarOccurrenceIsDeletedFromRecurrence": (Unreadable, "item-not-found"),
    "ErrorChangeKeyRequired": (Conflict, "item-changed"),
    "ErrorChangeKeyRequiredForWriteOperations": (Conflict, "item-changed"),
    "ErrorCorruptData": (Unreadable, "item-corrupt"),
    "ErrorInvalidChangeKey": (Conflict, "item-changed"),
    "ErrorIrresolvableConflict": (Conflict, "item-changed"),
    "ErrorItemCorrupt": (Unreadable, "item-corrupt"),
    "ErrorItemNotFound": (Unreadable, "item-not-found"),
    "ErrorObjectTypeChanged": (Conflict, "item-changed"),
    "ErrorStaleObject": (Conflict, "item-changed"),
    # version
    "ErrorIncorrectSchemaVersion": (Refused, "request-refused"),
}


def code_verdict(
    code: str, text: str = "", *, back_off: timedelta | None = None, item_id: str = ""
) -> Verdict:
    """The verdict of one response code; ``text`` is the server's and ends in the log."""
    kind, word = _BY_CODE.get(code) or _BY_CLASS[classify(code)]
    detail = f"{code}: {text}" if text else code
    if kind is Unreadable:
        return Unreadable(word, item_id, detail)
    if kind is Transient and back_off:
        return Throttled("busy", detail, retry_after=back_off)
    return kind(word, detail)


def message_verdict(message: Element, item_id: str = "") -> Verdict | None:
    """The verdict of a response message or a SOAP fault; None when it tells of success."""
    if message.get("ResponseClass") == "Success":
        return None
    code, text = response_code(message)
    if code == "NoError":
        return None
    if code == "ErrorNonPrimarySmtpAddress":
        return AccessDenied("alias-address", values(message).get("primary", ""))
    return code_verdict(code, text, back_off=back_off(message), item_id=item_id)


def response_code(message: Element) -> tuple[str, str]:
    """The code and its text, from a response message or a fault; a busy notice wrapped in another error wins."""
    found = {"ResponseCode": "", "MessageText": "", "faultcode": "", "faultstring": "", "Message": ""}
    for element in message.iter():
        name = local(element)
        if name in found and not found[name]:
            found[name] = (element.text or "").strip()
    code = found["ResponseCode"] or found["faultcode"].rpartition(":")[2]
    text = found["MessageText"] or found["Message"] or found["faultstring"]
    inner = values(message).get("innererrorresponsecode", "")
    return (inner, text) if inner == "ErrorServerBusy" else (code, text)


def values(message: Element) -> dict[str, str]:
    """The named values of MessageXml wherever they stand, by lower-case name."""
    return {
        name.lower(): (element.text or "").strip()
        for element in message.iter()
        if local(element) == "Value" and (name := element.get("Name"))
    }


def back_off(message: Element) -> timedelta | None:
    """BackOffMilliseconds, wherever in MessageXml it stands; None when it is absent, zero or no number."""
    wait = values(message).get("backoffmilliseconds", "")
    if not wait.isdecimal() or not int(wait):
        return None
    return min(timedelta(milliseconds=min(int(wait), 10**9)), LONGEST_BACK_OFF)


# --- HTTP and below ------------------------------------------------------------------------------

_BY_STATUS: dict[int, Meaning] = {
    403: (AccessDenied, "ews-forbidden"),
    413: (Refused, "request-refused"),
    451: (MailboxMoved, "mailbox-moving"),
}


def http_verdict(status: int, headers: Mapping[str, str], body: bytes = b"") -> Verdict:
    """The verdict of an HTTP answer that holds no SOAP: an error page, a redirect, a load balancer's words."""
    detail = f"HTTP {status} {headers.get('X-CasErrorCode') or _excerpt(headers, body)}".strip()
    if status in {429, 503} and (wait := _retry_after(headers)):
        return Throttled("busy", detail, retry_after=wait, scope=Scope.SERVER)
    if status in _BY_STATUS:
        kind, word = _BY_STATUS[status]
        return kind(word, detail)
    word = "bad-answer" if status < 400 else "busy" if status in {429, 503} else "server-error"
    return Transient(word, detail, scope=Scope.SERVER)


def _excerpt(headers: Mapping[str, str], body: bytes) -> str:
    words = f"{headers.get('Content-Type', 'no content type')}, {len(body)} bytes"
    location = headers.get("Location")
    return f"{words}, Location {location}" if location else words


def _retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """Seconds, or a date that is compared with the answer's own Date (RFC 9110, 10.2.3)."""
    value = headers.get("Retry-After", "").strip()
    if value.isdecimal():
        wait = timedelta(seconds=min(int(value), 10**6))
    else:
        try:
            wait = parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("Date", ""))
        except (TypeError, ValueError):
            return None
    return min(wait, LONGEST_BACK_OFF) if wait > timedelta(0) else None


def exception_verdict(error: Exception) -> Verdict:
    """The verdict of a failure below HTTP: name, route, TLS, time-out, a connection cut in the middle."""
    causes = _causes(error)
    detail = f"{type(error).__name__}: {error}"
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return Transient(_certificate_word(causes), detail, scope=Scope.SERVER)
    if any(isinstance(cause, ProxyRefused) for cause in causes):
        return Transient("proxy-refused", detail, scope=Scope.SERVER)
    if any(isinstance(cause, TimeoutError) for cause in causes):
        return Transient("timeout", detail, scope=Scope.SERVER)
    if any(isinstance(cause, BrokenAnswer) for cause in causes):
        return Transient("bad-answer", detail, scope=Scope.SERVER)
    return Transient("unreachable", detail, scope=Scope.SERVER)


def _certificate_word(causes: list[BaseException]) -> str:
    expired = any(
        "expired" in str(cause) for cause in causes if isinstance(cause, ssl.SSLCertVerificationError)
    )
    return "tls-expired" if expired else "tls-untrusted"


def _causes(error: BaseException) -> list[BaseException]:
    """The chain of an exception, wrapped arguments included; at most 16 links."""
    found: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting and len(found) < 16:
        cause = waiting.pop(0)
        if not isinstance(cause, BaseException) or cause in found:
            continue
        found.append(cause)
        waiting += [*cause.args, cause.__cause__, cause.__context__]
    return found


CONNECTION_FAILURES = (OSError, BrokenAnswer, ProxyRefused)
