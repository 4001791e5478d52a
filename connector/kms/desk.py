"""Answers messages: opens, authenticates, carries out, writes the audit row, seals. One message in, one message out."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from connector.errors import Refused
from connector.kms import names
from connector.kms.audit import Entry, Trail
from connector.kms.database import Database
from connector.kms.ephemeral import Line, Lines
from connector.kms.hierarchy import Hierarchy
from connector.kms.keks.base import KekMissing
from connector.kms.operations import table
from connector.kms.operations.work import Done, Terms, Work
from connector.kms.rates import Retrievals, Unreadable
from connector.kms.refusal import Refusal, not_allowed, not_found
from connector.kms.who.authenticator import Authenticator
from connector.model import Clock
from connector.seal.kmswire import handshake, jose, sealed, signed, uris
from connector.seal.kmswire.handshake import Offer
from connector.seal.kmswire.messages import Answer, Method, Request
from connector.seal.kmswire.static import StaticKey

_log = structlog.get_logger(__name__)

_STATUSES = {"kms-malformed": 400, "kms-elsewhere": 404, "kms-broken": 400}
_AWAY = "The key server can't write to its database; nothing was done."


@dataclass(frozen=True, slots=True)
class Desk:
    """The key server's whole behaviour towards clients. Safe to call from several threads."""

    database: Database
    hierarchy: Hierarchy
    trail: Trail
    terms: Terms
    static: StaticKey
    signature: str
    authenticator: Authenticator
    lines: Lines
    retrievals: Retrievals
    unreadable: Unreadable
    clock: Clock

    def answer(self, token: str, via: str) -> str:
        """The answer to one message; ``via`` names the door it came through, for the audit trail. Raises nothing of a peer's making."""
        try:
            if jose.header_of(token, 5, jose.MAX_SEALED).get("alg") == jose.OFFER[0]:
                return self._handshake(token, via)
            return self._sealed(token, via)
        except Refused as broken:
            return self._reset(broken.detail, via)

    # --- handshake

    def _handshake(self, token: str, via: str) -> str:
        try:
            offer = handshake.open_offer(token, self.static)
        except Refused as refused:
            if refused.code == "kms-broken":
                raise
            refusal = _refusal(refused)
            answer = self._refused(Entry("create /ecdhe", refusal.status, via=via), refusal, names.fresh())
            return signed.sign(answer, self.static, self.signature)
        return self._greet(offer, via)

    def _greet(self, offer: Offer, via: str) -> str:
        request, now = offer.request, self.clock()
        entry = Entry("create /ecdhe", 201, client=request.client_id, request_id=request.request_id, via=via)
        try:
            caller = self.authenticator.greet(offer)
            token, key = handshake.answer_offer(
                offer,
                self.static,
                uri=self.terms.names.uri("ecdhe", names.fresh()),
                user_id=caller.user,
                created=now,
                expires=now + self.terms.times.ephemeral,
                algorithm=self.signature,
            )
            self.lines.add(Line(key, caller), now)
            self._note_handshake(replace(entry, user=caller.user, objects=(key.uri,)), now)
        except Refusal as refusal:
            return signed.sign(self._refused(entry, refusal, request.request_id), self.static, self.signature)
        except sqlite3.Error as error:
            return signed.sign(self._away(error, request.request_id), self.static, self.signature)
        return token

    def _note_handshake(self, entry: Entry, now: datetime) -> None:
        """The row, without which the key that was agreed on is not in force. Raises sqlite3.Error."""
        try:
            with self.database.writing() as connection:
                self.trail.append(connection, now, entry)
        except sqlite3.Error:
            self.lines.remove(entry.objects[0])
            raise

    def _reset(self, reason: str, via: str) -> str:
        """Tell the client to forget its ephemeral keys: what it sent can't be opened."""
        now, request_id = self.clock(), names.fresh()
        try:
            if self.unreadable.worth_a_row(now):
                with self.database.writing() as connection:
                    self.trail.append(connection, now, Entry("unreadable", 499, reason=reason, via=via))
        except sqlite3.Error as error:
            return signed.sign(self._away(error, request_id), self.static, self.signature)
        return signed.sign_reset("The message can't be opened.", request_id, self.static, self.signature)

    # --- everything after it

    def _sealed(self, token: str, via: str) -> str:
        uri = sealed.kid_of(token)
        line = self.lines.find(uri, self.clock())
        if line is None:
            raise Refused("kms-broken", "sealed under an ephemeral key that is not in force")
        try:
            request = sealed.open_request(token, line.key)
        except Refused as refused:
            if refused.code == "kms-broken":
                raise
            caller = line.caller
            entry = Entry("unknown", 400, user=caller.user, client=caller.client, via=via)
            return sealed.seal_answer(self._refused(entry, _refusal(refused), names.fresh()), line.key)
        with line.lock:
            return sealed.seal_answer(self._answered(line, request, via), line.key)

    def _answered(self, line: Line, request: Request, via: str) -> Answer:
        entry = Entry(
            _operation(request, self.terms.names.host),
            0,
            user=line.caller.user,
            client=request.client_id,
            request_id=request.request_id,
            objects=(request.uri,),
            via=via,
        )
        try:
            self.authenticator.again(line.caller, request)
            before = line.repeated(request, self.terms.limits.remembered)
            answer = self._repeated(entry, before) if before else self._done(line, request, entry)
        except Refusal as refusal:
            return self._refused(entry, refusal, request.request_id)
        except sqlite3.Error as error:
            return self._away(error, request.request_id)
        return answer

    def _done(self, line: Line, request: Request, entry: Entry) -> Answer:
        """Carry the request out and write its row in one transaction. Raises sqlite3.Error, and then nothing was done."""
        now = self.clock()
        with self.database.writing() as connection:
            try:
                done = self._carried_out(connection, line, request, now)
            except (Refusal, Refused, KekMissing) as error:
                refusal = _refusal(error)
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
        return answer

    def _carried_out(
        self, connection: sqlite3.Connection, line: Line, request: Request, now: datetime
    ) -> Done:
        """Inside a savepoint, so that what is refused half-way leaves no trace but its audit row."""
        connection.execute("SAVEPOINT request")
        try:
            target = uris.read_target(request.uri, self.terms.names.host)
            if target.collection == handshake.COLLECTION:
                return self._delete_line(line, request)
            work = Work(connection, self.hierarchy, self.terms, line.caller, target, request.members, now)
            return table.carry_out(request.method, work)
        except BaseException:
            connection.execute("ROLLBACK TO request")
            raise

    def _delete_line(self, line: Line, request: Request) -> Done:
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
        return Done(204, objects=(uri,))

    def _watch(self, connection: sqlite3.Connection, entry: Entry, handed: int, now: datetime) -> None:
        if handed and self.retrievals.count(entry.user, handed, now):
            self.trail.append(connection, now, replace(entry, operation="alarm retrieval-rate", objects=()))
            _log.warning("alarm.retrieval-rate", user=entry.user)

    # --- answers that are no success

    def _repeated(self, entry: Entry, before: Answer) -> Answer:
        with self.database.writing() as connection:
            row = replace(entry, status=before.status, reason="repeated")
            self.trail.append(connection, self.clock(), row)
        return before

    def _refused(self, entry: Entry, refusal: Refusal, request_id: str) -> Answer:
        try:
            with self.database.writing() as connection:
                row = replace(entry, status=refusal.status, reason=refusal.reason)
                self.trail.append(connection, self.clock(), row)
        except sqlite3.Error as error:
            return self._away(error, request_id)
        return _told(refusal, request_id)

    def _away(self, error: sqlite3.Error, request_id: str) -> Answer:
        _log.error("database.trouble", kind=getattr(error, "sqlite_errorname", type(error).__name__))
        return Answer(503, request_id, _AWAY)


def _told(refusal: Refusal, request_id: str) -> Answer:
    code = {} if refusal.error_code is None else {"errorCode": refusal.error_code}
    return Answer(refusal.status, request_id, refusal.reason, code)


def _refusal(error: Refusal | Refused | KekMissing) -> Refusal:
    if isinstance(error, Refusal):
        return error
    if isinstance(error, KekMissing):
        _log.error("kek.missing", kek=str(error))
        return Refusal(503, "The key can't be unwrapped now.")
    return Refusal(_STATUSES.get(error.code, 400), error.detail)


def _operation(request: Request, host: str) -> str:
    """Method and shape of the place, for the audit trail."""
    try:
        shape = names.form(uris.read_target(request.uri, host))
    except Refused:
        shape = "?"
    return f"{request.method.value} {shape}"
