"""Nothing that names a person, a host or a meeting rests in clear."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

from connector.store.sqlite import SqliteStore
from tests.contract.store_nouns import NOW, entry
from tests.fakes.cipher import FakeCipher
from tests.unit.store.every_verb import SECRET, ask_everything, write_everything


def _spellings(secret: str) -> Iterator[bytes]:
    """The secret as UTF-8, UTF-16 in both orders, JSON escapes, hex, and base64 at each of its three offsets."""
    for text in (secret, secret.lower(), secret.upper()):
        for raw in (text.encode(), text.encode("utf-16-le"), text.encode("utf-16-be")):
            yield raw
            yield raw.hex().encode()
            for offset in range(3):
                coded = base64.b64encode(bytes(offset) + raw)
                yield coded[4:-4]  # the ends depend on the neighbours
                yield coded[4:-4].replace(b"+", b"-").replace(b"/", b"_")
        yield text.encode("unicode_escape")
    yield b"canary-7f3a"


def _found(directory: Path) -> list[tuple[str, bytes]]:
    files = [path for path in directory.rglob("*") if path.is_file()]
    assert files
    return [
        (path.name, spelling)
        for path in files
        for spelling in _spellings(SECRET)
        if spelling in path.read_bytes()
    ]


def test_the_search_would_find_it(tmp_path: Path) -> None:
    """A canary written in clear, also inside base64 or UTF-16, does not escape the test below."""
    for number, text in enumerate((f"x{SECRET}x".encode(), f"x{SECRET}x".encode("utf-16-le"))):
        for name, content in (("raw", text), ("base64", base64.b64encode(text))):
            directory = tmp_path / f"{name}{number}"
            directory.mkdir()
            (directory / "file").write_bytes(content)
            assert _found(directory)


def test_no_file_of_the_store_names_anybody(tmp_path: Path) -> None:
    """Not database, log, shared memory or lock; neither while it is open, nor closed, nor erased."""
    store = SqliteStore(tmp_path / "connector.db", FakeCipher(), lambda: NOW)
    write_everything(store)
    ask_everything(store)
    assert _found(tmp_path) == []
    store.raise_epoch(2, NOW)
    store.erase_mailbox("m1", entry("erase", SECRET), keep_outbox=False)
    store.purge(NOW)
    assert _found(tmp_path) == []
    store.close()
    assert _found(tmp_path) == []


def test_dead_letters_rest_sealed(tmp_path: Path) -> None:
    """Clear members of an event that the hub refused do not lie about for the record's sake."""
    store = SqliteStore(tmp_path / "connector.db", FakeCipher(), lambda: NOW)
    write_everything(store)
    with store._database.read() as connection:
        (sealed,) = connection.execute("SELECT sealed FROM dead_letters").fetchone()
    assert b"member" not in sealed
    assert store.dead_letters()[0].queued.envelope.data == {"clear": "member"}
    store.close()


def test_every_column_is_known(tmp_path: Path) -> None:
    """A new text or blob column has to be thought about: it is named here with the reason why it may be in clear."""
    clear = {
        "id", "mailbox_id", "meeting_id", "item_id", "home_id", "series_key", "change_key", "place", "uri", "key_uri",  # ids
        "source", "policy", "origin", "name",  # names of the configuration
        "cursor", "load_snapshot",  # bookmarks
        "reason", "code", "kind", "load_stage", "action",  # codes
        "digest", "presence_digest", "address_digest", "mailbox_digest",  # keyed digests
        "chain", "anchor_chain", "head_chain",  # keyed digests too
        "data", "wrapped", "sealed",  # JWE strings and times; wrapped keys; sealed values
    }  # fmt: skip
    store = SqliteStore(tmp_path / "connector.db", FakeCipher(), lambda: NOW)
    with store._database.read() as connection:
        columns = connection.execute(
            "SELECT DISTINCT col.name FROM sqlite_schema AS tab, pragma_table_info(tab.name) AS col"
            " WHERE tab.type = 'table' AND col.type IN ('TEXT', 'BLOB', 'ANY')"
        ).fetchall()
    assert {row["name"] for row in columns} == clear
    store.close()
