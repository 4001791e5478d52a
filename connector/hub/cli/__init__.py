"""The program ``calendar-connector-hub``."""

from connector.hub.cli.program import main

__all__ = ["main"]
