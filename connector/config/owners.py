"""Whose files are believed: what decides over calendars is written by root or by whoever runs the program."""

from __future__ import annotations

import os
import pwd
import stat
from pathlib import Path


def objection(path: Path, facts: os.stat_result) -> str:
    """What is wrong with a file's owner or mode, with the command that mends it; "" for nothing."""
    if facts.st_uid not in {0, os.geteuid()}:
        return f"it belongs to {_name(facts.st_uid)}; run: chown root {path}"
    if facts.st_mode & stat.S_IWOTH:
        return f"it may be written by everybody; run: chmod o-w {path}"
    return ""


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
