"""The package agrees with the program about names and places, and keeps keys unless told otherwise."""

from __future__ import annotations

from pathlib import Path

from connector.kms import settings
from connector.kms.keks.opening import CREDENTIAL, CREDENTIAL_STORE
from connector.kms.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
UNIT = (ROOT / "packaging/systemd/calendar-connector-kms.service").read_text().splitlines()


def test_the_unit_gives_the_places_the_program_uses() -> None:
    """Settings, state, socket and credential; without settings it is skipped."""
    assert f"ConditionPathExists={settings.DEFAULT_PATH}" in UNIT
    assert f"StateDirectory={Settings().database.parent.name}" in UNIT
    assert f"RuntimeDirectory={Settings().socket.parent.name}" in UNIT
    assert f"LoadCredentialEncrypted={CREDENTIAL}" in UNIT


def test_the_connectors_group_reaches_the_socket() -> None:
    """The server may hand the socket to that group, and the folder lets it through."""
    assert "SupplementaryGroups=calendar-connector" in UNIT
    assert "RuntimeDirectoryMode=0755" in UNIT


def test_nothing_of_a_process_is_kept_on_disk() -> None:
    """No core dumps; no new rights, nothing writable but its own."""
    for line in ("LimitCORE=0", "NoNewPrivileges=yes", "ProtectSystem=strict", "MemoryDenyWriteExecute=yes"):
        assert line in UNIT


def test_purging_keeps_keys_until_it_is_meant() -> None:
    """They go with their marker alone, and then all of them: database, settings, sealed master secret."""
    purge = (ROOT / "debian/calendar-connector-kms.postrm").read_text()
    marked = purge.index("purge-keys")
    for place in (settings.STATE.name, settings.DEFAULT_PATH.parent.name, str(CREDENTIAL_STORE / CREDENTIAL)):
        assert place in purge
    assert purge.index('rm -rf "$settings"') > marked
