"""The master key: where it comes from, and that changing it survives a crash at every step."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from connector.errors import KeystoreError
from connector.keystore import Credential, EncryptedCredential, KeyFile, Keystore, MasterKey, master_key
from tests.unit.keystore_bench import clock, keystore, keystore_file, master_file


class _Crash(Exception):
    """The process ends here."""


class _Crashing:
    """A key file whose process dies before or after one of its steps."""

    def __init__(self, state: Path, step: str, *, done: bool) -> None:
        self._inner = KeyFile(master_file(state), state)
        self._step = step
        self._done = done
        self.where = self._inner.where

    def candidates(self) -> tuple[bytes, ...]:
        return self._inner.candidates()

    def create(self, key: bytes, /) -> None:
        self._inner.create(key)

    def stage(self, key: bytes, /) -> None:
        with self._dying("stage"):
            self._inner.stage(key)

    def promote(self) -> None:
        with self._dying("promote"):
            self._inner.promote()

    def discard(self) -> None:
        self._inner.discard()

    def remove(self) -> None:
        self._inner.remove()

    def _dying(self, step: str) -> _Dying:
        return _Dying(before=step == self._step and not self._done, after=step == self._step and self._done)


class _Dying:
    def __init__(self, *, before: bool, after: bool) -> None:
        self._before = before
        self._after = after

    def __enter__(self) -> None:
        if self._before:
            raise _Crash

    def __exit__(self, *_: object) -> None:
        if self._after:
            raise _Crash


def test_rekey_changes_key_and_every_record(tmp_path: Path) -> None:
    """After rekey the old master key opens nothing; values, versions and dates are as before."""
    store = keystore(tmp_path)
    store.set("hub", b"one")
    tenant = store.local_key("tenant")
    old, before = master_file(tmp_path).read_bytes(), store.entries()
    store.rekey()
    assert master_file(tmp_path).read_bytes() != old
    after = keystore(tmp_path).entries()
    assert [(e.name, e.version, e.set_at) for e in after] == [(e.name, e.version, e.set_at) for e in before]
    assert after[0].digest != before[0].digest
    assert keystore(tmp_path).get("hub").value == b"one"
    assert keystore(tmp_path).local_key("tenant") == tenant
    assert sorted(p.name for p in tmp_path.iterdir()) == ["keystore.json", "keystore.json.lock", "master.key"]


@pytest.mark.parametrize("step", ["stage", "promote"])
@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
def test_rekey_survives_a_crash(tmp_path: Path, step: str, done: bool) -> None:
    """Whenever the process dies, the secrets open afterwards, can be changed, and the next rekey works."""
    keystore(tmp_path).set("hub", b"one")
    dying = Keystore(keystore_file(tmp_path), _Crashing(tmp_path, step, done=done), clock)
    with pytest.raises(_Crash):
        dying.rekey()
    assert keystore(tmp_path).get("hub").value == b"one"
    keystore(tmp_path).set("proxy/x", b"two")
    assert not master_file(tmp_path).with_name("master.key.next").exists()
    keystore(tmp_path).rekey()
    assert (keystore(tmp_path).get("hub").value, keystore(tmp_path).get("proxy/x").value) == (b"one", b"two")


def test_a_second_crash_does_not_lose_the_first_change(tmp_path: Path) -> None:
    """Two interrupted changes in a row: the staged key that seals the file is never overwritten."""
    keystore(tmp_path).set("hub", b"one")
    for step in ("promote", "stage", "promote"):
        with pytest.raises(_Crash):
            Keystore(keystore_file(tmp_path), _Crashing(tmp_path, step, done=False), clock).rekey()
        assert keystore(tmp_path).get("hub").value == b"one"


def test_a_keystore_that_was_not_written_keeps_the_old_key(tmp_path: Path) -> None:
    """When the disk is full between the two files, the old key goes on to open the old file."""
    store = keystore(tmp_path)
    store.set("hub", b"one")
    blocked = tmp_path / "keystore.json.new"
    blocked.mkdir()
    (blocked / "x").touch()
    with pytest.raises(KeystoreError, match="can't be written"):
        store.rekey()
    shutil.rmtree(blocked)
    assert store.get("hub").value == keystore(tmp_path).get("hub").value == b"one"


def test_a_reader_beside_a_rekey_never_fails(tmp_path: Path) -> None:
    """Between any two steps of a change another process can open the keystore."""
    seen: list[bytes] = []

    class Watched(KeyFile):
        def stage(self, key: bytes, /) -> None:
            super().stage(key)
            seen.append(keystore(tmp_path).get("hub").value)

        def promote(self) -> None:
            seen.append(keystore(tmp_path).get("hub").value)
            super().promote()
            seen.append(keystore(tmp_path).get("hub").value)

    keystore(tmp_path).set("hub", b"one")
    Keystore(keystore_file(tmp_path), Watched(master_file(tmp_path), tmp_path), clock).rekey()
    assert seen == [b"one"] * 3


def test_a_reader_caught_by_a_rekey_looks_again(tmp_path: Path) -> None:
    """Who has read the old file just before both were replaced reads again instead of blaming the key."""
    keystore(tmp_path).set("hub", b"one")

    class Overtaken(KeyFile):
        first = True

        def candidates(self) -> tuple[bytes, ...]:
            if self.first:
                self.first = False
                keystore(tmp_path).rekey()
            return super().candidates()

    late = Keystore(keystore_file(tmp_path), Overtaken(master_file(tmp_path), tmp_path), clock)
    assert late.get("hub").value == b"one"


def test_the_setting_decides(tmp_path: Path) -> None:
    """A path is a key file; credential means systemd's directory in the unit and the sealed file elsewhere."""
    assert isinstance(master_key(tmp_path / "m", tmp_path, {}), KeyFile)
    assert isinstance(master_key("credential", tmp_path, {"CREDENTIALS_DIRECTORY": "/run/c"}), Credential)
    assert isinstance(master_key("credential", tmp_path, {}), EncryptedCredential)


def _with_credential(state: Path, directory: Path) -> Keystore:
    return Keystore(keystore_file(state), Credential(directory), clock)


def test_a_credential_is_read_and_not_judged(tmp_path: Path) -> None:
    """A credential opens the keystore although its mode shows the access list that systemd gave it."""
    directory = tmp_path / "credentials"
    directory.mkdir()
    (directory / "calendar-connector.master").write_bytes(os.urandom(32))
    (directory / "calendar-connector.master").chmod(0o440)
    _with_credential(tmp_path, directory).set("hub", b"one")
    assert _with_credential(tmp_path, directory).get("hub").value == b"one"


def test_a_credential_is_not_changed_by_the_daemon(tmp_path: Path) -> None:
    """The running daemon can neither make nor change a credential, and says what root can do."""
    directory = tmp_path / "credentials"
    directory.mkdir()
    with pytest.raises(KeystoreError, match=r"no credential calendar-connector\.master"):
        _with_credential(tmp_path, directory).set("hub", b"one")
    (directory / "calendar-connector.master").write_bytes(os.urandom(32))
    store = _with_credential(tmp_path, directory)
    store.set("hub", b"one")
    with pytest.raises(KeystoreError, match="systemctl stop calendar-connector"):
        store.rekey()
    assert store.get("hub").value == b"one"


@pytest.fixture
def sealed(tmp_path: Path) -> EncryptedCredential:
    """The sealed credential in a store and under a host key of the test's own."""
    real = shutil.which("systemd-creds")
    if real is None or os.geteuid() != 0:
        pytest.skip("needs systemd-creds and root")
    program = tmp_path / "systemd-creds"
    program.write_text(
        f'#!/bin/sh\nexport SYSTEMD_CREDENTIAL_SECRET={tmp_path}/host-key\ncase "$1" in'
        f' encrypt) exec {real} encrypt --with-key=host "$2" "$3" "$4";; esac\nexec {real} "$@"\n'
    )
    program.chmod(0o755)
    return EncryptedCredential(tmp_path / "credstore", str(program))


def test_the_sealed_credential(tmp_path: Path, sealed: EncryptedCredential) -> None:
    """Root makes, opens and changes the credential that the unit is going to get; each file opens by its own name."""
    store = Keystore(keystore_file(tmp_path), sealed, clock)
    store.set("hub", b"one")
    first = sealed.candidates()
    store.rekey()
    assert len(first) == len(sealed.candidates()) == 1
    assert sealed.candidates() != first
    assert store.get("hub").value == b"one"
    sealed.stage(bytes(32))
    assert sealed.candidates()[0] == bytes(32)


def test_a_sealed_credential_of_another_machine(tmp_path: Path, sealed: EncryptedCredential) -> None:
    """A credential that does not open here is a sentence, not a traceback."""
    sealed.create(bytes(32))
    (tmp_path / "host-key").unlink()
    with pytest.raises(KeystoreError, match="could not decrypt"):
        sealed.candidates()


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone gets that far")
def test_without_systemd_creds(tmp_path: Path) -> None:
    """Where the program is missing the sentence names the other way."""
    master: MasterKey = EncryptedCredential(tmp_path, str(tmp_path / "none"))
    with pytest.raises(KeystoreError, match=r"name a file as keystore\.master_key"):
        master.create(bytes(32))


def test_what_root_opened_stays_open_for_the_owner(tmp_path: Path, sealed: EncryptedCredential) -> None:
    """A command opens the keystore as root, then goes on as the service user, who may not open the credential."""
    for directory in (tmp_path, *tmp_path.parents[:2]):
        directory.chmod(0o755)
    state = tmp_path / "state"
    state.mkdir()
    os.chown(state, 65534, 65534)
    store = Keystore(keystore_file(state), sealed, clock)
    store.set("hub", b"one")
    key = store.local_key("state")
    os.seteuid(65534)
    try:
        assert store.local_key("state") == key
        assert store.get("hub").value == b"one"
        with pytest.raises(KeystoreError, match="only root"):
            Keystore(keystore_file(state), sealed, clock).get("hub")
    finally:
        os.seteuid(0)
