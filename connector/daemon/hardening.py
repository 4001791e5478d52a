"""What the process gives up before it touches a secret."""

from __future__ import annotations

import ctypes
import os
import resource

_PR_SET_DUMPABLE = 4


def give_up_privileges() -> None:
    """No core file, no memory for a debugger of another user (prctl(2), PR_SET_DUMPABLE), files for the owner alone."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_DUMPABLE) failed")
    os.umask(0o077)
