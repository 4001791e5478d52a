"""The program ``calendar-connector-kms``."""

from connector.kms.cli.program import main

__all__ = ["main"]
