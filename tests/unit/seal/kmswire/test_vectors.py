"""The wire against recorded messages of an independent implementation, read and written."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwe, jws
from joserfc.jwk import OctKey, RSAKey

from connector.seal import jwe as field_jwe
from connector.seal.kmswire import handshake, jose, sealed, signed
from connector.seal.kmswire.handshake import Pending
from connector.seal.kmswire.messages import RESET, read_request
from connector.seal.kmswire.plain import dump, load
from connector.seal.kmswire.sealed import EphemeralKey
from tests.unit.seal.kmswire.vectors import ec_key, recorded, static_key
from tests.unit.seal.kmswire.vectors import load as load_vectors

pytestmark = recorded
FAR = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def vectors() -> dict[str, Any]:
    return load_vectors()


def ephemeral(vectors: dict[str, Any]) -> EphemeralKey:
    secret = jose.decode(vectors["ephemeral_k"], "k", 32)
    return EphemeralKey(vectors["ecdhe_response_body"]["key"]["uri"], secret, FAR)


def test_the_service_opens_a_recorded_handshake(vectors: dict[str, Any]) -> None:
    """A client that sends its private ``d`` along is served, and the d is not looked at."""
    offer = handshake.open_offer(vectors["ecdhe_request_jwe"], static_key(vectors))
    body = vectors["ecdhe_request_body"]
    assert offer.request.request_id == body["requestId"]
    assert offer.request.credential.bearer == body["client"]["credential"]["bearer"]
    assert handshake.write_point(offer.public)["x"] == body["jwk"]["x"]


@pytest.mark.parametrize("algorithm", ["PS256", "RS256"])
def test_the_client_agrees_on_the_recorded_key(vectors: dict[str, Any], algorithm: str) -> None:
    """Both signature algorithms are taken, and ECDH and HKDF give the recorded 32 bytes."""
    public = static_key(vectors).public
    body = vectors["ecdhe_request_body"]
    pending = Pending(body["requestId"], body["client"]["clientId"], "", ec_key(vectors["client_ec_jwk"]))
    answer = signed.open_signed(vectors[f"ecdhe_response_jws_{algorithm}"], public)
    key = handshake.agree(pending, answer, public)
    assert jose.encode(key.secret) == vectors["ephemeral_k"]
    assert key.uri == vectors["ecdhe_response_body"]["key"]["uri"]


def test_the_service_derives_the_same_key(vectors: dict[str, Any]) -> None:
    """The other half of the exchange."""
    public = handshake.read_point(vectors["ecdhe_request_body"]["jwk"])
    secret = handshake.derive(ec_key(vectors["server_ec_jwk"]), public)
    assert jose.encode(secret) == vectors["ephemeral_k"]


def test_the_known_answer_of_another_recording() -> None:
    """Fixed values, independent of the vectors' file."""
    d, x, y = (
        "WhCpx09Cb8Ge5j07D4rVx_kPl7TyApHnnZuRX7eGsEc",
        "eyDfB_DWmIcKjkLvBZUx-Z7W436DaikKQDpOCt7rFYQ",
        "icbVIugK8rnSXRVERLRvoWZu1s4dzivMJa70pEYG6Fs",
    )
    private = ec.derive_private_key(int.from_bytes(jose.decode(d, "d", 32)), ec.SECP256R1())
    public = handshake.read_point({"kty": "EC", "crv": "P-256", "x": x, "y": y})
    expected = "II4BqHTDSRBKp0QoMYXORF75-1xud9i5_BkZeXaAS3s"
    assert jose.encode(handshake.derive(private, public)) == expected


def test_recorded_requests_are_read_and_written_again(vectors: dict[str, Any]) -> None:
    """Every one opens to its body, and what we write of it is the same message."""
    key = ephemeral(vectors)
    for one in vectors["common"]:
        assert sealed.kid_of(one["jwe"]) == key.uri
        request = sealed.open_request(one["jwe"], key)
        again = sealed.seal_request(request, key)
        clear = jwe.decrypt_compact(again, OctKey.import_key(key.secret), algorithms=["dir", "A256GCM"])
        assert load(clear.plaintext or b"") == one["body"]
        assert read_request(dump(one["body"])) == request


def test_the_recorded_reset_verifies(vectors: dict[str, Any]) -> None:
    """It is signed by the static key."""
    assert signed.open_signed(vectors["reset_jws"], static_key(vectors).public).status == RESET


def test_what_we_sign_another_reading_verifies(vectors: dict[str, Any]) -> None:
    """The handshake's answer as a JOSE library alone reads it."""
    static = static_key(vectors)
    offer = handshake.open_offer(vectors["ecdhe_request_jwe"], static)
    for algorithm in jose.SIGNED:
        token, _ = handshake.answer_offer(
            offer,
            static,
            uri=f"{static.kid}/ecdhe/x",
            user_id="u",
            created=FAR,
            expires=FAR,
            algorithm=algorithm,
        )
        public = RSAKey.import_key(
            {k: v for k, v in vectors["static_private_jwk"].items() if k in {"kty", "n", "e"}}
        )
        opened = jws.deserialize_compact(token, public, algorithms=[algorithm])
        assert load(opened.payload)["status"] == 201
        assert opened.headers() == {"alg": algorithm, "kid": static.kid}


def test_recorded_content_opens(vectors: dict[str, Any]) -> None:
    """Content of the cloud's own clients: dir, without a kid."""
    secret = jose.decode(vectors["content_key"]["k"], "k", 32)
    assert field_jwe.decrypt(vectors["content_jwe"], secret)[1].decode() == vectors["content_text"]
