"""What every part of the trial uses: where things are, what is expected, how a package gets onto a machine."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from scripts.packaging.trial.machine import Machine, MachineError
from scripts.packaging.trial.site import UNIT, facts, wait

CONFIGURATION = "/etc/calendar-connector"
CREDENTIAL = "/etc/credstore.encrypted/calendar-connector.master"
STATE = "/var/lib/calendar-connector"
_DROP_IN = f"/etc/systemd/system/{UNIT}.service.d/trial.conf"

Step = tuple[str, Callable[[], object]]
"""What is printed, and what is done. It raises MachineError when the machine is not as it should be."""


def expect(what: str, found: object, wanted: object) -> None:
    """Raise MachineError unless both are equal."""
    if found != wanted:
        raise MachineError(f"{what}: expected {wanted!r}, found {found!r}")


def expect_in(what: str, words: str, text: str) -> None:
    """Raise MachineError unless the words are said."""
    if words not in text:
        raise MachineError(f"{what}: expected {words!r} in {text[-1000:]!r}")


def owned(machine: Machine) -> None:
    """Nothing in the state directory is root's, and nobody else reads the database."""
    expect("files of root in the state directory", machine.do("find", STATE, "!", "-user", UNIT), "")
    expect("rights of the database", facts(machine, f"{STATE}/connector.db"), f"{UNIT}:{UNIT} 600")


def said(machine: Machine, *options: str) -> str:
    """What the unit has said so far."""
    machine.do("journalctl", "--sync")
    return machine.do("journalctl", "--unit", UNIT, "--output=cat", *options)


def mark(machine: Machine) -> str:
    """A place in the journal, from which ``said`` can go on: a journalctl option."""
    machine.do("journalctl", "--sync")
    shown = machine.do("journalctl", "--show-cursor", "--lines=0")
    return f"--after-cursor={shown.rpartition('cursor: ')[2].strip()}"


@contextmanager
def drop_in(machine: Machine, text: str) -> Iterator[None]:
    """The unit under other settings, restarted with them; afterwards as it was."""
    machine.write(_DROP_IN, f"[Service]\n{text}")
    machine.do("systemctl", "daemon-reload")
    try:
        machine.do("systemctl", "restart", "--no-block", UNIT)
        yield
    finally:
        (machine.root / _DROP_IN[1:]).unlink()
        machine.do("systemctl", "daemon-reload")
    machine.try_("systemctl", "reset-failed", UNIT)
    machine.do("systemctl", "restart", UNIT)


def active(machine: Machine) -> None:
    """Wait until the daemon is ready."""
    wait(lambda: machine.show(UNIT, "ActiveState") == "active", "the daemon to be ready")


def install(package: Path, machine: Machine) -> None:
    """With apt, without network. Raises MachineError."""
    done = try_install(package, machine)
    if done.returncode:
        raise MachineError(f"{package.name} was not installed: {(done.stderr + done.stdout)[-1000:]}")


def try_install(package: Path, machine: Machine, *command: str) -> subprocess.CompletedProcess[str]:
    """The same whatever comes of it; with another command than apt where given."""
    target = machine.root / "srv" / package.name
    shutil.copyfile(package, target)
    apt = ("apt-get", "install", "--yes", "--quiet", "--allow-downgrades")
    try:
        return machine.try_(*(command or apt), f"/srv/{package.name}")
    finally:
        target.unlink()


def variant(
    package: Path,
    folder: Path,
    fields: Mapping[str, str],
    change: Callable[[Path], None] | None = None,
) -> Path:
    """The package with other words in its control files, in ``folder``; ``change`` alters what it ships, else it is empty."""
    tree, made = folder / "tree", folder / f"{UNIT}_{len(list(folder.iterdir()))}.deb"
    shutil.rmtree(tree, ignore_errors=True)
    if change:
        _must("dpkg-deb", "--raw-extract", str(package), str(tree))
        change(tree)
    else:
        tree.mkdir()
        _must("dpkg-deb", "--control", str(package), str(tree / "DEBIAN"))
    for path in (tree / "DEBIAN").iterdir():
        text = path.read_text(encoding="utf-8")
        for pattern, other in fields.items():
            text = re.sub(pattern, other, text, flags=re.MULTILINE)
        path.write_text(text, encoding="utf-8")
    _must("dpkg-deb", "--build", "--root-owner-group", "-Znone", str(tree), str(made))
    shutil.rmtree(tree)
    return made


def version_of(package: Path) -> str:
    """The version of a package file."""
    return _must("dpkg-deb", "--field", str(package), "Version").strip()


def _must(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MachineError(f"{command[0]}: {done.stderr.strip()}")
    return done.stdout
