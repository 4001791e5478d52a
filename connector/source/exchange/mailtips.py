"""Who seems to be away, asked for many at once (GetMailTips), so that nobody has to be asked one by one.

A tip is what a sender would be shown, and may lag: it only says whose settings to read (GetUserOofSettings, the truth). How
many recipients one request may carry is the server's setting: asked for once a server, and halved where it is refused.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence

import structlog

from connector.errors import AccessDenied, MailboxMoved, Refused, Transient
from connector.model import Mailbox
from connector.source.exchange import payloads
from connector.source.exchange.envelope import Element
from connector.source.exchange.errors import message_verdict
from connector.source.exchange.services import Services
from connector.source.exchange.trace import traced
from connector.source.exchange.transport import Answer

log = structlog.get_logger(__name__)

MOST = 100
"""Never more in one request, whatever the server would take."""
USUAL = 50
"""Where the server does not tell its limit: the value Exchange is installed with."""
ACTORS = 3
"""So many of the batch are tried as the one who asks."""


class MailTips:
    """Asks for a batch at a time; remembers each server's limit. Thread-safe."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._lock = threading.Lock()
        self._limits: dict[str, int] = {}

    def absences(self, mailboxes: Sequence[Mailbox]) -> dict[str, str | None]:
        """Marks of absence of the first mailboxes, by id: as many as one request may carry; see ``Source.absences``.

        Raises:
            Refused: the server gives no mail tips.
            Verdict: the request failed as a whole.
        """
        if not mailboxes:
            return {}
        endpoint = self._services.endpoint(mailboxes[0])
        limit = self._limit(endpoint, mailboxes[0])
        batch = [one for one in mailboxes[:limit] if self._services.endpoint(one) == endpoint]
        try:
            answer = self._ask(batch)
        except Refused:
            if len(batch) == 1:
                raise
            self._remember(endpoint, len(batch) // 2)
            return {}
        return dict(zip((one.id for one in batch), map(_mark, _tips(answer, len(batch))), strict=True))

    def _ask(self, batch: Sequence[Mailbox]) -> Answer:
        """In the name of the first who lets us; one who does not is found out by his own session."""
        addresses = [one.address for one in batch]
        *others, last = batch[:ACTORS]
        for actor in others:
            try:
                return self._ask_as(actor, addresses)
            except (AccessDenied, MailboxMoved) as verdict:
                log.debug("mail tips are asked for by somebody else", mailbox=actor.id, why=str(verdict))
        return self._ask_as(last, addresses)

    def _ask_as(self, actor: Mailbox, addresses: Sequence[str]) -> Answer:
        answer = self._services.ask(actor, payloads.get_mail_tips(actor.address, addresses))
        if (verdict := message_verdict(answer.response)) is not None:
            raise traced(verdict, answer.trace)
        return answer

    def _limit(self, endpoint: str, actor: Mailbox) -> int:
        with self._lock:
            known = self._limits.get(endpoint)
        return known or self._remember(endpoint, self._ask_limit(actor))

    def _remember(self, endpoint: str, limit: int) -> int:
        bounded = max(1, min(limit, MOST))
        with self._lock:
            self._limits[endpoint] = bounded
        return bounded

    def _ask_limit(self, actor: Mailbox) -> int:
        """Raises Refused where mail tips are switched off, Transient where nothing can be said now."""
        try:
            response = self._services.ask(actor, payloads.get_mail_tips_limits()).response
        except (Refused, AccessDenied):
            return USUAL
        settings = response.find(".//{*}MailTipsConfiguration")
        if settings is None:
            return USUAL
        if settings.findtext("{*}MailTipsEnabled", "true") == "false":
            raise Refused("request-refused", "mail tips are switched off on the server")
        most = settings.findtext("{*}MaxRecipientsPerGetMailTipsRequest", "")
        return int(most) if most.isdecimal() and int(most) else USUAL


def _tips(answer: Answer, asked: int) -> list[Element]:
    """One message a recipient, in the order asked for."""
    found = answer.response.findall("{*}ResponseMessages/{*}MailTipsResponseMessageType")
    if len(found) != asked:
        raise Transient("bad-answer", f"{len(found)} mail tips for {asked} recipients; {answer.trace}")
    return found


def _mark(message: Element) -> str | None:
    """Nothing ("") without automatic replies, else a mark of text and times; None when the server does not know."""
    tips = message.find("{*}MailTips")
    if tips is None or message_verdict(message) is not None:
        return None
    pending = tips.findtext("{*}PendingMailTips", "").split()
    if {"All", "OutOfOfficeMessage"} & set(pending) or tips.findtext("{*}InvalidRecipient") == "true":
        return None
    text = tips.findtext("{*}OutOfOffice/{*}ReplyBody/{*}Message", "").strip()
    if not text:
        return ""
    times = [
        tips.findtext(f"{{*}}OutOfOffice/{{*}}Duration/{{*}}{name}", "") for name in ("StartTime", "EndTime")
    ]
    return hashlib.blake2b("\n".join([text, *times]).encode(), digest_size=8).hexdigest()
