"""kill -9 at any moment leaves a step whole or not begun, and never takes back what was promised."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from pathlib import Path

from connector.model import Phase, Session
from connector.store.sqlite import SqliteStore
from tests.contract.store_nouns import NEVER, NOW, entry, mailbox
from tests.fakes.cipher import FakeCipher
from tests.unit.store.committing import ENVELOPES, KEY, ROWS

KILLS = 20


def test_a_killed_writer_leaves_whole_steps(tmp_path: Path) -> None:
    """Twenty kills at random moments between and inside commits of one database."""
    path = tmp_path / "connector.db"
    store = _open(path)
    store.add_mailbox(mailbox(), Session("m1", Phase.LIVE, NOW), entry("activate"))
    store.close()
    chance = random.Random(20)  # noqa: S311 - the moments need not be secret
    for _ in range(KILLS):
        promised = _run_and_kill(path, after=chance.random() * 0.06)
        assert promised > 0
        store = _open(path)
        _assert_whole(store, promised)
        store.close()


def _open(path: Path) -> SqliteStore:
    return SqliteStore(path, FakeCipher(KEY), lambda: NOW)


def _run_and_kill(path: Path, after: float) -> int:
    """Let a process commit for ``after`` seconds from its first step on, kill it; the last number it promised."""
    arguments = [sys.executable, "-m", "tests.unit.store.committing", str(path)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        timer = threading.Timer(after, process.kill)
        timer.start()
        said += process.stdout.read()
        timer.join()
    lines = said.split(b"\n")
    return int(lines[-2]) if len(lines) > 1 else 0


def _assert_whole(store: SqliteStore, promised: int) -> None:
    session = store.session("m1")
    assert session is not None
    version = session.version
    assert promised <= version <= promised + 1
    assert (session.revision, session.cursor) == (version, f"cursor-{version}")
    rows = store.rows_of_series("m1", ["s"])
    assert [row.revision for row in rows] == [version] * ROWS
    assert store.last_sequence() == version * ENVELOPES
    waiting = store.claim(100, NEVER)
    assert [one.envelope.id for one in waiting] == [f"e{version}.{number}" for number in range(ENVELOPES)]
    assert store.release_all() == ENVELOPES
    last = store.audit_rows(after=version)
    assert [row.entry.facts for row in last] == [{"version": version}]
    assert store.verify_audit() is None
