"""The marker in an item: what is written is read, whatever stands in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.model import Wish
from connector.sync.keywords.marker import MOST_BEFORE, NO_BLOCK, TAKEN_OUT, Marker, following, foreseen, read

DIGEST = "d" * 64
WORDS = st.text(max_size=20)
SHORTENED = st.lists(st.text("0123456789abcdef", min_size=16, max_size=16), max_size=MOST_BEFORE).map(tuple)


@given(st.none() | st.builds(Wish, WORDS, WORDS, WORDS, WORDS), SHORTENED)
def test_what_is_written_is_read(wish: Wish | None, before: tuple[str, ...]) -> None:
    """Blanks, slashes and signs of all kinds in a keyword or the name of a service too."""
    mark = Marker("key", "place", DIGEST, before, wish)
    assert read(mark.write()) == mark


@given(st.text(max_size=60))
def test_anything_else_is_no_marker(text: str) -> None:
    """Damaged, or of a version to come: nothing is believed, and nothing raised."""
    assert read(text) is None or text[0] in "12"


def test_the_first_version_is_still_read() -> None:
    """It tells whose and which words, and not what was asked for."""
    assert read("1 key place digest") == Marker("key", "place", "digest")


def test_a_marker_fits_into_a_property_at_google() -> None:
    """1,024 characters; keys and places are keyed digests of 43, a keyword has at most 64, as has a site."""
    wish = Wish("@" + "k" * 63, "a" * 64, "onetime", "s" * 64)
    full = Marker("k" * 46, "p" * 43, DIGEST, ("b" * 16,) * MOST_BEFORE, wish)
    assert len(full.write()) < 1024


def test_the_past_is_handed_on() -> None:
    """The latest first, each once, the oldest forgotten; what was no block is none of it."""
    mark = Marker("key", "place", DIGEST, tuple(f"{n:016}" for n in range(MOST_BEFORE)))
    past = mark.past("e" * 64)
    assert past[0] == DIGEST[:16]
    assert len(past) == MOST_BEFORE
    assert mark.past(DIGEST) == mark.before
    assert Marker("key", "place", NO_BLOCK).past(TAKEN_OUT) == ()
    assert Marker("key", "place", "e" * 64, past).wrote(DIGEST)
    assert not Marker("key", "place", "e" * 64).wrote(DIGEST)


@pytest.mark.parametrize(
    ("key", "own", "known"),
    [
        ("a", "a", True),
        ("a", "a~2", True),
        ("a~2", "a~10", True),
        ("a~3", "a~2", False),
        ("b", "a~2", False),
        ("a~?", "a", True),
    ],
)
def test_a_key_tells_what_came_before(key: str, own: str, known: bool) -> None:
    """The keys of one place follow each other; any other was given by a database that was set back."""
    assert foreseen(key, own) is known


def test_keys_follow_each_other() -> None:
    """First, second, third."""
    assert following("a") == "a~2"
    assert following(following("a")) == "a~3"
