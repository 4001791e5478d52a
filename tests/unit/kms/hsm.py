"""SoftHSM, the software token, where it is installed ($SOFTHSM2_MODULE names its library elsewhere)."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from connector.kms.settings import Pkcs11Settings

PIN = "123456"
LIBRARIES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
)


def token_in(folder: Path, label: str) -> Pkcs11Settings:
    """A fresh token; skips where SoftHSM or python-pkcs11 is not installed."""
    pytest.importorskip("pkcs11", reason="python-pkcs11 is not installed")
    named = os.environ.get("SOFTHSM2_MODULE")
    module = next((Path(one) for one in ([named] if named else LIBRARIES) if Path(one).exists()), None)
    program = os.environ.get("SOFTHSM2_UTIL") or shutil.which("softhsm2-util")
    if module is None or program is None:
        pytest.skip("SoftHSM (package softhsm2) is not installed")
    run = [program, "--module", str(module), "--init-token", "--free", "--label", label]
    subprocess.run([*run, "--pin", PIN, "--so-pin", PIN], check=True, capture_output=True, timeout=30)
    (folder / "pin").write_text(f"{PIN}\n")
    (folder / "pin").chmod(0o400)
    return Pkcs11Settings(module=module, token=label, pin=folder / "pin")
