"""What the keystore's tests share: a keystore in a directory, and a clock that stands still."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from connector.keystore import KeyFile, Keystore

NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)


def clock() -> datetime:
    return NOW


def master_file(state: Path) -> Path:
    return state / "master.key"


def keystore_file(state: Path) -> Path:
    return state / "keystore.json"


def keystore(state: Path) -> Keystore:
    """A keystore object of its own, as another process would have it."""
    return Keystore(keystore_file(state), KeyFile(master_file(state), state), clock)
