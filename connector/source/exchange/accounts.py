"""Which service account logs on: the one in force, or the next when its password is refused (operating.md, "Passwords and lock-out").

Each account has its gate, which knows what was refused and lets one test logon go first. A refused account costs nothing
more: its gate says so without a request. When its password is typed anew it is in force again by itself.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

import structlog

from connector.errors import CredentialRefused
from connector.source.base import Notice
from connector.source.exchange.gate import LogonGate
from connector.source.exchange.settings import ExchangeSettings, RefusedSecrets

log = structlog.get_logger(__name__)

TAKEN_OVER = "account-taken-over"

Result = TypeVar("Result")


class Accounts:
    """The service accounts of one source, the one in force first. Thread-safe."""

    def __init__(
        self,
        settings: ExchangeSettings,
        refusals: RefusedSecrets,
        tell: Callable[[Notice], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        accounts = (
            (settings.user, settings.password),
            *((one.user, one.password) for one in settings.others),
        )
        self._gates = tuple(
            LogonGate(user, password, refusals, monotonic, tell) for user, password in accounts
        )
        self._tell = tell
        self._lock = threading.Lock()
        self._used = self._gates[0]

    def log_on(self, attempt: Callable[[LogonGate], Result]) -> Result:
        """What ``attempt`` returns for the first account that is accepted.

        Raises:
            CredentialRefused: none is; that of the account in force is told.
            Verdict: the attempt failed for another reason.
        """
        refusal: CredentialRefused | None = None
        for gate in self._gates:
            try:
                result = attempt(gate)
            except CredentialRefused as verdict:
                refusal = refusal or verdict
            else:
                self._note(gate)
                return result
        with self._lock:
            self._used = self._gates[0]
        raise refusal or CredentialRefused("credential-missing", "no service account")

    def _note(self, gate: LogonGate) -> None:
        """Tell when another account than before has been accepted."""
        with self._lock:
            before, self._used = self._used, gate
        if before is gate:
            return
        first = self._gates[0]
        log.warning("another service account is used now", account=gate.account, before=before.account)
        self._tell(Notice(TAKEN_OVER, first.account, by=gate.account, over=gate is first))
