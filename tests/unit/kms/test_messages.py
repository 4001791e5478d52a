"""Messages that are wrong, repeated or nonsense: each has a status and one row of the trail."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.seal.kmswire import handshake, jose, sealed, signed
from connector.seal.kmswire.messages import Answer, Credential, write_answer
from tests.unit.kms.site import CLUSTER, Client, Site, site_at, token


def offer_of(site: Site, body: bytes, **header: object) -> str:
    """A handshake offer with any body and header, sealed to the static key."""
    key, iv = b"k" * 32, b"i" * 12
    said = {"alg": "RSA-OAEP", "enc": "A256GCM", "kid": CLUSTER, **header}
    protected = jose.encode(json.dumps(said).encode())
    oaep = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)  # noqa: S303 - the protocol's
    wrapped = site.desk.static.public.key.encrypt(key, oaep)
    text = AESGCM(key).encrypt(iv, body, protected.encode())
    return ".".join([protected, *(jose.encode(one) for one in (wrapped, iv, text[:-16], text[-16:]))])


def body_of(site: Site, **members: object) -> bytes:
    """A handshake's JSON."""
    client = {"clientId": "c", "credential": {"bearer": token(site.clock)}}
    jwk = handshake.write_point(ec.generate_private_key(ec.SECP256R1()).public_key())
    whole = {"method": "create", "uri": "/ecdhe", "requestId": "r", "client": client, "jwk": jwk, **members}
    return json.dumps(whole).encode()


OFF_CURVE = {"kty": "EC", "crv": "P-256", "x": jose.encode(b"\x01" * 32), "y": jose.encode(b"\x02" * 32)}

OFFERS: dict[str, tuple[Callable[[Site], str], int]] = {
    "a point off the curve": (lambda s: offer_of(s, body_of(s, jwk=OFF_CURVE)), 400),
    "the point at infinity": (
        lambda s: offer_of(
            s, body_of(s, jwk={**OFF_CURVE, "x": jose.encode(bytes(32)), "y": jose.encode(bytes(32))})
        ),
        400,
    ),
    "another curve": (lambda s: offer_of(s, body_of(s, jwk={**OFF_CURVE, "crv": "P-384"})), 400),
    "no key": (lambda s: offer_of(s, body_of(s, jwk=None)), 400),
    "a JWK of a megabyte": (lambda s: offer_of(s, body_of(s, jwk={**OFF_CURVE, "x": "A" * 2**20})), 499),
    "a JWK of 20 KB": (lambda s: offer_of(s, body_of(s, jwk={**OFF_CURVE, "x": "A" * 20_000})), 400),
    "another purpose": (lambda s: offer_of(s, body_of(s, uri="/keys")), 400),
    "an answer sent back": (lambda s: offer_of(s, body_of(s, status=201)), 400),
    "two bearers": (lambda s: offer_of(s, body_of(s).replace(b'"bearer"', b'"bearer":"x","bearer"')), 400),
    "another kid": (lambda s: offer_of(s, body_of(s), kid="kms://other"), 499),
    "zip": (lambda s: offer_of(s, zlib.compress(b"0" * 10**6), zip="DEF"), 499),
    "crit": (lambda s: offer_of(s, body_of(s), crit=["x"]), 499),
    "another content algorithm": (lambda s: offer_of(s, body_of(s), enc="A128GCM"), 499),
    "a changed tag": (lambda s: offer_of(s, body_of(s))[:-4] + "AAAA", 499),
    "nothing": (lambda _: "", 499),
    "no token": (lambda _: "hello", 499),
    "a signed one": (lambda s: signed.sign(Answer(201, "r"), s.desk.static), 499),
    "alg none": (lambda _: jose.encode(b'{"alg":"none"}') + "....", 499),
}


@pytest.mark.parametrize("name", OFFERS)
def test_a_wrong_handshake_is_refused(site: Site, name: str) -> None:
    """Signed, with a status, and one row."""
    make, status = OFFERS[name]
    answer = signed.open_signed(site.desk.answer(make(site), "test"), site.desk.static.public)
    assert answer.status == status
    assert [row.entry.status for row in site.rows()] == [status]
    assert len(site.desk.lines) == 0


def raw_sealed(client: Client, body: bytes, **header: object) -> str:
    """A message under the ephemeral key with any body and header."""
    said = {"alg": "dir", "enc": "A256GCM", "kid": client.key.uri, **header}
    protected = jose.encode(json.dumps(said).encode())
    text = AESGCM(client.key.secret).encrypt(b"i" * 12, body, protected.encode())
    return ".".join([protected, "", *(jose.encode(one) for one in (b"i" * 12, text[:-16], text[-16:]))])


MESSAGES: dict[str, tuple[Callable[[Client], str], int]] = {
    "a zip bomb": (lambda c: raw_sealed(c, zlib.compress(b"0" * 10**7), zip="DEF"), 499),
    "an unknown kid": (lambda c: raw_sealed(c, b"{}", kid=f"{CLUSTER}/ecdhe/none"), 499),
    "another algorithm": (lambda c: raw_sealed(c, b"{}", alg="A256KW"), 499),
    "no JSON": (lambda c: raw_sealed(c, b"\xff"), 400),
    "an answer": (lambda c: raw_sealed(c, write_answer(Answer(200, "r"))), 400),
    "an unknown method": (lambda c: raw_sealed(c, b'{"method":"steal"}'), 400),
    "deep nesting": (lambda c: raw_sealed(c, b"[" * 100_000), 400),
    "another key's": (lambda c: raw_sealed(c, b"{}")[:-3] + "AAA", 499),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_wrong_message_is_refused(site: Site, name: str) -> None:
    """What can't be opened gets a signed reset, what makes no sense a sealed 400; one row each."""
    client = site.client()
    make, status = MESSAGES[name]
    before = len(site.rows())
    raw = site.desk.answer(make(client), "test")
    if status == 499:
        assert signed.open_signed(raw, site.desk.static.public).status == 499
    else:
        assert sealed.open_answer(raw, client.key).status == status
    assert [row.entry.status for row in site.rows()[before:]] == [status]


def test_a_replayed_request_has_no_second_effect(site: Site) -> None:
    """The same message gets the same answer; another one under its requestId gets 409. Each time one row."""
    client = site.client()
    request = client.request("create", "/keys", "fixed", count=1)
    first, again = client.send(request), client.send(request)
    assert first == again
    other = client.send(client.request("create", "/keys", "fixed", count=2))
    assert other.status == 409
    with site.house.database.reading() as connection:
        assert connection.execute("SELECT count(*) FROM keys").fetchone()[0] == 1
    assert [(row.entry.status, row.entry.reason) for row in site.rows()[2:]] == [
        (201, "repeated"),
        (409, "The requestId was used for another request."),
    ]


def test_a_repeated_fetch_is_looked_at_anew(site: Site) -> None:
    """A key that was revoked in between does not come out of a memory."""
    client = site.client()
    key = client.bound_key()
    request = client.request("retrieve", key.uri, "fixed")
    assert client.send(request).status == 200
    with site.house.database.writing() as connection:
        connection.execute("UPDATE keys SET state = 'disabled'")
    assert client.send(request).status == 405


def test_too_many_requests_want_a_new_handshake(tmp_path: Path) -> None:
    """What is remembered against replays is bounded."""
    site = site_at(tmp_path, lambda one: replace(one, limits=replace(one.limits, remembered=3)))
    client = site.client()
    assert [client.ask("update", "/ping").status for _ in range(4)] == [200, 200, 200, 429]
    site.close()


def test_an_expired_ephemeral_key_is_reset(site: Site) -> None:
    """After expirationDate the service does not know it any more."""
    client = site.client()
    site.clock.forward(site.settings.times.ephemeral)
    assert client.ask("update", "/ping").status == 499


def test_handshakes_are_bounded(tmp_path: Path) -> None:
    """Of one user the oldest makes room; of all together the next is 503."""
    limits = {"ephemeral": 3, "ephemeral_per_user": 2}
    site = site_at(tmp_path, lambda one: replace(one, limits=replace(one.limits, **limits)))
    first, second, third = (site.client("ann@example.com", f"client {n}") for n in range(3))
    assert [one.ask("update", "/ping").status for one in (first, second, third)] == [499, 200, 200]
    site.client("bob@example.com")
    answer = Client(site, lambda _: Credential(bearer=token(site.clock, "eve@example.com")), "c").offer()
    assert answer.status == 503
    assert [row.entry.status for row in site.rows()[-2:]] == [201, 503]
    site.close()


JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
NAMES = (
    "count",
    "resourceUri",
    "authIds",
    "userIds",
    "keyUris",
    "ttl",
    "anonymous",
    "boundAfter",
    "state",
    "jwk",
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["create", "retrieve", "update", "delete"]),
    st.sampled_from(
        [
            "/keys",
            "/keys/x",
            "/resources",
            "/resources/x/keys",
            "/authorizations",
            "/kek",
            "/ecdhe/x",
            "/ping",
        ]
    ),
    st.dictionaries(st.sampled_from(NAMES), JSON),
)
def test_whatever_a_request_holds_the_answer_has_a_status(
    site: Site, method: str, uri: str, members: dict[str, Any]
) -> None:
    """No member of any kind makes the server stumble."""
    client = getattr(site, "_client", None) or site.client("officer@example.com")
    site._client = client  # type: ignore[attr-defined]
    answer = client.ask(method, uri, **members)
    assert answer.status in (200, 201, 204, 400, 403, 404, 409)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text() | st.from_regex(r"[A-Za-z0-9_-]{0,40}(\.[A-Za-z0-9_-]{0,40}){2,5}"))
def test_whatever_comes_in_a_reset_goes_out(site: Site, text: str) -> None:
    """Foreign text is never more than a reset."""
    answer = signed.open_signed(site.desk.answer(text, "test"), site.desk.static.public)
    assert answer.status == 499
