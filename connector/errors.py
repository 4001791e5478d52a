"""What can go wrong, as a tree.

::

    UserError                 an administrator can mend it: one sentence, an exit code, never a traceback
    ├── ConfigError           the configuration; carries every problem at once
    ├── KeystoreError         the keystore or its master key is missing, damaged or too open
    ├── StoreError            the database is damaged, full, locked, or from a newer version
    └── NotFound              a name the administrator gave is not there
    Verdict                   what the answer of a peer means for the work at hand
    ├── Transient             try again later, by back-off
    │   └── Throttled         the same, but the peer said when
    ├── CredentialRefused     the account or token is not accepted: everything that uses it stops
    ├── CursorExpired         the bookmark is worthless; read the mailbox afresh
    ├── AccessDenied          this mailbox is closed to us until somebody changes something
    ├── MailboxMoved          the mailbox lives elsewhere now; find it again
    ├── Unreadable            this one item can't be read; its neighbours can
    ├── Conflict              the item changed under our hands; read it again, then write
    ├── Refused               the request will never be carried out
    ├── KeyWithheld           the key service knows the key but does not give it (revoked, disabled, destroyed)
    └── Superseded            another copy of this appliance has taken over
    SessionChanged            somebody else committed this mailbox's session first; step again

A verdict's ``code`` is a word of ``connector.reasons``: it may be stored, counted and shown.
Its ``detail`` may hold a server's words and request ids: it is for the log alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a configuration file; line and column count from 1, 0 when unknown."""

    sentence: str
    file: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        where = ":".join(str(part) for part in (self.file, self.line) if part)
        return f"{where}: {self.sentence}" if where else self.sentence


class UserError(Exception):
    """Something the administrator can mend; the message is the sentence to show."""

    exit_code = 1


class ConfigError(UserError):
    """The configuration can't be used; ``problems`` lists everything found, not just the first."""

    exit_code = 2

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class KeystoreError(UserError):
    """The keystore or its master key can't be used."""

    exit_code = 2


class StoreError(UserError):
    """The database can't be used; ``passing`` when a later try may find it well without anybody's hand on this program."""

    exit_code = 2

    def __init__(self, sentence: str, *, passing: bool = False) -> None:
        super().__init__(sentence)
        self.passing = passing


class NotFound(UserError):
    """A name that the administrator gave is not there."""

    exit_code = 2


class Scope(StrEnum):
    """How far a verdict reaches."""

    ITEM = "item"
    MAILBOX = "mailbox"
    GROUP = "group"
    SERVER = "server"
    SOURCE = "source"


class Verdict(Exception):
    """What the answer of a peer means. ``code`` may be stored and shown, ``detail`` is for the log alone."""

    scope = Scope.MAILBOX

    def __init__(self, code: str, detail: str = "", *, scope: Scope | None = None) -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail
        self.scope = scope or type(self).scope


class Transient(Verdict):
    """Try again later; the caller chooses the delay by back-off with jitter."""


class Throttled(Transient):
    """The peer asked for patience; ``retry_after`` is a lower bound, not a wish."""

    def __init__(
        self, code: str, detail: str = "", *, retry_after: timedelta, scope: Scope | None = None
    ) -> None:
        super().__init__(code, detail, scope=scope)
        self.retry_after = retry_after


class CredentialRefused(Verdict):
    """The service account or token is not accepted. Never retried in a loop: accounts get locked."""

    scope = Scope.SOURCE


class CursorExpired(Verdict):
    """The source no longer knows the cursor; the mailbox must be read afresh."""


class AccessDenied(Verdict):
    """This mailbox can't be opened until somebody changes a right, a licence or a name."""


class MailboxMoved(Verdict):
    """The mailbox lives elsewhere now; its location has to be asked for again."""


class Unreadable(Verdict):
    """One item can't be read. ``item_id`` is the source's id of it."""

    scope = Scope.ITEM

    def __init__(self, code: str, item_id: str, detail: str = "") -> None:
        super().__init__(code, detail)
        self.item_id = item_id


class Conflict(Verdict):
    """The item was changed since it was read."""

    scope = Scope.ITEM


class Refused(Verdict):
    """The request is not valid or not allowed and will never be carried out."""


class KeyWithheld(Verdict):
    """The key service does not hand out this key (any more)."""


class Superseded(Verdict):
    """Another copy of this appliance speaks to the hub now; this one must stop."""

    scope = Scope.SOURCE


class SessionChanged(Exception):
    """The session was committed by somebody else since it was read; read it again and step anew."""
