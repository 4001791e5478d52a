"""Words and links of a body, whatever it is written in: HTML, iCalendar TEXT, or words with leftovers of either."""

from __future__ import annotations

import html
import re

from lxml import etree

LONGEST = 1 << 20
"""Characters of a body that are looked at; the rest is cut off."""

_SHEET = etree.XML("""
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
  <xsl:output method="text" encoding="UTF-8"/>
  <xsl:template match="script|style|title|template"/>
  <xsl:template match="br|hr"><xsl:text>&#10;</xsl:text></xsl:template>
  <xsl:template match="p|div|tr|li|table|ul|ol|dl|dt|dd|h1|h2|h3|h4|h5|h6|pre|blockquote|section|article
                       |header|footer|address|center">
    <xsl:text>&#10;</xsl:text><xsl:apply-templates/><xsl:text>&#10;</xsl:text>
  </xsl:template>
  <xsl:template match="td|th"><xsl:text> </xsl:text><xsl:apply-templates/><xsl:text> </xsl:text></xsl:template>
  <xsl:template match="a|area"
    ><xsl:text> &lt;</xsl:text><xsl:value-of select="@href"/><xsl:text>&gt; </xsl:text><xsl:apply-templates
  /></xsl:template>
</xsl:stylesheet>
""")
_TO_TEXT = etree.XSLT(_SHEET)

_TAG = re.compile(
    r"<(?:!doctype|html|head|body|meta|style|div|p|br|a|span|font|table|tr|td|ul|ol|li|b|i|u|em|strong|h[1-6])"
    r"(?=[\s/>])",
    re.IGNORECASE,
)
_BROKEN = re.compile(r"<https?:[^<>\s]*+[\t\r\n]")
_BREAKS = str.maketrans("", "", "\t\r\n")
_BRACKETED = re.compile(r"<https?:[^<> ]{1,4096}>")
_SNIFFED = 1 << 16
_FEW = 1_000
_ISOLATES = "\u2066\u2067\u2068\u2069"
"""Signs without a shape around what reads in another direction than the words beside it (UAX 9, 2.5)."""

_WITHOUT_ISOLATES = str.maketrans("", "", _ISOLATES)
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_ESCAPE = re.compile(r"\\([\\,;:nN])")


def readable(body: str, *, is_html: bool | None) -> str:
    """The words of a body with each link's address in angle brackets before its words.

    ``None`` looks for tags: calendars write HTML into fields that are said to be text. Cut at ``LONGEST`` characters.
    """
    body = body[:LONGEST]
    if any(sign in body for sign in _ISOLATES):
        body = body.translate(_WITHOUT_ISOLATES)
    if is_html:
        body = from_html(body)
    elif is_html is None and looks_like_html(body):
        body = from_html(body, wrapped=False)
    return _BRACKETED.sub(_joined, body) if "<" in body and _BROKEN.search(body) else body


def _joined(bracketed: re.Match[str]) -> str:
    """An address in angle brackets without the line breaks in it (RFC 3986, appendix C; WHATWG URL, basic parser)."""
    return bracketed[0].translate(_BREAKS)


def looks_like_html(body: str) -> bool:
    """Whether a tag that calendars use stands near the beginning."""
    return "<" in body and _TAG.search(body, 0, _SNIFFED) is not None


def from_html(source: str, *, wrapped: bool = True) -> str:
    """The readable words of HTML, blocks on lines of their own, links as ``<address> words``.

    In real HTML a line break in the source means a blank (``wrapped``); in words with a few tags it is one.
    """
    if wrapped:
        source = source.replace("\r", "\t").replace("\n", "\t")
    if "<" not in source and ("&" not in source or source.count("&") < _FEW):
        return f"\n{html.unescape(source)}\n"  # nothing to parse
    # A bare address in angle brackets, as plain bodies have it, would be lost as a strange tag.
    source = source.replace("<http", "&lt;http")
    parser = etree.HTMLParser(encoding="utf-8", no_network=True)
    try:
        root = etree.fromstring(source.encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError:
        return ""
    return "" if root is None else _words(root)


def _words(root: etree._Element) -> str:
    try:
        return str(_TO_TEXT(root))
    except etree.XSLTApplyError:  # nested deeper than a transformation may go: the bare words are still there
        return str(etree.tostring(root, method="text", encoding="unicode"))


def decode_entities(text: str) -> str:
    """Character references with their semicolon decoded; ``&copy=1`` in a query is none."""
    return _ENTITY.sub(lambda found: html.unescape(found[0]), text) if "&" in text else text


def unescape_ics(value: str) -> str:
    r"""An iCalendar TEXT value as it is meant: ``\n`` ``\,`` ``\;`` ``\\`` (RFC 5545, 3.3.11)."""
    return (
        _ESCAPE.sub(lambda found: "\n" if found[1] in "nN" else found[1], value) if "\\" in value else value
    )
