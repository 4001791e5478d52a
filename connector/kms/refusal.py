"""What the key server answers when it does not do what was asked."""

from __future__ import annotations

from typing import Any

REVOKED = 405005
"""The error code that clients know for a key that is disabled; 405 is its status."""
DESTROYED = 405006
"""The same of a key that is gone for good."""


class Refusal(Exception):
    """A request that is refused with an HTTP-like status; ``reason`` is a sentence for the peer and for the audit trail."""

    def __init__(self, status: int, reason: str, *, error_code: int | None = None) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason = reason
        self.error_code = error_code

    def body(self) -> dict[str, Any]:
        """The members of the answer."""
        body: dict[str, Any] = {"status": self.status, "reason": self.reason}
        return body if self.error_code is None else {**body, "errorCode": self.error_code}


def not_found() -> Refusal:
    """No such object here."""
    return Refusal(404, "There is no such object.")


def not_allowed() -> Refusal:
    """The caller is known, and has no right to this."""
    return Refusal(403, "You are not authorized for this object.")
