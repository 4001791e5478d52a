"""The EWS operations on a mailbox, each as one method: a payload out, its response messages in.

What concerns one item of a batch comes back as data; what concerns the whole answer is raised.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from connector.errors import Transient, Verdict
from connector.model import Mailbox, Window
from connector.source.exchange import payloads
from connector.source.exchange.envelope import Element, local
from connector.source.exchange.errors import message_verdict
from connector.source.exchange.trace import traced
from connector.source.exchange.transport import Answer, Call, Exchange

BATCH = 10
"""Items per GetItem: a batch has about a minute (Microsoft's advice for EWS batches)."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An item to get: the id by which a failure is named, and how the request names it."""

    item_id: str
    reference: Element

    @classmethod
    def item(cls, item_id: str) -> Wanted:
        """The item itself."""
        return cls(item_id, payloads.item(item_id))

    @classmethod
    def master_of(cls, occurrence_id: str) -> Wanted:
        """The master of an occurrence or exception."""
        return cls(occurrence_id, payloads.master_of(occurrence_id))


@dataclass(frozen=True, slots=True)
class Found:
    """The rows of a FindItem, and whether they are all there are."""

    rows: tuple[Element, ...]
    complete: bool


class Services:
    """Operations with impersonation; ``endpoint`` says where a mailbox is served."""

    def __init__(self, exchange: Exchange, endpoint: Callable[[Mailbox], str]) -> None:
        self._exchange = exchange
        self._endpoint = endpoint

    def endpoint(self, mailbox: Mailbox) -> str:
        """The EWS address that serves a mailbox. Raises verdicts."""
        return self._endpoint(mailbox)

    def ask(
        self, mailbox: Mailbox, payload: Element, *, repeatable: bool = True, by_primary: bool = False
    ) -> Answer:
        """Send one operation as the mailbox's owner."""
        call = Call(
            self._endpoint(mailbox),
            payload,
            acting=mailbox.address,
            repeatable=repeatable,
            by_primary=by_primary,
        )
        return self._exchange.call(call)

    def one(self, mailbox: Mailbox, payload: Element, *, by_primary: bool = False) -> Element:
        """The only response message of a read.

        Raises:
            Verdict: it tells of an error.
        """
        return _only(self.ask(mailbox, payload, by_primary=by_primary))

    def write(self, mailbox: Mailbox, payload: Element, item_id: str = "") -> Element:
        """The only response message of a write, which is never sent twice."""
        return _only(self.ask(mailbox, payload, repeatable=False), item_id)

    def get_items(self, mailbox: Mailbox, wanted: Sequence[Wanted]) -> list[Element | Verdict]:
        """At most ten items with their content, in the order asked for."""
        answer = self.ask(mailbox, payloads.get_content(each.reference for each in wanted))
        found = _messages(answer)
        if len(found) != len(wanted):
            detail = f"{len(found)} messages for {len(wanted)} items; {answer.trace}"
            raise Transient("bad-answer", detail)
        return [_item(message, each.item_id) for message, each in zip(found, wanted, strict=True)]

    def find(self, mailbox: Mailbox, payload: Element) -> Found:
        """The rows of a FindItem."""
        folder = self.one(mailbox, payload).find("{*}RootFolder")
        items = folder.find("{*}Items") if folder is not None else None
        if folder is None or items is None:
            raise Transient("bad-answer", "FindItem without a root folder or items")
        rows = tuple(items)
        complete = folder.get("IncludesLastItemInRange", "true") == "true"
        return Found(rows, complete and len(rows) < payloads.VIEW_ROWS)

    def calendar_view(self, mailbox: Mailbox, window: Window) -> Found:
        """The occurrences that touch a window."""
        return self.find(mailbox, payloads.calendar_view(window))


def _messages(answer: Answer) -> list[Element]:
    """The response messages, in whatever place the operation keeps them."""
    holder = answer.response.find("{*}ResponseMessages")
    found = list(answer.response if holder is None else holder)
    if not found:
        raise Transient("bad-answer", f"an answer without a message; {answer.trace}")
    return found


def _only(answer: Answer, item_id: str = "") -> Element:
    message = _messages(answer)[0]
    if (verdict := message_verdict(message, item_id)) is not None:
        raise traced(verdict, answer.trace)
    return message


def _item(message: Element, item_id: str) -> Element | Verdict:
    if (verdict := message_verdict(message, item_id)) is not None:
        return verdict
    items = message.find("{*}Items")
    if items is None or not len(items):
        return Transient("server-error", f"a {local(message)} of success without an item")
    return items[0]
