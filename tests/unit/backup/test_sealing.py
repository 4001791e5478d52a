"""A sealed stream opens for its recipients, whole, and for nobody else."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from connector.backup.sealing import CHUNK, NeedsPassword, Opened, Sealed, opener, recipient
from connector.errors import UserError

PRIVATE: dict[str, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey] = {
    "rsa": rsa.generate_private_key(65537, 2048),
    "ec": ec.generate_private_key(ec.SECP256R1()),
    "other": ec.generate_private_key(ec.SECP384R1()),
}


def public(name: str) -> bytes:
    return PRIVATE[name].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def private(name: str, password: bytes = b"") -> bytes:
    protection = BestAvailableEncryption(password) if password else NoEncryption()
    return PRIVATE[name].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection)


def sealed(content: bytes, *names: str) -> bytes:
    out = io.BytesIO()
    stream = Sealed(out, [recipient(public(name), name) for name in names or ("ec",)])
    for at in range(0, len(content), 300_001):
        stream.write(content[at : at + 300_001])
    stream.close()
    return out.getvalue()


def opened(data: bytes, name: str = "ec") -> bytes:
    stream = Opened(io.BytesIO(data), opener(private(name), name), "the file")
    return b"".join(iter(lambda: stream.read(70_000), b""))


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_what_was_sealed_comes_back(size: int) -> None:
    """Of any length, at the borders of chunks too, for each recipient."""
    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    data = sealed(content, "rsa", "ec")
    assert opened(data, "rsa") == opened(data, "ec") == content


def test_somebody_else_is_told_so() -> None:
    """Another key of the same kind opens nothing."""
    with pytest.raises(UserError, match="the file is not sealed to this key"):
        opened(sealed(b"secret"), "other")


def spoilt(data: bytes) -> Iterator[bytes]:
    body = data.index(b"]}") + 2
    chunk = CHUNK + 16
    yield data[:-1]
    yield data[: body + chunk]
    yield data + b"x"
    yield data[:body] + data[body + chunk :]
    yield (
        data[:body]
        + data[body + chunk : body + 2 * chunk]
        + data[body : body + chunk]
        + data[body + 2 * chunk :]
    )
    yield data[:-100] + bytes([data[-100] ^ 1]) + data[-99:]


def test_what_is_cut_moved_or_altered_is_refused() -> None:
    """The end cut off at any place, chunks exchanged, left out or appended to, a bit turned over."""
    data = sealed(bytes(2 * CHUNK + 5))
    for one in spoilt(data):
        with pytest.raises(UserError, match="damaged or was altered"):
            opened(one)


@given(st.binary(max_size=300))
def test_no_bytes_upset_the_reader(data: bytes) -> None:
    """Whatever is there instead of a backup is one sentence."""
    for whole in (data, b"calendar-connector backup 1\n" + data):
        with pytest.raises(UserError):
            opened(whole)


def test_keys_that_are_none() -> None:
    """Rubbish, too short a key and one that can't be sealed to are named."""
    small = rsa.generate_private_key(65537, 1024).public_key()  # noqa: S505 - refused, which is the fact
    signing = ed25519.Ed25519PrivateKey.generate().public_key()
    for pem in (
        b"rubbish",
        small.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        signing.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    ):
        with pytest.raises(UserError, match=r"^officer\.pem "):
            recipient(pem, "officer.pem")
    with pytest.raises(UserError, match="is no private key"):
        opener(public("ec"), "officer.pem")


def test_a_private_key_with_a_password() -> None:
    """It is asked for, and a wrong one is refused."""
    pem = private("ec", b"right")
    with pytest.raises(NeedsPassword):
        opener(pem, "officer.pem")
    with pytest.raises(UserError, match="its password is another"):
        opener(pem, "officer.pem", b"wrong")
    assert opener(pem, "officer.pem", b"right").is_private
