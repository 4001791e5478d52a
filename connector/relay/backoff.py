"""How long to wait after a failure: full jitter, so that many connectors don't come back in step. Pure."""

from __future__ import annotations

from datetime import timedelta

from connector.errors import CredentialRefused, Throttled, Verdict

LEAST = timedelta(seconds=1)
MOST = timedelta(minutes=5)
PATIENCE = timedelta(hours=1)
"""The longest wait that a peer can ask for."""
REFUSED = timedelta(minutes=1)
"""The shortest wait after a refused credential."""

_DOUBLINGS = 16


def ceiling(failures: int) -> timedelta:
    """The longest wait after so many failures in a row (1 = the first)."""
    return min(MOST, LEAST * (1 << min(failures, _DOUBLINGS)))


def pause(verdict: Verdict, failures: int, luck: float) -> timedelta:
    """The wait after ``failures`` failures in a row, the last of them ``verdict``; ``luck`` is uniform in [0, 1).

    At least LEAST, at most MOST, and never less than the peer asked for, within PATIENCE.
    """
    wait = max(LEAST, ceiling(failures) * luck)
    if isinstance(verdict, Throttled):
        return max(wait, min(verdict.retry_after, PATIENCE))
    if isinstance(verdict, CredentialRefused):
        return max(wait, REFUSED)
    return wait
