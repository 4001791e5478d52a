"""Group commit: what the messages of many clients ask for is done in one transaction, and the disk is waited for once."""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock

from connector.kms.database import Database
from connector.seal.kmswire.messages import Answer

MOST = 256
"""Deeds of one transaction: nobody waits for more than that of others."""

Undo = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Effect:
    """What a deed led to. The ``undo``s take back what it noted in memory, should the transaction come to nothing."""

    answer: Answer = field(repr=False)
    undo: tuple[Undo, ...] = ()


Deed = Callable[[sqlite3.Connection], Effect]
"""Works inside the transaction. What it raises undoes it alone, unless the database gave the whole transaction up."""


class _Seat:
    """A deed and what became of it; settled when it is on disk, or never will be."""

    def __init__(self, deed: Deed) -> None:
        self._deed = deed
        self._effect: Effect | None = None
        self._fault: Exception | None = None
        self.settled = False

    def do(self, connection: sqlite3.Connection) -> None:
        connection.execute("SAVEPOINT deed")
        try:
            self._effect = self._deed(connection)
        except Exception as error:
            if not connection.in_transaction:
                raise
            connection.execute("ROLLBACK TO deed")
            self._fault = error
        connection.execute("RELEASE deed")

    def fail(self, fault: Exception) -> None:
        for undo in reversed(self._effect.undo if self._effect else ()):
            undo()
        self._effect, self._fault = None, fault

    def outcome(self) -> Answer | sqlite3.Error:
        if self._effect is not None:
            return self._effect.answer
        if self._fault is None or isinstance(self._fault, sqlite3.Error):
            return self._fault or sqlite3.OperationalError("nothing was done")
        raise self._fault


class Commits:
    """Whoever finds the writer free commits for all who wait. Safe to call from several threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turn = Lock()
        self._waiting: deque[_Seat] = deque()

    def carry_out(self, deeds: Sequence[Deed]) -> list[Answer | sqlite3.Error]:
        """Do them in their order; an answer is given back only when it is on disk, with the rows that tell of it.

        A sqlite3.Error in an answer's place means that nothing of that deed was done. Raises what a deed raised otherwise.
        """
        seats = [_Seat(deed) for deed in deeds]
        self._waiting.extend(seats)
        while not all(seat.settled for seat in seats):
            with self._turn:
                self._ride([self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))])
        return [seat.outcome() for seat in seats]

    def _ride(self, riders: Sequence[_Seat]) -> None:
        """One transaction. A deed that nobody waits for any more is done all the same."""
        if not riders:
            return
        try:
            with self._database.writing() as connection:
                for seat in riders:
                    seat.do(connection)
        except Exception as error:  # noqa: BLE001 - whatever it is, each of them hears of it in its own thread
            for seat in riders:
                seat.fail(error)
        finally:
            for seat in riders:
                seat.settled = True
