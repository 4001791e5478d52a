"""The handshake between our two sides, and what somebody in between can't do to it."""

from __future__ import annotations

import hmac
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jwe, jws
from joserfc.jwk import RSAKey

from connector.errors import Refused
from connector.seal.kmswire import handshake, jose, signed
from connector.seal.kmswire.handshake import Binding
from connector.seal.kmswire.identity import SKEW, Identity, check_proof, read_public
from connector.seal.kmswire.messages import Answer, Credential
from connector.seal.kmswire.plain import dump
from connector.seal.kmswire.static import fingerprint
from tests.unit.seal.kmswire.site import (
    BEARER,
    HOST,
    KEY_URI,
    NOW,
    agreed,
    bearer,
    certificate,
    client_private,
    other_service,
    rsa_private,
    service_key,
)

STATIC = service_key()


def code(verdict: pytest.ExceptionInfo[Refused]) -> str:
    return verdict.value.code


def offered(members: dict[str, Any]) -> str:
    """An offer with these members in place of the right ones."""
    body = {
        "client": {"clientId": "c", "credential": {"bearer": "T"}},
        "method": "create",
        "uri": "/ecdhe",
        "requestId": "r",
        "jwk": handshake.write_point(client_private().public_key()),
    }
    return jose.encrypt_offer(dump({**body, **members}), STATIC.public.key, STATIC.kid)


def answer_of(pending: handshake.Pending) -> str:
    offer = handshake.open_offer(pending.token, STATIC)
    return handshake.answer_offer(
        offer, STATIC, uri=KEY_URI, user_id="u-1", created=NOW, expires=NOW + timedelta(hours=1)
    )[0]


def begun() -> handshake.Pending:
    return handshake.make_offer(STATIC.public, "client-1", bearer, "request-1")


def test_both_sides_agree_on_one_key() -> None:
    """Same 32 bytes, same URI, and the client learns whom it is taken for."""
    ours, theirs = agreed()
    assert ours == theirs
    assert (len(ours.secret), ours.uri, ours.user_id, ours.client_id) == (32, KEY_URI, "u-1", "client-1")


def test_every_handshake_makes_a_new_key() -> None:
    """Fresh key pairs on both sides."""
    assert agreed()[0].secret != agreed()[0].secret


def test_neither_token_nor_secret_shows_in_repr() -> None:
    """What may be logged by accident holds no secret."""
    ours, _ = agreed()
    shown = repr((ours, BEARER, begun(), STATIC, handshake.open_offer(begun().token, STATIC)))
    assert "TOKEN" not in shown
    assert repr(ours.secret) not in shown


def test_a_hub_that_answers_in_the_service_s_place_is_not_believed() -> None:
    """Same kid, same form, another key: the signature does not fit."""
    pending = begun()
    offer = handshake.open_offer(pending.token, STATIC)
    forged, _ = handshake.answer_offer(
        offer, other_service(), uri=KEY_URI, user_id="u", created=NOW, expires=NOW
    )
    with pytest.raises(Refused) as verdict:
        signed.open_signed(forged, STATIC.public)
    assert code(verdict) == "kms-broken"


def test_a_changed_answer_is_not_believed() -> None:
    """What a public client takes without a look: another body under the old signature."""
    head, _, signature = answer_of(begun()).split(".")
    body = jose.encode(dump({"status": 201, "requestId": "request-1", "key": {}}))
    with pytest.raises(Refused):
        signed.open_signed(f"{head}.{body}.{signature}", STATIC.public)


@pytest.mark.parametrize("header", [{"alg": "PS256"}, {"alg": "PS256", "kid": "kms://other.example.com"}])
def test_an_answer_without_kid_or_with_a_foreign_one_is_not_believed(header: dict[str, str]) -> None:
    """Even when the signature is right."""
    payload = dump({"status": 201, "requestId": "request-1"})
    token = jws.serialize_compact(header, payload, RSAKey(STATIC.key, STATIC.key), algorithms=["PS256"])
    with pytest.raises(Refused):
        signed.open_signed(token, STATIC.public)


@pytest.mark.parametrize("algorithm", ["RS384", "PS512"])
def test_no_other_signature_algorithm_is_taken(algorithm: str) -> None:
    """However good the signature."""
    header = {"alg": algorithm, "kid": STATIC.kid}
    key = RSAKey(STATIC.key, STATIC.key)
    token = jws.serialize_compact(header, dump({"status": 201}), key, algorithms=[algorithm])
    with pytest.raises(Refused) as verdict:
        signed.open_signed(token, STATIC.public)
    assert code(verdict) == "kms-broken"


def test_the_public_key_is_no_hmac_secret_and_a_missing_signature_none() -> None:
    """The two classical confusions of algorithms."""
    pem = RSAKey(STATIC.public.key, STATIC.public.key).as_pem()
    for algorithm in ("none", "HS256"):
        head, body = (
            jose.encode(dump(one))
            for one in ({"alg": algorithm, "kid": STATIC.kid}, {"status": 201, "requestId": "request-1"})
        )
        mac = hmac.digest(pem, f"{head}.{body}".encode(), "sha256") if algorithm == "HS256" else b""
        with pytest.raises(Refused):
            signed.open_signed(f"{head}.{body}.{jose.encode(mac)}", STATIC.public)


def test_an_answer_to_another_handshake_is_refused() -> None:
    """A recorded answer does not fit the next handshake's requestId."""
    first = handshake.make_offer(STATIC.public, "c", bearer, "request-0")
    recorded = signed.open_signed(answer_of(first), STATIC.public)
    with pytest.raises(Refused) as verdict:
        handshake.agree(begun(), recorded, STATIC.public)
    assert code(verdict) == "kms-malformed"


def test_a_refusal_of_the_handshake_is_no_key() -> None:
    """403 and 200 alike."""
    for status in (200, 403, 499):
        answer = Answer(status, "request-1", members={"key": {}})
        with pytest.raises(Refused):
            handshake.agree(begun(), answer, STATIC.public)


def test_an_ephemeral_key_of_another_host_is_refused() -> None:
    """Its URI is what later messages are addressed with."""
    offer = handshake.open_offer(begun().token, STATIC)
    pending = begun()
    token, _ = handshake.answer_offer(
        offer, STATIC, uri="kms://evil.example.com/ecdhe/1", user_id="u", created=NOW, expires=NOW
    )
    with pytest.raises(Refused) as verdict:
        handshake.agree(pending, signed.open_signed(token, STATIC.public), STATIC.public)
    assert code(verdict) == "kms-elsewhere"


@pytest.mark.parametrize(
    ("name", "members"),
    [
        ("a point off the curve", {"jwk": {"kty": "EC", "crv": "P-256", "x": "A" * 43, "y": "A" * 43}}),
        ("another curve", {"jwk": {"kty": "EC", "crv": "P-384", "x": "A" * 64, "y": "A" * 64}}),
        ("a short coordinate", {"jwk": {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}}),
        ("no key", {"jwk": None}),
        ("another method", {"method": "delete"}),
        ("another object", {"uri": "/keys"}),
        ("another host", {"uri": "kms://other.example.com/ecdhe"}),
        ("an answer", {"status": 201}),
        ("no credential", {"client": {"clientId": "c"}}),
        ("two credentials", {"client": {"clientId": "c", "credential": {"bearer": "a", "jwk": {}}}}),
        ("no client", {"client": None}),
        ("a number as requestId", {"requestId": 1}),
    ],
)
def test_an_offer_that_is_none_is_refused(name: str, members: dict[str, Any]) -> None:
    """Each is an authentic message and still nothing the service acts on."""
    with pytest.raises(Refused) as verdict:
        handshake.open_offer(offered(members), STATIC)
    assert code(verdict) in {"kms-malformed", "kms-elsewhere", "kms-broken"}, name


def test_a_jwk_of_a_megabyte_is_refused_by_its_size() -> None:
    """Before anything is decrypted."""
    point = handshake.write_point(client_private().public_key())
    huge = jwe.encrypt_compact(
        {"alg": "RSA-OAEP", "enc": "A256GCM", "kid": STATIC.kid},
        dump({"jwk": {**point, "padding": "x" * 1024 * 1024}}),
        RSAKey(STATIC.public.key, STATIC.public.key),
        registry=jwe.JWERegistry(algorithms=jose.OFFER),
    )
    with pytest.raises(Refused, match="more than 65536"):
        handshake.open_offer(huge, STATIC)


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "RSA-OAEP-256"},
        {"alg": "RSA1_5"},
        {"enc": "A128CBC-HS256"},
        {"kid": "kms://other.example.com"},
        {"zip": "DEF"},
    ],
)
@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_an_offer_is_sealed_as_the_protocol_says_or_not_opened(header: dict[str, str]) -> None:
    """No other algorithm, no other kid, no zip."""
    full = {"alg": "RSA-OAEP", "enc": "A256GCM", "kid": STATIC.kid, **header}
    algorithms = ["RSA-OAEP", "RSA-OAEP-256", "RSA1_5", "A256GCM", "A128CBC-HS256", "DEF"]
    token = jwe.encrypt_compact(
        full, b"{}", RSAKey(STATIC.public.key, STATIC.public.key), algorithms=algorithms
    )
    with pytest.raises(Refused) as verdict:
        handshake.open_offer(token, STATIC)
    assert code(verdict) == "kms-broken"


# --- a client's own key ------------------------------------------------------------------------

IDENTITIES = {
    "EC": Identity(client_private(), ()),
    "RSA": Identity(rsa_private(5), (certificate(rsa_private(5).public_key(), "cal-01.example.com"),)),
}
BINDING = Binding(f"kms://{HOST}", "thumb", "request-1")


@pytest.mark.parametrize("identity", IDENTITIES.values(), ids=IDENTITIES)
def test_a_client_is_known_by_its_own_key(identity: Identity) -> None:
    """The proof binds it to this service, this handshake and this moment; the fingerprint is what is enrolled."""
    pending = handshake.make_offer(STATIC.public, "c", lambda b: identity.credential(b, NOW), "request-1")
    offer = handshake.open_offer(pending.token, STATIC)
    assert check_proof(offer.request.credential, offer.binding, NOW) == identity.fingerprint
    assert fingerprint(read_public(identity.jwk())) == identity.fingerprint


@pytest.mark.parametrize(
    "binding",
    [
        replace(BINDING, audience="kms://other.example.com"),
        replace(BINDING, thumbprint="another key"),
        replace(BINDING, request_id="request-9"),
    ],
)
def test_a_proof_is_worth_nothing_elsewhere(binding: Binding) -> None:
    """Another service, or whoever recorded it, can't use it for a handshake of its own."""
    credential = IDENTITIES["EC"].credential(BINDING, NOW)
    with pytest.raises(Refused):
        check_proof(credential, binding, NOW)


def test_a_proof_is_of_now() -> None:
    """Five minutes either way."""
    credential = IDENTITIES["EC"].credential(BINDING, NOW)
    check_proof(credential, BINDING, NOW + SKEW)
    for then in (NOW + SKEW * 2, NOW - SKEW * 2):
        with pytest.raises(Refused):
            check_proof(credential, BINDING, then)


def test_somebody_else_s_public_key_is_no_credential() -> None:
    """Its certificate is public; without its private key nobody gets in."""
    victim, thief = IDENTITIES["RSA"], IDENTITIES["EC"]
    stolen = replace(thief.credential(BINDING, NOW), jwk=victim.jwk())
    bare = Credential(jwk=victim.jwk())
    for credential in (stolen, bare, BEARER):
        with pytest.raises(Refused):
            check_proof(credential, BINDING, NOW)


def test_a_chain_of_another_key_is_refused() -> None:
    """The first certificate is the key's own."""
    jwk = {**IDENTITIES["EC"].jwk(), "x5c": IDENTITIES["RSA"].jwk()["x5c"]}
    with pytest.raises(Refused):
        read_public(jwk)
