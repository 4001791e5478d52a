"""What support needs to see, as one text in which nobody can be recognised."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from importlib.metadata import distributions
from pathlib import Path

from connector.app.relay import VERSION
from connector.config import Loaded, show
from connector.keystore import Entry

LINES = 5000
"""Of the journal."""
COMMAND_SECONDS = 30.0
UNIT = "calendar-connector"

_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})*")
_DOMAIN_USER = re.compile(r"\b[A-Za-z0-9-]{1,15}\\{1,4}[A-Za-z0-9._-]{1,64}")
_SECRET_URL = re.compile(r"(https?://)[^/\s:@]+:[^/\s@]+@")


class Masked:
    """Replaces addresses, each by the same name wherever it stands; the salt is thrown away with this object."""

    def __init__(self) -> None:
        self._salt = os.urandom(16)

    def __call__(self, text: str) -> str:
        """The text without people and credentials."""
        without = _SECRET_URL.sub(r"\1***@", text)
        without = _ADDRESS.sub(self._person, without)
        return _DOMAIN_USER.sub(self._person, without)

    def _person(self, found: re.Match[str]) -> str:
        return f"person-{hashlib.sha256(self._salt + found[0].lower().encode()).hexdigest()[:8]}"


def parts(
    loaded: Loaded, secrets: list[Entry], ask: Callable[[str], str], mailbox: str
) -> Iterator[tuple[str, str]]:
    """Title and text of each part, not yet masked. ``ask`` gives what a verb of the daemon says, as text."""
    yield "versions", "\n".join(_versions())
    yield "machine", "\n".join(_machine(loaded))
    yield "configuration", show(loaded)
    yield (
        "secrets (names and dates)",
        "\n".join(f"{one.name} version {one.version} of {one.set_at}" for one in secrets),
    )
    for verb in ("status", "source.list", "deadletter.list"):
        yield verb, ask(verb)
    if mailbox:
        yield "mailbox.show", ask("mailbox.show")
    yield (
        "unit",
        _said("systemctl", "show", UNIT, "--property=ActiveState,SubState,Result,NRestarts,ExecMainStatus"),
    )
    since = [f"CC_MAILBOX={mailbox}"] if mailbox else ["--unit", UNIT]
    yield "journal", _said("journalctl", "--no-pager", "--output=short-iso", f"--lines={LINES}", *since)


def whole(parts_: Iterator[tuple[str, str]], masked: Masked) -> str:
    """One text."""
    return "\n".join(f"=== {title}\n\n{masked(text).rstrip()}\n" for title, text in parts_)


def _versions() -> Iterator[str]:
    yield f"calendar-connector {VERSION}"
    yield f"Python {platform.python_version()}, {platform.platform()}"
    release = Path("/etc/os-release")
    if release.exists():
        yield from (line for line in release.read_text().splitlines() if line.startswith("PRETTY_NAME"))
    yield from sorted(f"{one.metadata['Name']} {one.version}" for one in distributions())


def _machine(loaded: Loaded) -> Iterator[str]:
    state = loaded.config.state
    yield f"processors {os.cpu_count()}"
    yield _said("free", "--mega") if shutil.which("free") else "memory unknown"
    if state.exists():
        usage = shutil.disk_usage(state)
        yield f"disk of {state}: {usage.free >> 20} MB free of {usage.total >> 20} MB"
        for path in sorted(state.iterdir()):
            facts = path.stat()
            yield f"{path.name}: {facts.st_size} bytes, mode {facts.st_mode & 0o777:o}, uid {facts.st_uid}"


def _said(*command: str) -> str:
    """What a program of this machine says; that it is not there is said, too."""
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=COMMAND_SECONDS)  # noqa: S603 - fixed words, and an address as one argument
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{command[0]}: {type(error).__name__}"
    return (done.stdout or done.stderr).decode(errors="replace")
