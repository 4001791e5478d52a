"""The store in one SQLite file: write-ahead log, every commit on the disk before it is acknowledged."""

from connector.store.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
