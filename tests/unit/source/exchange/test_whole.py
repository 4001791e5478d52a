"""One item whole, where it is not to be had."""

from __future__ import annotations

from typing import cast

import pytest

from connector.errors import Refused, Unreadable
from connector.model import Mailbox
from connector.source.exchange import whole
from connector.source.exchange.envelope import Element
from connector.source.exchange.services import Services

MAILBOX = Mailbox("m1", "hq", "ada@example.com", "staff", "manual")


class Refusing:
    """Services that answer everything with one verdict."""

    def __init__(self, verdict: Exception) -> None:
        self._verdict = verdict

    def one(self, _mailbox: Mailbox, _request: Element) -> Element:
        raise self._verdict


def test_an_item_that_is_gone_is_refused() -> None:
    """ErrorItemNotFound says that there is nothing, not that something can't be read: what was made for it is ended."""
    services = cast("Services", Refusing(Unreadable("item-not-found", "", "")))
    with pytest.raises(Refused) as refusal:
        whole.read(services, MAILBOX, "i1")
    assert refusal.value.code == "item-not-found"


def test_an_item_that_is_damaged_is_unreadable() -> None:
    """It is named, and may be well again later."""
    services = cast("Services", Refusing(Unreadable("item-damaged", "", "")))
    with pytest.raises(Unreadable) as verdict:
        whole.read(services, MAILBOX, "i1")
    assert (verdict.value.code, verdict.value.item_id) == ("item-damaged", "i1")
