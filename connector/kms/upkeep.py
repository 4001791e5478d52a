"""What is done by the clock: rewrapping, dropping what was never bound, purging the trail, writing its head down."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from threading import Event

import structlog

from connector.kms import audit, hierarchy, times
from connector.kms.house import House
from connector.kms.keks.base import KekMissing

_log = structlog.get_logger(__name__)


def forever(house: Callable[[], House], stop: Event) -> None:
    """Once in ``times.upkeep`` of the house in force, until ``stop``. A database in trouble is logged and tried again the next time."""
    while not stop.wait(house().settings.times.upkeep.total_seconds()):
        try:
            once(house(), stop)
        except (sqlite3.Error, KekMissing) as error:
            _log.error("upkeep.trouble", kind=type(error).__name__)


def once(house: House, stop: Event) -> None:
    """All of it. Raises sqlite3.Error and KekMissing."""
    rewrap(house, stop)
    now = house.clock()
    with house.database.writing() as connection:
        drop_unbound(connection, times.micros(now))
        audit.purge(connection, now - house.settings.times.keep_audit)
    with house.database.reading() as connection:
        number, chain = audit.head(connection)
    _log.info("audit.head", number=number, chain=chain)


def rewrap(house: House, stop: Event) -> int:
    """Wrap under the active KEK what is not yet, a part at a time; the number of keys. Raises KekMissing."""
    total = 0
    while not stop.is_set():
        with house.database.writing() as connection:
            done = hierarchy.rewrap_some(connection, house.hierarchy, house.names.key)
        if not done:
            break
        total += done
    return total


def drop_unbound(connection: sqlite3.Connection, now: int) -> int:
    """Delete keys that were not bound in time: nothing can have been sealed with them that is still readable."""
    return connection.execute("DELETE FROM keys WHERE resource IS NULL AND expires_at <= ?", (now,)).rowcount
