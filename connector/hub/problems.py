"""What the hub answers when it does not do what was asked (docs/relay.md section 2)."""

from __future__ import annotations

import math

from starlette.responses import Response

from connector.relay import strict, wire


class Refusal(Exception):
    """A request that is answered with a problem document (RFC 9457). ``wait`` is Retry-After in seconds."""

    def __init__(self, status: int, code: str, detail: str = "", *, wait: float = 0) -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code
        self.detail = detail
        self.wait = wait

    def response(self) -> Response:
        """The answer."""
        body = {"title": self.code.replace("-", " "), "status": self.status, "code": self.code}
        if self.detail:
            body["detail"] = self.detail[:300]
        headers = {"Retry-After": str(max(1, math.ceil(self.wait)))} if self.wait else {}
        if self.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        return Response(strict.dump(body), self.status, headers, wire.PROBLEM_TYPE)


def malformed(detail: str = "") -> Refusal:
    """The body is not what docs/relay.md says."""
    return Refusal(400, "malformed", detail)


def too_large(detail: str = "") -> Refusal:
    """More than the hub takes."""
    return Refusal(413, "too-large", detail)


def not_found() -> Refusal:
    """No such thing for this credential; whether for another one is nobody's business."""
    return Refusal(404, "not-found")


def busy(wait: float) -> Refusal:
    """This credential asks for too much."""
    return Refusal(429, "busy", wait=wait)


def unavailable(wait: float = 5) -> Refusal:
    """The hub itself is in trouble."""
    return Refusal(503, "busy", wait=wait)
