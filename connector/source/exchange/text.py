"""HTML to plain text, for servers that send HTML although text was asked for."""

from __future__ import annotations

import re

from lxml import etree, html

_BREAKS = frozenset({"br", "p", "div", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol"})
_SILENT = frozenset({"script", "style", "head", "title"})
_SPACE = re.compile(r"[ \t\r\n\u00a0]+")
_LINES = re.compile(r" *\n *(?:\n *)+")


def plain_text(source: str) -> str:
    """The readable words; a link's address follows its words in angle brackets, as Exchange itself writes it."""
    try:
        root = html.document_fromstring(source)
    except (etree.ParserError, ValueError):
        return ""
    pieces: list[str] = []
    for event, element in etree.iterwalk(root, events=("start", "end", "comment")):
        _collect(pieces, event, element)
    joined = re.sub(r" *\n *", "\n", "".join(pieces))
    return _LINES.sub("\n\n", joined).strip()


def _collect(pieces: list[str], event: str, element: etree._Element) -> None:
    tag = str(element.tag) if event != "comment" else ""
    if event == "start":
        if tag in _BREAKS:
            pieces.append("\n")
        if tag and tag not in _SILENT:
            pieces.append(_SPACE.sub(" ", element.text or ""))
        return
    if (
        event == "end"
        and tag == "a"
        and (target := element.get("href", "")) not in {"", "".join(map(str, element.itertext()))}
    ):
        pieces.append(f" <{target}>")
    pieces.append(_SPACE.sub(" ", element.tail or ""))
