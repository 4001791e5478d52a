"""Requests and answers under an ephemeral key, and what somebody in between can't do to them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwe
from joserfc.jwk import OctKey

from connector.errors import Refused
from connector.seal.kmswire import jose, sealed, uris
from connector.seal.kmswire.messages import Answer, answers, read_answer, read_request
from connector.seal.kmswire.plain import dump
from tests.unit.seal.kmswire.site import HOST, agreed, request

KEY, _ = agreed()
TOKEN = sealed.seal_request(request(count=2), KEY)
ANSWER = sealed.seal_answer(Answer(200, "request-2", members={"keys": []}), KEY)


def broken(token: str, *, answer: bool = False) -> str:
    """The code with which a token is refused."""
    opened = sealed.open_answer if answer else sealed.open_request
    with pytest.raises(Refused) as verdict:
        opened(token, KEY)
    return verdict.value.code


def test_requests_and_answers_go_there_and_back() -> None:
    """Every member arrives."""
    assert sealed.open_request(TOKEN, KEY) == request(count=2)
    assert sealed.open_answer(ANSWER, KEY).members == {"keys": []}
    assert (sealed.kid_of(TOKEN), sealed.is_signed(TOKEN)) == (KEY.uri, False)


def test_a_reflected_request_is_no_answer() -> None:
    """Both directions share one key, so the transport can send a client its own request; a known client takes it."""
    assert broken(TOKEN, answer=True) == "kms-malformed"


def test_a_reflected_answer_is_no_request() -> None:
    """The other way round."""
    assert broken(ANSWER) == "kms-malformed"


def test_an_answer_counts_for_the_request_it_names_alone() -> None:
    """A recorded answer is no answer to a later request."""
    answer = sealed.open_answer(ANSWER, KEY)
    assert answers(answer, "request-2") is answer
    with pytest.raises(Refused):
        answers(answer, "request-3")


@pytest.mark.parametrize("status", [None, "200", 200.0, True, 0, 99, 600, [200]])
def test_a_status_is_a_whole_number(status: Any) -> None:
    """Anything else is not read as success."""
    with pytest.raises(Refused):
        read_answer(dump({"status": status, "requestId": "r"}))


@pytest.mark.parametrize("member", ["method", "client"])
def test_an_answer_has_neither_method_nor_client(member: str) -> None:
    """However good its status looks."""
    with pytest.raises(Refused):
        read_answer(dump({"status": 200, "requestId": "r", member: {}}))


def test_a_member_twice_is_refused() -> None:
    """Two readers might each believe another one."""
    with pytest.raises(Refused):
        read_answer(b'{"status":200,"requestId":"r","status":500}')


@pytest.mark.parametrize("part", range(5))
def test_no_part_can_be_changed(part: int) -> None:
    """Header, iv, ciphertext and tag are all bound; an encrypted key has no place."""
    pieces = TOKEN.split(".")
    pieces[part] = ("A" if pieces[part][:1] != "A" else "B") + pieces[part][1:]
    assert broken(".".join(pieces)) == "kms-broken"


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "A256KW", "enc": "A256GCM", "kid": KEY.uri},
        {"alg": "dir", "enc": "A256GCM", "kid": "kms://other.example.com/ecdhe/one"},
        {"alg": "dir", "enc": "A256GCM"},
        {"alg": "dir", "enc": "A256GCM", "kid": KEY.uri, "zip": "DEF"},
    ],
)
def test_no_other_form_is_opened(header: dict[str, str]) -> None:
    """Another algorithm, another or no kid under the right key, and zip, before anything is inflated."""
    oct_key = OctKey.import_key(KEY.secret)
    token = jwe.encrypt_compact(header, b"{}", oct_key, algorithms=["dir", "A256KW", "A256GCM", "DEF"])
    assert broken(token) == "kms-broken"


def test_a_message_of_another_client_s_key_is_not_opened() -> None:
    """Two clients of one service have nothing of each other."""
    other = replace(KEY, secret=b"x" * 32)
    assert broken(sealed.seal_request(request(), other)) == "kms-broken"


def test_a_megabyte_is_taken_and_five_are_not() -> None:
    """Lists of keys are long; the limit is 4 MiB."""
    long = sealed.seal_request(request(padding="x" * 1024 * 1024), KEY)
    assert len(sealed.open_request(long, KEY).members["padding"]) == 1024 * 1024
    assert broken("a" * (jose.MAX_SEALED + 1)) == "kms-broken"


@settings(deadline=None, max_examples=300)
@given(st.one_of(st.text(max_size=300), st.from_regex(r"[A-Za-z0-9_-]{0,40}(\.[A-Za-z0-9_-]{0,40}){2,4}")))
def test_any_text_is_opened_or_refused(text: str) -> None:
    """Never anything but a verdict."""
    for opened in (sealed.open_request, sealed.open_answer):
        with pytest.raises(Refused):
            opened(text, KEY)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = ("client", "method", "uri", "requestId", "status", "reason", "key", "jwk")


@settings(deadline=None, max_examples=300)
@given(st.dictionaries(st.sampled_from(NAMES), JSON))
def test_any_json_is_a_message_or_refused(members: dict[str, Any]) -> None:
    """Members of any shape lead to a message or to a verdict."""
    for read in (read_request, read_answer):
        with suppress(Refused):
            assert read(dump(members)).request_id == members["requestId"]


@pytest.mark.parametrize(
    ("uri", "target"),
    [
        ("/keys", uris.Target("keys")),
        ("/keys/1", uris.Target("keys", "1")),
        (f"kms://{HOST}/keys/1", uris.Target("keys", "1")),
        (f"kms://{HOST.upper()}/keys/1", uris.Target("keys", "1")),
        ("/resources/1/keys", uris.Target("resources", "1", "keys")),
        (
            f"kms://{HOST}/resources/1/authorizations?authId=u%2B2%40x",
            uris.Target("resources", "1", "authorizations", {"authId": "u+2@x"}),
        ),
    ],
)
def test_relative_and_absolute_uris_name_the_same(uri: str, target: uris.Target) -> None:
    """As the draft and as Cisco write them."""
    assert uris.read_target(uri, HOST) == target
    assert uris.read_target(uris.absolute(uri, HOST), HOST) == target


@pytest.mark.parametrize(
    ("uri", "code"),
    [
        ("kms://other.example.com/keys/1", "kms-elsewhere"),
        (f"kms://{HOST}", "kms-malformed"),
        (f"kms://{HOST}/keys/../1/x/y", "kms-malformed"),
        ("https://kms.example.com/keys/1", "kms-malformed"),
        ("/keys/1?nothing", "kms-malformed"),
        ("", "kms-malformed"),
    ],
)
def test_other_uris_are_refused(uri: str, code: str) -> None:
    """A foreign host apart from what is no URI at all."""
    with pytest.raises(Refused) as verdict:
        uris.read_target(uri, HOST)
    assert verdict.value.code == code
