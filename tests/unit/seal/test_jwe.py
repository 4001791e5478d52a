"""The compact JWE of our own making against two JOSE libraries and the recorded vectors, and against forgeries."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwe as joserfc_jwe
from joserfc.jwk import OctKey
from jwcrypto import jwe as jwcrypto_jwe
from jwcrypto import jwk as jwcrypto_jwk

from connector.errors import Refused
from connector.seal import jwe

SECRET = bytes(range(32))
VECTORS = Path(__file__).resolve().parents[4] / "shared/data/kms/vectors.json"


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def jwcrypto_key() -> jwcrypto_jwk.JWK:
    return jwcrypto_jwk.JWK(kty="oct", k=b64(SECRET))


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=3000))
def test_jwcrypto_opens_what_we_seal(clear: bytes) -> None:
    """Another library reads our tokens, header included."""
    token = jwe.encrypt(clear, SECRET, {"kid": "kms://x/keys/1", "ctx": "a/b/c/1"})
    opened = jwcrypto_jwe.JWE()
    opened.deserialize(token, key=jwcrypto_key())
    assert opened.payload == clear
    assert json.loads(opened.objects["protected"])["ctx"] == "a/b/c/1"


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=3000))
def test_we_open_what_jwcrypto_seals(clear: bytes) -> None:
    """And we read its tokens."""
    made = jwcrypto_jwe.JWE(clear, json.dumps({"alg": "dir", "enc": "A256GCM", "kid": "k"}))
    made.add_recipient(jwcrypto_key())
    header, opened = jwe.decrypt(made.serialize(compact=True), SECRET)
    assert (header["kid"], opened) == ("k", clear)


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=3000))
def test_joserfc_and_we_understand_each_other(clear: bytes) -> None:
    """A third implementation agrees in both directions."""
    key = OctKey.import_key({"kty": "oct", "k": b64(SECRET)})
    ours = jwe.encrypt(clear, SECRET, {"kid": "k"})
    assert joserfc_jwe.decrypt_compact(ours, key, algorithms=["dir", "A256GCM"]).plaintext == clear
    theirs = joserfc_jwe.encrypt_compact({"alg": "dir", "enc": "A256GCM"}, clear, key)
    assert jwe.decrypt(theirs, SECRET)[1] == clear


@settings(deadline=None)
@given(clear=st.binary(max_size=3000), iv=st.binary(min_size=12, max_size=12), ctx=st.text(max_size=60))
def test_for_the_same_iv_joserfc_makes_the_same_bytes(clear: bytes, iv: bytes, ctx: str) -> None:
    """The hand-assembled token is the library's own, character by character, whatever stands in the header."""
    header = {"alg": "dir", "enc": "A256GCM", "kid": "kms://x/keys/1", "ctx": ctx}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jwe, "token_bytes", lambda size: iv[:size])
        patch.setattr(
            type(joserfc_jwe.JWERegistry.algorithms["enc"]["A256GCM"]), "generate_iv", lambda _self: iv
        )
        ours = jwe.encrypt(clear, SECRET, {"kid": header["kid"], "ctx": ctx})
        registry = joserfc_jwe.JWERegistry(algorithms=["dir", "A256GCM"], strict_check_header=False)
        key = OctKey.import_key(SECRET)
        assert ours == joserfc_jwe.encrypt_compact(header, clear, key, registry=registry)


@pytest.mark.skipif(not VECTORS.exists(), reason="the recorded vectors are not beside this checkout")
def test_the_recorded_content_of_another_implementation_opens() -> None:
    """A field as Cisco's SDK makes it, recorded with its key; the key-wrapping form is refused."""
    recorded = json.loads(VECTORS.read_text())
    key = recorded["content_key"]
    text = key.get("jwk", key)["k"]
    secret = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    assert jwe.decrypt(recorded["content_jwe"], secret)[1].decode() == recorded["content_text"]
    with pytest.raises(Refused):
        jwe.decrypt(recorded["content_jwe_a256kw"], secret)


@settings(deadline=None)
@given(st.integers(min_value=0), st.integers(min_value=0))
def test_a_changed_character_anywhere_is_refused(place: int, choice: int) -> None:
    """No bit of a token can be varied, not even the loose ones of base64."""
    token = jwe.encrypt(b"hello there", SECRET, {"ctx": "x"})
    at = place % len(token)
    others = [one for one in "ABab09-_." if one != token[at]]
    other = others[choice % len(others)]
    with pytest.raises(Refused):
        jwe.decrypt(token[:at] + other + token[at + 1 :], SECRET)


@settings(deadline=None)
@given(st.text(max_size=200))
def test_nonsense_is_a_verdict(token: str) -> None:
    """Whatever stands in place of a token, the answer is Refused."""
    with pytest.raises(Refused):
        jwe.decrypt(token, SECRET)
    with pytest.raises(Refused):
        jwe.read_header(token)


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "A256KW", "enc": "A256GCM"},
        {"alg": "dir", "enc": "A128GCM"},
        {"alg": "dir", "enc": "A256GCM", "zip": "DEF"},
        {"alg": "dir", "enc": "A256GCM", "crit": ["ctx"]},
    ],
)
def test_other_algorithms_zip_and_crit_are_refused(header: dict[str, object]) -> None:
    """Only dir with A256GCM, and nothing that would have to be unpacked or understood."""
    token = jwe.encrypt(b"x", SECRET, header)
    with pytest.raises(Refused):
        jwe.decrypt(token, SECRET)


def test_a_header_of_deep_nesting_is_refused() -> None:
    """A header can't exhaust the stack."""
    deep = b64(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}")
    with pytest.raises(Refused):
        jwe.read_header(f"{deep}..a.a.a")


def test_a_token_above_the_limit_is_refused() -> None:
    """Size is checked before anything is decoded."""
    with pytest.raises(Refused):
        jwe.decrypt("a" * (jwe.MAX_TOKEN + 1), SECRET)
