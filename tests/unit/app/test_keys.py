"""The key service from the configuration: local, a key server, and the way between them."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.app.keys import address_of, anchor_of, build_keys, identity_of, local_keys, readers_of
from connector.config import load
from connector.errors import ConfigError, Transient
from connector.model import AuditEntry, Mailbox, Phase, Session
from connector.rules import settle_version
from tests.fakes.clock import ManualClock
from tests.unit.app.ground import NOWHERE, ground, write

PIN = "sha256:" + "ab" * 32
SERVER = f"keys: {{service: kms://kms.example.com, via: 'unix:/nowhere/kms.sock', pins: ['{PIN}']}}\n"


def test_without_a_word_keys_are_local(tmp_path: Path) -> None:
    """No key server is asked for."""
    made = ground(tmp_path)
    assert build_keys(made).service.sealing_key("mb").uri.startswith("kms://cal-01.example.com/")
    made.store.close()


def test_a_key_server_that_is_away_seals_nothing_and_the_old_keys_open_on(tmp_path: Path) -> None:
    """After the move what was sealed locally is readable, and nothing new leaves until the server answers."""
    made = ground(tmp_path, more=SERVER)
    old = local_keys(made).sealing_key("mb")
    parts = build_keys(made)
    assert parts.service.opening_key(old.uri, "mb") == old
    assert parts.service.keys("mb") == (old,)
    with pytest.raises(Transient) as verdict:
        parts.service.sealing_key("mb")
    assert verdict.value.code == "key-service-away"
    parts.close()
    made.store.close()


@pytest.mark.parametrize(
    ("via", "base"),
    [
        ("hub", f"{NOWHERE}/relay/v1/kms/kms.example.com"),
        ("https://kms.example.com:8444", "https://kms.example.com:8444/kms/v1"),
        ("unix:/nowhere/kms.sock", "http://kms.example.com/kms/v1"),
    ],
)
def test_there_are_three_ways(tmp_path: Path, via: str, base: str) -> None:
    """The hub, the server's own address, and a socket of this machine."""
    more = f"keys: {{service: kms://kms.example.com, via: '{via}', pins: ['{PIN}']}}\n"
    made = ground(tmp_path, more=more)
    made.keystore.set("hub", b"cch_x")
    address = address_of(made, "kms.example.com")
    assert address.base == base
    assert (address.socket is not None) == via.startswith("unix:")
    assert ("Authorization" in address.headers()) == (via == "hub")
    made.store.close()


def test_our_own_key_is_made_once(tmp_path: Path) -> None:
    """Its fingerprint is the same after every start."""
    made = ground(tmp_path)
    config = made.loaded.config
    fingerprints = {identity_of(config, made.keystore).fingerprint for _ in range(2)}
    assert len(fingerprints) == 1
    made.store.close()


def test_a_file_that_holds_no_authority_is_said(tmp_path: Path) -> None:
    """Before the daemon uses it."""
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    made = ground(tmp_path, more=f"keys: {{service: kms://k.example.com, pins: ['{PIN}']}}\n")
    keys = made.loaded.config.keys.model_copy(update={"ca": empty})
    with pytest.raises(ConfigError, match=r"empty\.pem"):
        anchor_of(keys, "k.example.com")
    made.store.close()


def test_readers_are_the_owner_and_those_of_the_policy(tmp_path: Path) -> None:
    """By primary address, so a renamed owner reads on; nobody for a mailbox that is gone."""
    made = ground(tmp_path)
    mailbox = Mailbox("mb", "hq", "room@example.com", "room", "manual")
    made.store.add_mailbox(
        mailbox, Session("mb", Phase.LIVE, made.clock()), AuditEntry(made.clock(), "t", "a")
    )
    readers = readers_of(made.store, {"room": ("facilities@example.com",), "staff": ("x",)})
    assert readers("mb") == {"room@example.com", "facilities@example.com"}
    assert readers("gone") == frozenset()
    made.store.close()


def test_a_move_to_a_key_server_seals_lists_anew(tmp_path: Path) -> None:
    """The rules' version grows there and back, so rows of the other service are sent again; lists stay meanwhile."""
    made = ground(tmp_path, ManualClock())
    versions = []
    for more in ("", SERVER, SERVER, ""):
        config = load(write(tmp_path, more)).config
        versions.append(settle_version(config, made.store, made.clock()))
    assert versions == [1, 2, 2, 3]
    made.store.close()
