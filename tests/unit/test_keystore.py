"""The keystore's verbs: what is kept, what is seen from elsewhere, what is refused."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from connector.errors import KeystoreError, NotFound, UserError
from connector.keystore import KeyFile, Keystore
from connector.keystore.document import FILE_LIMIT, NAMES_LIMIT, VALUE_LIMIT, Sealer
from tests.unit.keystore_bench import NOW, clock, keystore, keystore_file, master_file

PASSWORD = b"correct horse battery staple"


def test_a_secret_comes_back(tmp_path: Path) -> None:
    """What was set is what another process gets, with its version and date."""
    keystore(tmp_path).set("exchange/hq/a", PASSWORD)
    secret = keystore(tmp_path).get("exchange/hq/a")
    assert (secret.value, secret.text, secret.version, secret.set_at) == (PASSWORD, PASSWORD.decode(), 1, NOW)


def test_no_secret_in_a_repr(tmp_path: Path) -> None:
    """Neither the secret's repr nor the file shows the value."""
    store = keystore(tmp_path)
    store.set("hub", PASSWORD)
    assert "horse" not in repr(store.get("hub"))
    assert b"horse" not in keystore_file(tmp_path).read_bytes()


def test_files_are_private(tmp_path: Path) -> None:
    """The keystore has mode 0600 and the master key 0400, whatever the umask."""
    old = os.umask(0)
    try:
        keystore(tmp_path).set("hub", PASSWORD)
    finally:
        os.umask(old)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"keystore.json": 0o600, "keystore.json.lock": 0o600, "master.key": 0o400}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can write files for somebody else")
def test_root_writes_for_the_owner_of_the_state_directory(tmp_path: Path) -> None:
    """What root writes belongs to the owner of the state directory, so that the daemon can read it."""
    os.chown(tmp_path, 65534, 65534)
    store = keystore(tmp_path)
    store.set("hub", PASSWORD)
    store.rekey()
    assert {(path.stat().st_uid, path.stat().st_gid) for path in tmp_path.iterdir()} == {(65534, 65534)}


def test_versions_count_and_are_never_reused(tmp_path: Path) -> None:
    """Each value of a name gets the next number, also after the name was deleted in between."""
    store = keystore(tmp_path)
    versions = [store.set("hub", b"one").version, store.set("hub", b"two").version]
    store.delete("hub")
    versions.append(store.set("hub", b"three").version)
    assert versions == [1, 2, 3]


def test_a_deleted_secret_is_gone(tmp_path: Path) -> None:
    """After delete there is nothing to get, to list or to delete again."""
    store = keystore(tmp_path)
    store.set("hub", PASSWORD)
    store.delete("hub")
    assert store.entries() == ()
    with pytest.raises(NotFound):
        store.get("hub")
    with pytest.raises(NotFound):
        store.delete("hub")


def test_missing_secret_says_what_to_type(tmp_path: Path) -> None:
    """A secret that is not there is answered with the command that sets it, also without a keystore."""
    with pytest.raises(NotFound, match="calendar-connector secret set hub"):
        keystore(tmp_path).get("hub")


def test_changes_of_another_process_are_seen(tmp_path: Path) -> None:
    """A running daemon takes up what a command wrote, through its own object."""
    daemon, command = keystore(tmp_path), keystore(tmp_path)
    command.set("hub", b"old")
    assert daemon.get("hub").value == b"old"
    command.set("hub", b"new")
    assert daemon.get("hub").value == b"new"
    command.rekey()
    assert daemon.get("hub").value == b"new"


def test_entries_need_no_master_key(tmp_path: Path) -> None:
    """Names, versions, dates and digests are told without the master key, and the digest changes with each set."""
    store = keystore(tmp_path)
    store.set("proxy/dmz", PASSWORD)
    first = store.set("hub", PASSWORD)
    second = store.set("hub", PASSWORD)
    master_file(tmp_path).unlink()
    entries = keystore(tmp_path).entries()
    assert [(entry.name, entry.version, entry.set_at) for entry in entries] == [
        ("hub", 2, NOW),
        ("proxy/dmz", 1, NOW),
    ]
    assert entries[0].digest == second.digest != first.digest


def test_local_keys_are_made_once(tmp_path: Path) -> None:
    """A local key is random, 32 bytes, the same ever after, and no entry of the list."""
    version, key = keystore(tmp_path).local_key("tenant")
    assert (version, len(key)) == (1, 32)
    assert keystore(tmp_path).local_key("tenant") == (1, key)
    assert keystore(tmp_path).local_key("tenant", 1) == (1, key)
    assert keystore(tmp_path).local_key("digest")[1] != key
    assert keystore(tmp_path).entries() == ()


def test_a_lost_local_key_is_not_replaced(tmp_path: Path) -> None:
    """Asking for a version that is not there makes no new key: what it sealed would look damaged."""
    store = keystore(tmp_path)
    with pytest.raises(KeystoreError, match="lost the local key kek"):
        store.local_key("kek", 1)
    store.local_key("kek")
    with pytest.raises(KeystoreError, match="no version 2"):
        store.local_key("kek", 2)


@pytest.mark.parametrize("change", [lambda s: s.set("local/kek", b"x"), lambda s: s.delete("local/kek")])
def test_local_keys_are_not_for_people(tmp_path: Path, change: Callable[[Keystore], object]) -> None:
    """Local keys are neither set nor deleted by hand."""
    store = keystore(tmp_path)
    store.local_key("kek")
    with pytest.raises(KeystoreError, match="Local keys"):
        change(store)


@pytest.mark.parametrize(
    "name", ["", "a b", "/a", "a/", "a//b", "../x", "a/b/c/d/e", "x" * 201, "hub\n", "ü"]
)
def test_odd_names_are_refused(tmp_path: Path, name: str) -> None:
    """A name that could not stand in a configuration is refused, and nothing is written."""
    with pytest.raises(KeystoreError, match="name of a secret"):
        keystore(tmp_path).set(name, PASSWORD)
    assert list(tmp_path.iterdir()) == []


def test_values_are_bounded(tmp_path: Path) -> None:
    """An empty value, and one over the limit, are refused; one at the limit is kept."""
    store = keystore(tmp_path)
    with pytest.raises(KeystoreError, match="empty"):
        store.set("hub", b"")
    with pytest.raises(KeystoreError, match="longer than"):
        store.set("hub", bytes(VALUE_LIMIT + 1))
    store.set("hub", bytes(VALUE_LIMIT))
    assert len(store.get("hub").value) == VALUE_LIMIT


def test_the_file_is_bounded(tmp_path: Path) -> None:
    """When the file would grow over its limit, or has too many names, nothing is changed."""
    store = keystore(tmp_path)
    store.set("hub", PASSWORD)
    with pytest.raises(KeystoreError, match="would grow over"):
        _fill(store, VALUE_LIMIT)
    assert keystore_file(tmp_path).stat().st_size < FILE_LIMIT
    assert store.get("hub").value == PASSWORD


def test_names_are_bounded(tmp_path: Path) -> None:
    """Names that were deleted count as well: their last version is remembered."""
    sealer = Sealer(bytes(32), b"0123456789abcdef")
    full = sealer.close({}, {f"n{number}": 1 for number in range(NAMES_LIMIT)})
    master_file(tmp_path).write_bytes(bytes(32))
    master_file(tmp_path).chmod(0o400)
    keystore_file(tmp_path).write_bytes(full.to_bytes())
    keystore_file(tmp_path).chmod(0o600)
    with pytest.raises(KeystoreError, match="1000 names"):
        keystore(tmp_path).set("one-more", b"x")
    assert keystore(tmp_path).set("n1", b"x").version == 2


def _fill(store: Keystore, size: int) -> None:
    for number in range(NAMES_LIMIT):
        store.set(f"proxy/p{number}", bytes(size))


def test_text_that_is_no_text(tmp_path: Path) -> None:
    """A value that is not UTF-8 is a value all the same, but no text; the sentence does not repeat it."""
    store = keystore(tmp_path)
    store.set("hub", b"\xff\xfe")
    with pytest.raises(KeystoreError, match="is no text"):
        _ = store.get("hub").text


def test_threads_and_processes_change_one_after_the_other(tmp_path: Path) -> None:
    """Many writers at once lose nothing: every one of them finds its secret and the versions are without gap."""
    script = (
        "import sys; from pathlib import Path; from tests.unit.keystore_bench import keystore;"
        "store = keystore(Path(sys.argv[1])); [store.set('hub', b'p') for _ in range(10)]"
    )
    others = [subprocess.Popen([sys.executable, "-c", script, str(tmp_path)]) for _ in range(2)]
    threads = [
        threading.Thread(target=lambda n=n: keystore(tmp_path).set(f"proxy/p{n}", b"t")) for n in range(10)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [other.wait(60) for other in others] == [0, 0]
    names = {entry.name: entry.version for entry in keystore(tmp_path).entries()}
    assert names == {"hub": 20} | {f"proxy/p{n}": 1 for n in range(10)}


def test_a_state_directory_that_is_none(tmp_path: Path) -> None:
    """When the state directory can't be made the sentence names it."""
    state = tmp_path / "no" / "such"
    store = Keystore(state / "keystore.json", KeyFile(state / "master", state), clock)
    with pytest.raises(UserError, match="no/such can't be used as state directory"):
        store.set("hub", PASSWORD)
