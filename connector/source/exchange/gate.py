"""The logon gate: no account is ever locked by us (operating.md, "Passwords and lock-out").

A logon is *unproven* from the moment the secret is about to go out until the server has said yes or no. The first with
a password version goes alone, after that at most two are unproven at once; at most three may fail in 30 minutes, and a
password version that was refused is not tried again.
A refusal by one front end while others accept is that server's fault: only when two different front ends, or the
only one there is, refuse without an acceptance in between is the version taken for refused. Refusals that name no
front end (the header is missing, or a proxy took it away) count as different ones, and three in a row by one front
end speak for the account too: a load balancer may lead nowhere else. A front end that refused what another accepted
afterwards is told of and gets no logon for 30 minutes. A refusal over a certificate under which nobody was ever accepted,
though others were, is taken for a channel binding that does not fit (Extended Protection) until there are three in a row.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from connector.errors import CredentialRefused, Scope, Throttled, Transient
from connector.source.base import Notice
from connector.source.exchange.settings import RefusedSecrets

UNPROVEN = 2
FAILURES = 3
SPAN = 30 * 60.0
PATIENCE = 30.0
DIFFERS = "front-end-refuses"


def untold(_: Notice) -> None:
    """For callers whom nobody listens to."""


@dataclass(slots=True)
class Attempt:
    """One logon under way; the connection reports how it ended, or nothing when no verdict was given."""

    secret: str = field(repr=False)
    accepted_by: str | None = None
    refused_by: str | None = None
    named: bool = True
    binding: bytes = b""
    """The channel binding that went out with it (RFC 5929), b"" for none."""
    foreign: bool = False
    """Whether others accepted the secret, but never over this binding."""
    failed: bool = False
    """Whether the server may have counted it as a bad logon, whatever it meant."""

    def accepted(self, front_end: str) -> None:
        """The server took the secret."""
        self.accepted_by = front_end

    def refused(self, front_end: str, *, named: bool = True) -> None:
        """The server saw the secret and answered 401; ``named`` tells whether it said which front end it is."""
        self.refused_by = front_end
        self.named = named
        self.failed = True


@dataclass(slots=True)
class _Standing:
    """What the front ends said to the password version in use."""

    fingerprint: str = ""
    accepting: set[str] = field(default_factory=set)
    refusing: set[str] = field(default_factory=set)
    bindings: set[bytes] = field(default_factory=set)
    nameless: int = 0
    in_a_row: int = 0

    def accept(self, front_end: str, binding: bytes) -> None:
        self.accepting.add(front_end)
        self.bindings.add(binding)
        self.refusing = set()
        self.nameless = self.in_a_row = 0

    def refuse(self, front_end: str, *, named: bool, foreign: bool) -> bool:
        """Note the refusal; True when it speaks for the account and not just for that server or its certificate."""
        self.accepting.discard(front_end)
        self.in_a_row += 1
        if named:
            self.refusing.add(front_end)
        else:
            self.nameless += 1
        different = len(self.refusing) + self.nameless
        if foreign:
            return self.in_a_row >= FAILURES
        return not self.accepting or different > 1 or self.in_a_row >= FAILURES


class LogonGate:
    """Every logon of one service account passes here."""

    def __init__(
        self,
        account: str,
        password: Callable[[], str],
        refusals: RefusedSecrets,
        monotonic: Callable[[], float] = time.monotonic,
        tell: Callable[[Notice], None] = untold,
    ) -> None:
        self.account = account
        self._password = password
        self._refusals = refusals
        self._monotonic = monotonic
        self._turn = threading.Condition()
        self._unproven = 0
        self._failures: deque[float] = deque(maxlen=FAILURES)
        self._standing = _Standing()
        self._known = ("", "")
        self._tell = tell
        self._shunned: dict[str, float] = {}

    def shuns(self, front_end: str) -> bool:
        """Whether this front end refused lately what others accept, so that it gets no logon for now."""
        with self._turn:
            return self._shunned.get(front_end, 0.0) > self._monotonic()

    def differs(self, front_end: str) -> bool:
        """Whether others accept the password version in use, so that trouble with this one is its own."""
        with self._turn:
            return bool(self._standing.accepting - {front_end})

    @contextmanager
    def logon(self) -> Iterator[Attempt]:
        """Wait for a turn and hand out the secret; the caller reports the outcome on the attempt.

        Raises:
            CredentialRefused: there is no secret, or this version of it was refused before or just now.
            Throttled: three logons failed within 30 minutes.
            Transient: no turn came, or one front end refuses what others accept.
        """
        attempt = Attempt(self._enter())
        try:
            yield attempt
        finally:
            conclusive = self._leave(attempt)
        if attempt.refused_by is not None:
            raise self._refusal(attempt.refused_by, conclusive=conclusive, foreign=attempt.foreign)

    def _enter(self) -> str:
        with self._turn:
            if not self._turn.wait_for(self._has_room, PATIENCE):
                raise Transient("busy", "waited in vain for a turn to log on", scope=Scope.SOURCE)
            self._check_failures()
            secret = self._current()
            self._unproven += 1
            return secret

    def _has_room(self) -> bool:
        failed, proven = len(self._recent()), self._standing.accepting and not self._standing.in_a_row
        at_once = UNPROVEN if proven else 1
        return failed >= FAILURES or (self._unproven < at_once and self._unproven + failed < FAILURES)

    def _recent(self) -> deque[float]:
        while self._failures and self._failures[0] <= self._monotonic() - SPAN:
            self._failures.popleft()
        return self._failures

    def _check_failures(self) -> None:
        recent = self._recent()
        if len(recent) >= FAILURES:
            wait = timedelta(seconds=recent[0] + SPAN - self._monotonic())
            detail = f"{len(recent)} logons of {self.account} failed in the last 30 minutes"
            raise Throttled("logon-limit", detail, retry_after=wait, scope=Scope.SOURCE)

    def _current(self) -> str:
        secret = self._password()
        if not secret:
            raise CredentialRefused("credential-missing", f"no password for {self.account}")
        fingerprint = self._fingerprint(secret)
        if fingerprint != self._standing.fingerprint:
            self._standing = _Standing(fingerprint)
        if self._refusals.refused(self.account, fingerprint):
            raise CredentialRefused(
                "credential-refused", f"this password of {self.account} was refused before"
            )
        return secret

    def _fingerprint(self, secret: str) -> str:
        if self._known[0] != secret:
            self._known = (secret, fingerprint(self.account, secret))
        return self._known[1]

    def _leave(self, attempt: Attempt) -> bool:
        with self._turn:
            self._unproven -= 1
            self._turn.notify_all()
            if attempt.failed:
                self._failures.append(self._monotonic())
            return self._known[0] == attempt.secret and self._learn(attempt)

    def _learn(self, attempt: Attempt) -> bool:
        if attempt.accepted_by is not None:
            self._differ(self._standing.refusing - {attempt.accepted_by})
            self._agree(attempt.accepted_by)
            self._standing.accept(attempt.accepted_by, attempt.binding)
        if attempt.refused_by is None:
            return False
        attempt.foreign = bool(self._standing.bindings) and attempt.binding not in self._standing.bindings
        if not self._standing.refuse(attempt.refused_by, named=attempt.named, foreign=attempt.foreign):
            return False
        self._refusals.mark(self.account, self._standing.fingerprint)
        return True

    def _differ(self, front_ends: Iterable[str]) -> None:
        """These refused what another has just accepted."""
        for front_end in front_ends:
            self._shunned[front_end] = self._monotonic() + SPAN
            self._tell(Notice(DIFFERS, front_end))

    def _agree(self, front_end: str) -> None:
        if self._shunned.pop(front_end, None) is not None:
            self._tell(Notice(DIFFERS, front_end, over=True))

    def _refusal(self, front_end: str, *, conclusive: bool, foreign: bool) -> CredentialRefused | Transient:
        detail = f"{front_end} answered 401 to {self.account}"
        if conclusive:
            return CredentialRefused("credential-refused", detail)
        if foreign:
            return Transient("channel-binding", f"{detail} over a new certificate", scope=Scope.SERVER)
        return Transient(DIFFERS, detail)


def fingerprint(account: str, secret: str) -> str:
    """Eight hex digits that tell versions apart; slow to compute and too short to confirm a guess by.

    Eight rounds in 2 MB (``r`` 1, ``p`` 8) take as long as one in 16 MB, which glibc would keep from the second call on.
    """
    salt = f"calendar-connector refused secret {account.lower()}".encode()
    return hashlib.scrypt(secret.encode(), salt=salt, n=2**14, r=1, p=8, dklen=4).hex()
