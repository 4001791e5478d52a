"""Production mode, as a process: what keeps it from starting, and what lets it."""

from __future__ import annotations

import os
import secrets
import signal
import time
from pathlib import Path

import pytest

from connector.errors import Transient
from connector.kms.keks.opening import CREDENTIAL
from tests.lab.demo_kms import officer
from tests.lab.kms_server import HOST, KmsServer
from tests.lab.kms_site import UserKeys
from tests.unit.kms.site import ISSUER, jwks
from tests.unit.seal.kmswire.site import certificate

pytestmark = [pytest.mark.lab, pytest.mark.timeout(120)]


def test_production_waits_for_a_drill_and_an_issuer_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused with exit code 2 and a sentence for each reason; backup, drill and the right issuer let it run."""
    (tmp_path / CREDENTIAL).write_bytes(secrets.token_bytes(32))
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "jwks.json").write_bytes(jwks())
    issuer = f'[issuers.corp]\nissuer = "{ISSUER}"\njwks = "{tmp_path}/jwks.json"\n'
    server = KmsServer(tmp_path / "kms", mode="production", kek="credential")
    server.chain = (certificate(server.key.public_key(), HOST),)
    server.write_settings(issuer + "run_by_hub = true\n")
    refused = server.command("run", fails=True)
    assert "issuers.corp is run by the hub" in refused
    assert "No backup was restored for practice" in refused
    public, private = officer(tmp_path / "officer")
    file = str(tmp_path / "backup.jwe")
    server.command("backup", "--to", file, "--recipient", public)
    assert "the backup is good" in server.command("drill", file, "--key", private)
    assert "No backup" not in server.command("run", fails=True)
    server.write_settings(issuer)
    server.start()
    try:
        assert "running:" in server.command("status")
    finally:
        assert server.stop() == 0


def test_a_second_server_is_refused(tmp_path: Path) -> None:
    """One database has one server; the first goes on."""
    server = KmsServer(tmp_path)
    server.start()
    try:
        assert "Another key server is running" in server.command("run", fails=True)
        assert "running:" in server.command("status", fails=False)
    finally:
        assert server.stop() == 0


def test_a_signal_puts_new_settings_in_force(tmp_path: Path) -> None:
    """SIGHUP: an issuer that was added is known without a restart, a mistake is told in the log and changes nothing."""
    (tmp_path / "jwks.json").write_bytes(jwks())
    server = KmsServer(tmp_path / "kms")
    server.start()
    try:
        user = UserKeys(server, "ann@example.com", "m")
        with pytest.raises(Transient, match="key-service-refuses"):
            user.verbs.ping()
        server.write_settings(f'[issuers.corp]\nissuer = "{ISSUER}"\njwks = "{tmp_path}/jwks.json"\n')
        signalled(server, "reload.done")
        user.close()
        user = UserKeys(server, "ann@example.com", "m")
        user.verbs.ping()
        server.write_settings("[issuers.corp]\nissuer = 1\n")
        signalled(server, "reload.refused")
        user.verbs.ping()
        user.close()
    finally:
        assert server.stop() == 0


def signalled(server: KmsServer, event: str) -> None:
    """Send SIGHUP, and wait until the log says what came of it."""
    os.kill(server.pid, signal.SIGHUP)
    ends = time.monotonic() + 20
    while event not in server.log.read_text():
        assert time.monotonic() < ends, server.log.read_text()
        time.sleep(0.05)
