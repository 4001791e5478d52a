"""The recorded messages of an independent implementation, where they are at hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc.jwk import ECKey, RSAKey

from connector.seal.kmswire.static import StaticKey

PATH = Path(__file__).resolve().parents[5] / "shared/data/kms/vectors.json"

recorded = pytest.mark.skipif(not PATH.exists(), reason="the recorded vectors are not at hand")


def load() -> dict[str, Any]:
    """The vectors."""
    vectors: dict[str, Any] = json.loads(PATH.read_text())
    return vectors


def static_key(vectors: dict[str, Any]) -> StaticKey:
    """The key service's key of the vectors."""
    jwk = vectors["static_private_jwk"]
    private = RSAKey.import_key(jwk).private_key
    assert private is not None
    return StaticKey(jwk["kid"], private)


def ec_key(jwk: dict[str, str | list[str]]) -> ec.EllipticCurvePrivateKey:
    """One of the handshake's keys of the vectors."""
    private = ECKey.import_key(jwk).private_key
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    return private
