"""What mail programs, servers and gateways do to a body between two looks at it.

Each transform takes a ``Body`` and gives another one. They know nothing of join blocks.
"""

from __future__ import annotations

import html
import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

from lxml import etree
from lxml import html as lxml_html


@dataclass(frozen=True)
class Body:
    """An item's body: its source, and whether it is HTML."""

    source: str
    is_html: bool = True


Transform = Callable[[Body], Body]

_BLOCKS = ("p", "div", "h1", "h2", "h3", "li", "td", "pre", "blockquote", "tr", "table", "ul")
_URL = re.compile(r"https?://[^\s<>()\[\]]+")


# --- words, as the tests see them -----------------------------------------------------------------


def page(source: str) -> etree._Element:
    """The page by lxml, which knows nothing of our own reading."""
    return lxml_html.document_fromstring(source or "<html></html>")


def words(body: Body) -> str:
    """All that is seen, without blanks and marks of direction."""
    if not body.is_html:
        return "".join(re.sub("[\u2066-\u2069]", "", body.source).split())
    root = page(body.source)
    etree.strip_elements(root, "script", "style", "title", etree.Comment, with_tail=False)
    return words(Body("".join(str(text) for text in root.itertext()), is_html=False))


def addresses(body: Body) -> list[str]:
    """Where links and pictures lead, in order."""
    if not body.is_html:
        return _URL.findall(body.source)
    return [
        str(value)
        for element in page(body.source).iter(etree.Element)
        for name, value in element.items()
        if name in {"href", "src"}
    ]


# --- transforms of HTML ---------------------------------------------------------------------------


def _tree(body: Body, change: Callable[[etree._Element], None]) -> Body:
    root = page(body.source)
    change(root)
    return Body(lxml_html.tostring(root, encoding="unicode"))


def without_attributes(body: Body) -> Body:
    """A cleaner that leaves nothing but tags, links and pictures: no ids, classes, styles, directions, comments."""

    def change(root: etree._Element) -> None:
        etree.strip_tags(root, etree.Comment)
        for element in root.iter(etree.Element):
            for name in set(element.attrib) - {"href", "src"}:
                del element.attrib[name]

    return _tree(body, change)


def renamed_by_webmail(body: Body) -> Body:
    """Outlook on the web: every class and id gets a prefix, the page becomes a part of another."""

    def change(root: etree._Element) -> None:
        for element in root.iter(etree.Element):
            for name in ("class", "id"):
                if name in element.attrib:
                    element.attrib[name] = f"x_{element.get(name)!s}"
            if element.tag in {"p", "div"}:
                element.attrib["class"] = "elementToProof"

    inside = _tree(body, change).source
    found = re.search(r"<body[^>]*>(.*)</body>", inside, re.DOTALL)
    return Body(f'<div class="BodyFragment"><div>\r\n{found[1] if found else inside}\r\n</div></div>')


def by_word(body: Body) -> Body:
    """Word's own hand: every block a paragraph of spans, with ``<o:p>``, conditional comments and its declarations."""
    paragraphs = "".join(
        "<p class=MsoNormal><span lang=EN-US style='font-size:11.0pt;font-family:\"Calibri\",sans-serif'>"
        f"<span style='mso-fareast-language:SV'>{line}</span></span><o:p></o:p></p>\r\n"
        for line in _lines_of_markup(body.source)
    )
    return Body(
        '<html xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office">\r\n<head>'
        '<meta name=Generator content="Microsoft Word 15 (filtered medium)">\r\n<!--[if !mso]><style>v\\:* {behavior:url'
        "(#default#VML);}</style><![endif]--><style><!--\r\np.MsoNormal, li.MsoNormal {margin:0cm; content:'~-~-~-~'}\r\n"
        '--></style><!--[if gte mso 9]><xml><o:shapedefaults v:ext="edit" spidmax="1026" /></xml><![endif]--></head>\r\n'
        f'<body lang=SV link="#0563C1" vlink="#954F72">\r\n<div class=WordSection1>\r\n{paragraphs}'
        "<p class=MsoNormal><![if !supportLists]><span>&nbsp;</span><![endif]><o:p>&nbsp;</o:p></p>\r\n</div>\r\n"
        "</body>\r\n</html>\r\n"
    )


def _lines_of_markup(source: str) -> Iterator[str]:
    """Each line as it is seen, with its links and pictures."""
    line = ""
    for kind, value in _events(page(source)):
        if kind == "break":
            if line.strip():
                yield line
            line = ""
        else:
            line += html.escape(value, quote=False) if kind == "text" else value
    if line.strip():
        yield line


def _events(element: etree._Element) -> Iterator[tuple[str, str]]:
    """Text, ends of lines, links and pictures of a tree, in order."""
    tag = str(element.tag)
    is_block = tag in _BLOCKS or tag == "br"
    if tag not in {"head", "style", "script"} and "Comment" not in tag:
        before, behind = _marks(element)
        yield from [("break", "")] * is_block
        yield "mark", before
        yield "text", element.text or ""
        for child in element:
            yield from _events(child)
        yield "mark", behind
        yield from [("break", "")] * is_block
    yield "text", element.tail or ""


def _marks(element: etree._Element) -> tuple[str, str]:
    """What is kept of a link or picture."""
    href, src = element.get("href"), element.get("src")
    if element.tag == "a" and href is not None:
        return f'<a href="{html.escape(str(href))}">', "</a>"
    return (f'<img src="{html.escape(str(src))}">', "") if element.tag == "img" else ("", "")


def _texts(change: Callable[[str], str]) -> Transform:
    """A transform of what stands between the tags."""

    def transform(body: Body) -> Body:
        if not body.is_html:
            return Body(change(body.source), is_html=False)
        parts = re.split(r"(<style.*?</style>|<!--.*?-->|<[^>]*>)", body.source, flags=re.DOTALL)
        parts[::2] = [change(part) for part in parts[::2]]
        return Body("".join(parts))

    transform.__name__ = change.__name__.strip("_")
    return transform


def _smart(text: str) -> str:
    text = re.sub(r"(?<!\w)'|(?<!\w)&#39;", "‘", text)
    text = text.replace("'", "’").replace("&#39;", "’").replace("&quot;", "”").replace("...", "…")
    return text.replace(" - ", " – ")


def _hard_blanks(text: str) -> str:
    return re.sub(r" (?=\S)", "&nbsp;", text)


def _entities(text: str) -> str:
    return "".join(letter if ord(letter) < 128 else f"&#{ord(letter)};" for letter in text)


def _tildes_as_entities(text: str) -> str:
    return text.replace("~", "&#126;")


def _split_words(text: str) -> str:
    """A spelling checker's marks in the middle of words."""
    parts = re.split(r"(&[#\w]+;)", text)
    parts[::2] = [re.sub(r"(\S{3})(\S{2})", r"\1<span class=SpellE>\2</span>", part) for part in parts[::2]]
    return "".join(parts)


smart = _texts(_smart)
hard_blanks = _texts(_hard_blanks)
entities = _texts(_entities)
tildes_as_entities = _texts(_tildes_as_entities)
split_words = _texts(_split_words)


def shouting(body: Body) -> Body:
    """Tags in capitals, attributes without quotes where they may be, Windows line ends after each."""
    source = re.sub(r"<(/?[a-z]+\d?)", lambda tag: f"<{tag[1].upper()}", body.source)
    return Body(re.sub(r'=("|\')([\w-]+)\1', r"=\2", source).replace("</P>", "</P>\r\n"))


def without_ends(body: Body) -> Body:
    """Paragraphs without their ends, as HTML allows."""
    return Body(re.sub(r"</p>", "", body.source))


def with_breaks(body: Body) -> Body:
    """One paragraph of lines with breaks, as a telephone sends it."""
    return Body(f"<html><body><div>{'<br>'.join(_lines_of_markup(body.source))}<br></div></body></html>")


def in_a_table(body: Body) -> Body:
    """A mail gateway's layout: every line a row."""
    rows = "".join(f"<tr><td>&nbsp;</td><td>{line}</td></tr>" for line in _lines_of_markup(body.source))
    return Body(f"<html><body><table border=0><tbody>{rows}</tbody></table></body></html>")


def with_a_banner(body: Body) -> Body:
    """A gateway's warning above everything else."""
    banner = "<div style='background:#ff0'>CAUTION: this mail comes from outside - do not click links.</div>"
    found = re.search(r"<body[^>]*>", body.source, re.IGNORECASE)
    where = found.end() if found else 0
    return Body(body.source[:where] + banner + body.source[where:])


def safe_links(body: Body) -> Body:
    """Outlook's wrapping of every link: in ``href``, or in the text of a plain body."""

    def wrapped(url: str) -> str:
        return f"https://eur01.safelinks.protection.outlook.com/?url={quote(url, safe='')}&data=05%7C01%7C&reserved=0"

    if not body.is_html:
        return Body(_URL.sub(lambda url: wrapped(url[0]), body.source), is_html=False)
    return Body(
        re.sub(
            r'href="(https?:[^"]*)"',
            lambda link: f'href="{html.escape(wrapped(html.unescape(link[1])))}" originalsrc="{link[1]}"',
            body.source,
        )
    )


# --- from HTML to text and back -------------------------------------------------------------------


def to_text(body: Body) -> Body:
    """Exchange's plain text: a line for each block, links behind their words in angle brackets."""
    return Body("\r\n".join(_plain_lines(body, "{words}<{url}>")), is_html=False)


def to_text_of_a_browser(body: Body) -> Body:
    """A browser's plain text: words alone."""
    return Body("\n\n".join(_plain_lines(body, "{words}")), is_html=False)


def to_text_as_markdown(body: Body) -> Body:
    """A converter that shows emphasis with stars and addresses in brackets."""
    lines = [
        f"*{line}*" if number % 3 == 0 else line
        for number, line in enumerate(_plain_lines(body, "{words} <{url}>"))
    ]
    return Body("\n".join(lines), is_html=False)


def to_text_with_fields(body: Body) -> Body:
    """A word processor's plain text: links as fields."""
    return Body("\r\n".join(_plain_lines(body, 'HYPERLINK "{url}" {words}')), is_html=False)


def _plain_lines(body: Body, link: str) -> list[str]:
    if not body.is_html:
        return body.source.splitlines()
    found = []
    for line in _lines_of_markup(body.source):
        plain = re.sub(
            r'<a href="([^"]*)">(.*?)</a>',
            lambda each: link.format(words=each[2], url=each[1]),
            line,
            flags=re.DOTALL,
        )
        found.append(html.unescape(re.sub(r"<(?:img|/?span)[^>]*>", "", plain)))
    return [" ".join(line.split()) for line in found]


def to_html(body: Body) -> Body:
    """A mail program's page made of plain text: links made live, a paragraph a line."""
    if body.is_html:
        return body
    lines = [_live(line) for line in body.source.splitlines()]
    paragraphs = "".join(f'<div class="PlainText">{line or "&nbsp;"}</div>\r\n' for line in lines)
    return Body(f"<html><head></head><body>{paragraphs}</body></html>")


def _live(line: str) -> str:
    parts = re.split(rf"({_URL.pattern})", line)
    parts[::2] = [html.escape(part, quote=False) for part in parts[::2]]
    links = [html.escape(part) for part in parts[1::2]]
    parts[1::2] = [f'<a href="{link}">{link}</a>' for link in links]
    return "".join(parts)


def to_preformatted(body: Body) -> Body:
    """Plain text shown as it is."""
    return (
        Body(f"<html><body><pre>{html.escape(body.source, quote=False)}</pre></body></html>")
        if not body.is_html
        else body
    )


def to_html_by_exchange(body: Body) -> Body:
    """An old server's page of a plain text: one paragraph, a break for each line."""
    if body.is_html:
        return body
    lines = "<BR>\r\n".join(_live(line) for line in body.source.splitlines())
    return Body(
        f"<HTML><BODY>\r\n<!-- Converted from text/plain format -->\r\n<P><FONT SIZE=2>{lines}</FONT>\r\n</P>\r\n</BODY></HTML>"
    )


def text_and_back(body: Body) -> Body:
    """To plain text and back to HTML."""
    return to_html(to_text(body))


def narrow(body: Body) -> Body:
    """Plain text with its lines wrapped at 40 columns."""
    return _wrapped(body, 40)


def wide(body: Body) -> Body:
    """Plain text with its lines wrapped at 76 columns and indented."""
    indented = textwrap.indent(_wrapped(body, 76).source, "   ")
    return Body(indented, is_html=False)


def _wrapped(body: Body, columns: int) -> Body:
    text = body if not body.is_html else to_text(body)
    lines = [
        textwrap.fill(line, columns, break_long_words=False, break_on_hyphens=False)
        for line in text.source.splitlines()
    ]
    return Body("\n".join(lines), is_html=False)


# --- forwarding -----------------------------------------------------------------------------------

HEAD = (
    "Von: Bo Test <bo@example.com>",
    "Gesendet: Montag, 23. November 2026 10:00",
    "An: Eva",
    "Betreff: WG: Treffen",
)


def forwarded_inside(body: Body) -> Body:
    """A forwarded copy of the whole body below itself, as Outlook puts it."""
    if not body.is_html:
        return Body(f"{body.source}\r\n\r\n" + "\r\n".join(HEAD) + f"\r\n\r\n{body.source}", is_html=False)
    head = "<br>".join(html.escape(line) for line in HEAD)
    return _appended(body, f"<div style='border-top:solid 1pt'><p><b>{head}</b></p></div>{_inside(body)}")


def cited_inside(body: Body) -> Body:
    """The same as a citation: a blockquote, or lines behind ``>``."""
    if not body.is_html:
        return Body(f"{body.source}\n\n{textwrap.indent(body.source, '> ', lambda _: True)}\n", is_html=False)
    return _appended(body, f'<p>Bo wrote:</p><blockquote type="cite">{_inside(body)}</blockquote>')


def _inside(body: Body) -> str:
    found = re.search(r"<body[^>]*>(.*)</body>", body.source, re.DOTALL | re.IGNORECASE)
    return found[1] if found else body.source


def _appended(body: Body, more: str) -> Body:
    found = re.search(r"</body>", body.source, re.IGNORECASE)
    where = found.start() if found else len(body.source)
    return Body(body.source[:where] + more + body.source[where:])


OF_HTML: tuple[Transform, ...] = (
    without_attributes,
    renamed_by_webmail,
    by_word,
    smart,
    hard_blanks,
    entities,
    tildes_as_entities,
    split_words,
    shouting,
    without_ends,
    with_breaks,
    in_a_table,
    with_a_banner,
    safe_links,
    text_and_back,
)
"""From HTML to HTML."""

TO_TEXT: tuple[Transform, ...] = (
    to_text,
    to_text_of_a_browser,
    to_text_as_markdown,
    to_text_with_fields,
    narrow,
    wide,
)
"""From either to plain text."""

OF_TEXT: tuple[Transform, ...] = (
    smart,
    narrow,
    wide,
    safe_links,
    to_html,
    to_preformatted,
    to_html_by_exchange,
)
"""From plain text to either."""

FORWARDING: tuple[Transform, ...] = (forwarded_inside, cited_inside)
