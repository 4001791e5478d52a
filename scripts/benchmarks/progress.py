"""Where a run stands, said on standard error: whoever waits for half an hour wants to see it move."""

from __future__ import annotations

import sys
import time

_BEGUN = time.monotonic()


def tell(words: str) -> None:
    """One line, behind the minutes and seconds since the run began."""
    minutes, seconds = divmod(int(time.monotonic() - _BEGUN), 60)
    print(f"{minutes:3d}:{seconds:02d}  {words}", file=sys.stderr, flush=True)
