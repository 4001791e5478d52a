"""What every store promises about the index and the one transaction of a step."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from connector.errors import SessionChanged, StoreError
from connector.model import (
    Commit,
    EventKind,
    IndexRow,
    Load,
    Phase,
    Quarantined,
    SealedCommand,
    Session,
    Stage,
)
from connector.store.base import Store
from tests.contract.store_nouns import (
    HOUR,
    LATER,
    NOW,
    add,
    claimed,
    commit,
    entry,
    event,
    put,
    row,
)


def _names(rows: tuple[IndexRow, ...]) -> set[str]:
    return {one.meeting_id for one in rows}


class IndexContract:
    """Rows and ``commit``."""

    def test_a_row_comes_back_as_it_went_in(self, store: Store) -> None:
        """Every field of an index row is kept, to the microsecond."""
        add(store)
        one = row("k", start=NOW + timedelta(microseconds=1), original_start=NOW - HOUR, generation=3)
        commit(store, rows=(one,))
        assert store.rows_of_series("m1", ["series-k"]) == (one,)

    def test_rows_are_found_by_series(self, store: Store) -> None:
        """All occurrences of the asked series, and only of this mailbox, although meeting ids are shared."""
        add(store, "m1")
        add(store, "m2")
        rows = (row("a", series_key="s1"), row("b", series_key="s1"), row("c", series_key="s2"), row("d"))
        commit(store, "m1", rows=rows)
        commit(store, "m2", rows=rows)
        commit(store, "m2", dropped=("a",))
        assert _names(store.rows_of_series("m1", ["s1", "s2", "s9"])) == {"a", "b", "c"}
        assert _names(store.rows_of_series("m2", ["s1"])) == {"b"}
        assert store.rows_of_series("m1", []) == ()
        assert store.rows_of_series("m9", ["s1"]) == ()

    def test_rows_are_found_by_item_or_home(self, store: Store) -> None:
        """A deleted master's id finds its occurrences, an exception's id finds the exception."""
        add(store)
        rows = (row("a", item_id="i1", home_id="m"), row("b", item_id="i2", home_id="m"), row("c"))
        commit(store, rows=rows)
        assert _names(store.rows_of_items("m1", ["m"])) == {"a", "b"}
        assert _names(store.rows_of_items("m1", ["i2", "item-c", "nobody"])) == {"b", "c"}
        assert store.rows_of_items("m1", ()) == ()

    def test_many_ids_are_asked_at_once(self, store: Store) -> None:
        """A question may name more ids than a statement has room for variables."""
        add(store)
        commit(store, rows=(row("a"),))
        many = [f"item-{number}" for number in range(40_000)]
        assert _names(store.rows_of_items("m1", [*many, "item-a"])) == {"a"}

    def test_rows_unseen_are_below_the_generation(self, store: Store) -> None:
        """Rows of this or a later read were seen."""
        add(store)
        commit(store, rows=tuple(row(f"g{number}", generation=number) for number in range(4)))
        assert _names(store.rows_unseen("m1", 2)) == {"g0", "g1"}

    def test_rows_before_have_ended(self, store: Store) -> None:
        """The end is exclusive: a meeting that ends at the moment is over."""
        add(store)
        commit(store, rows=(row("over", end=NOW), row("on", end=NOW + timedelta(microseconds=1))))
        assert _names(store.rows_before("m1", NOW)) == {"over"}

    def test_rows_between_overlap(self, store: Store) -> None:
        """The span is half-open at both sides, and an empty meeting counts by its start."""
        add(store)
        spans = {
            "before": (NOW - HOUR, NOW),
            "into": (NOW - HOUR, NOW + timedelta(microseconds=1)),
            "inside": (NOW, NOW + HOUR),
            "around": (NOW - HOUR, NOW + 2 * HOUR),
            "empty-at-start": (NOW, NOW),
            "empty-at-end": (NOW + HOUR, NOW + HOUR),
            "after": (NOW + HOUR, NOW + 2 * HOUR),
        }
        commit(store, rows=tuple(row(name, start=start, end=end) for name, (start, end) in spans.items()))
        found = _names(store.rows_between("m1", NOW, NOW + HOUR))
        assert found == {"into", "inside", "around", "empty-at-start"}

    def test_rows_are_replaced_dropped_and_counted(self, store: Store) -> None:
        """A row is written by its meeting id; dropping an unknown one is fine."""
        add(store)
        commit(store, rows=(row("a"), row("b"), row("c")))
        commit(store, rows=(row("a", digest="new"),), dropped=("b", "nobody"))
        assert store.count_rows("m1") == 2
        assert [one.digest for one in store.rows_of_series("m1", ["series-a"])] == ["new"]
        assert store.count_rows("m9") == 0

    def test_touched_rows_take_the_generation_of_the_load(self, store: Store) -> None:
        """What a full read met unchanged is no longer unseen; nothing else of the row changes."""
        session = add(store)
        commit(store, rows=(row("a"), row("b")))
        loading = replace(session, version=1, load=Load(Stage.FILL, 5, resend=False))
        store.commit(Commit(loading, touched=("a", "nobody")), NOW)
        assert _names(store.rows_unseen("m1", 5)) == {"b"}
        assert store.rows_of_series("m1", ["series-a"]) == (row("a", generation=5),)

    def test_touching_without_a_load_changes_nothing(self, store: Store) -> None:
        """Outside a full read there is no generation to set."""
        add(store)
        commit(store, rows=(row("a"),))
        commit(store, touched=("a",))
        assert store.rows_of_series("m1", ["series-a"]) == (row("a"),)

    def test_quarantine_is_kept_by_item(self, store: Store) -> None:
        """An item has one reason, the latest; a released one is gone; releasing the unknown is fine."""
        add(store)
        commit(store, quarantined=(Quarantined("i1", "item-corrupt"), Quarantined("i2", "item-unreadable")))
        commit(store, quarantined=(Quarantined("i1", "unsupported-time-zone"),), released=("i2", "nobody"))
        assert store.quarantine("m1") == (Quarantined("i1", "unsupported-time-zone"),)
        assert store.quarantine("m9") == ()

    def test_a_commit_writes_the_next_session(self, store: Store) -> None:
        """The stored session is what was given with its version grown; the answer is the stored one."""
        session = add(store)
        following = replace(session, phase=Phase.LOADING, cursor="next", revision=4, due=LATER)
        stored = store.commit(Commit(following), NOW)
        assert stored == replace(following, version=session.version + 1)
        assert store.session("m1") == stored

    def test_a_commit_from_an_old_version_writes_nothing(self, store: Store) -> None:
        """SessionChanged leaves session, rows, outbox, quarantine, commands and audit as they were."""
        session = add(store)
        store.accept([SealedCommand("c1", "m1", "jwe", NOW)], "1")
        stored = store.change_session(session)
        with pytest.raises(SessionChanged):
            store.commit(self._everything(session), NOW)
        self._assert_untouched(store)
        assert store.session("m1") == stored

    def test_a_commit_of_an_unknown_mailbox_writes_nothing(self, store: Store) -> None:
        """A mailbox that was erased meanwhile gets no rows."""
        session = add(store)
        store.accept([SealedCommand("c1", "m1", "jwe", NOW)], "1")
        store.erase_mailbox("m1", entry())
        with pytest.raises(SessionChanged):
            store.commit(self._everything(session), NOW)
        assert store.count_rows("m1") == 0
        assert store.outbox().waiting == 0

    def test_a_commit_that_fails_late_writes_nothing(self, store: Store) -> None:
        """An event that is queued already refuses the step as a whole."""
        session = add(store)
        store.accept([SealedCommand("c1", "m1", "jwe", NOW)], "1")
        twice = replace(self._everything(session), envelopes=(put("e1"), put("e1", "other")))
        with pytest.raises(StoreError):
            store.commit(twice, NOW)
        self._assert_untouched(store)
        commit(store, envelopes=(event("e2", EventKind.PRESENCE_PUT),))
        with pytest.raises(StoreError):
            commit(store, envelopes=(put("e3"), put("e2")))
        assert claimed(store) == ["e2"]

    def test_data_that_is_no_json_writes_nothing(self, store: Store) -> None:
        """A programming error in one envelope can't leave half a step behind."""
        session = add(store)
        store.accept([SealedCommand("c1", "m1", "jwe", NOW)], "1")
        step = self._everything(session)
        broken = replace(step, envelopes=(*step.envelopes, event("e2", data={"x": object()})))
        with pytest.raises(TypeError):
            store.commit(broken, NOW)
        broken = replace(step, audit=(*step.audit, entry(bad=object())))
        with pytest.raises(TypeError):
            store.commit(broken, NOW)
        self._assert_untouched(store)

    def test_a_commit_writes_everything_together(self, store: Store) -> None:
        """Session, row, envelope, quarantine, finished command and audit rows are there after one verb."""
        session = add(store)
        store.accept([SealedCommand("c1", "m1", "jwe", NOW)], "1")
        store.commit(self._everything(session), NOW)
        assert store.count_rows("m1") == 1
        assert store.next_command("m1") is None
        assert store.accept([SealedCommand("c1", "m1", "jwe", NOW)], "2") == ()
        assert len(store.quarantine("m1")) == 1
        assert claimed(store) == ["e1"]
        assert [one.entry.action for one in store.audit_rows()] == ["activate", "step"]
        assert store.verify_audit() is None

    def _everything(self, session: Session) -> Commit:
        return Commit(
            session=session,
            rows=(row("a"),),
            envelopes=(put("e1"),),
            quarantined=(Quarantined("i", "item-corrupt"),),
            finished="c1",
            audit=(entry("step"),),
        )

    def _assert_untouched(self, store: Store) -> None:
        assert store.count_rows("m1") == 0
        assert (store.outbox().waiting, store.last_sequence()) == (0, 0)
        assert store.quarantine("m1") == ()
        assert store.next_command("m1") is not None
        assert [one.entry.action for one in store.audit_rows()] == ["activate"]
        assert store.verify_audit() is None
