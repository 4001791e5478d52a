"""Whose static key it is: the chain or a pin, from the client's own configuration."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from connector.errors import Refused
from connector.seal.kmswire.plain import dump
from connector.seal.kmswire.static import (
    Anchor,
    StaticPublic,
    fingerprint,
    read_pin,
    read_static,
    trusted,
    write_static,
)
from tests.unit.seal.kmswire.site import HOST, NOW, authority, certificate, rsa_private, service_key

PUBLIC = service_key().public
ANCHOR = Anchor(HOST, roots=(authority(),))
PINNED = Anchor(HOST, pins=frozenset({fingerprint(PUBLIC.key)}))


def refused(static: StaticPublic, anchor: Anchor = ANCHOR) -> bool:
    with pytest.raises(Refused):
        trusted(static, anchor, NOW)
    return True


def with_chain(*chain: x509.Certificate) -> StaticPublic:
    return replace(PUBLIC, chain=chain)


def test_a_chain_to_the_configured_root_is_trusted() -> None:
    """And travels as JWK with x5c, without use and alg, which node-jose would stumble over."""
    jwk = write_static(PUBLIC)
    assert set(jwk) == {"kty", "kid", "n", "e", "x5c"}
    assert trusted(read_static(dump(jwk)), ANCHOR, NOW) == PUBLIC


def test_a_pinned_key_needs_no_certificate() -> None:
    """The fingerprint says everything."""
    assert trusted(with_chain(), PINNED, NOW).key == PUBLIC.key


def test_a_hub_s_own_key_is_not_trusted() -> None:
    """With the right host, whatever chain: none, its own root's, one that it copied from the true service."""
    key = rsa_private(2).public_key()
    theirs = StaticPublic(PUBLIC.kid, key)
    own_root = certificate(key, issuer="Evil Root", number=3)
    evil = authority("Evil Root", 3)
    assert refused(theirs)
    assert refused(theirs, PINNED)
    assert refused(replace(theirs, chain=(own_root, evil)))
    assert refused(replace(theirs, chain=PUBLIC.chain))


def test_another_host_s_certificate_is_not_trusted() -> None:
    """Of the same authority: the name in it counts, and so does the host in the kid."""
    assert refused(with_chain(certificate(PUBLIC.key, "other.example.com")))
    assert refused(replace(PUBLIC, kid="kms://other.example.com"))
    assert refused(replace(PUBLIC, kid="kms://other.example.com"), PINNED)


def test_a_certificate_out_of_its_time_is_not_trusted() -> None:
    """By the clock that is passed in."""
    for then in (NOW + timedelta(days=366), NOW - timedelta(days=31)):
        with pytest.raises(Refused):
            trusted(PUBLIC, ANCHOR, then)


def test_without_an_anchor_nothing_is_trusted() -> None:
    """A client whose configuration names none does not take the service's word."""
    assert refused(PUBLIC, Anchor(HOST))


@pytest.mark.parametrize(
    "change",
    [
        {"kty": "EC"},
        {"n": "AQAB"},
        {"n": None},
        {"e": "A" * 43},
        {"n": "!"},
        {"kid": "https://kms.example.com"},
        {"x5c": ["AAAA"]},
        {"x5c": [1]},
        {"x5c": "AAAA"},
        {"x5c": ["AAAA"] * 9},
    ],
)
def test_what_is_no_static_key_is_refused(change: dict[str, Any]) -> None:
    """Small and huge keys, foreign kids and things that are no certificate."""
    with pytest.raises(Refused):
        read_static(dump({**write_static(PUBLIC), **change}))


def test_a_certificate_of_an_unknown_version_is_refused() -> None:
    """Cryptography has an error of its own for it; found by fuzzing."""
    der = bytearray(PUBLIC.chain[0].public_bytes(serialization.Encoding.DER))
    at = der.index(b"\xa0\x03\x02\x01\x02")
    der[at + 4] = 3
    jwk = {**write_static(PUBLIC), "x5c": [base64.b64encode(der).decode()]}
    with pytest.raises(Refused):
        read_static(dump(jwk))


@pytest.mark.parametrize("write", [str, str.upper, lambda pin: pin.removeprefix("sha256:")])
def test_a_pin_may_be_written_in_several_ways(write: Any) -> None:
    """With prefix or without, in capitals."""
    pin = fingerprint(PUBLIC.key)
    assert read_pin(write(pin)) == pin
    digits = pin.removeprefix("sha256:")
    assert read_pin(":".join(digits[at : at + 2] for at in range(0, 64, 2))) == pin


def test_what_is_no_pin_is_refused() -> None:
    """SHA-1, or half of one."""
    for text in ("", "sha1:abc", "sha256:abcd", "x" + fingerprint(PUBLIC.key)):
        with pytest.raises(ValueError, match="64 hexadecimal digits"):
            read_pin(text)
