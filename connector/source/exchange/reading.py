"""Items in batches, where one that can't be read costs its neighbours nothing."""

from __future__ import annotations

from collections.abc import Sequence

from connector.errors import AccessDenied, Conflict, Refused, Throttled, Transient, Unreadable, Verdict
from connector.model import Mailbox
from connector.source.exchange.envelope import Element
from connector.source.exchange.services import BATCH, Services, Wanted

ITEMS_OWN = frozenset({"server-error", "bad-answer"})
"""Transient words that may be one item's fault: some damaged items answer so for ever."""


def read(services: Services, mailbox: Mailbox, wanted: Sequence[Wanted]) -> dict[str, Element | Verdict]:
    """Every wanted item by its id: the element, or why there is none.

    Raises:
        Verdict: something is the matter with the mailbox or the server rather than with an item.
    """
    found: dict[str, Element | Verdict] = {}
    for start in range(0, len(wanted), BATCH):
        batch = wanted[start : start + BATCH]
        answers = _batch(services, mailbox, batch)
        found |= {each.item_id: answer for each, answer in zip(batch, answers, strict=True)}
    return found


def _batch(services: Services, mailbox: Mailbox, batch: Sequence[Wanted]) -> list[Element | Verdict]:
    try:
        answers = services.get_items(mailbox, batch)
    except Transient as verdict:
        if verdict.code != "bad-answer" or len(batch) == 1:
            raise
        return _one_by_one(services, mailbox, batch)
    return [_settled(services, mailbox, each, answer) for each, answer in zip(batch, answers, strict=True)]


def _one_by_one(services: Services, mailbox: Mailbox, batch: Sequence[Wanted]) -> list[Element | Verdict]:
    """After a batch whose answer can't be believed: if no single one can be either, no item is to blame."""
    answers = [_alone(services, mailbox, each) for each in batch]
    if all(isinstance(answer, Transient) for answer in answers):
        raise next(answer for answer in answers if isinstance(answer, Transient))
    return [_blamed(each, answer) for each, answer in zip(batch, answers, strict=True)]


def _settled(
    services: Services, mailbox: Mailbox, wanted: Wanted, answer: Element | Verdict
) -> Element | Verdict:
    """Ask once more, alone, for an item that failed with an error that may be the server's or its own."""
    if not isinstance(answer, Verdict) or _of_item(answer):
        return answer
    if answer.code not in ITEMS_OWN:
        raise answer
    return _blamed(wanted, _alone(services, mailbox, wanted))


def _alone(services: Services, mailbox: Mailbox, wanted: Wanted) -> Element | Verdict:
    try:
        answer = services.get_items(mailbox, [wanted])[0]
    except Transient as verdict:
        answer = verdict
    if isinstance(answer, Transient) and (answer.code not in ITEMS_OWN or isinstance(answer, Throttled)):
        raise answer
    return answer


def _blamed(wanted: Wanted, answer: Element | Verdict) -> Element | Verdict:
    if isinstance(answer, Transient):
        return Unreadable("item-unreadable", wanted.item_id, answer.detail)
    return answer


def _of_item(verdict: Verdict) -> bool:
    """Whether it speaks of this item alone, for good; a mailbox on the move or a refused account is no item's fault."""
    return isinstance(verdict, (Unreadable, Refused, AccessDenied, Conflict))
