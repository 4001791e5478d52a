"""What is wrong is refused with a status and one row of the trail, and no key leaves."""

from __future__ import annotations

import base64
import json
import sqlite3
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.kms.settings import ConnectorSettings
from connector.seal.kmswire import handshake, jose, sealed, signed
from connector.seal.kmswire.identity import Identity
from connector.seal.kmswire.messages import Answer, Credential, write_answer
from tests.unit.kms.site import CLUSTER, CONNECTOR, Client, Site, identity, site_at, token
from tests.unit.seal.kmswire.site import authority, certificate, rsa_private


def unsigned(site: Site) -> str:
    """A token that says it needs no signature."""
    header = jose.encode(json.dumps({"alg": "none", "kid": "one"}).encode())
    return f"{header}.{token(site.clock).split('.')[1]}."


def changed(text: str) -> str:
    """Another user under the same signature."""
    head, body, signature = text.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    return f"{head}.{jose.encode(json.dumps({**claims, 'sub': 'eve@example.com'}).encode())}.{signature}"


TOKENS: dict[str, tuple[Callable[[Site], str], int]] = {
    "expired": (lambda site: token(site.clock, iat=0, exp=int(site.clock().timestamp())), 401),
    "another audience": (lambda site: token(site.clock, aud="https://mail.example.com"), 401),
    "two audiences": (lambda site: token(site.clock, aud=[CLUSTER, "https://mail.example.com"]), 401),
    "no audience": (lambda site: token(site.clock, aud=None), 401),
    "another issuer": (lambda site: token(site.clock, iss="https://hub.example.net"), 401),
    "not yet good": (lambda site: token(site.clock, nbf=int(site.clock().timestamp()) + 600), 401),
    "good for years": (lambda site: token(site.clock, exp=int(site.clock().timestamp()) + 10**8), 401),
    "no end": (lambda site: token(site.clock, exp=None), 401),
    "no user": (lambda site: token(site.clock, sub=None), 401),
    "a connector's name": (lambda site: token(site.clock, "connector:cal-01"), 401),
    "an anonymous name": (lambda site: token(site.clock, "anonymous:1"), 401),
    "alg none": (unsigned, 401),
    "HMAC with the public key": (lambda site: token(site.clock, alg="HS256"), 401),
    "changed": (lambda site: changed(token(site.clock)), 401),
    "no token": (lambda _: "TOKEN", 401),
    "an unknown guest": (lambda _: "kmsa_" + "x" * 43, 401),
}


@pytest.mark.parametrize("name", TOKENS)
def test_a_wrong_token_gets_no_handshake(site: Site, name: str) -> None:
    """A signed 401 that says why, and one row without a word of the token."""
    make, status = TOKENS[name]
    bearer = make(site)
    answer = Client(site, lambda _: Credential(bearer=bearer), "c").offer()
    assert (answer.status, site.audit()) == (status, [("create /ecdhe", status)])
    assert answer.reason
    assert bearer not in str(site.rows())
    assert len(site.desk.lines) == 0


def test_a_token_that_expires_ends_what_it_began(site: Site) -> None:
    """It stands in every message, and is looked at every time."""
    short = token(site.clock, exp=int(site.clock().timestamp()) + 60)
    client = site.by(lambda _: Credential(bearer=short), "c")
    assert client.ask("create", "/keys").status == 201
    site.clock.forward(timedelta(minutes=1))
    assert client.ask("create", "/keys").status == 401
    assert site.audit()[-1] == ("create /keys", 401)


# --- the connector's own key ---------------------------------------------------------------------


def offered(site: Site, credentials: handshake.Credentials) -> Answer:
    """The answer to a handshake."""
    return Client(site, credentials, "connector").offer()


def test_a_key_that_is_not_enrolled_is_told_its_fingerprint(site: Site) -> None:
    """403 with what to enrol: the fingerprint is public."""
    stranger = Identity(ec.generate_private_key(ec.SECP256R1()), ())
    answer = offered(site, lambda binding: stranger.credential(binding, site.clock()))
    assert (answer.status, stranger.fingerprint in answer.reason) == (403, True)
    assert site.audit() == [("create /ecdhe", 403)]


def test_showing_the_enrolled_key_is_not_having_it(site: Site) -> None:
    """Without a proof, with somebody else's, with an old one, with one for another handshake: 401."""
    stranger = Identity(ec.generate_private_key(ec.SECP256R1()), ())
    old = site.clock() - timedelta(minutes=6)
    attempts: list[handshake.Credentials] = [
        lambda _: identity().shown(),
        lambda b: replace(identity().shown(), proof=stranger.credential(b, site.clock()).proof),
        lambda b: identity().credential(b, old),
        lambda b: identity().credential(replace(b, request_id="another"), site.clock()),
        lambda b: identity().credential(replace(b, audience="kms://other"), site.clock()),
    ]
    assert [offered(site, one).status for one in attempts] == [401] * 5
    assert site.audit() == [("create /ecdhe", 401)] * 5


def test_a_wrong_chain_is_refused(tmp_path: Path) -> None:
    """Of another key, of another authority, none at all, or none that is valid now: 401 and one row each."""
    root = tmp_path / "root.pem"

    root.write_bytes(authority().public_bytes(serialization.Encoding.PEM))
    mine = Identity(rsa_private(3), ())
    enrolled = {CONNECTOR: ConnectorSettings(fingerprint=mine.fingerprint, ca=root)}
    site = site_at(tmp_path, lambda one: replace(one, connectors=enrolled))
    public = rsa_private(3).public_key()
    chains = [(), (certificate(rsa_private(4).public_key()),), (certificate(public, number=5),)]
    got = [
        offered(site, lambda b, c=chain: replace(mine, chain=c).credential(b, site.clock())).status  # type: ignore[misc]
        for chain in chains
    ]
    assert got == [401] * 3
    good = replace(mine, chain=(certificate(public),))
    assert offered(site, lambda b: good.credential(b, site.clock())).status == 201
    site.clock.forward(timedelta(days=400))
    assert offered(site, lambda b: good.credential(b, site.clock())).status == 401
    assert site.audit() == [("create /ecdhe", status) for status in (401, 401, 401, 201, 401)]
    site.close()


def test_nobody_goes_on_under_somebody_elses_handshake(site: Site) -> None:
    """Another user's token, another clientId or another key under an ephemeral key: 403."""
    client = site.client("ann@example.com")
    other = site.client("eve@example.com")
    mixed = replace(client, credentials=other.credentials)
    mixed.key = client.key
    assert mixed.ask("create", "/keys").status == 403
    renamed = replace(client, client_id="another")
    renamed.key = client.key
    assert renamed.ask("create", "/keys").status == 403
    assert site.audit()[-2:] == [("create /keys", 403)] * 2


# --- messages ------------------------------------------------------------------------------------


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
    site.close()


# --- no row, no key ------------------------------------------------------------------------------


def test_no_key_leaves_when_the_row_can_t_be_written(site: Site) -> None:
    """A table that takes no more rows: create, fetch and handshake answer 503, nothing changes; then it goes on."""
    client = site.client()
    key = client.bound_key()
    with site.house.database.writing() as connection:
        connection.execute(
            "CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT raise(ABORT, 'disk full'); END"
        )
    count = keys_in(site)
    answers = [
        client.ask("create", "/keys"),
        client.ask("retrieve", key.uri),
        client.ask("retrieve", "/none"),
    ]
    answers.append(Client(site, client.credentials, "c").offer())
    assert [one.status for one in answers] == [503] * 4
    assert all(not one.members for one in answers)
    assert keys_in(site) == count
    with site.house.database.writing() as connection:
        connection.execute("DROP TRIGGER full")
    assert client.ask("retrieve", key.uri).status == 200


def test_no_key_leaves_when_the_disk_is_full(site: Site) -> None:
    """The file may not grow: the commit fails, the answer holds nothing, and nothing of it is in the database."""
    client = site.client()
    with site.house.database.writing() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
    answers: list[Answer] = []
    for _ in range(200):
        answers.append(client.ask("create", "/keys", count=10))
        if not answers[-1].good:
            break
    assert (answers[-1].status, answers[-1].members) == (503, {})
    good = sum(len(one.members["keys"]) for one in answers if one.good)
    assert keys_in(site) == good
    with site.house.database.reading() as connection:
        assert site.house.trail.first_broken(connection) is None


def keys_in(site: Site) -> int:
    """How many there are."""
    with site.house.database.reading() as connection:
        count: int = connection.execute("SELECT count(*) FROM keys").fetchone()[0]
        return count


def test_the_trail_names_everything_and_holds_no_secret(site: Site) -> None:
    """User, client, requestId, object, status and door of each; no token, no key, no proof."""
    client = site.client()
    key = client.bound_key("bob@example.com")
    site.connector().new_key()
    row = site.rows()[1].entry
    assert (row.user, row.client, row.via) == ("ann@example.com", "client of ann@example.com", "test")
    assert row.request_id
    assert row.objects == (key.uri,)
    whole = str(site.rows()) + dump(site.settings.database)
    for secret in (jose.encode(key.secret), token(site.clock), jose.encode(client.key.secret)):
        assert secret not in whole


def dump(path: Path) -> str:
    """The database as SQL."""
    with sqlite3.connect(path) as connection:
        text = "\n".join(connection.iterdump())
    connection.close()
    return text


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
