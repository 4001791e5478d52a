"""Readable words of bodies."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.meeting.text import (
    LONGEST,
    decode_entities,
    from_html,
    looks_like_html,
    readable,
    unescape_ics,
)


def words(text: str) -> list[str]:
    return text.split()


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("", []),
        ("<p>one</p><p>two</p>", ["one", "two"]),
        ("one<br>two", ["one", "two"]),
        ("<td>one</td><td>two</td>", ["one", "two"]),
        ("o<b>n</b>e", ["one"]),
        ("<script>no</script><style>no</style><title>no</title>yes", ["yes"]),
        ("<!-- no -->yes", ["yes"]),
        ('<a href="https://a.example/?x=1&amp;y=2">here</a>', ["<https://a.example/?x=1&y=2>", "here"]),
        ('<a href="https://a.example/\n\tx">here</a>', ["<https://a.example/x>", "here"]),
        ("<https://a.example/x>", ["<https://a.example/x>"]),
        ("&#x68;i &eacute;", ["hi", "é"]),
        ("<p>unclosed <b>tags", ["unclosed", "tags"]),
    ],
)
def test_html_as_words(source: str, expected: list[str]) -> None:
    """Blocks are apart, inline tags are not; links keep their address; what is not shown is not there."""
    assert words(readable(source, is_html=True)) == expected


def test_line_breaks_of_the_source() -> None:
    """In real HTML a line break is a blank; in words with a few tags it is meant."""
    assert "\n" not in from_html("<b>a\nb</b>").strip()
    assert "a\nb" in from_html("<b>a\nb</b>", wrapped=False)


def test_a_bracketed_address_may_be_broken_by_lines() -> None:
    """RFC 3986, appendix C: line breaks inside angle brackets are not part of the address."""
    assert (
        readable("see <https://a.example/\r\nx\n/y> end", is_html=False) == "see <https://a.example/x/y> end"
    )
    assert readable("see <https://a.example/\nx y> end", is_html=False) == "see <https://a.example/\nx y> end"


@pytest.mark.parametrize(
    ("text", "is_html"), [("a < b", False), ("a <br/> b", True), ("<https://x>", False), ("<A href=x>", True)]
)
def test_html_is_told_by_its_tags(text: str, is_html: bool) -> None:
    """Only tags that calendars write count."""
    assert looks_like_html(text) is is_html


def test_bodies_are_cut() -> None:
    """Nothing behind the limit is looked at."""
    assert len(readable("x" * (LONGEST + 10), is_html=False)) == LONGEST


def test_deep_nesting_is_survived() -> None:
    """A page nested a hundred thousand times deep has words, or none, and no crash."""
    assert isinstance(from_html("<div>" * 100_000 + "deep"), str)
    assert isinstance(from_html("<b>" * 250 + "deep" + "</b>" * 250), str)


def test_several_threads_read_at_once() -> None:
    """The workers share one transformation."""
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: words(from_html(f"<p>{number}</p>")), range(200)))
    assert found == [[str(number)] for number in range(200)]


def test_entities_have_a_semicolon() -> None:
    """In a query &copy=1 is a parameter."""
    assert decode_entities("a&amp;b&copy=1&#65;&#x42;&nosuch;") == "a&b&copy=1AB&nosuch;"


def test_icalendar_escapes() -> None:
    """RFC 5545, 3.3.11."""
    assert unescape_ics(r"a\nb\Nc\,d\;e\\nf\x") == "a\nb\nc,d;e\\nf\\x"


@given(st.text(max_size=300))
def test_anything_is_readable(source: str) -> None:
    """No body makes reading fail."""
    for is_html in (True, False, None):
        assert isinstance(readable(source, is_html=is_html), str)
    assert isinstance(unescape_ics(source), str)
