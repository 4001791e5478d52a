"""Sign-ins of conference services kept alive, also where nobody makes a meeting for months."""

from __future__ import annotations

from datetime import timedelta

import structlog

from connector.alarms import kinds
from connector.app.appliance import Appliance
from connector.conference.base import SignsIn
from connector.errors import CredentialRefused, Verdict
from connector.reasons import explain

KEEP, KEEP_AFTER = timedelta(hours=12), timedelta(minutes=1)
"""How often they are looked at, and so long after a start for the first time."""
SOON = timedelta(days=30)
"""A sign-in that ends earlier although it has just been renewed has to be made anew by hand."""

_log = structlog.get_logger(__name__)


class SignIns:
    """Every conference service that forgets us when it is not asked for long."""

    def __init__(self, appliance: Appliance) -> None:
        self._appliance = appliance

    def keep(self) -> None:
        """Renew what is due. What will not last is an alarm; a service that is away is asked the next time."""
        for name, provider in self._appliance.conferences.items():
            if isinstance(provider, SignsIn):
                self._keep(name, provider)

    def _keep(self, name: str, service: SignsIn) -> None:
        try:
            ends = service.keep_signed_in()
        except CredentialRefused as verdict:
            self._alarm(name, service.secret, explain(verdict.code).sentence)
        except Verdict as verdict:
            _log.warning(
                "a sign-in could not be renewed", conference=name, reason=explain(verdict.code).sentence
            )
        else:
            lasts = ends is None or ends - self._appliance.ground.clock() > SOON
            self._alarm(name, service.secret, "" if lasts else f"It ends on {ends:%Y-%m-%d}.")

    def _alarm(self, name: str, secret: str, reason: str) -> None:
        alarms = self._appliance.alarms
        if reason:
            alarms.raise_(kinds.SIGN_IN_ENDS, name, conference=name, secret=secret, reason=reason)
        else:
            alarms.clear(kinds.SIGN_IN_ENDS, name)
