"""Finds the place of the KEKs that kms.toml names."""

from __future__ import annotations

import importlib
import os
import secrets
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from connector.errors import KeystoreError
from connector.keystore import files
from connector.kms.keks.base import KekProvider
from connector.kms.keks.master import MASTER_BYTES, MasterKeks
from connector.kms.keks.tpm import tpm_warnings
from connector.kms.settings import Settings

CREDENTIAL = "calendar-connector-kms.master"
CREDENTIAL_STORE = Path("/etc/credstore.encrypted")
_BLOB_LIMIT = 64 * 1024
_MAKE = (
    f"head -c 32 /dev/urandom | systemd-creds encrypt --name={CREDENTIAL} - {CREDENTIAL_STORE / CREDENTIAL}"
)


def open_provider(settings: Settings, environment: Mapping[str, str]) -> KekProvider:
    """The provider of ``kek.provider``. Raises KeystoreError and ConfigError, each with one sentence."""
    if settings.kek.provider == "pkcs11":
        token: KekProvider = pkcs11().open_token(settings.pkcs11)
        return token
    if settings.kek.provider == "file":
        return MasterKeks(_from_file(settings.kek.file, settings.database.parent), "file", _OF_A_FILE)
    return MasterKeks(_from_credential(environment), "credential", tpm_warnings())


def pkcs11() -> ModuleType:
    """The module for tokens, whose library is an extra. Raises KeystoreError where that is not installed."""
    try:
        return importlib.import_module("connector.kms.keks.pkcs11")
    except ImportError as error:
        raise KeystoreError(
            "python-pkcs11 is not installed, so no PKCS#11 token can be used here."
        ) from error


_OF_A_FILE = ("The master secret is a file beside the database: good for trials only.",)


def _from_file(path: Path, state: Path) -> bytes:
    """The file's 32 bytes; made when there is none, and its owner's alone."""
    found = files.read_private(path, 2 * MASTER_BYTES, mode=0o400)
    if found is None:
        found = secrets.token_bytes(MASTER_BYTES)
        files.create(path, found, mode=0o400, owner=files.owner_of(state))
    return _sized(found, str(path))


def _from_credential(environment: Mapping[str, str]) -> bytes:
    """What systemd handed over; without systemd, root opens the sealed file."""
    directory = environment.get("CREDENTIALS_DIRECTORY")
    if directory:
        path = Path(directory) / CREDENTIAL
        found = files.read_private(path, 2 * MASTER_BYTES, mode=None)
    elif os.geteuid() == 0:
        path = CREDENTIAL_STORE / CREDENTIAL
        found = _decrypted(path)
    else:
        raise KeystoreError("Only root can open the key server's master secret; run this by sudo.")
    if found is None:
        raise KeystoreError(f"There is no master secret {path}; make it, as root: {_MAKE}")
    return _sized(found, str(path))


def _decrypted(path: Path, program: str = "systemd-creds") -> bytes | None:
    blob = files.read_private(path, _BLOB_LIMIT, mode=None)
    if blob is None:
        return None
    command = [program, "decrypt", f"--name={path.name}", "-", "-"]
    try:
        done = subprocess.run(command, input=blob, capture_output=True, check=False, timeout=60)  # noqa: S603 - a fixed program, no shell
    except (OSError, subprocess.TimeoutExpired) as error:
        raise KeystoreError(f"{program} can't be run ({type(error).__name__}).") from None
    if done.returncode != 0:
        words = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise KeystoreError(f"{program} could not decrypt {path}: {' '.join(words)[:200]}")
    return done.stdout


def _sized(master: bytes, where: str) -> bytes:
    if len(master) != MASTER_BYTES:
        raise KeystoreError(f"{where} holds no master secret: it must be exactly {MASTER_BYTES} bytes long.")
    return master
