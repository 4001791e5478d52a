"""What is done inside the transaction: the effect of a message and the row that tells of it, or neither."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

import structlog

from connector.errors import Refused
from connector.kms import names
from connector.kms.audit import Entry, Trail
from connector.kms.commits import Effect, Undo
from connector.kms.ephemeral import Line, Lines
from connector.kms.hierarchy import Hierarchy
from connector.kms.keks.base import KekMissing
from connector.kms.operations import table
from connector.kms.operations.work import Done, Terms, Work
from connector.kms.rates import Retrievals, Unreadable
from connector.kms.refusal import Refusal, not_allowed, not_found
from connector.model import Clock
from connector.seal.kmswire import handshake, uris
from connector.seal.kmswire.messages import RESET, Answer, Method, Request

UNREADABLE = "The message can't be opened."
NOT_IN_FORCE = "sealed under an ephemeral key that is not in force"

_STATUSES = {"kms-malformed": 400, "kms-elsewhere": 404, "kms-broken": 400}

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Clerk:
    """Every method runs in an open transaction and raises sqlite3.Error, after which nothing of it was done."""

    hierarchy: Hierarchy
    trail: Trail
    terms: Terms
    lines: Lines
    retrievals: Retrievals
    unreadable: Unreadable
    clock: Clock

    def greet(self, line: Line, entry: Entry, now: datetime, connection: sqlite3.Connection) -> Effect:
        """The key that was agreed on comes into force with its row, and goes with it."""
        try:
            self.lines.add(line, now)
        except Refusal as refusal:
            return self.refuse(entry, refusal, entry.request_id, connection)
        undo = partial(self.lines.remove, line.key.uri)
        try:
            self.trail.append(connection, now, entry)
        except sqlite3.Error:
            undo()
            raise
        return Effect(Answer(201, entry.request_id), (undo,))

    def reset(self, entry: Entry, request_id: str, connection: sqlite3.Connection) -> Effect:
        """Tell the client to forget its ephemeral keys; a row only while they are not too many."""
        now = self.clock()
        if self.unreadable.worth_a_row(now):
            self.trail.append(connection, now, entry)
        return Effect(Answer(RESET, request_id, UNREADABLE))

    def refuse(
        self, entry: Entry, refusal: Refusal, request_id: str, connection: sqlite3.Connection
    ) -> Effect:
        """Nothing but the row."""
        row = replace(entry, status=refusal.status, reason=refusal.reason)
        self.trail.append(connection, self.clock(), row)
        return Effect(_told(refusal, request_id))

    def answer(self, line: Line, request: Request, entry: Entry, connection: sqlite3.Connection) -> Effect:
        """Deeds are done one after the other, so a request that comes twice at the same time is carried out once."""
        if self.lines.find(line.key.uri, self.clock()) is not line:
            return self.reset(replace(entry, status=RESET, reason=NOT_IN_FORCE), names.fresh(), connection)
        try:
            before = line.repeated(request, self.terms.limits.remembered)
        except Refusal as refusal:
            return self.refuse(entry, refusal, request.request_id, connection)
        if before is None:
            return self._done(line, request, entry, connection)
        row = replace(entry, status=before.status, reason="repeated")
        self.trail.append(connection, self.clock(), row)
        return Effect(before)

    def _done(self, line: Line, request: Request, entry: Entry, connection: sqlite3.Connection) -> Effect:
        """Carry the request out and write its row."""
        now = self.clock()
        undo: list[Undo] = [partial(line.forget, request)]
        try:
            done = self._carried_out(connection, line, request, now, undo.append)
        except (Refusal, Refused, KekMissing) as error:
            refusal = refusal_of(error)
            row = replace(entry, status=refusal.status, reason=refusal.reason)
            answer = _told(refusal, request.request_id)
        else:
            row = replace(entry, status=done.status, objects=done.objects)
            answer = Answer(done.status, request.request_id, members=done.members)
        if entry.operation != "update /ping" or not answer.good:
            self.trail.append(connection, now, row)
        if answer.good:
            self._watch(connection, entry, done.handed, now)
        line.note(request, None if request.method is Method.RETRIEVE else answer)
        return Effect(answer, tuple(undo))

    def _carried_out(
        self,
        connection: sqlite3.Connection,
        line: Line,
        request: Request,
        now: datetime,
        undo: Callable[[Undo], None],
    ) -> Done:
        """Inside a savepoint, so that what is refused half-way leaves no trace but its audit row."""
        connection.execute("SAVEPOINT request")
        try:
            target = uris.read_target(request.uri, self.terms.names.host)
            if target.collection == handshake.COLLECTION:
                return self._delete_line(line, request, undo)
            work = Work(connection, self.hierarchy, self.terms, line.caller, target, request.members, now)
            return table.carry_out(request.method, work)
        except BaseException:
            connection.execute("ROLLBACK TO request")
            raise

    def _delete_line(self, line: Line, request: Request, undo: Callable[[Undo], None]) -> Done:
        """``delete /ecdhe/{id}``: a caller's own, the one it speaks under or another."""
        uri = uris.absolute(request.uri, self.terms.names.host)
        found = self.lines.find(uri, self.clock())
        if request.method is not Method.DELETE:
            raise Refusal(400, "An ephemeral key can be deleted only.")
        if found is None:
            raise not_found()
        if found.caller.user != line.caller.user:
            raise not_allowed()
        self.lines.remove(uri)
        undo(partial(self.lines.put_back, found))
        return Done(204, objects=(uri,))

    def _watch(self, connection: sqlite3.Connection, entry: Entry, handed: int, now: datetime) -> None:
        if handed and self.retrievals.count(entry.user, handed, now):
            self.trail.append(connection, now, replace(entry, operation="alarm retrieval-rate", objects=()))
            _log.warning("alarm.retrieval-rate", user=entry.user)


def refusal_of(error: Refusal | Refused | KekMissing) -> Refusal:
    """How a fault is told to the peer."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, KekMissing):
        _log.error("kek.missing", kek=str(error))
        return Refusal(503, "The key can't be unwrapped now.")
    return Refusal(_STATUSES.get(error.code, 400), error.detail)


def _told(refusal: Refusal, request_id: str) -> Answer:
    code = {} if refusal.error_code is None else {"errorCode": refusal.error_code}
    return Answer(refusal.status, request_id, refusal.reason, code)
