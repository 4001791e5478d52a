"""The time, as something that is handed in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

Clock = Callable[[], datetime]
"""Tells the time as an aware UTC datetime; passed in wherever time matters, so that tests can move it."""
