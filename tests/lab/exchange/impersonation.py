"""ExchangeImpersonation: whose mailbox a service account acts for, and whether it may.

Addresses are compared in lower case. The management scope is the RBAC recipient scope of the role ApplicationImpersonation.
"""

import threading
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase

from lxml import etree

from tests.lab.exchange.call import ResponseFault
from tests.lab.exchange.soap import T, local

Resolve = Callable[[str], str | None]
"""From any address of a mailbox (primary or alias) to its primary address, None for nobody."""


class Scope:
    """The mailboxes a service account may act for: those on the list (everybody when there is none), but none of `denied`."""

    def __init__(self) -> None:
        """Everybody."""
        self._lock = threading.Lock()
        self._allowed: tuple[str, ...] | None = None
        self._denied: tuple[str, ...] = ()

    def set(self, allowed: Iterable[str] | None = None, denied: Iterable[str] = ()) -> None:
        """Replace the scope. Entries are addresses or patterns (`*@example.com`)."""
        with self._lock:
            self._allowed = None if allowed is None else tuple(entry.lower() for entry in allowed)
            self._denied = tuple(entry.lower() for entry in denied)

    def covers(self, address: str) -> bool:
        """Whether the account may act for this primary address."""
        with self._lock:
            allowed, denied = self._allowed, self._denied
        if any(fnmatchcase(address, pattern) for pattern in denied):
            return False
        return allowed is None or any(fnmatchcase(address, pattern) for pattern in allowed)


def acting(header: etree._Element | None, resolve: Resolve, scope: Scope) -> str | None:
    """The primary address the request acts for; None when it carries no ExchangeImpersonation header.

    Raises:
        ResponseFault: SOAP fault for a header without a usable name, an unknown mailbox, an alias in PrimarySmtpAddress, or a
            mailbox outside the scope.
    """
    if header is None:
        return None
    kind, name = _named(header)
    primary = resolve(name)
    if primary is None:
        raise ResponseFault(
            "ErrorNonExistentMailbox", "The SMTP address has no mailbox associated with it.", "soap"
        )
    if kind == "PrimarySmtpAddress" and primary != name:
        text = "The primary SMTP address must be specified when referencing a mailbox."
        raise ResponseFault("ErrorNonPrimarySmtpAddress", text, "soap", {"Primary": primary})
    if not scope.covers(primary):
        text = "The account does not have permission to impersonate the requested user."
        raise ResponseFault("ErrorImpersonateUserDenied", text, "soap")
    return primary


def _named(header: etree._Element) -> tuple[str, str]:
    """Kind and value of the one name inside ConnectingSID (an xs:choice)."""
    names = list(header.iterfind(f"{T}ConnectingSID/*"))
    if len(names) != 1 or not (names[0].text or "").strip() or local(names[0]) == "SID":
        text = "The exchange impersonation header is invalid: it has to name one account."
        raise ResponseFault("ErrorInvalidExchangeImpersonationHeaderData", text, "soap")
    return local(names[0]), (names[0].text or "").strip().lower()
