"""The packaging agrees with the program about names and places."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from connector.config import DEFAULT_PATH
from connector.config.models import Config
from connector.control.peer import ADMINS, VIEWERS
from connector.hub import settings as hub
from connector.keystore.master import CREDENTIAL, CREDENTIAL_STORE

ROOT = Path(__file__).resolve().parents[3]
UNITS = sorted((ROOT / "packaging/systemd").glob("*.service"))
STATE = Path(str(Config.model_fields["state"].default))
RUNTIME = Path(str(Config.model_fields["runtime"].default))


def unit(name: str) -> dict[str, list[str]]:
    """A unit file's settings, each with all its values."""
    found: dict[str, list[str]] = {}
    for line in (ROOT / f"packaging/systemd/{name}.service").read_text().splitlines():
        key, equals, value = line.partition("=")
        if equals and not key.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def test_the_unit_waits_for_the_configuration_it_reads() -> None:
    """Nothing fails after installing: without a configuration the unit is skipped."""
    assert unit("calendar-connector")["ConditionPathExists"] == [str(DEFAULT_PATH)]
    assert unit("calendar-connector-hub")["ConditionPathExists"] == [str(hub.DEFAULT_PATH)]


def test_the_unit_gives_the_places_the_program_uses() -> None:
    """State and run-time directory are the defaults of the configuration; the groups can reach the latter."""
    service = unit("calendar-connector")
    assert Path("/var/lib") / service["StateDirectory"][0] == STATE
    assert Path("/run") / service["RuntimeDirectory"][0] == RUNTIME
    assert service["RuntimeDirectoryMode"] == ["0755"]
    assert (
        Path("/var/lib") / unit("calendar-connector-hub")["StateDirectory"][0] == hub.DEFAULT_DATABASE.parent
    )


def test_the_unit_takes_both_master_keys_and_needs_none() -> None:
    """Bare names are found in the credential store and may be missing; the second is there during a change only."""
    named = unit("calendar-connector")["LoadCredentialEncrypted"]
    assert named == [CREDENTIAL, f"{CREDENTIAL}.next"]


def test_callers_can_be_told_apart() -> None:
    """The connector must see other users' numbers, but nobody else's processes: callers hand over their own login."""
    service = unit("calendar-connector")
    assert "PrivateUsers" not in service
    for name in ("calendar-connector", "calendar-connector-hub"):
        assert unit(name)["ProtectProc"] == ["invisible"]


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_every_restart_has_its_reason(path: Path) -> None:
    """What a restart can't mend ends it (2, wrong configuration); anything else is tried for ever."""
    read = unit(path.stem)
    assert read["RestartPreventExitStatus"] == ["2"]
    assert read["Restart"] == ["on-failure"]
    assert read["StartLimitIntervalSec"] == ["0"]


def test_users_and_groups_are_those_the_program_asks_for() -> None:
    """The package makes the service's user and both groups; purging removes what it made."""
    made = re.findall(
        r"^[ug]\s+(\S+)", (ROOT / "packaging/sysusers/calendar-connector.conf").read_text(), re.MULTILINE
    )
    assert made == ["calendar-connector", ADMINS, VIEWERS]
    purged = (ROOT / "debian/calendar-connector.postrm").read_text()
    for name in made:
        assert name in purged


def test_purging_removes_what_the_program_makes() -> None:
    """Configuration, state and both credentials go."""
    purged = (ROOT / "debian/calendar-connector.postrm").read_text()
    for place in (
        DEFAULT_PATH.parent,
        STATE,
        RUNTIME,
        CREDENTIAL_STORE / CREDENTIAL,
        CREDENTIAL_STORE / f"{CREDENTIAL}.next",
    ):
        assert f"{place}" in purged


@pytest.mark.parametrize(
    "name",
    ["packaging/requirements/tools.txt", "packaging/requirements/source.txt", "requirements/kerberos.txt"],
)
def test_every_pin_has_its_hash(name: str) -> None:
    """Nothing is fetched for a build that is not demanded by version and SHA-256."""
    text = (ROOT / name).read_text()
    for pin in re.findall(r"^[a-z].*(?:\n\s+.*)*", text, re.MULTILINE):
        assert re.search(r"==\S+ (?:\\\n\s+)?--hash=sha256:[0-9a-f]{64}", pin)


def test_package_and_program_have_one_version() -> None:
    """The newest entry of debian/changelog is the version in pyproject.toml."""
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    entry = re.match(r"calendar-connector \((.+)\) unstable", (ROOT / "debian/changelog").read_text())
    assert version is not None
    assert entry is not None
    assert entry[1] == version[1]


def test_no_builder_is_named() -> None:
    """Where packages come from is the builder's own apt and pip configuration: nothing of the build holds an address."""
    files = [*(ROOT / "scripts/packaging").glob("*"), *(ROOT / "packaging").rglob("*")]
    for path in (ROOT / "scripts/build-deb", ROOT / "scripts/install-test", *files):
        if path.is_file() and path.suffix != ".py":
            assert "://" not in path.read_text(), path
