"""What all groups of verbs share."""

from __future__ import annotations

from connector.store.base import StateCipher
from connector.store.sqlite.database import Database
from connector.store.sqlite.sealing import Sealing


class Verbs:
    """Common ground of the groups of verbs that make up ``SqliteStore``."""

    def __init__(self, database: Database, cipher: StateCipher) -> None:
        self._database = database
        self._sealing = Sealing(cipher)
