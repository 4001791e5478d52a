"""The lab's time of day, which tests may push forward."""

import threading
from datetime import UTC, datetime, timedelta


class Clock:
    """The system's time plus an offset."""

    def __init__(self) -> None:
        """Begin at the system's time."""
        self._lock = threading.Lock()
        self._offset = timedelta(0)

    def now(self) -> datetime:
        """The aware UTC time of the lab."""
        with self._lock:
            return datetime.now(UTC) + self._offset

    def advance(self, by: timedelta) -> datetime:
        """Push the time forward and return it."""
        with self._lock:
            self._offset += by
        return self.now()
