"""Where the master key comes from: a file, a systemd credential, or (as root) the sealed form of that credential."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Protocol

from connector.errors import KeystoreError
from connector.keystore import files
from connector.keystore.document import MASTER_BYTES

CREDENTIAL = "calendar-connector.master"
CREDENTIAL_STORE = Path("/etc/credstore.encrypted")
_NEXT = ".next"
_BLOB_LIMIT = 64 * 1024


class MasterKey(Protocol):
    """A place that keeps the master key, and during a change its successor as well.

    A change is staged first, promoted when the keystore is sealed under it; whoever opens a keystore in between
    tries both. Every method raises KeystoreError.
    """

    where: str
    """What to call it in a sentence."""

    def candidates(self) -> tuple[bytes, ...]:
        """The staged successor, if there is one, then the present key; empty when there is none yet.

        The successor is looked for first: promoting it meanwhile then can't hide it from both looks.
        """

    def create(self, key: bytes, /) -> None:
        """Keep the first key."""

    def stage(self, key: bytes, /) -> None:
        """Keep a successor, durably, beside the present key."""

    def promote(self) -> None:
        """Make the staged successor the present key; nothing when there is none."""

    def discard(self) -> None:
        """Forget a staged successor that was never used."""

    def remove(self) -> None:
        """Forget the key; nothing is sealed with it."""


def master_key(
    setting: Path | Literal["credential"], state: Path, environment: Mapping[str, str]
) -> MasterKey:
    """The place that the configuration's ``keystore.master_key`` names; ``state`` is the state directory."""
    if isinstance(setting, Path):
        return KeyFile(setting, state)
    if directory := environment.get("CREDENTIALS_DIRECTORY"):
        return Credential(Path(directory))
    return EncryptedCredential(CREDENTIAL_STORE)


def _sized(key: bytes | None, where: str) -> tuple[bytes, ...]:
    if key is None:
        return ()
    if len(key) != MASTER_BYTES:
        raise KeystoreError(f"{where} holds no master key: it must be exactly {MASTER_BYTES} bytes long.")
    return (key,)


class KeyFile:
    """A file of 32 bytes, mode 0400, that belongs to the owner of the state directory."""

    def __init__(self, path: Path, state: Path) -> None:
        self._path = path
        self._next = path.with_name(path.name + _NEXT)
        self._state = state
        self.where = f"the master key file {path}"

    def candidates(self) -> tuple[bytes, ...]:
        """Both files, as far as they are there."""
        return self._read(self._next) + self._read(self._path)

    def create(self, key: bytes, /) -> None:
        """Write the file; never over one that is there."""
        files.create(self._path, key, mode=0o400, owner=files.owner_of(self._state))

    def stage(self, key: bytes, /) -> None:
        """Write the file with .next behind its name."""
        files.replace(self._next, key, mode=0o400, owner=files.owner_of(self._state))

    def promote(self) -> None:
        """Drop the .next, over the old file."""
        if self._read(self._next):
            files.rename(self._next, self._path)

    def discard(self) -> None:
        """Remove the file with .next."""
        files.remove(self._next)

    def remove(self) -> None:
        """Remove both files."""
        files.remove(self._next)
        files.remove(self._path)

    @staticmethod
    def _read(path: Path) -> tuple[bytes, ...]:
        return _sized(files.read_private(path, 2 * MASTER_BYTES, mode=0o400), str(path))


class Credential:
    """What systemd has put into $CREDENTIALS_DIRECTORY; it can be read there, and nothing else.

    Its permissions are systemd's own business (an access list may show as group rights), so they are not judged.
    """

    where = f"the systemd credential {CREDENTIAL}"

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def candidates(self) -> tuple[bytes, ...]:
        """What the unit was given: the key, and its successor when the unit imports that as well."""
        return self._read(CREDENTIAL + _NEXT) + self._read(CREDENTIAL)

    def create(self, _key: bytes, /) -> None:
        """Impossible here; says what to do."""
        raise KeystoreError(
            f"systemd has handed over no credential {CREDENTIAL}; as root:"
            " systemctl stop calendar-connector, then calendar-connector secret set NAME, which makes it"
        )

    def stage(self, _key: bytes, /) -> None:
        """Impossible here; says what to do."""
        raise KeystoreError(
            "The master key is a systemd credential, which the running daemon can't change;"
            " as root: systemctl stop calendar-connector, then calendar-connector secret rekey"
        )

    def promote(self) -> None:
        """Left to root's next ``secret`` command; until then both keys are handed over."""

    def discard(self) -> None:
        """Left to root's next ``secret`` command; a staged key that was never used does no harm."""

    def remove(self) -> None:
        """Left to root; a key that nothing is sealed with does no harm."""

    def _read(self, name: str) -> tuple[bytes, ...]:
        path = self._directory / name
        return _sized(files.read_private(path, 2 * MASTER_BYTES, mode=None), str(path))


class EncryptedCredential:
    """The sealed form of the credential, opened and made by ``systemd-creds`` as root (systemd-creds(1)).

    A sealed file opens under its own name only. So the successor is sealed anew when it takes the other's place, and
    a unit that imports ``calendar-connector.master*`` gets both while a change is unfinished.
    """

    def __init__(self, store: Path, program: str = "systemd-creds") -> None:
        self._path = store / CREDENTIAL
        self._next = store / (CREDENTIAL + _NEXT)
        self._program = program
        self.where = f"the systemd credential {self._path}"

    def candidates(self) -> tuple[bytes, ...]:
        """Both files opened, as far as they are there."""
        if os.geteuid() != 0:
            raise KeystoreError(
                "While the daemon is stopped only root can open the keystore; run: sudo calendar-connector ..."
            )
        return self._open(self._next) + self._open(self._path)

    def create(self, key: bytes, /) -> None:
        """Seal it to this machine, as a file for the unit to import."""
        owner = files.owner_of(self._path.parent)
        files.create(self._path, self._run("encrypt", self._path, key), mode=0o400, owner=owner)

    def stage(self, key: bytes, /) -> None:
        """Seal the successor, as a file beside the first."""
        self._put(self._next, key)

    def promote(self) -> None:
        """Seal the successor in the first one's place, then remove its own file."""
        for key in self._open(self._next):
            self._put(self._path, key)
        files.remove(self._next)

    def discard(self) -> None:
        """Remove the successor's file."""
        files.remove(self._next)

    def remove(self) -> None:
        """Remove both files."""
        files.remove(self._next)
        files.remove(self._path)

    def _put(self, path: Path, key: bytes) -> None:
        owner = files.owner_of(path.parent)
        files.replace(path, self._run("encrypt", path, key), mode=0o400, owner=owner)

    def _open(self, path: Path) -> tuple[bytes, ...]:
        blob = files.read_private(path, _BLOB_LIMIT, mode=None)
        return _sized(self._run("decrypt", path, blob), str(path)) if blob is not None else ()

    def _run(self, verb: str, path: Path, data: bytes) -> bytes:
        command = [self._program, verb, f"--name={path.name}", "-", "-"]
        try:
            done = subprocess.run(command, input=data, capture_output=True, check=False, timeout=60)  # noqa: S603 - a fixed program, no shell
        except (OSError, subprocess.TimeoutExpired) as error:
            raise KeystoreError(
                f"{self._program} can't be run ({type(error).__name__});"
                " name a file as keystore.master_key instead."
            ) from None
        if done.returncode != 0:
            words = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
            remedy = (
                "; it is damaged or another machine's: put it back, or run: calendar-connector restore FILE --key PEM"
                if verb == "decrypt"
                else ""
            )
            raise KeystoreError(f"{self._program} could not {verb} {path} ({' '.join(words)[:200]}){remedy}")
        return done.stdout
