"""Requests out, answers in: nothing is believed that is not one whole document."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from connector.errors import Transient
from connector.source.exchange import envelope
from connector.source.exchange.envelope import SOAP, m, read, wrap

HEAD = f'<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="{SOAP}"><s:Body>'
TAIL = "</s:Body></s:Envelope>"


def document(content: str) -> bytes:
    """A SOAP answer around some content."""
    return f"{HEAD}{content}{TAIL}".encode()


@given(st.integers(min_value=0, max_value=len(document("<a><b>one</b><b>two</b></a>")) - 1))
def test_cut_answer_is_never_believed(cut: int) -> None:
    """An answer cut at any byte is refused: half a page with the new sync state would lose changes silently (defect 4)."""
    with pytest.raises(Transient, match="bad-answer"):
        read(document("<a><b>one</b><b>two</b></a>")[:cut])


def test_cut_answer_with_a_closed_envelope_is_refused() -> None:
    """A proxy that closes what it cut is caught by the strict parser, not only by the end check."""
    with pytest.raises(Transient):
        read(f"{HEAD}<a><b>one</b><b>tw{TAIL}".encode())


@pytest.mark.parametrize("illegal", ["&#x1;", "&#0;", "&#xFFFE;", "&#xD800;", "\x0b", "\x1f"])
def test_illegal_characters_become_replacement_characters(illegal: str) -> None:
    """What XML 1.0 forbids and Exchange sends anyway is replaced, and the document is then parsed strictly."""
    assert read(document(f"<a>x{illegal}y</a>")).text == "x\N{REPLACEMENT CHARACTER}y"


@given(st.text(alphabet=st.characters(min_codepoint=0x20, exclude_categories=["Cs"]), max_size=40))
def test_legal_text_is_left_as_it_is(words: str) -> None:
    """The cure touches nothing that XML allows, even beside something it does not."""
    element = etree.Element("a")
    legal = "".join(each for each in words if each not in "\ufffe\uffff")
    element.text = legal
    inner = (
        etree.tostring(element, encoding="unicode")
        .replace("</a>", "&#x1;</a>")
        .replace("<a/>", "<a>&#x1;</a>")
    )
    assert read(document(inner)).text == f"{legal}\N{REPLACEMENT CHARACTER}"


def test_byte_order_mark_and_white_space_around_are_read() -> None:
    """A BOM in front and a line break behind are harmless."""
    assert read(b"\xef\xbb\xbf" + document("<a/>") + b"\r\n").tag == "a"


def test_two_documents_in_one_are_refused() -> None:
    """Two envelopes where one is due are nobody's answer."""
    with pytest.raises(Transient):
        read(document("<a/>") * 2)


def test_other_root_is_refused() -> None:
    """An XML page that merely mentions an envelope is no answer."""
    with pytest.raises(Transient):
        read(b"<html><Envelope></Envelope></html>")


def test_document_types_are_refused() -> None:
    """A document type with entities can't make us read files or grow."""
    text = document("<a>&x;</a>").replace(
        b"?>", b'?><!DOCTYPE e [<!ENTITY x SYSTEM "file:///etc/passwd">]>', 1
    )
    with pytest.raises(Transient, match="document type"):
        read(text)


def test_request_names_its_version_and_whom_it_acts_for() -> None:
    """Impersonation is by SmtpAddress and nothing beside it (defect 13: an xs:choice)."""
    sent = etree.fromstring(wrap(m("GetFolder"), "anna@example.com"))
    assert sent.xpath("string(//*[local-name()='RequestServerVersion']/@Version)") == "Exchange2016"
    named = next(sent.iter("{*}ConnectingSID"))
    assert [(envelope.local(each), each.text) for each in named] == [("SmtpAddress", "anna@example.com")]


def test_alias_question_names_the_primary_address() -> None:
    """PrimarySmtpAddress makes the server say whether an address is an alias."""
    sent = etree.fromstring(wrap(m("GetFolder"), "anna@example.com", by_primary=True))
    assert sent.xpath("string(//*[local-name()='ConnectingSID']/*)") == "anna@example.com"
    assert sent.xpath("local-name(//*[local-name()='ConnectingSID']/*)") == "PrimarySmtpAddress"


def test_request_without_a_mailbox_impersonates_nobody() -> None:
    """An operation of the service account itself carries no ExchangeImpersonation."""
    assert b"ExchangeImpersonation" not in wrap(m("GetFolder"))
