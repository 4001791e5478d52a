"""The server's certified RSA key, from a PEM file or a PKCS#11 token, with its chain."""

from __future__ import annotations

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from connector.errors import ConfigError, Problem
from connector.keystore import files
from connector.kms.keks.opening import pkcs11
from connector.kms.names import Names
from connector.kms.settings import Settings
from connector.seal.kmswire.static import StaticKey

_MOST_BYTES = 64 * 1024
LEAST_BITS = 2048


def load(settings: Settings) -> StaticKey:
    """Raises ConfigError, with one sentence."""
    found = settings.static_key
    key = _from_pem(found.key) if found.key else _from_token(settings)
    chain = _chain(found.chain) if found.chain else ()
    if key.key_size < LEAST_BITS:
        raise _problem(f"The static key has {key.key_size} bits; make one of 3072.")
    if chain and chain[0].public_key() != key.public_key():
        raise _problem(f"The first certificate in {found.chain} is not the static key's own.")
    return StaticKey(Names(settings.host).cluster, key, chain)


def _from_pem(path: Path) -> rsa.RSAPrivateKey:
    raw = files.read_private(path, _MOST_BYTES, mode=0o400)
    if raw is None:
        raise _problem(f"There is no static key {path}; docs/kms.md says how to make one.")
    try:
        key = load_pem_private_key(raw, None)
    except (ValueError, TypeError) as error:
        raise _problem(f"The static key {path} is no PEM file of an unencrypted private key.") from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise _problem(f"The static key {path} is no RSA key, which the protocol asks for.")
    return key


def _from_token(settings: Settings) -> rsa.RSAPrivateKey:
    key: rsa.RSAPrivateKey = pkcs11().open_static_key(settings.pkcs11, settings.static_key.label)
    return key


def _chain(path: Path) -> tuple[x509.Certificate, ...]:
    try:
        return tuple(x509.load_pem_x509_certificates(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise _problem(f"The chain {path} can't be used: {error}") from error


def _problem(sentence: str) -> ConfigError:
    return ConfigError((Problem(sentence),))
