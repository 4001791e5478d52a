"""What is wrong is refused with a status and one row of the trail, and no key leaves."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from connector.kms.settings import ConnectorSettings
from connector.seal.kmswire import handshake, jose
from connector.seal.kmswire.identity import Identity
from connector.seal.kmswire.messages import Answer, Credential
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
