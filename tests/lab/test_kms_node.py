"""Another maker's client, npm's node-kms, speaks to the key server's own process."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.fakes.clock import ManualClock
from tests.lab.kms_server import HOST, KmsServer
from tests.unit.kms.site import ISSUER, jwks, token

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

JS = Path(__file__).parents[1] / "js"
MANIFESTS = ("package.json", "package-lock.json")
INSTALL_SECONDS = 180


@pytest.fixture(scope="session")
def modules() -> Path:
    """The client as the lock file names it, installed once and kept in the user's cache; skips where that can't be."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("node and npm are not installed")
    digest = hashlib.sha256(b"".join((JS / name).read_bytes() for name in MANIFESTS)).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "calendar-connector-tests"
    folder = cache / f"node-{digest}"
    if not (folder / "node_modules" / "node-kms").is_dir():
        install(folder)
    return folder / "node_modules"


def install(folder: Path) -> None:
    """By the ordinary client, without running anybody's scripts."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in MANIFESTS:
        shutil.copy(JS / name, folder / name)
    try:
        done = subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=INSTALL_SECONDS,
        )
    except subprocess.TimeoutExpired:
        pytest.skip("npm did not install node-kms in time")
    if done.returncode != 0:
        pytest.skip(f"npm can't install node-kms: {done.stderr.strip().splitlines()[-1:]}")


@pytest.mark.parametrize("signature", ["PS256", "RS256"])
def test_node_kms_does_all_it_can(modules: Path, tmp_path: Path, signature: str) -> None:
    """Handshake, keys, resources, authorizations and every refusal, as that library sees them."""
    (tmp_path / "jwks.json").write_bytes(jwks())
    issuer = f'[issuers.corp]\nissuer = "{ISSUER}"\njwks = "{tmp_path}/jwks.json"\n'
    server = KmsServer(tmp_path / "server", more=issuer, signature=signature)
    now = ManualClock(datetime.now(UTC))
    past = ManualClock(now() - timedelta(hours=2))
    settings = {
        "socket": str(server.socket),
        "cluster": f"kms://{HOST}",
        "signature": signature,
        "tokens": {
            "ann": token(now, "ann"),
            "bob": token(now, "bob"),
            "expired": token(past, "eve"),
            "foreign": token(now, "eve", aud="https://mail.example.com"),
        },
    }
    (tmp_path / "settings.json").write_text(json.dumps(settings))
    server.start()
    try:
        done = subprocess.run(
            ["node", str(JS / "node_kms.js"), str(tmp_path / "settings.json")],
            env={**os.environ, "NODE_PATH": str(modules)},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    finally:
        assert server.stop() == 0
    checks = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one for one in checks if not one["good"]] == [], done.stderr
    assert checks[-1]["check"] == "the end"
    assert "rows hold" in server.command("audit", "verify")
