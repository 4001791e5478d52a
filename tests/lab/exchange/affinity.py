"""Which mailbox server answers a request, and the cookie that pins a group of subscriptions to one.

Rules: reference "How to: Maintain affinity between a group of subscriptions and the Mailbox server". The cookie routes when the
request prefers affinity; otherwise the anchor's home does, then the home of the mailbox acted for.
"""

from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie

from tests.lab.exchange.directory import Directory
from tests.lab.exchange.wire import Request

COOKIE = "X-BackEndOverrideCookie"
BUILD = "1941996557"


@dataclass(frozen=True, slots=True)
class Route:
    """The back end that answers, what the request said about it, and whether the cookie decided."""

    back_end: str
    anchor: str
    prefers: bool
    by_cookie: bool

    @property
    def set_cookie(self) -> tuple[str, str]:
        """The header that pins the client to this back end."""
        return "Set-Cookie", f"{COOKIE}={self.back_end}~{BUILD}; path=/; secure; HttpOnly"


def route(request: Request, acting: str | None, caller: str, directory: Directory) -> Route:
    """Find the back end for a request."""
    anchor = request.header("x-anchormailbox").strip().lower()
    prefers = request.header("x-preferserveraffinity").strip().lower() == "true"
    pinned = _pinned(request) if prefers else ""
    home = directory.back_end(anchor or acting or caller)
    return Route(pinned or home, anchor, prefers, bool(pinned))


def _pinned(request: Request) -> str:
    try:
        cookie = SimpleCookie(request.header("cookie")).get(COOKIE)
    except CookieError:
        return ""
    return cookie.value.partition("~")[0] if cookie else ""
