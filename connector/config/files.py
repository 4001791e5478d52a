"""Files that the configuration names: there, readable, and what they should be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from connector.config.conferences import Template, Webex
from connector.config.models import Config
from connector.config.tree import Path as Keys

Finding = tuple[Keys, str]

_MAX_PEM = 4 << 20


def check(config: Config) -> Iterator[Finding]:
    """Find what is wrong with the files named in ``config``."""
    for keys, trust in _trusts(config):
        if isinstance(trust, Path):
            yield from _authorities(keys, trust)
    if config.invitation.templates is not None:
        sentences = _missing_folder(config.invitation.templates)
        yield from ((("invitation", "templates"), sentence) for sentence in sentences)
    yield from _client_pair(config)


def remarks(config: Config) -> Iterator[Finding]:
    """Find what is wrong with files that come and go by themselves: a roster's run says so again, and changes nothing."""
    for name, entry in config.roster.from_.items():
        if entry.csv is not None:
            yield from ((("roster", "from", name, "csv"), sentence) for sentence in _unreadable(entry.csv))
    for name, service in config.conference.items():
        if isinstance(service, Template) and service.csv is not None:
            yield from ((("conference", name, "csv"), sentence) for sentence in _unreadable(service.csv))


def _trusts(config: Config) -> Iterator[tuple[Keys, object]]:
    yield ("hub", "ca"), config.hub.ca
    yield ("keys", "ca"), config.keys.ca
    yield from (
        (("sources", name, "ca"), getattr(source, "ca", None)) for name, source in config.sources.items()
    )
    yield from (
        (("conference", name, "ca"), service.ca)
        for name, service in config.conference.items()
        if isinstance(service, Webex)
    )
    yield from ((("directories", name, "ca"), place.ca) for name, place in config.directories.items())


def _unreadable(path: Path) -> Iterator[str]:
    try:
        if path.exists() and not path.is_file():
            yield f"{path} is no file; name a file"
        else:
            _content(path, 1)
    except FileNotFoundError:
        yield f"there is no file {path}; put it there, or mend the path"
    except OSError as error:
        yield f"{path} can't be read ({error.strerror}); mend its owner or mode"


def _missing_folder(path: Path) -> Iterator[str]:
    try:
        if not path.is_dir():
            yield f"there is no directory {path}; make it, or remove the key"
    except OSError as error:
        yield f"{path} can't be looked into ({error.strerror}); mend its owner or mode"


def _authorities(keys: Keys, path: Path) -> Iterator[Finding]:
    wrong = tuple(_unreadable(path))
    yield from ((keys, sentence) for sentence in wrong)
    if not wrong and not _certificates(path):
        yield (
            keys,
            f"{path} holds no certificate in PEM form; convert it with: openssl x509 -inform der -in FILE",
        )


def _certificates(path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(_content(path))
    except ValueError:
        return []


def _content(path: Path, limit: int = _MAX_PEM) -> bytes:
    with path.open("rb") as file:
        return file.read(limit)


def _client_pair(config: Config) -> Iterator[Finding]:
    certificate, key = config.hub.client_certificate, config.hub.client_key
    if certificate is None or key is None:
        return
    wrong = [
        (("hub", name), sentence)
        for name, path in (("client_certificate", certificate), ("client_key", key))
        for sentence in _unreadable(path)
    ]
    yield from wrong
    if not wrong:
        yield from _mismatch(certificate, key)


def _mismatch(certificate: Path, key: Path) -> Iterator[Finding]:
    shown = _certificates(certificate)
    if not shown:
        yield ("hub", "client_certificate"), f"{certificate} holds no certificate in PEM form"
    try:
        private = serialization.load_pem_private_key(_content(key), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        yield ("hub", "client_key"), f"{key} holds no unencrypted private key in PEM form"
        return
    if shown and private.public_key() != shown[0].public_key():
        yield (
            ("hub", "client_key"),
            f"{key} is not the key of {certificate}; name the pair that belongs together",
        )
