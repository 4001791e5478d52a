"""Backup and restore of a real site: one file, another machine, a new epoch, not one mail."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.lab.site import Site

pytestmark = pytest.mark.lab


@pytest.fixture
def site() -> Iterator[Site]:
    """A running site with one live mailbox."""
    with Site(mailboxes=3, exchange={"hosts": "example.com"}) as made:
        made.start()
        made.activate(made.exchange.address(1))
        yield made


@pytest.fixture
def officer(tmp_path: Path) -> tuple[Path, Path]:
    """A recipient's private key and its public half, made as docs/operate.md says."""
    private, public = tmp_path / "officer.key", tmp_path / "officer.pem"
    made = ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(private)]
    subprocess.run(made, check=True, capture_output=True)
    subprocess.run(
        ["openssl", "ec", "-in", str(private), "-pubout", "-out", str(public)],
        check=True,
        capture_output=True,
    )
    return private, public


def meet(site: Site, subject: str) -> None:
    start = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
    site.exchange.edit(
        "create",
        mailbox=site.exchange.address(1),
        start=start.isoformat(),
        end=(start + timedelta(hours=1)).isoformat(),
        subject=subject,
    )


def _writes(site: Site) -> int:
    """What was asked of Exchange that changes a calendar or mails somebody."""
    asked = [row["operation"] for row in site.exchange.log()]
    return sum(one in {"CreateItem", "UpdateItem", "DeleteItem", "SendItem"} for one in asked)


def test_on_another_machine(site: Site, officer: tuple[Path, Path], tmp_path: Path) -> None:
    """State, secrets and configuration from one file; what happened since is read again; keys and identity are the same."""
    address = site.exchange.address(1)
    meet(site, "Before")
    keys = site.keys(address)
    site.wait(lambda: site.agrees(address, site.keys(address)), "the first meeting")
    file = tmp_path / "backup.sealed"
    site.cli("backup", "--to", str(file), "--recipient", str(officer[1]))
    assert site.exchange.password.encode() not in file.read_bytes()
    meet(site, "After")
    site.wait(lambda: site.agrees(address, site.keys(address)), "the second meeting")
    before = site.status()["epoch"]
    writes = _writes(site)
    site.stop()
    for gone in (site.folder / "state", site.folder / "master.key"):
        shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
    site.config.unlink()
    site.cli("restore", str(file), "--key", str(officer[0]), "--yes")
    site.start()
    site.wait(lambda: site.agrees(address, site.keys(address)), "both meetings after the restore")
    assert site.status()["epoch"] > before
    assert keys.keys() <= site.keys(address).keys()
    assert _writes(site) == writes


def test_what_is_refused(site: Site, officer: tuple[Path, Path], tmp_path: Path) -> None:
    """A running daemon, another's key, a damaged file, another's backup: one sentence each, and nothing changes."""
    file = tmp_path / "backup.sealed"
    site.cli("backup", "--to", str(file), "--recipient", str(officer[1]))
    assert (
        "the daemon is running"
        in site.try_cli("restore", str(file), "--key", str(officer[0]), "--yes").stderr
    )
    site.stop()
    state = (site.folder / "state/keystore.json").read_bytes()
    other = tmp_path / "other.key"
    subprocess.run(
        ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(other)],
        check=True,
        capture_output=True,
    )
    cut = tmp_path / "cut.sealed"
    cut.write_bytes(file.read_bytes()[:-10])
    renamed = site.config.read_text().replace("lab-01.example.com", "lab-02.example.com")
    for source, key, sentence in (
        (file, other, "is not sealed to this key"),
        (cut, officer[0], "damaged or was altered"),
        (tmp_path / "nowhere", officer[0], "can't be read: No such file"),
    ):
        refused = site.try_cli("restore", str(source), "--key", str(key), "--yes")
        assert (refused.returncode != 0, sentence in refused.stderr) == (True, True), refused.stderr
    site.write_config(renamed)
    refused = site.try_cli("restore", str(file), "--key", str(officer[0]), "--yes")
    assert "this backup is lab-01.example.com's, and this is lab-02.example.com" in refused.stderr
    assert (site.folder / "state/keystore.json").read_bytes() == state


def test_the_way_back_after_an_upgrade(site: Site) -> None:
    """What the package keeps before an upgrade is put back whole, and says which version it is for."""
    address = site.exchange.address(1)
    site.cli("snapshot", "0.0.9")
    site.cli("mailbox", "pause", address)
    site.stop()
    site.cli("restore", "--before-upgrade", "--yes")
    assert (site.folder / "state/restored-version").read_text() == "0.0.9\n"
    site.start()
    site.wait(lambda: site.state(address) == "active", "the mailbox as it was")


def test_no_snapshot_no_way_back(site: Site) -> None:
    """Said in one sentence."""
    site.stop()
    refused = site.try_cli("restore", "--before-upgrade", "--yes")
    assert (refused.returncode, "nothing was kept" in refused.stderr) == (1, True)
