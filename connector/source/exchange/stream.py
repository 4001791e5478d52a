"""A streaming answer as bytes: an endless row of XML documents, and what each of them says.

Exchange sends a whole envelope per notification and every 45 s a heartbeat, in HTTP chunks that need not end where a
document ends. GetStreamingEventsResponseMessageType is in messages.xsd; the schema writes t:Notification and real
servers send m:Notification, so elements are met by local name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from connector.errors import Transient
from connector.source.exchange import envelope
from connector.source.exchange.envelope import Element, local
from connector.source.exchange.errors import back_off, response_code
from connector.source.exchange.markup import children, text_of

LIMIT = 16 * 1024 * 1024
"""Bytes of one document: 200 subscriptions with 50 events of some 1,000 bytes each stay well below."""

END = re.compile(rb"</(?:[A-Za-z_][\w.\-]*:)?Envelope\s*>")
LONGEST_END = 200
BOM = b"\xef\xbb\xbf"
BLANK = b" \t\r\n"
SILENT = {"SubscriptionId", "PreviousWatermark", "Watermark", "MoreEvents", "StatusEvent", ""}
"""Children of a notification that report no change; StatusEvent says that nothing happened."""


class Documents:
    """Cuts a stream of bytes into documents, however the bytes were chunked."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._held = bytearray()
        self._seen = 0

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The documents that ``chunk`` completes, without byte order mark and surrounding blanks.

        Raises:
            Transient: what stands there is no XML, or a document does not end (``bad-answer``).
        """
        self._held += chunk
        while document := self._next():
            yield document
        if len(self._held) > self._limit:
            raise Transient("bad-answer", f"a document of more than {self._limit} bytes")

    def finish(self) -> None:
        """The stream has ended. Raises Transient ``bad-answer`` when it did so within a document."""
        if self._held:
            raise Transient("bad-answer", "the stream was cut off within a document")

    def _next(self) -> bytes:
        if not self._seen:
            self._trim()
        end = END.search(self._held, max(0, self._seen - LONGEST_END))
        if end is None:
            self._seen = len(self._held) if self._held.startswith(b"<") else 0
            return b""
        document = bytes(self._held[: end.end()])
        del self._held[: end.end()]
        self._seen = 0
        self._trim()
        return document

    def _trim(self) -> None:
        """Drop what may stand between documents; refuse what may not."""
        rest = self._held.lstrip(BLANK)
        self._held = rest.removeprefix(BOM).lstrip(BLANK)
        if self._held and not (self._held.startswith(b"<") or BOM.startswith(self._held)):
            raise Transient("bad-answer", "the stream holds something that is no XML")


@dataclass(frozen=True, slots=True)
class Heard:
    """What one document says.

    ``changed`` are subscription ids with events. ``code`` is the EWS response code of a failure, "" when there is none;
    ``failed`` the ids it concerns, empty when it concerns the whole connection. ``closed`` tells of a planned end.
    """

    changed: frozenset[str] = frozenset()
    code: str = ""
    text: str = ""
    failed: frozenset[str] = frozenset()
    closed: bool = False
    back_off: timedelta | None = None


def read(document: bytes) -> Heard:
    """What the document says.

    Raises:
        Transient: it is neither a GetStreamingEvents answer nor a SOAP fault (``bad-answer``).
    """
    content = envelope.read(document)
    if local(content) == "Fault":
        code, text = response_code(content)
        return Heard(code=code or "ErrorInternalServerError", text=text, back_off=back_off(content))
    messages = [one for one in content.iter() if local(one) == "GetStreamingEventsResponseMessage"]
    if not messages:
        raise Transient("bad-answer", f"<{local(content)}> is no answer to GetStreamingEvents")
    return _joined([_message(message) for message in messages])


def _message(message: Element) -> Heard:
    failed = message.get("ResponseClass") == "Error"
    return Heard(
        changed=frozenset(_changed(message)),
        code=text_of(message, "ResponseCode") if failed else "",
        text=text_of(message, "MessageText") if failed else "",
        failed=frozenset(_failed(message)),
        closed=text_of(message, "ConnectionStatus") == "Closed",
        back_off=back_off(message) if failed else None,
    )


def _changed(message: Element) -> Iterator[str]:
    for held in children(message, "Notifications"):
        for notification in children(held, "Notification"):
            if any(local(child) not in SILENT for child in notification):
                yield text_of(notification, "SubscriptionId")


def _failed(message: Element) -> Iterator[str]:
    for held in children(message, "ErrorSubscriptionIds"):
        for one in children(held, "SubscriptionId"):
            yield (one.text or "").strip()


def _joined(heard: list[Heard]) -> Heard:
    """Several response messages of one document as one; the first failure speaks for all."""
    first = next((one for one in heard if one.code), heard[0])
    return replace(
        first,
        changed=frozenset().union(*(one.changed for one in heard)),
        failed=frozenset().union(*(one.failed for one in heard)),
        closed=any(one.closed for one in heard),
    )
