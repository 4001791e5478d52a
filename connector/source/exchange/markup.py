"""Foreign XML met by local names: what Autodiscover and streaming answers have in common.

Servers, proxies and published examples disagree about prefixes and even namespaces; names are what they agree on.
"""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from connector.errors import Transient
from connector.source.exchange.envelope import Element, local


def parse(document: bytes) -> Element:
    """The root of a well-formed document without entities of its own. Raises Transient ``bad-answer``."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, recover=False)
    try:
        root = etree.fromstring(document, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Transient("bad-answer", f"not XML: {error}") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise Transient("bad-answer", "the answer is a page, not a message")
    return root


def children(element: Element, name: str) -> Iterator[Element]:
    """Direct children of that local name."""
    return (child for child in element if local(child) == name)


def find(element: Element, name: str) -> Element | None:
    """The first element of that local name at any depth, the element itself included."""
    return next((one for one in element.iter() if local(one) == name), None)


def text_of(element: Element, name: str) -> str:
    """The stripped text of the first direct child of that name, "" when there is none."""
    child = next(children(element, name), None)
    return "" if child is None else (child.text or "").strip()
