"""What this machine's TPM is worth to a sealed credential."""

from __future__ import annotations

from pathlib import Path

DEVICE = Path("/sys/class/tpm/tpm0")
BOOT_POLICY = 7
"""The register that systemd-creds binds to where it is asked for one: Secure Boot's state."""


def tpm_warnings(device: Path = DEVICE) -> tuple[str, ...]:
    """Sentences, none when the register says something. An all-zero one is bound to without any effect."""
    if not device.exists():
        return ("There is no TPM2: the master secret is sealed to this machine's host key alone.",)
    register = device / "pcr-sha256" / str(BOOT_POLICY)
    try:
        value = register.read_text().strip()
    except OSError:
        return (
            f"The TPM's register {BOOT_POLICY} can't be read: whether it holds Secure Boot's state is unknown.",
        )
    if not value.strip("0"):
        return (
            f"The TPM's register {BOOT_POLICY} is all zero: a policy bound to it protects nothing; turn Secure Boot on.",
        )
    return ()
