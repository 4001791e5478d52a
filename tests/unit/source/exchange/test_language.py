"""The language of a mailbox, by the name of its Inbox."""

from __future__ import annotations

from typing import cast

import pytest
from lxml import etree

from connector.errors import AccessDenied, Refused, Transient, Verdict
from connector.meeting.invitation.wording import SHIPPED
from connector.model import Mailbox
from connector.source.exchange.envelope import Element, T
from connector.source.exchange.language import INBOXES, of_mailbox
from connector.source.exchange.services import Services

MAILBOX = Mailbox("m1", "hq", "ada@example.com", "staff", "manual")


class Folder:
    """Services that know one folder, or refuse."""

    def __init__(self, name: str, verdict: Verdict | None = None) -> None:
        self._name, self._verdict = name, verdict

    def one(self, _mailbox: Mailbox, _request: Element) -> Element:
        if self._verdict:
            raise self._verdict
        message = etree.Element("message")
        etree.SubElement(message, f"{{{T}}}DisplayName").text = self._name
        return message


def told(folder: Folder) -> str:
    return of_mailbox(cast("Services", folder), MAILBOX)


def test_every_language_of_invitations_has_a_name_for_the_inbox() -> None:
    """A mailbox in a language that is shipped is met in it."""
    assert set(SHIPPED) == set(INBOXES.values())


@pytest.mark.parametrize(
    ("name", "language"),
    [("Inkorgen", "sv"), ("INKORGEN ", "sv"), ("受信トレイ", "ja"), ("My letters", ""), ("", "")],
)
def test_the_name_tells_the_language(name: str, language: str) -> None:
    """In any case; an unknown one tells nothing."""
    assert told(Folder(name)) == language


@pytest.mark.parametrize("verdict", [AccessDenied("access-denied"), Refused("item-not-found")])
def test_an_inbox_that_is_closed_tells_nothing(verdict: Verdict) -> None:
    """The meeting is not left alone for that."""
    assert told(Folder("Inkorgen", verdict)) == ""


def test_passing_trouble_is_passed_on() -> None:
    """What can be told a moment later is not made up."""
    with pytest.raises(Transient):
        told(Folder("", Transient("busy")))
