"""KEKs and the static key in a PKCS#11 token (a hardware security module): used there, never taken out. The only home of python-pkcs11."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any, NoReturn, TypeVar

import pkcs11
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding as paddings
from cryptography.hazmat.primitives.asymmetric import rsa
from pkcs11 import MGF, Attribute, GCMParams, KeyType, Mechanism, ObjectClass

from connector.errors import KeystoreError
from connector.keystore import files
from connector.kms.keks.base import KekMissing
from connector.kms.settings import Pkcs11Settings

_IV_BYTES = 12
_PIN_BYTES = 256
_OAEP = (Mechanism.SHA_1, MGF.SHA1, None)
_PSS = (Mechanism.SHA256, MGF.SHA256, 32)
_T = TypeVar("_T")


class Session:
    """A session of a token, for one thread at a time, opened anew after the token was away."""

    def __init__(self, settings: Pkcs11Settings) -> None:
        self._settings = settings
        self._pin = _pin(settings.pin)
        self._lock = Lock()
        self._open: pkcs11.Session | None = None

    def use(self, work: Callable[[pkcs11.Session], _T]) -> _T:
        """The result of ``work``. Raises whatever it raises; after a fault of the token the session is not used again."""
        with self._lock:
            try:
                if self._open is None:
                    self._open = self._begin()
                return work(self._open)
            except pkcs11.NoSuchKey:
                raise
            except pkcs11.PKCS11Error:
                self._open = None
                raise

    def _begin(self) -> pkcs11.Session:
        """A process logs in to a token once for all its sessions (PKCS#11 2.40, section 5.6)."""
        token = pkcs11.lib(str(self._settings.module)).get_token(token_label=self._settings.token)
        try:
            return token.open(rw=True, user_pin=self._pin)
        except pkcs11.UserAlreadyLoggedIn:
            return token.open(rw=True)


class TokenKeks:
    """``KekProvider`` with non-extractable AES-256 keys, by their label. A wrapped value is IV, ciphertext and tag of AES-GCM."""

    kind = "pkcs11"

    def __init__(self, session: Session) -> None:
        self._session = session

    def make(self, name: str) -> None:
        """Make the token generate one. Raises KeystoreError."""
        template = {Attribute.EXTRACTABLE: False, Attribute.SENSITIVE: True}

        def generate(session: pkcs11.Session) -> None:
            if not list(session.get_objects(_searched(name))):
                session.generate_key(KeyType.AES, 256, label=_label(name), store=True, template=template)

        try:
            self._session.use(generate)
        except pkcs11.PKCS11Error as error:
            raise _trouble("can't make a key", error) from error

    def wrap(self, name: str, clear: bytes, bound: bytes) -> bytes:
        """By the token."""
        iv = secrets.token_bytes(_IV_BYTES)
        return iv + self._gcm(name, iv, bound, lambda key, how: key.encrypt(clear, **how))

    def unwrap(self, name: str, wrapped: bytes, bound: bytes) -> bytes:
        """By the token."""
        iv, sealed = wrapped[:_IV_BYTES], wrapped[_IV_BYTES:]
        return self._gcm(name, iv, bound, lambda key, how: key.decrypt(sealed, **how))

    def warnings(self) -> tuple[str, ...]:
        """A token that does not answer is worth a sentence."""
        try:
            self._session.use(lambda session: session.token.flags)
        except pkcs11.PKCS11Error as error:
            return (f"The token does not answer ({type(error).__name__}).",)
        return ()

    def _gcm(self, name: str, iv: bytes, bound: bytes, use: Callable[[Any, dict[str, Any]], bytes]) -> bytes:
        def work(session: pkcs11.Session) -> bytes:
            key = session.get_key(ObjectClass.SECRET_KEY, KeyType.AES, label=_label(name))
            how = {"mechanism": Mechanism.AES_GCM, "mechanism_param": GCMParams(iv, bound, 128)}
            return bytes(use(key, how))

        try:
            return self._session.use(work)
        except (pkcs11.PKCS11Error, ValueError) as error:
            raise KekMissing(name) from error


class TokenRsaKey(rsa.RSAPrivateKey):
    """An RSA key of a token behind cryptography's interface: RSA-OAEP with SHA-1, PS256 and RS256, which are all the protocol asks for."""

    def __init__(self, session: Session, label: str, public: rsa.RSAPublicKey) -> None:
        self._session = session
        self._label = label
        self._public = public

    @property
    def key_size(self) -> int:
        """In bits."""
        return self._public.key_size

    def public_key(self) -> rsa.RSAPublicKey:
        """Its public half."""
        return self._public

    def decrypt(self, ciphertext: bytes, padding: paddings.AsymmetricPadding) -> bytes:
        """RSA-OAEP with SHA-1. Raises ValueError for what can't be decrypted, like cryptography's own."""
        if not isinstance(padding, paddings.OAEP):
            raise TypeError("the token's key decrypts RSA-OAEP only")
        return self._use(
            lambda key: key.decrypt(ciphertext, mechanism=Mechanism.RSA_PKCS_OAEP, mechanism_param=_OAEP)
        )

    def sign(self, data: bytes, padding: paddings.AsymmetricPadding, algorithm: Any) -> bytes:
        """PS256 or RS256."""
        if not isinstance(algorithm, hashes.SHA256):
            raise TypeError("the token's key signs SHA-256 only")
        if isinstance(padding, paddings.PSS):
            return self._use(
                lambda key: key.sign(data, mechanism=Mechanism.SHA256_RSA_PKCS_PSS, mechanism_param=_PSS)
            )
        return self._use(lambda key: key.sign(data, mechanism=Mechanism.SHA256_RSA_PKCS))

    def private_numbers(self) -> rsa.RSAPrivateNumbers:
        """The public ones beside zeros: a JOSE library describes a key by its numbers before it uses it, and these never leave the token."""
        public = self._public.public_numbers()
        return rsa.RSAPrivateNumbers(p=0, q=0, d=0, dmp1=0, dmq1=0, iqmp=0, public_numbers=public)

    def private_bytes(self, *_: Any) -> NoReturn:
        """The token does not give them."""
        raise TypeError("the key stays in its token")

    def __copy__(self) -> TokenRsaKey:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> TokenRsaKey:
        return self

    def _use(self, operation: Callable[[Any], bytes]) -> bytes:
        def work(session: pkcs11.Session) -> bytes:
            key = session.get_key(ObjectClass.PRIVATE_KEY, KeyType.RSA, label=self._label)
            return bytes(operation(key))

        try:
            return self._session.use(work)
        except pkcs11.PKCS11Error as error:
            raise ValueError(f"the token refused it ({type(error).__name__})") from error


def open_token(settings: Pkcs11Settings) -> TokenKeks:
    """The KEKs of the token. Raises KeystoreError when it can't be opened."""
    session = Session(settings)
    try:
        session.use(lambda opened: opened.token.label)
    except (pkcs11.PKCS11Error, RuntimeError) as error:
        raise _trouble("can't be opened", error) from error
    return TokenKeks(session)


def open_static_key(settings: Pkcs11Settings, label: str) -> rsa.RSAPrivateKey:
    """The RSA key of that label. Raises KeystoreError."""
    session = Session(settings)
    try:
        public = session.use(lambda opened: _public(opened, label))
    except (pkcs11.PKCS11Error, RuntimeError) as error:
        raise _trouble(f"has no RSA key pair {label}, or can't be opened", error) from error
    return TokenRsaKey(session, label, public)


def _public(session: pkcs11.Session, label: str) -> rsa.RSAPublicKey:
    key: Any = session.get_key(ObjectClass.PUBLIC_KEY, KeyType.RSA, label=label)
    session.get_key(ObjectClass.PRIVATE_KEY, KeyType.RSA, label=label)
    exponent, modulus = (int.from_bytes(key[one]) for one in (Attribute.PUBLIC_EXPONENT, Attribute.MODULUS))
    return rsa.RSAPublicNumbers(exponent, modulus).public_key()


def _searched(name: str) -> dict[Attribute, Any]:
    return {Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.LABEL: _label(name)}


def _label(name: str) -> str:
    return f"calendar-connector-kms {name}"


def _pin(path: Path | None) -> str:
    raw = files.read_private(path, _PIN_BYTES, mode=0o400) if path else None
    if raw is None:
        raise KeystoreError(f"There is no PIN file {path}; write the token's PIN into it, mode 0400.")
    return raw.decode(errors="replace").strip()


def _trouble(what: str, error: Exception) -> KeystoreError:
    return KeystoreError(f"The PKCS#11 token {what} ({type(error).__name__}); see pkcs11 in kms.toml.")
