"""HTML to plain text: descriptions may hold a few tags, whatever wrote them."""

from __future__ import annotations

import re
from html.parser import HTMLParser

LONGEST = 1 << 20
_TAG = re.compile(
    r"<(?:/?(?:a|b|i|u|p|br|div|span|ul|ol|li|html|body|table|tr|td|strong|em|h[1-6]))\b", re.IGNORECASE
)
_BREAKS = frozenset({"br", "p", "div", "li", "tr", "ul", "ol", "table", "h1", "h2", "h3", "h4", "h5", "h6"})
_SILENT = frozenset({"script", "style", "head", "title"})
_LINES = re.compile(r"[ \t]*\n[ \t]*(?:\n[ \t]*)+")


def plain_text(source: str) -> str:
    """The readable words; a link's address follows its words in angle brackets."""
    if not _TAG.search(source):
        return source.replace("\r\n", "\n").strip()
    reader = _Reader()
    reader.feed(source[:LONGEST])
    reader.close()
    return _LINES.sub("\n\n", "".join(reader.pieces)).strip()


class _Reader(HTMLParser):
    """Collects words, breaks and the addresses of links."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._silent = 0
        self._link: tuple[str, int] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self._silent += 1
        elif tag in _BREAKS:
            self.pieces.append("\n")
        elif tag == "a":
            self._link = (dict(attrs).get("href") or "", len(self.pieces))

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag == "a" and self._link:
            target, begun = self._link
            self._link = None
            if target and target != "".join(self.pieces[begun:]).strip():
                self.pieces.append(f" <{target}>")
        elif tag in _BREAKS and tag != "br":
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.pieces.append(data)
