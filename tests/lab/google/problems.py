"""Google's errors by reason, in the envelope that its APIs answer with; and the token endpoint's own."""

from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]

REASONS: dict[str, tuple[int, str, str]] = {
    "authError": (401, "global", "Invalid Credentials"),
    "rateLimitExceeded": (403, "usageLimits", "Rate Limit Exceeded"),
    "userRateLimitExceeded": (403, "usageLimits", "User Rate Limit Exceeded"),
    "quotaExceeded": (403, "usageLimits", "Calendar usage limits exceeded."),
    "dailyLimitExceeded": (403, "usageLimits", "Daily Limit Exceeded"),
    "accessNotConfigured": (403, "usageLimits", "Google Calendar API has not been used in project 1 before."),
    "notACalendarUser": (403, "global", "The user must be signed up for Google Calendar."),
    "insufficientPermissions": (403, "global", "Insufficient Permission"),
    "forbidden": (403, "global", "Forbidden"),
    "forbiddenForNonOrganizer": (403, "calendar", "Shared properties can only be changed by the organizer."),
    "forbiddenForServiceAccounts": (403, "calendar", "Service accounts cannot invite attendees."),
    "requiredAccessLevel": (403, "calendar", "You need to have writer access to this calendar."),
    "notFound": (404, "global", "Not Found"),
    "duplicate": (409, "global", "The requested identifier already exists."),
    "fullSyncRequired": (410, "calendar", "Sync token is no longer valid, a full sync is required."),
    "updatedMinTooLongAgo": (410, "calendar", "The requested minimum modification time lies too far in the past."),
    "deleted": (410, "global", "Resource has been deleted"),
    "conditionNotMet": (412, "global", "Precondition Failed"),
    "backendError": (503, "global", "Backend Error"),
    "internalError": (500, "global", "Internal Error"),
    "invalid": (400, "global", "Invalid Value"),
    "badRequest": (400, "global", "Bad Request"),
    "failedPrecondition": (400, "global", "Mail service not enabled"),
    "channelIdNotUnique": (400, "global", "Channel id not unique"),
    "pushNotSupportedForRequestedResource": (400, "global", "Push notifications are not supported by this resource."),
}  # fmt: skip


@dataclass(slots=True)
class ApiError(Exception):
    """An answer other than success. ``location`` names the parameter that is to blame."""

    reason: str
    message: str = ""
    location: str = ""
    status: int = 0

    @property
    def code(self) -> int:
        """The HTTP status."""
        return self.status or REASONS[self.reason][0]

    def document(self) -> Document:
        """The envelope."""
        _, domain, words = REASONS[self.reason]
        one: Document = {"domain": domain, "reason": self.reason, "message": self.message or words}
        if self.location:
            one |= {"locationType": "parameter", "location": self.location}
        return {"error": {"errors": [one], "code": self.code, "message": self.message or words}}


@dataclass(slots=True)
class GrantError(Exception):
    """What the token endpoint refuses with (RFC 6749, section 5.2)."""

    error: str
    description: str = ""
    code: int = 400

    def document(self) -> Document:
        """The body."""
        found = {"error": self.error}
        return found | ({"error_description": self.description} if self.description else {})


GRANTS: dict[str, GrantError] = {
    "unauthorized_client": GrantError(
        "unauthorized_client",
        "Client is unauthorized to retrieve access tokens using this method, or client not authorized"
        " for any of the scopes requested.",
        401,
    ),
    "no-user": GrantError("invalid_grant", "Invalid email or User ID"),
    "deleted-user": GrantError("invalid_grant", "The account has been deleted"),
    "restricted": GrantError("access_denied", "Account restricted"),
    "key-removed": GrantError("invalid_grant", "Invalid JWT: No valid verifier found for issuer."),
    "clock": GrantError(
        "invalid_grant",
        "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe."
        " Check your iat and exp values in the JWT claim.",
    ),
    "signature": GrantError("invalid_grant", "Invalid JWT Signature."),
    "internal_failure": GrantError("internal_failure", "", 500),
}
