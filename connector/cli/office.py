"""Calls a verb: of the running daemon through its socket, else on the opened store in this process."""

from __future__ import annotations

import getpass
import pwd
from pathlib import Path
from typing import Any

from connector.app.ground import STATE_KEY, Ground, open_keystore, open_store
from connector.cli.options import Frame
from connector.config import Loaded
from connector.control.client import DaemonNotRunning, call
from connector.keystore.owner import as_owner
from connector.operations.verbs import VERBS

__all__ = ["as_owner", "ask", "login"]


def ask(frame: Frame, verb: str, /, **arguments: Any) -> Any:
    """The verb's result. Raises UserError with one sentence."""
    loaded = frame.load()
    try:
        return call(loaded.config.runtime, verb, **arguments)
    except DaemonNotRunning:
        return _here(loaded, verb, arguments)


def _here(loaded: Loaded, verb: str, arguments: dict[str, Any]) -> Any:
    keystore = open_keystore(loaded.config)
    keystore.local_key(STATE_KEY)  # while we are root: the owner of the files may not open the master key
    with as_owner(loaded.config.state):
        ground = Ground(loaded, keystore, open_store(loaded.config, keystore))
        try:
            return VERBS[verb].run(ground, login(), **arguments)
        finally:
            ground.store.close()


def login() -> str:
    """The login behind sudo, as the kernel keeps it; else whoever this process belongs to."""
    try:
        login = int(Path("/proc/self/loginuid").read_text(encoding="ascii"))
        return pwd.getpwuid(login).pw_name
    except (OSError, ValueError, KeyError):
        return getpass.getuser()
