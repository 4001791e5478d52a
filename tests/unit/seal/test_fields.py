"""A field's ciphertext is bound to its place and hides its length."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.errors import Refused
from connector.seal.fields import bucket, open_field, pad, seal_field
from tests.unit.seal.samples import KEY, OTHER_KEY

TEXTS = st.text(st.characters(codec="utf-8"), max_size=400)


@settings(deadline=None)
@given(TEXTS)
def test_a_text_comes_back_as_it_was(text: str) -> None:
    """Sealing and opening at the same place is the identity."""
    assert open_field(seal_field(text, KEY, "a/b/c/1"), KEY, "a/b/c/1") == text


@settings(deadline=None)
@given(TEXTS)
def test_a_padded_text_comes_back_without_trailing_spaces(text: str) -> None:
    """The only thing lost are spaces at the end."""
    token = seal_field(text, KEY, "a/b/c/1", padded=True)
    assert open_field(token, KEY, "a/b/c/1", padded=True) == text.rstrip(" ")


@settings(deadline=None)
@given(TEXTS, TEXTS)
def test_texts_of_one_bucket_have_ciphertexts_of_one_length(one: str, other: str) -> None:
    """The length of a ciphertext says the bucket and no more."""
    lengths = [len(text.rstrip(" ").encode()) for text in (one, other)]
    tokens = [seal_field(text, KEY, "x", padded=True) for text in (one, other)]
    assert (bucket(lengths[0]) == bucket(lengths[1])) == (len(tokens[0]) == len(tokens[1]))


@pytest.mark.parametrize(
    ("length", "expected"),
    [(0, 32), (1, 32), (32, 32), (33, 64), (2049, 4096), (4096, 4096), (4097, 8192), (8193, 12288)],
)
def test_buckets_double_to_4096_and_grow_by_4096_then(length: int, expected: int) -> None:
    """The sizes of docs/relay.md section 8."""
    assert bucket(length) == expected
    assert len(pad("x" * length)) == expected


@pytest.mark.parametrize("ctx", ["a/b/d/1", "a/c/c/1", "a/b/c/2", "z/b/c/1", ""])
def test_another_place_does_not_open_it(ctx: str) -> None:
    """Field, meeting, revision and mailbox all count."""
    with pytest.raises(Refused):
        open_field(seal_field("x", KEY, "a/b/c/1"), KEY, ctx)


def test_the_key_uri_in_the_header_counts() -> None:
    """The same secret under another name is another key."""
    twin = type(KEY)("kms://elsewhere/keys/9", KEY.mailbox_id, KEY.secret, KEY.created_at)
    with pytest.raises(Refused):
        open_field(seal_field("x", KEY, "c"), twin, "c")
    with pytest.raises(Refused):
        open_field(seal_field("x", KEY, "c"), OTHER_KEY, "c")


def test_half_a_surrogate_does_not_stop_a_meeting() -> None:
    """A damaged character becomes a question mark."""
    assert open_field(seal_field("a\ud800b", KEY, "c"), KEY, "c") == "a?b"
