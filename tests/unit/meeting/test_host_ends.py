"""Ends of known hosts before a slash."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.meeting.host_ends import slashes_behind, small
from connector.meeting.joinlink.label_words import MEETING_ID, PASSCODE

DOMAINS = frozenset({"zoom.us", "zoom.com", "a.zoom.us", "b-c.de"})


def slowly(text: str) -> list[int]:
    """The same by a pattern that says what is meant."""
    hosts = "|".join(re.escape(domain) for domain in DOMAINS)
    found = re.finditer(rf"(?<![a-z0-9-])(?:{hosts})(?=/)", text, re.IGNORECASE | re.ASCII)
    return sorted({each.end() for each in found}, reverse=True)


@given(st.lists(st.sampled_from(["zoom", "Zoom", ".", "us", "com", "/", "a", "b-c", "de", "-", "İ", " "])))
def test_ends_are_found_as_by_reading_forwards(parts: list[str]) -> None:
    """Backwards and by a tree, the same places come out, the last first; letters whose small form is two shift nothing."""
    text = "".join(parts)
    assert list(slashes_behind(text, DOMAINS)) == slowly(text)


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("see zoom.us/j/1", [11]),
        ("ZOOM.US/", [7]),
        ("acme.zoom.us/j and b-c.de/", [25, 12]),
        ("notzoom.us/j/1", []),
        ("x-zoom.us/j/1", []),
        ("zoom.us.evil.example/j/1", []),
        ("zoom.us", []),
    ],
)
def test_labels_are_matched_whole(text: str, places: list[int]) -> None:
    """A host below a domain counts, one that only ends in its letters does not."""
    assert list(slashes_behind(text, DOMAINS)) == places


def test_without_domains_any_host_counts() -> None:
    """As where everything is of interest."""
    assert list(slashes_behind("a.example/x b.c/", frozenset())) == [9]


@given(st.text())
def test_small_letters_stay_where_they_were(text: str) -> None:
    """Places in the one are places in the other."""
    assert len(small(text)) == len(text)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("lösenord", "lösenord"),
        ("möteslösenord", "möteslösenord"),
        ("ミーティングパスワード", "パスワード"),
        ("subpassword", None),
        ("der passwortmanager", "passwort"),
        ("wachtwoordcode", "wachtwoordcode"),
    ],
)
def test_words_for_passcodes(text: str, word: str | None) -> None:
    """They begin a word, but for scripts that are written without blanks."""
    found = PASSCODE.search(text)
    assert (found[0] if found else None) == word


@pytest.mark.parametrize(
    ("text", "is_id"), [("meeting id", True), ("ミーティングid", True), ("video", False)]
)
def test_words_for_ids(text: str, *, is_id: bool) -> None:
    """ID is a word of its own among Latin letters."""
    assert bool(MEETING_ID.search(text)) is is_id
