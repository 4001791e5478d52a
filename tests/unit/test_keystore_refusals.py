"""A keystore that is not as it was written: one sentence each, and never a value."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.errors import KeystoreError
from connector.keystore import KeyFile, Keystore
from connector.keystore.document import FILE_LIMIT, Sealer, parse
from tests.unit.keystore_bench import NOW, clock, keystore, keystore_file, master_file

MASTER = bytes(range(32))


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state directory with a keystore of two secrets."""
    store = keystore(tmp_path)
    store.set("hub", b"first secret")
    store.set("exchange/hq/a", b"second secret")
    return tmp_path


def _refusal(state: Path) -> str:
    with pytest.raises(KeystoreError) as caught:
        keystore(state).get("hub")
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert "secret" not in sentence.replace("calendar-connector secret", "")
    return sentence


def test_loose_permissions(state: Path) -> None:
    """A keystore or master key that others may touch is refused, with the chmod that mends it."""
    keystore_file(state).chmod(0o640)
    assert _refusal(state).endswith(f"chmod 0600 {keystore_file(state)}")
    keystore_file(state).chmod(0o600)
    master_file(state).chmod(0o404)
    assert _refusal(state).endswith(f"chmod 0400 {master_file(state)}")


def test_another_master_key(state: Path) -> None:
    """A master key that is not the keystore's own is told apart from damage."""
    master_file(state).unlink()
    master_file(state).write_bytes(bytes(32))
    master_file(state).chmod(0o400)
    assert "is not the one" in _refusal(state)


def test_a_missing_master_key_is_not_made_anew(state: Path) -> None:
    """Beside an existing keystore no new master key is made: it could open nothing."""
    master_file(state).unlink()
    assert "put it back" in _refusal(state)
    with pytest.raises(KeystoreError, match="put it back"):
        keystore(state).set("hub", b"x")
    assert not master_file(state).exists()


@pytest.mark.parametrize("length", [0, 31, 33, 65])
def test_a_master_key_of_the_wrong_length(state: Path, length: int) -> None:
    """A master key of another length than 32 bytes is named for what it is."""
    master_file(state).unlink()
    master_file(state).write_bytes(bytes(length))
    master_file(state).chmod(0o400)
    assert str(master_file(state)) in _refusal(state)


def test_a_newer_format(state: Path) -> None:
    """A file of a newer version asks for that version."""
    plain = json.loads(keystore_file(state).read_text())
    keystore_file(state).write_text(json.dumps({**plain, "format": 2}))
    assert "newer version" in _refusal(state)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff",
        b"[" * 100_000,
        b'{"format": 1e999}',
        b'{"format": true}',
        b"1" * 9999,
    ],
    ids=["empty", "object", "list", "null", "no text", "deep", "infinite", "boolean", "long number"],
)
def test_what_is_no_keystore(state: Path, data: bytes) -> None:
    """Any other content is called damaged."""
    keystore_file(state).write_bytes(data)
    assert "is damaged" in _refusal(state)


def test_a_file_too_large(state: Path) -> None:
    """A huge file is not read to its end."""
    os.truncate(keystore_file(state), FILE_LIMIT + 1)
    assert "larger than" in _refusal(state)


def test_what_is_no_file(state: Path) -> None:
    """A directory, a pipe or a link in the keystore's place is refused and not followed."""
    path = keystore_file(state)
    path.rename(state / "real.json")
    path.symlink_to(state / "real.json")
    assert "can't be read" in _refusal(state)
    path.unlink()
    os.mkfifo(path, 0o600)
    assert "no regular file" in _refusal(state)
    path.unlink()
    path.mkdir()
    assert "no regular file" in _refusal(state)


def test_every_truncation_is_refused(state: Path) -> None:
    """A file cut off anywhere is damaged."""
    whole = keystore_file(state).read_bytes()
    for length in range(len(whole)):
        with pytest.raises(KeystoreError, match="is damaged"):
            parse(whole[:length], "k")


def test_every_tampered_byte_is_refused(state: Path) -> None:
    """Whichever byte of the file is changed, nothing is opened any more."""
    whole = bytearray(keystore_file(state).read_bytes())
    sealer = Sealer(master_file(state).read_bytes(), parse(bytes(whole), "k").id)
    for place, byte in enumerate(whole):
        whole[place] = byte ^ 1
        assert not _believed(bytes(whole), sealer), f"byte {place}"
        whole[place] = byte


def _believed(data: bytes, sealer: Sealer) -> bool:
    try:
        document = parse(data, "k")
    except KeystoreError:
        return False
    return sealer.fits(document) and sealer.vouches_for(document)


@given(st.binary(max_size=400))
def test_any_bytes_are_answered(data: bytes) -> None:
    """No content whatsoever leads to anything but a KeystoreError."""
    with pytest.raises(KeystoreError):
        parse(data, "k")


def test_a_record_is_bound_to_its_name_and_version(state: Path) -> None:
    """A record under another name, or an older record, is not believed even if the file's seal is left out."""
    document = parse(keystore_file(state).read_bytes(), "k")
    sealer = Sealer(master_file(state).read_bytes(), document.id)
    record = document.records["hub"]
    renamed = type(record)("proxy/x", record.version, record.set_at, record.nonce, record.sealed)
    older = type(record)(record.name, record.version + 1, record.set_at, record.nonce, record.sealed)
    for forged in (renamed, older):
        with pytest.raises(KeystoreError, match="tampered"):
            sealer.open(forged)


def test_a_dropped_record_is_noticed(state: Path) -> None:
    """A file from which a record was taken, correctly spelt, is tampered with."""
    sealer_of_nobody = Sealer(MASTER, b"\0" * 16)
    document = parse(keystore_file(state).read_bytes(), "k")
    records = {"hub": document.records["hub"]}
    forged = type(document)(document.id, document.check, records, {}, sealer_of_nobody.close({}, {}).seal)
    keystore_file(state).write_bytes(forged.to_bytes())
    assert "tampered with" in _refusal(state)


def test_list_tells_damage_without_a_key(state: Path) -> None:
    """The digest finds a changed record out before any key is at hand."""
    plain = json.loads(keystore_file(state).read_text())
    plain["records"]["hub"]["version"] = 7
    keystore_file(state).write_bytes(json.dumps(plain, indent=1, sort_keys=True).encode() + b"\n")
    master_file(state).unlink()
    with pytest.raises(KeystoreError, match="is damaged"):
        keystore(state).entries()


@settings(max_examples=30)
@given(
    st.dictionaries(
        st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,9}(/[A-Za-z0-9_]{1,9})?", fullmatch=True),
        st.binary(min_size=1, max_size=80),
        max_size=6,
    )
)
def test_whatever_is_sealed_opens(values: dict[str, bytes]) -> None:
    """Any set of names and values goes through the file and comes back as it was."""
    sealer = Sealer(MASTER, b"0123456789abcdef")
    records = {name: sealer.seal(name, 1, NOW, value) for name, value in values.items()}
    document = parse(sealer.close(records, {}).to_bytes(), "k")
    assert sealer.vouches_for(document)
    assert {name: sealer.open(record).value for name, record in document.records.items()} == values


def test_a_full_disk_leaves_the_old_file(state: Path) -> None:
    """When the new file can't be written the old one stays as it is, and the sentence says why."""
    before = keystore_file(state).read_bytes()
    blocked = keystore_file(state).with_name("keystore.json.new")
    blocked.mkdir()
    (blocked / "x").touch()
    with pytest.raises(KeystoreError, match="can't be written"):
        keystore(state).set("hub", b"newer")
    assert keystore_file(state).read_bytes() == before
    shutil.rmtree(blocked)


SOMEBODY = """
import os, sys
from pathlib import Path
from connector.errors import KeystoreError
from tests.unit.keystore_bench import keystore
store = keystore(Path(sys.argv[1]))
os.setgid(65534)
os.setuid(65534)
for verb in (lambda: store.get("hub"), lambda: store.set("hub", b"x")):
    try:
        verb()
    except KeystoreError as error:
        print(error)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_another_user_is_told_to_become_root(state: Path) -> None:
    """Somebody who may neither read nor write the keystore is told so by name, and how it can be done."""
    for directory in (state, *state.parents[:2]):
        directory.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", SOMEBODY, str(state)], capture_output=True, text=True, check=False, timeout=60
    )
    reading, writing = done.stdout.splitlines()
    assert "can't be read by user nobody; run this as root" in reading
    assert "can't be written by user nobody; stop the daemon and run this as root" in writing


def test_a_master_key_in_a_directory_of_its_own(tmp_path: Path) -> None:
    """The master key may be kept anywhere; it is made there on first use."""
    (tmp_path / "etc").mkdir()
    state = tmp_path / "state"
    store = Keystore(state / "keystore.json", KeyFile(tmp_path / "etc" / "master", state), clock)
    store.set("hub", b"x")
    assert len((tmp_path / "etc" / "master").read_bytes()) == 32
