"""SOAP around EWS: requests out, answers in. A cut or patched-up answer is never believed.

An answer has to be one whole document by the strict rules of XML: a parser that repairs would take half a page of changes
together with the new sync state. One cure is allowed, and it invents nothing: characters that XML 1.0 forbids (2.2, ``Char``) but
Exchange lets through from a mailbox, as ``&#x1;`` or raw, become U+FFFD.
"""

from __future__ import annotations

import re

from lxml import etree

from connector.errors import Transient

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
M = "http://schemas.microsoft.com/exchange/services/2006/messages"
T = "http://schemas.microsoft.com/exchange/services/2006/types"
NAMESPACES = {"s": SOAP, "m": M, "t": T}
SERVER_VERSION = "Exchange2016"

Element = etree._Element  # noqa: SLF001 - lxml gives its element type no other name

_END = re.compile(rb"</(?:[A-Za-z_][\w.-]*:)?Envelope\s*>\s*\Z")
_REFERENCE = re.compile(rb"&#(x[0-9A-Fa-f]+|[0-9]+);")
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_UNKNOWN = "\N{REPLACEMENT CHARACTER}".encode()
_DECLARATION = re.compile(rb"""<\?xml[^>]*encoding=["']([^"']+)""")


def m(name: str, *children: Element, text: str | None = None, **attributes: str) -> Element:
    """An element of the messages namespace."""
    return _make(f"{{{M}}}{name}", children, text, attributes)


def t(name: str, *children: Element, text: str | None = None, **attributes: str) -> Element:
    """An element of the types namespace."""
    return _make(f"{{{T}}}{name}", children, text, attributes)


def _make(tag: str, children: tuple[Element, ...], text: str | None, attributes: dict[str, str]) -> Element:
    element = etree.Element(tag, attrib=attributes, nsmap=NAMESPACES)
    element.extend(children)
    element.text = text
    return element


def wrap(payload: Element, acting: str = "", *, by_primary: bool = False) -> bytes:
    """The request as bytes, impersonating ``acting`` by SmtpAddress.

    ``by_primary`` names it by PrimarySmtpAddress, which tells an alias from a primary address; not for more than that
    question, as push by it was seen to die.
    """
    header = etree.Element(f"{{{SOAP}}}Header")
    header.append(t("RequestServerVersion", Version=SERVER_VERSION))
    if acting:
        sid = t("ConnectingSID", t("PrimarySmtpAddress" if by_primary else "SmtpAddress", text=acting))
        header.append(t("ExchangeImpersonation", sid))
    body = etree.Element(f"{{{SOAP}}}Body")
    body.append(payload)
    envelope = etree.Element(f"{{{SOAP}}}Envelope", nsmap=NAMESPACES)
    envelope.extend((header, body))
    return etree.tostring(envelope, xml_declaration=True, encoding="utf-8")


def looks_like_xml(body: bytes) -> bool:
    """Whether it is worth reading as SOAP rather than as some page of a load balancer."""
    return b"Envelope" in body[:1024]


def read(body: bytes) -> Element:
    """The first child of soap:Body: an operation's response, or a Fault.

    Raises:
        Transient: ``bad-answer`` when it is not exactly one whole SOAP envelope.
    """
    if not _END.search(body[-256:]):
        raise Transient("bad-answer", f"{len(body)} bytes that do not end a SOAP envelope")
    envelope = _parse(body)
    if envelope.getroottree().docinfo.internalDTD is not None:
        raise Transient("bad-answer", "a document type, which SOAP forbids (SOAP 1.1, 3)")
    content = envelope.find(f"{{{SOAP}}}Body")
    if local(envelope) != "Envelope" or content is None or not len(content):
        raise Transient("bad-answer", f"<{local(envelope)}> in place of a SOAP envelope with a body")
    return content[0]


def _parse(body: bytes) -> Element:
    try:
        return etree.fromstring(body, _parser())
    except etree.XMLSyntaxError as error:
        cured = without_illegal_characters(body)
        if cured == body:
            raise Transient("bad-answer", f"not well-formed: {error}") from error
    try:
        return etree.fromstring(cured, _parser())
    except etree.XMLSyntaxError as error:
        raise Transient("bad-answer", f"not well-formed: {error}") from error


def _parser() -> etree.XMLParser:
    """Strict; entities stay unresolved, and the caller has bounded the size that ``huge_tree`` would leave open."""
    return etree.XMLParser(
        recover=False,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=True,
        remove_comments=True,
        remove_pis=True,
    )


def without_illegal_characters(body: bytes) -> bytes:
    """The same UTF-8 document with U+FFFD in place of what XML 1.0 forbids; other encodings are left alone."""
    declared = _DECLARATION.match(body.lstrip(b"\xef\xbb\xbf"))
    if declared and declared[1].lower() not in {b"utf-8", b"us-ascii"}:
        return body
    return _CONTROL.sub(_UNKNOWN, _REFERENCE.sub(_legal_reference, body))


def _legal_reference(match: re.Match[bytes]) -> bytes:
    digits = match[1]
    code = int(digits[1:], 16) if digits[:1] == b"x" else int(digits)
    return match[0] if _is_char(code) else _UNKNOWN


def _is_char(code: int) -> bool:
    return (
        code in {0x9, 0xA, 0xD}
        or 0x20 <= code <= 0xD7FF
        or 0xE000 <= code <= 0xFFFD
        or 0x10000 <= code <= 0x10FFFF
    )


def local(element: Element) -> str:
    """The element's name without its namespace."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""  # type: ignore[redundant-expr] # comments, by the stubs no element
