"""The fault catalogue as rows: what Exchange says, what it means to us, how far it reaches, and what becomes of the mailbox.

Ten classes of response codes, as Exchange groups its own troubles; HTTP and the wire below it are in test_faults_wire.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from connector.errors import (
    AccessDenied,
    Conflict,
    CredentialRefused,
    CursorExpired,
    MailboxMoved,
    Refused,
    Scope,
    Transient,
    Unreadable,
    Verdict,
)
from connector.model import Phase

Span = tuple[timedelta, timedelta]

AT_ONCE: Span = (timedelta(), timedelta())
SOON: Span = (timedelta(seconds=2.5), timedelta(seconds=5))
SLOW: Span = (timedelta(minutes=15), timedelta(minutes=16.5))
"""What waits for an administrator is looked at now and then; what passes is tried again soon, later each time."""


@dataclass(frozen=True, slots=True)
class Row:
    """``kind`` and ``word`` of the verdict and its ``scope``; ``phase`` of a live mailbox after it, ``alarm`` if it lasts.

    ``delay`` is the least and the most time to the next try after the first failure, ``alarm`` the number of the alarm that stands when the
    fault goes on for some minutes.
    """

    code: str
    kind: type[Verdict]
    word: str
    scope: Scope = Scope.MAILBOX
    phase: Phase = Phase.LIVE
    delay: Span = SOON
    alarm: int = 206


def rows(codes: str, kind: type[Verdict], word: str, **facts: object) -> list[Row]:
    """A row for each code."""
    return [Row(code, kind, word, **facts) for code in codes.split()]  # type: ignore[arg-type]


BUSY = rows(
    """ErrorServerBusy ErrorTimeoutExpired ErrorInternalServerTransientError ErrorInsufficientResources
    ErrorNotEnoughMemory""",
    Transient,
    "busy",
)
BROKEN = rows("ErrorInternalServerError", Transient, "server-error")
"""Says nothing by itself; a busy notice may stand inside, which then counts."""

TOO_MANY = rows(
    "ErrorExceededConnectionCount ErrorExceededSubscriptionCount ErrorTooManyObjectsOpened ErrorExceededFindCountLimit",
    Transient,
    "busy",
)
MOVED = [
    *rows(
        """ErrorMailboxMoveInProgress ErrorConnectionFailed ErrorWrongServerVersion ErrorProxyRequestNotAllowed
        ErrorProxyServiceDiscoveryFailed ErrorCrossSiteRequest""",
        MailboxMoved,
        "mailbox-moving",
        phase=Phase.REQUESTED,
    ),
    *rows(
        """ErrorMailboxFailover ErrorMailboxStoreUnavailable ErrorProxiedSubscriptionCallFailure
        ErrorProxyRequestProcessingFailed ErrorNoApplicableProxyCASServersAvailable
        ErrorNoRespondingCASInDestinationSite ErrorADUnavailable ErrorADOperation ErrorNoPublicFolderServerAvailable""",
        Transient,
        "mailbox-unavailable",
    ),
]
ACCOUNT = [
    *rows(
        """ErrorImpersonateUserDenied ErrorImpersonationDenied ErrorInvalidExchangeImpersonationHeaderData
        ErrorAccessDenied""",
        AccessDenied,
        "impersonation-denied",
        phase=Phase.BLOCKED,
        delay=SLOW,
        alarm=203,
    ),
    Row("ErrorNonExistentMailbox", AccessDenied, "address-unknown", phase=Phase.REQUESTED, alarm=203),
    Row("ErrorImpersonationFailed", AccessDenied, "server-setup", phase=Phase.BLOCKED, delay=SLOW, alarm=203),
    Row("ErrorNonPrimarySmtpAddress", AccessDenied, "alias-address", phase=Phase.REQUESTED, alarm=203),
    Row("ErrorAccountDisabled", AccessDenied, "mailbox-disabled", phase=Phase.BLOCKED, delay=SLOW, alarm=203),
    Row("ErrorPasswordExpired", CredentialRefused, "credential-refused", Scope.SOURCE, delay=SLOW, alarm=101),
]
SYNC_STATE = [
    *rows(
        "ErrorInvalidSyncStateData ErrorSyncFolderNotFound",
        CursorExpired,
        "cursor-expired",
        phase=Phase.LOADING,
        delay=AT_ONCE,
    ),
    Row("ErrorFolderNotFound", AccessDenied, "no-calendar", phase=Phase.BLOCKED, delay=SLOW, alarm=203),
]
SUBSCRIPTION_DEAD = rows(
    """ErrorSubscriptionNotFound ErrorInvalidSubscription ErrorSubscriptionUnsubscribed ErrorReadEventsFailed
    ErrorExpiredSubscription ErrorInvalidWatermark ErrorSubscriptionAccessDenied""",
    Transient,
    "subscription-lost",
)
EVENTS_LOST = rows("ErrorMissedNotificationEvents", Transient, "subscription-lost")
TAKEN_OVER = rows("ErrorNewEventStreamConnectionOpened", Transient, "subscription-lost")
VERSION = [
    *rows(
        "ErrorInvalidServerVersion ErrorInvalidSchemaVersionForMailboxVersion", Transient, "server-version"
    ),
    *rows("ErrorIncorrectSchemaVersion ErrorSchemaValidation", Refused, "request-refused"),
]

WHOLE = [
    *BUSY,
    *BROKEN,
    *TOO_MANY,
    *MOVED,
    *ACCOUNT,
    *SYNC_STATE,
    *SUBSCRIPTION_DEAD,
    *EVENTS_LOST,
    *TAKEN_OVER,
    *VERSION,
]
"""Faults of a whole request."""

GONE = rows("ErrorItemNotFound", Unreadable, "item-not-found")
"""An item that was deleted between delta and content."""

STOPPED = rows("ErrorBatchProcessingStopped", Transient, "server-error")
"""Says nothing of the item: it is asked for again, alone."""

ITEM = [
    *rows("ErrorItemCorrupt ErrorCorruptData", Unreadable, "item-corrupt"),
    *rows(
        """ErrorContentConversionFailed ErrorMimeContentConversionFailed ErrorInvalidPropertyRequest
        ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange ErrorRecurrenceHasNoOccurrence""",
        Unreadable,
        "item-unreadable",
    ),
]
"""Faults of one item: it is set aside alone."""

CONFLICT = rows("ErrorIrresolvableConflict ErrorStaleObject ErrorInvalidChangeKey", Conflict, "item-changed")
"""Faults of a write to an item that somebody else changed."""

CATALOGUE = [*WHOLE, *ITEM, *GONE, *STOPPED, *CONFLICT]
"""All of it."""
