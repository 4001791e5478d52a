"""The file: a JWE in general JSON (RFC 7516 section 7.2.1), one encrypted key for each recipient."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeyParameters, KeySet, RSAKey

from connector.errors import NotFound, UserError
from connector.seal.kmswire.jose import key_of
from connector.seal.kmswire.static import fingerprint

TYPE = "calendar-connector-kms-backup"
MOST_BYTES = 1024 * 1024 * 1024
"""Of a file that is read."""
_MOST_PEM = 64 * 1024
_ALGORITHMS = ["RSA-OAEP-256", "ECDH-ES+A256KW", "A256GCM"]

Public = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class _Registry(jwe.JWERegistry):
    max_ciphertext_length = MOST_BYTES

    def __init__(self) -> None:
        super().__init__(algorithms=_ALGORITHMS, strict_check_header=False)


def seal(clear: bytes, recipients: tuple[Public, ...], facts: dict[str, Any]) -> bytes:
    """The file for these recipients; ``facts`` stand readable in it and are authenticated. Raises UserError without any."""
    if not recipients:
        raise UserError("Name at least one recipient's public key: --recipient PEM")
    protected = {"enc": "A256GCM", "typ": TYPE, **facts}
    sealed = jwe.GeneralJSONEncryption(protected, clear)
    for one in recipients:
        sealed.add_recipient({"alg": _algorithm(one), "kid": fingerprint(one)}, _jose(one))
    return json.dumps(jwe.encrypt_json(sealed, None, registry=_Registry()), separators=(",", ":")).encode()


def open_sealed(raw: bytes, key: Private) -> tuple[bytes, dict[str, Any]]:
    """What was sealed, and the facts. Raises UserError for another file, another recipient, and damage."""
    mine = fingerprint(key.public_key())
    try:
        document: Any = json.loads(raw)
        document["recipients"] = [one for one in document["recipients"] if one["header"]["kid"] == mine]
        meant = bool(document["recipients"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError("This is no backup of a key server.") from error
    if not meant:
        raise UserError("The backup is not for this key; take one of its recipients'.")
    try:
        opened = jwe.decrypt_json(document, KeySet([_jose(key)]), registry=_Registry())
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise UserError("The backup is damaged, or was changed; take another one.") from error
    facts = dict(opened.protected)
    if facts.get("typ") != TYPE or opened.plaintext is None:
        raise UserError("This is no backup of a key server.")
    return opened.plaintext, facts


def public_key(path: Path) -> Public:
    """A recipient's: a PEM file of a public key or a certificate, RSA or EC. Raises UserError."""
    from cryptography import x509  # noqa: PLC0415 - certificates are the rarer case

    raw = _pem(path)
    try:
        if b"BEGIN CERTIFICATE" in raw:
            key: object = x509.load_pem_x509_certificate(raw).public_key()
        else:
            key = serialization.load_pem_public_key(raw)
    except ValueError as error:
        raise UserError(f"{path} is no PEM file of a public key or certificate.") from error
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= 2048:
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in (
        "secp256r1",
        "secp384r1",
        "secp521r1",
    ):
        return key
    raise UserError(f"{path}: a recipient's key is RSA of 2048 bits or more, or EC on P-256, P-384 or P-521.")


def private_key(path: Path, password: bytes | None) -> Private:
    """A recipient's own. Raises UserError."""
    try:
        key = serialization.load_pem_private_key(_pem(path), password)
    except (ValueError, TypeError) as error:
        raise UserError(f"{path} can't be opened as a PEM private key; is its password right?") from error
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise UserError(f"{path} is neither an RSA nor an EC key.")
    return key


def read_file(path: Path, most: int = MOST_BYTES) -> bytes:
    """Raises NotFound and UserError."""
    try:
        with path.open("rb") as file:
            raw = file.read(most + 1)
    except FileNotFoundError as error:
        raise NotFound(f"There is no file {path}.") from error
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror}.") from error
    if len(raw) > most:
        raise UserError(f"{path} is longer than {most} bytes and was not read.")
    return raw


def _pem(path: Path) -> bytes:
    return read_file(path, _MOST_PEM)


def _algorithm(key: Public) -> str:
    return "RSA-OAEP-256" if isinstance(key, rsa.RSAPublicKey) else "ECDH-ES+A256KW"


def _jose(key: Public | Private) -> RSAKey | ECKey:
    kid = fingerprint(
        key if isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey) else key.public_key()
    )
    options: KeyParameters = {"kid": kid}
    return key_of(key, options)
