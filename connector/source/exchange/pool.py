"""exchangelib's Protocol as a pool of lines to one endpoint, without its traps.

What is overridden are traps 1, 2, 11 and 12 of the package's list: a pool that locks itself up, cookies and settings shared
between mailboxes, a retry policy that sleeps in the caller's thread and locks accounts by trying a wrong password again.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from queue import Empty

from exchangelib.configuration import Configuration
from exchangelib.errors import SessionPoolMaxSizeReached, SessionPoolMinSizeReached
from exchangelib.protocol import FailFast, Protocol
from exchangelib.transport import NOAUTH
from exchangelib.version import EXCHANGE_2016, Version

from connector.errors import Scope, Transient
from connector.source.exchange.connections import Line


class Endpoint(Configuration):  # type: ignore[misc]
    """Where, how many lines at most, how long to wait for one, and how to open it."""

    def __init__(self, url: str, lines: int, wait: float, open_line: Callable[[], Line]) -> None:
        super().__init__(
            service_endpoint=url,
            auth_type=NOAUTH,
            version=Version(build=EXCHANGE_2016),
            retry_policy=FailFast(),
            max_connections=lines,
        )
        self.open_line = open_line
        self.wait = wait


class OwnProtocol(Protocol):  # type: ignore[misc]
    """exchangelib's session pool for one endpoint, without its traps."""

    @staticmethod
    def _cache_key(config: Endpoint) -> object:
        """Never share a pool between two sources, whatever their endpoint and account."""
        return id(config), config.service_endpoint

    def create_session(self) -> Line:
        """A line of ours in place of a bare session."""
        line: Line = self.config.open_line()
        return line

    def decrease_poolsize(self) -> None:
        """Refuse: the original takes its own lock twice and hangs for ever (defect 1)."""
        raise SessionPoolMinSizeReached("the pool keeps its size")

    def get_session(self) -> Line:
        """A free line, or a new one, or the next to come free within bounds.

        Raises:
            Transient: all lines stayed busy.
        """
        try:
            line: Line = self._session_pool.get(block=False)
        except Empty:
            with suppress(SessionPoolMaxSizeReached):
                self.increase_poolsize()
            line = self._next()
        line.usage_count += 1
        return line

    def _next(self) -> Line:
        try:
            line: Line = self._session_pool.get(timeout=self.config.wait)
        except Empty:
            raise Transient("busy", "all connections to the server are in use", scope=Scope.SERVER) from None
        return line

    def discard(self) -> None:
        """Forget this pool and close its lines."""
        type(self)._protocol_cache.pop(  # noqa: SLF001 - our own class, and the only way to be forgotten
            self._cache_key(self.config), None
        )
        self.close()
