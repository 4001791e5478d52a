"""Says what happened: one log line for what went well, the first failure and the recovery, and alarms for the whole."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from connector.alarms import Alarms, kinds
from connector.errors import AccessDenied, CredentialRefused, KeyWithheld, MailboxMoved, Verdict
from connector.log import Episodes
from connector.model import Clock, Mailbox, Phase, Session
from connector.reasons import explain
from connector.sync.holds import Hold
from connector.sync.outcome import Step

RECENT = timedelta(minutes=5)
_UNKNOWN = re.compile(r"\{\w+\}")


class Reporter:
    """An Observer of the engine. Thread-safe: log and alarms are, the rest is append-only."""

    def __init__(self, alarms: Alarms, clock: Clock, secret_of: Callable[[str], tuple[str, str]]) -> None:
        self._alarms = alarms
        self._clock = clock
        self._secret_of = secret_of
        self._log = structlog.get_logger(__name__)
        self._episodes = Episodes("mailbox", clock, field="mailbox")
        self._loaded: deque[datetime] = deque(maxlen=1000)
        self._named: dict[str, str] = {}

    def stepped(self, mailbox: Mailbox, before: Phase, step: Step) -> None:
        """A step went well."""
        self._episodes.recovered(mailbox.address)
        after = step.session.phase if step.session else None
        notable = after is not before or step.notable
        (self._log.info if notable else self._log.debug)(step.sentence, mailbox=mailbox.address)
        if before is Phase.LOADING and after is Phase.LIVE:
            self._loaded.append(self._clock())
        self._alarms.clear(kinds.KEY_SERVICE_AWAY, subject=mailbox.address)
        if after in {Phase.LIVE, None}:
            self._open_again(mailbox)

    def failed(self, mailbox: Mailbox, verdict: Verdict, session: Session | None) -> None:
        """A step ended in a verdict."""
        state = session.phase.name.lower() if session else "gone"
        self._episodes.failed(mailbox.address, verdict.code, detail=verdict.detail, state=state)
        if isinstance(verdict, AccessDenied | MailboxMoved) and session and session.phase is Phase.BLOCKED:
            self._blocked(mailbox, verdict.code)
        if verdict.code == "key-service-away" or isinstance(verdict, KeyWithheld):
            self._alarms.raise_(kinds.KEY_SERVICE_AWAY, verdict.code, mailbox.address)
        if isinstance(verdict, CredentialRefused):
            self._credential(mailbox.source, verdict.code)

    def changed(self, mailbox: Mailbox, session: Session) -> None:
        """Somebody decided over a mailbox, or the process has just begun: its alarm follows its state."""
        if session.phase is Phase.BLOCKED and session.reason:
            self._blocked(mailbox, session.reason)
        else:
            self._open_again(mailbox)

    def held(self, key: str, hold: Hold) -> None:
        """A source or server is held back."""
        if hold.code.startswith("credential"):
            self._alarms.clear(kinds.SOURCE_UNREACHABLE, subject=key)
            self._credential(key, hold.code)
        else:
            self._alarms.raise_(kinds.SOURCE_UNREACHABLE, hold.code, key, source=key)

    def passed(self, mailbox: Mailbox) -> None:
        """The first step got through after a hold."""
        source = mailbox.source
        self._alarms.clear(kinds.SOURCE_UNREACHABLE, subject=source)
        self._alarms.clear(kinds.CREDENTIAL_REFUSED, cause=source)
        self._alarms.clear(kinds.CREDENTIAL_MISSING, cause=source)
        self._log.info("the source answers again", source=source)

    def loads_a_minute(self) -> float:
        """First loads finished lately, for an estimate of the rest."""
        since = self._clock() - RECENT
        return sum(moment > since for moment in self._loaded) / (RECENT / timedelta(minutes=1))

    def _blocked(self, mailbox: Mailbox, code: str) -> None:
        """One alarm for all mailboxes with the same cause; of a remedy's names only the source is common to all."""
        self._named[mailbox.id] = mailbox.address
        reason = explain(code)
        remedy = _UNKNOWN.sub(
            "NAME", reason.remedy.replace("{source}", mailbox.source).replace("{address}", "ADDRESS")
        )
        self._alarms.raise_(
            kinds.MAILBOXES_BLOCKED, code, mailbox.address, reason=reason.sentence, remedy=remedy
        )

    def _open_again(self, mailbox: Mailbox) -> None:
        named = self._named.pop(mailbox.id, mailbox.address)
        self._alarms.clear(kinds.MAILBOXES_BLOCKED, subject=named)

    def _credential(self, source: str, code: str) -> None:
        account, secret = self._secret_of(source)
        kind = kinds.CREDENTIAL_MISSING if code == "credential-missing" else kinds.CREDENTIAL_REFUSED
        self._alarms.raise_(kind, source, source=source, account=account, secret=secret)
