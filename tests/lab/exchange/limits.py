"""Throttling: budgets of parallel requests and of hanging connections, charged to the mailbox acted for.

Figures: EWSMaxConcurrency 27 (streams not counted), HangingConnectionLimit 10 (Exchange 2016 and newer), EWSMaxSubscriptions 5000.
"""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.lab.exchange.call import ResponseFault

SYNC = frozenset({"SyncFolderItems", "SyncFolderHierarchy"})


@dataclass(frozen=True, slots=True)
class Figures:
    """The limits of a throttling policy."""

    concurrency: int = 27
    concurrent_syncs: int = 5
    hanging: int = 10
    subscriptions: int = 5000
    stream_ids: int = 200
    back_off_ms: int = 0


class Limits:
    """What is under way, by charged account."""

    def __init__(self, figures: Figures) -> None:
        """With nothing under way."""
        self.figures = figures
        self._lock = threading.Lock()
        self._running: Counter[str] = Counter()
        self._syncing: Counter[str] = Counter()
        self._hanging: Counter[str] = Counter()

    @contextmanager
    def request(self, account: str, operation: str) -> Iterator[None]:
        """Count a request while it runs.

        Raises:
            ResponseFault: ErrorServerBusy, the budget is used up.
        """
        self._enter(
            self._running,
            account,
            self.figures.concurrency,
            self._busy("MaxConcurrency", self.figures.concurrency),
        )
        try:
            if operation not in SYNC:
                yield
                return
            busy = self._busy("ConcurrentSyncCalls", self.figures.concurrent_syncs)
            self._enter(self._syncing, account, self.figures.concurrent_syncs, busy)
            try:
                yield
            finally:
                self._leave(self._syncing, account)
        finally:
            self._leave(self._running, account)

    def open_stream(self, account: str) -> None:
        """Count a hanging connection until `close_stream`.

        Raises:
            ResponseFault: ErrorExceededConnectionCount, the account holds all it may.
        """
        text = "You have exceeded the available concurrent connections for your account. Try again once your other requests have completed."
        fault = ResponseFault("ErrorExceededConnectionCount", text, "soap")
        self._enter(self._hanging, account, self.figures.hanging, fault)

    def close_stream(self, account: str) -> None:
        """A hanging connection has ended."""
        self._leave(self._hanging, account)

    def report(self) -> dict[str, dict[str, int]]:
        """What is under way now."""
        with self._lock:
            return {"running": dict(self._running), "hanging": dict(self._hanging)}

    def _enter(self, counter: Counter[str], account: str, limit: int, fault: ResponseFault) -> None:
        with self._lock:
            if counter[account] >= limit:
                raise fault
            counter[account] += 1

    def _leave(self, counter: Counter[str], account: str) -> None:
        with self._lock:
            counter[account] -= 1
            if counter[account] <= 0:
                del counter[account]

    def _busy(self, policy: str, limit: int) -> ResponseFault:
        values = {
            "Policy": policy,
            f"{policy}Limit": str(limit),
            "BackOffMilliseconds": str(self.figures.back_off_ms),
        }
        return ResponseFault(
            "ErrorServerBusy",
            "The server cannot service this request right now. Try again later.",
            "soap",
            values,
        )
