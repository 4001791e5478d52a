"""One process's wall clock, set without touching the machine's: a small library put before the C library's."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

from scripts.packaging.trial.machine import Machine, MachineError

_HOME = "/usr/lib/trial-clock"
SETTINGS = f"Environment=LD_PRELOAD={_HOME}/wallclock.so\n"
"""For the unit whose clock is to be set."""
_SOURCE = Path(__file__).with_name("wallclock.c")


def build(builder: Path, folder: Path) -> Path:
    """Compile it with the C compiler of a tree, for machines of that release. Raises MachineError."""
    made = folder / "wallclock.so"
    source = builder / "srv" / "wallclock.c"
    inside = (
        "gcc",
        "-shared",
        "-fPIC",
        "-O2",
        "-Wall",
        "-Werror",
        "-o",
        "/srv/wallclock.so",
        "/srv/wallclock.c",
    )
    shutil.copyfile(_SOURCE, source)
    done = subprocess.run(["chroot", str(builder), *inside], capture_output=True, text=True, check=False)
    source.unlink()
    if done.returncode:
        raise MachineError(f"the clock could not be compiled: {done.stderr}")
    shutil.move(builder / "srv/wallclock.so", made)
    return made


def put(machine: Machine, library: Path) -> None:
    """Lay it where the sandbox lets programs be read; the clock is right."""
    home = machine.root / _HOME[1:]
    home.mkdir(parents=True)
    shutil.copyfile(library, home / "wallclock.so")
    set_ahead(machine, 0)


def set_ahead(machine: Machine, seconds: int) -> None:
    """From now on the clock is so far ahead. Written in place: the process has the file mapped."""
    path = machine.root / _HOME[1:] / "ahead"
    with path.open("r+b" if path.exists() else "w+b") as file:
        file.write(struct.pack("q", seconds))


def take_away(machine: Machine) -> None:
    """Nothing of it is left."""
    shutil.rmtree(machine.root / _HOME[1:])
