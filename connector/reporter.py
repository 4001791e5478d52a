"""Says what happened: one log line for what went well, the first failure and the recovery, and alarms for the whole."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from connector.alarms import Alarms, kinds
from connector.errors import AccessDenied, CredentialRefused, KeyWithheld, MailboxMoved, Scope, Verdict
from connector.log import Episodes
from connector.model import Clock, Mailbox, Phase, Session
from connector.reasons import explain
from connector.source.base import Notice
from connector.sync.holds import Hold
from connector.sync.outcome import Step

RECENT = timedelta(minutes=5)
LATE = 7
"""So many failures in a row take about five minutes (``sync.state.back_off``)."""
_NOTICED = {
    "account-taken-over": kinds.ACCOUNT_TAKEN_OVER,
    "front-end-refuses": kinds.SERVER_DIFFERS,
    "notification-storm": kinds.NOTIFICATION_STORM,
}
_SET_UP = frozenset(
    {
        "google-api-off",
        "google-clock",
        "google-grant-refused",
        "google-key-removed",
        "google-key-unreadable",
        "google-not-authorized",
    }
)
"""Codes of a source that is closed to the connector until an administrator takes a step, which their remedy names."""
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
        self._behind: dict[str, str] = {}
        self._changes: dict[str, datetime] = {}
        self._source_changes: dict[str, datetime] = {}

    def stepped(self, mailbox: Mailbox, before: Phase, step: Step) -> None:
        """A step went well."""
        self._episodes.recovered(mailbox.address)
        after = step.session.phase if step.session else None
        notable = after is not before or step.notable
        (self._log.info if notable else self._log.debug)(step.sentence, mailbox=mailbox.address)
        if before is Phase.LOADING and after is Phase.LIVE:
            self._loaded.append(self._clock())
        if step.changed:
            self._changes[mailbox.address] = self._source_changes[mailbox.source] = self._clock()
        if after is None:
            self._changes.pop(mailbox.address, None)
        self._alarms.clear(kinds.KEY_SERVICE_AWAY, subject=mailbox.address)
        self._in_time(mailbox)
        if after in {Phase.LIVE, None}:
            self._open_again(mailbox)

    def failed(self, mailbox: Mailbox, verdict: Verdict, session: Session | None) -> None:
        """A step ended in a verdict."""
        state = session.phase.name.lower() if session else "gone"
        self._episodes.failed(mailbox.address, verdict.code, detail=verdict.detail, state=state)
        if isinstance(verdict, AccessDenied | MailboxMoved) and session and session.phase is Phase.BLOCKED:
            self._blocked(mailbox, verdict.code)
        if verdict.code.startswith("key-service-") or isinstance(verdict, KeyWithheld):
            self._alarms.raise_(kinds.KEY_SERVICE_AWAY, verdict.code, mailbox.address)
        if isinstance(verdict, CredentialRefused):
            self._credential(mailbox.source, verdict.code)
        self._late(mailbox, verdict, session)

    def changed(self, mailbox: Mailbox, session: Session) -> None:
        """Somebody decided over a mailbox, or the process has just begun: its alarm follows its state."""
        if session.phase is Phase.BLOCKED and session.reason:
            self._blocked(mailbox, session.reason)
        else:
            self._open_again(mailbox)

    def held(self, key: str, hold: Hold) -> None:
        """A source or server is held back."""
        if hold.code.startswith("credential") or hold.code in _SET_UP:
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
        self._alarms.clear(kinds.SOURCE_NOT_SET_UP, cause=source)
        self._log.info("the source answers again", source=source)

    def noticed(self, source: str, notice: Notice) -> None:
        """Something people should know although the work goes on."""
        kind = _NOTICED.get(notice.code)
        if kind is None:
            self._log.warning("notice of a source", source=source, code=notice.code, subject=notice.subject)
        elif notice.over:
            self._alarms.clear(kind, source, notice.subject)
        else:
            _, secret = self._secret_of(source)
            facts = {"account": notice.subject, "stand_in": notice.by, "secret": secret}
            facts |= {"server": notice.subject, "reason": explain(notice.code).sentence}
            self._alarms.raise_(kind, source, notice.subject, source=source, **facts)

    def loads_a_minute(self) -> float:
        """First loads finished lately, for an estimate of the rest."""
        since = self._clock() - RECENT
        return sum(moment > since for moment in self._loaded) / (RECENT / timedelta(minutes=1))

    def changed_at(self, address: str) -> datetime | None:
        """When meetings of a mailbox last came or went; None for not since this process began."""
        return self._changes.get(address)

    def source_changed_at(self, source: str) -> datetime | None:
        """The same of any mailbox of a source."""
        return self._source_changes.get(source)

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

    def _late(self, mailbox: Mailbox, verdict: Verdict, session: Session | None) -> None:
        """One alarm for all mailboxes that keep failing for one cause of their own."""
        resting = session is None or session.phase in {Phase.BLOCKED, Phase.MOVED}
        if resting or verdict.scope not in {Scope.ITEM, Scope.MAILBOX}:
            self._in_time(mailbox)
        elif session and session.attempts >= LATE:
            if self._behind.get(mailbox.address) != verdict.code:
                self._in_time(mailbox)
            self._behind[mailbox.address] = verdict.code
            reason = explain(verdict.code).sentence
            self._alarms.raise_(kinds.MAILBOXES_LATE, verdict.code, mailbox.address, reason=reason)

    def _in_time(self, mailbox: Mailbox) -> None:
        if self._behind.pop(mailbox.address, None):
            self._alarms.clear(kinds.MAILBOXES_LATE, subject=mailbox.address)

    def _open_again(self, mailbox: Mailbox) -> None:
        named = self._named.pop(mailbox.id, mailbox.address)
        self._alarms.clear(kinds.MAILBOXES_BLOCKED, subject=named)

    def _credential(self, source: str, code: str) -> None:
        self._alarms.clear(kinds.ACCOUNT_TAKEN_OVER, cause=source)
        account, secret = self._secret_of(source)
        if code in _SET_UP:
            words = explain(code)
            remedy = words.remedy.replace("{secret}", secret)
            self._alarms.raise_(
                kinds.SOURCE_NOT_SET_UP, source, source=source, reason=words.sentence, remedy=remedy
            )
            return
        kind = kinds.CREDENTIAL_MISSING if code == "credential-missing" else kinds.CREDENTIAL_REFUSED
        self._alarms.raise_(kind, source, source=source, account=account, secret=secret)
