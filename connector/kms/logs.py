"""The key server's log: to the journal, or lines of JSON on standard error. Names, ids and codes only."""

from __future__ import annotations

import os
import sys

from connector.log import configure


def begin() -> None:
    """From now on."""
    configure("info", None, stream=sys.stderr, environment=os.environ)
