"""What SQLite's result codes mean for an administrator, one sentence each (sqlite.org/rescode.html)."""

from __future__ import annotations

import errno
import sqlite3

from connector.errors import StoreError

_DAMAGED = "The database {path} is damaged: restore it from a backup."

_SENTENCES = {
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_FULL: "The disk that holds the database {path} is full: make room there; nothing stored is lost.",
    sqlite3.SQLITE_READONLY: "The database {path} is read-only: make it and its directory writable again.",
    sqlite3.SQLITE_BUSY: "The database {path} is locked by another program: end that program.",
    sqlite3.SQLITE_LOCKED: "The database {path} is locked by another program: end that program.",
    sqlite3.SQLITE_CANTOPEN: "The database {path} can't be opened: look at its directory and the rights on it.",
    sqlite3.SQLITE_PERM: "The database {path} can't be opened: look at its directory and the rights on it.",
    sqlite3.SQLITE_IOERR: "Reading or writing the database {path} failed: look at the disk.",
}

_PASSING = {
    sqlite3.SQLITE_CANTOPEN,  # also where a full disk has no room for the write-ahead log
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_IOERR,
}

_ERRNOS = {
    errno.ENOSPC: _SENTENCES[sqlite3.SQLITE_FULL],
    errno.EDQUOT: _SENTENCES[sqlite3.SQLITE_FULL],
    errno.EROFS: _SENTENCES[sqlite3.SQLITE_READONLY],
}


def store_error(error: sqlite3.Error | OSError, path: str) -> StoreError:
    """The sentence for ``error``; never with values of a row in it."""
    if isinstance(error, OSError):
        sentence = _ERRNOS.get(error.errno or 0, _SENTENCES[sqlite3.SQLITE_CANTOPEN])
        return StoreError(sentence.format(path=path), passing=error.errno in {errno.ENOSPC, errno.EDQUOT})
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the low byte is the primary code
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    unknown = f"The database {{path}} refused a request ({name}): report this as a fault."
    return StoreError(_SENTENCES.get(code, unknown).format(path=path), passing=code in _PASSING)
