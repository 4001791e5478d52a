"""The keystore in use: verbs over the sealed file, safe between threads, processes and crashes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from connector.errors import KeystoreError, NotFound
from connector.keystore import clear, files
from connector.keystore.document import (
    FILE_LIMIT,
    LOCAL,
    MASTER_BYTES,
    NAMES_LIMIT,
    VALUE_LIMIT,
    Document,
    Entry,
    Record,
    Sealer,
    Secret,
    check_name,
    parse,
)
from connector.keystore.files import Identity, Owner
from connector.keystore.master import MasterKey
from connector.model import Clock

_LOADS = 3


@dataclass(frozen=True, slots=True)
class _Opened:
    document: Document
    sealer: Sealer
    identity: Identity | None


class Keystore:
    """Credentials and local keys. Every method raises KeystoreError with one sentence; no message holds a secret.

    Reads take no lock and see what any process wrote last; changes are serialised between processes.
    """

    def __init__(self, path: Path, master: MasterKey, clock: Clock) -> None:
        self._path = path
        self._master = master
        self._clock = clock
        self._cache: _Opened | None = None

    def get(self, name: str) -> Secret:
        """The present value of a secret. Raises NotFound when there is none."""
        opened = self._open()
        if opened is None or name not in opened.document.records:
            raise NotFound(f"There is no secret {name} yet; type it: calendar-connector secret set {name}")
        return opened.sealer.open(opened.document.records[name])

    def entries(self) -> tuple[Entry, ...]:
        """All secrets by name, without opening one; needs no master key. Local keys are not among them."""
        document = self._read()
        records = document.records if document else {}
        return tuple(records[name].entry for name in sorted(records) if not name.startswith(LOCAL))

    def check(self) -> None:
        """Whether it opens: nothing when it does or is not there yet."""
        self._open()

    def has_master(self) -> bool:
        """Whether there is a master key, for a keystore that is or is to be."""
        return bool(self._master.candidates())

    def forget_master(self) -> None:
        """Remove a master key that no keystore is sealed with: only for who has just made it in vain."""
        with files.locked(self._path, self._owner()):
            if self._read() is None:
                self._master.remove()
        self._cache = None
        files.remove(self._path.with_name(self._path.name + ".lock"))

    def set(self, name: str, value: bytes) -> Entry:
        """Keep a secret: new, or as the next version of the one there is."""
        check_name(name)
        _refuse_local(name)
        if not value:
            raise KeystoreError(f"The value of {name} is empty; nothing was changed.")
        if len(value) > VALUE_LIMIT:
            raise KeystoreError(
                f"The value of {name} is longer than {VALUE_LIMIT} bytes; nothing was changed."
            )
        with files.locked(self._path, self._owner()):
            return self._put(self._open_or_begin(), name, value).entry

    def delete(self, name: str) -> None:
        """Remove a secret. Raises NotFound when there is none."""
        _refuse_local(name)
        with files.locked(self._path, self._owner()):
            opened = self._open()
            if opened is None or name not in opened.document.records:
                raise NotFound(f"There is no secret {name}; see: calendar-connector secret list")
            records = dict(opened.document.records)
            version = records.pop(name).version
            self._write(opened.sealer, records, {**opened.document.deleted, name: version})

    def local_key(self, name: str, version: int | None = None) -> tuple[int, bytes]:
        """A random 256-bit key of our own, with its version; made on first use when no version is asked for."""
        full = LOCAL + name
        check_name(full)
        opened = self._open()
        if opened is None or full not in opened.document.records:
            if version is not None:
                raise KeystoreError(
                    f"The keystore {self._path} has lost the local key {name}; put it back from a backup."
                )
            opened = self._make_local(full)
        secret = opened.sealer.open(opened.document.records[full])
        if version not in {None, secret.version}:
            raise KeystoreError(
                f"The keystore {self._path} has no version {version} of the local key {name}."
            )
        return secret.version, secret.value

    def rekey(self) -> None:
        """Seal everything under a new master key.

        The new key is made durable beside the old one, then the keystore is replaced, then the new key takes the old
        one's place. After a crash anywhere in between one of the two opens the file, and the next change finishes.
        """
        with files.locked(self._path, self._owner()):
            opened = self._open_or_begin()
            self._settle(opened)
            key = os.urandom(MASTER_BYTES)
            self._master.stage(key)
            sealer = Sealer(key, opened.document.id)
            self._write(sealer, _resealed(opened, sealer), opened.document.deleted)
            self._master.promote()

    # --- taking along

    def export(self) -> bytes:
        """Everything in it, local keys too, IN CLEAR: only to be sealed at once, for a backup. Raises NotFound."""
        opened = self._open()
        if opened is None:
            raise NotFound("There is no keystore yet.")
        return clear.write(opened.sealer.open(one) for one in opened.document.records.values())

    def adopt(self, exported: bytes) -> None:
        """Become the keystore that was exported, under this machine's own master key; what was in it is gone."""
        secrets = clear.read(exported)
        with files.locked(self._path, self._owner()):
            keys = self._master.candidates() or (os.urandom(MASTER_BYTES),)
            if not self._master.candidates():
                self._master.create(keys[-1])
            sealer = Sealer(keys[-1], os.urandom(16))
            sealed = {one.name: sealer.seal(one.name, one.version, one.set_at, one.value) for one in secrets}
            self._write(sealer, sealed, {})

    # --- reading

    def _read(self) -> Document | None:
        data = files.read_private(self._path, FILE_LIMIT, mode=0o600)
        return None if data is None else parse(data, str(self._path))

    def _open(self) -> _Opened | None:
        cached = self._cache
        if cached is not None and cached.identity == files.identity(self._path):
            return cached
        self._cache = self._load()
        return self._cache

    def _load(self) -> _Opened | None:
        """Read keystore and master key; again when another process changed both in between."""
        for _ in range(_LOADS):
            before = files.identity(self._path)
            document = self._read()
            if document is None:
                return None
            opened = self._unlock(document, before)
            if opened is not None:
                return opened
            if files.identity(self._path) == before:
                break
        raise KeystoreError(
            f"{self._master.where[0].upper()}{self._master.where[1:]} is not the one that the keystore {self._path}"
            " was sealed with; put the right one back."
        )

    def _unlock(self, document: Document, identity: Identity | None) -> _Opened | None:
        keys = self._master.candidates()
        if not keys:
            raise KeystoreError(
                f"The keystore {self._path} is there, but not {self._master.where}; put it back from a backup."
            )
        for key in keys:
            sealer = Sealer(key, document.id)
            if sealer.fits(document):
                if not sealer.vouches_for(document):
                    raise KeystoreError(
                        f"The keystore {self._path} was tampered with; put it back from a backup."
                    )
                return _Opened(document, sealer, identity)
        return None

    # --- changing; the caller holds the lock

    def _owner(self) -> Owner:
        return files.owner_of(self._path.parent)

    def _open_or_begin(self) -> _Opened:
        opened = self._open()
        if opened is not None:
            return opened
        keys = self._master.candidates()
        if not keys:
            keys = (os.urandom(MASTER_BYTES),)
            self._master.create(keys[0])
        # The last one is the present key: a staged successor was never used for a keystore that does not exist.
        return self._write(Sealer(keys[-1], os.urandom(16)), {}, {})

    def _settle(self, opened: _Opened) -> None:
        """Finish or forget a change of the master key that a crash has interrupted."""
        keys = self._master.candidates()
        if len(keys) < 2:
            return
        if Sealer(keys[0], opened.document.id).fits(opened.document):
            self._master.promote()
        else:
            self._master.discard()

    def _put(self, opened: _Opened, name: str, value: bytes) -> Record:
        document = opened.document
        if len({name, *document.records, *document.deleted}) > NAMES_LIMIT:
            raise KeystoreError(
                f"The keystore {self._path} holds {NAMES_LIMIT} names already; nothing was changed."
            )
        self._settle(opened)
        now = self._clock().replace(microsecond=0)
        record = opened.sealer.seal(name, document.next_version(name), now, value)
        deleted = {gone: version for gone, version in document.deleted.items() if gone != name}
        self._write(opened.sealer, {**document.records, name: record}, deleted)
        return record

    def _make_local(self, full: str) -> _Opened:
        with files.locked(self._path, self._owner()):
            opened = self._open_or_begin()
            if full not in opened.document.records:
                self._put(opened, full, os.urandom(MASTER_BYTES))
            return self._open_or_begin()

    def _write(self, sealer: Sealer, records: Mapping[str, Record], deleted: Mapping[str, int]) -> _Opened:
        document = sealer.close(records, deleted)
        data = document.to_bytes()
        if len(data) > FILE_LIMIT:
            raise KeystoreError(
                f"The keystore {self._path} would grow over {FILE_LIMIT} bytes; nothing was changed."
            )
        files.replace(self._path, data, mode=0o600, owner=self._owner())
        self._cache = _Opened(document, sealer, files.identity(self._path))
        return self._cache


def _resealed(opened: _Opened, sealer: Sealer) -> dict[str, Record]:
    secrets = (opened.sealer.open(record) for record in opened.document.records.values())
    return {one.name: sealer.seal(one.name, one.version, one.set_at, one.value) for one in secrets}


def _refuse_local(name: str) -> None:
    if name.startswith(LOCAL):
        raise KeystoreError("Local keys are the connector's own; they are neither set nor deleted by hand.")
