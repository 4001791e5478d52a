"""Bodies as Exchange gives them out: HTML made of text, text made of HTML."""

import html
from html.parser import HTMLParser

_BREAKS = frozenset({"br", "p", "div", "tr", "li", "h1", "h2", "h3", "table", "hr"})
_SILENT = frozenset({"head", "style", "script", "title"})


def as_html(body: str, kind: str) -> str:
    """The body as an HTML document."""
    if kind == "HTML" and "<html" in body.lower():
        return body
    inner = body if kind == "HTML" else html.escape(body, quote=False).replace("\n", "<br>\n")
    head = '<head>\r\n<meta http-equiv="Content-Type" content="text/html; charset=utf-8">\r\n</head>'
    return f"<html>\r\n{head}\r\n<body>\r\n{inner}\r\n</body>\r\n</html>\r\n"


def as_text(body: str, kind: str) -> str:
    """The body as plain text."""
    if kind == "Text":
        return body
    reader = _Reader()
    reader.feed(body)
    reader.close()
    lines = ("".join(reader.parts)).splitlines()
    return "\r\n".join(" ".join(line.split()) for line in lines).strip()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in _SILENT
        if tag in _BREAKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in _SILENT and self._silent > 0
        if tag in {"p", "div", "tr"}:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(data)
