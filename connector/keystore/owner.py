"""Root works as the owner of the state directory, so that no file of root's is left behind."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def as_owner(state: Path) -> Iterator[None]:
    """Be the owner of the directory while the block runs; nothing happens for anybody but root."""
    owner = state.stat() if os.geteuid() == 0 and state.exists() else None
    if owner is None or owner.st_uid == 0:
        yield
        return
    os.setegid(owner.st_gid)
    os.seteuid(owner.st_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


@contextmanager
def as_root() -> Iterator[None]:
    """Inside ``as_owner``: be root again while the block runs, for a file outside of the state directory."""
    owner = os.geteuid(), os.getegid()
    if os.getuid() != 0 or owner[0] == 0:
        yield
        return
    os.seteuid(0)
    os.setegid(0)
    try:
        yield
    finally:
        os.setegid(owner[1])
        os.seteuid(owner[0])
