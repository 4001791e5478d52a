"""Answers messages: opens, authenticates, has them carried out and written down, seals. One message in, one message out."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import structlog

from connector.errors import Refused
from connector.kms import names
from connector.kms.audit import Entry
from connector.kms.clerk import NOT_IN_FORCE, Clerk, refusal_of
from connector.kms.commits import Commits, Deed
from connector.kms.ephemeral import Line, Lines
from connector.kms.refusal import Refusal
from connector.kms.who.authenticator import Authenticator
from connector.model import Clock
from connector.seal.kmswire import handshake, jose, sealed, signed, uris
from connector.seal.kmswire.handshake import Offer
from connector.seal.kmswire.messages import RESET, Answer, Request
from connector.seal.kmswire.static import StaticKey

_log = structlog.get_logger(__name__)

_AWAY = "The key server can't write to its database; nothing was done."
_GREETED = "create /ecdhe"

Seal = Callable[[Answer], str]


@dataclass(frozen=True, slots=True)
class _Opened:
    """A message that was opened: what is left to do, and how its answer is closed for the one who sent it."""

    request_id: str
    deed: Deed
    seal: Seal


@dataclass(frozen=True, slots=True)
class Desk:
    """The key server's whole behaviour towards clients. Safe to call from several threads."""

    commits: Commits
    clerk: Clerk
    static: StaticKey
    signature: str
    authenticator: Authenticator
    clock: Clock

    @property
    def lines(self) -> Lines:
        """The ephemeral keys in force."""
        return self.clerk.lines

    def answer(self, token: str, via: str) -> str:
        """The answer to one message; ``via`` names the door it came through, for the audit trail. Raises nothing of a peer's making."""
        return self.answers([token], via)[0]

    def answers(self, tokens: Sequence[str], via: str) -> list[str]:
        """The answers to messages that came together, in their order; everything is on disk before any of them is sealed."""
        opened = [self._opened(token, via) for token in tokens]
        settled = self.commits.carry_out([one.deed for one in opened])
        return [one.seal(_answer(one, found)) for one, found in zip(opened, settled, strict=True)]

    def _opened(self, token: str, via: str) -> _Opened:
        try:
            if jose.header_of(token, 5, jose.MAX_SEALED).get("alg") == jose.OFFER[0]:
                return self._handshake(token, via)
            return self._sealed(token, via)
        except Refused as broken:
            entry, request_id = Entry("unreadable", RESET, reason=broken.detail, via=via), names.fresh()
            return _Opened(request_id, partial(self.clerk.reset, entry, request_id), self._sign)

    # --- handshake

    def _handshake(self, token: str, via: str) -> _Opened:
        try:
            offer = handshake.open_offer(token, self.static)
        except Refused as refused:
            if refused.code == "kms-broken":
                raise
            return self._refusing(Entry(_GREETED, 400, via=via), refusal_of(refused), self._sign)
        return self._greeting(offer, via)

    def _greeting(self, offer: Offer, via: str) -> _Opened:
        request, now = offer.request, self.clock()
        entry = Entry(_GREETED, 201, client=request.client_id, request_id=request.request_id, via=via)
        try:
            caller = self.authenticator.greet(offer)
        except Refusal as refusal:
            return self._refusing(entry, refusal, self._sign)
        terms = self.clerk.terms
        token, key = handshake.answer_offer(
            offer,
            self.static,
            uri=terms.names.uri(handshake.COLLECTION, names.fresh()),
            user_id=caller.user,
            created=now,
            expires=now + terms.times.ephemeral,
            algorithm=self.signature,
        )
        row = replace(entry, user=caller.user, objects=(key.uri,))
        deed = partial(self.clerk.greet, Line(key, caller), row, now)
        return _Opened(request.request_id, deed, lambda answer: token if answer.good else self._sign(answer))

    # --- everything after it

    def _sealed(self, token: str, via: str) -> _Opened:
        line = self.lines.find(sealed.kid_of(token), self.clock())
        if line is None:
            raise Refused("kms-broken", NOT_IN_FORCE)
        try:
            request = sealed.open_request(token, line.key)
        except Refused as refused:
            if refused.code == "kms-broken":
                raise
            entry = Entry("unknown", 400, user=line.caller.user, client=line.caller.client, via=via)
            return self._refusing(entry, refusal_of(refused), self._sealer(line))
        return self._asking(line, request, via)

    def _asking(self, line: Line, request: Request, via: str) -> _Opened:
        entry = Entry(
            _operation(request, self.clerk.terms.names.host),
            0,
            user=line.caller.user,
            client=request.client_id,
            request_id=request.request_id,
            objects=(request.uri,),
            via=via,
        )
        try:
            self.authenticator.again(line.caller, request)
        except Refusal as refusal:
            return self._refusing(entry, refusal, self._sealer(line))
        deed = partial(self.clerk.answer, line, request, entry)
        return _Opened(request.request_id, deed, self._sealer(line))

    # --- answers

    def _refusing(self, entry: Entry, refusal: Refusal, seal: Seal) -> _Opened:
        """Under the request's id, or a fresh one where it could not be read."""
        request_id = entry.request_id or names.fresh()
        return _Opened(request_id, partial(self.clerk.refuse, entry, refusal, request_id), seal)

    def _sealer(self, line: Line) -> Seal:
        """Under the ephemeral key; but a reset, which says that it is in force no more, is signed."""
        return lambda answer: (
            self._sign(answer) if answer.status == RESET else sealed.seal_answer(answer, line.key)
        )

    def _sign(self, answer: Answer) -> str:
        return signed.sign(answer, self.static, self.signature)


def _answer(opened: _Opened, found: Answer | sqlite3.Error) -> Answer:
    if isinstance(found, Answer):
        return found
    _log.error("database.trouble", kind=getattr(found, "sqlite_errorname", type(found).__name__))
    return Answer(503, opened.request_id, _AWAY)


def _operation(request: Request, host: str) -> str:
    """Method and shape of the place, for the audit trail."""
    try:
        shape = names.form(uris.read_target(request.uri, host))
    except Refused:
        shape = "?"
    return f"{request.method.value} {shape}"
