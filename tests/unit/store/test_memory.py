"""What the memory store has beyond the contract: copies of a whole life."""

from __future__ import annotations

from connector.model import Commit
from connector.store.memory import MemoryStore
from tests.contract.store_nouns import NEVER, NOW, add, commit, ids, put, row, send
from tests.fakes.cipher import FakeCipher


def _filled() -> MemoryStore:
    store = MemoryStore(FakeCipher())
    add(store)
    commit(store, rows=(row("k"),), envelopes=(put("e1"),))
    return store


def test_a_clone_is_equal_and_apart() -> None:
    """What happens to one of them does not happen to the other."""
    store = _filled()
    twin = store.clone()
    assert twin.sessions() == store.sessions()
    assert twin.audit_rows() == store.audit_rows()
    send(store, put("e2"))
    twin.acknowledge(ids(twin.claim(9, NEVER)))
    assert ids(store.claim(9, NEVER)) == ["e1", "e2"]
    assert twin.outbox().waiting == 0


def test_a_restored_store_has_forgotten() -> None:
    """Sessions, rows, numbers and audit are those of the copy, which can be restored again."""
    store = _filled()
    backup = store.clone()
    for _ in range(2):
        commit(store, rows=(row("k2"),), envelopes=(put(f"after-{store.last_sequence()}"),))
        store.restore(backup)
        assert store.count_rows("m1") == 1
        assert store.last_sequence() == 1
        assert store.sessions() == backup.sessions()


def test_a_restored_chain_holds_under_the_same_cipher() -> None:
    """A clone digests with the cipher of its original."""
    store = _filled()
    twin = store.clone()
    session = twin.session("m1")
    assert session is not None
    twin.commit(Commit(session), NOW)
    store.restore(twin)
    assert store.verify_audit() is None
