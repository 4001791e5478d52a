"""What every store promises about commands, content keys and the audit trail."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from connector.model import SealedCommand
from connector.store.base import Store
from tests.contract.store_nouns import (
    HOUR,
    LATER,
    LONG_AGO,
    NEVER,
    NOW,
    add,
    commit,
    entry,
    event,
    key,
    put,
    row,
    send,
)

WEEK = timedelta(days=7)


def _command(command_id: str, mailbox_id: str = "m1", at: datetime = NOW) -> SealedCommand:
    return SealedCommand(command_id, mailbox_id, f"jwe-of-{command_id}", at)


class CommandContract:
    """The downlink."""

    def test_commands_come_out_by_arrival(self, store: Store) -> None:
        """Each mailbox gets its own, oldest first, whatever time they bear, until they are finished."""
        add(store)
        first, second = _command("z", at=LATER), _command("a", at=NOW)
        assert store.accept([first, _command("b", "m2"), second], "3") == ("m1", "m2")
        assert store.next_command("m1") == first
        assert store.next_command("m1") == first
        commit(store, finished="z")
        assert store.next_command("m1") == second
        commit(store, finished="a")
        assert store.next_command("m1") is None
        assert store.next_command("m2") is not None

    def test_the_cursor_moves_with_the_commands(self, store: Store) -> None:
        """It is "" at first and then the last accepted, also when nothing was new."""
        assert store.downlink_cursor() == ""
        store.accept([_command("c1")], "7")
        assert store.downlink_cursor() == "7"
        store.accept([], "8")
        assert store.downlink_cursor() == "8"

    def test_a_command_is_taken_once(self, store: Store) -> None:
        """Repeated ids are passed over: waiting, in the same descent, or finished."""
        add(store)
        assert store.accept([_command("c1"), replace(_command("c1"), jwe="other")], "1") == ("m1",)
        assert store.accept([_command("c1", "m2"), _command("c2", "m3")], "2") == ("m3",)
        assert store.next_command("m1") == _command("c1")
        commit(store, finished="c1")
        assert store.accept([_command("c1")], "3") == ()
        assert store.next_command("m1") is None

    def test_finished_ids_are_kept_for_seven_days(self, store: Store) -> None:
        """From the time of finishing; afterwards the id would be taken for new."""
        add(store)
        store.accept([_command("c1", at=LONG_AGO)], "1")
        commit(store, at=NOW, finished="c1")
        store.purge(NOW + WEEK)
        assert store.accept([_command("c1")], "2") == ()
        store.purge(NOW + WEEK + timedelta(microseconds=1))
        assert store.accept([_command("c1")], "3") == ("m1",)

    def test_a_waiting_command_is_never_forgotten(self, store: Store) -> None:
        """A command of a mailbox of ours stays until it is finished, and its id with it."""
        add(store)
        store.accept([_command("c1", at=LONG_AGO)], "1")
        store.purge(NOW)
        assert store.next_command("m1") is not None
        assert store.accept([_command("c1")], "2") == ()

    def test_a_command_for_nobody_does_not_stay_for_ever(self, store: Store) -> None:
        """What no mailbox of ours will ever finish goes after the same seven days."""
        store.accept([_command("c1", "stranger", at=NOW)], "1")
        store.purge(NOW + WEEK)
        assert store.next_command("stranger") is not None
        store.purge(NOW + WEEK + timedelta(microseconds=1))
        assert store.next_command("stranger") is None


class KeyContract:
    """Wrapped content keys."""

    def test_keys_come_newest_first(self, store: Store) -> None:
        """Of one mailbox or of all, as they were put."""
        old, new = key("kms://a", created_at=NOW), key("kms://b", created_at=LATER)
        other = key("kms://c", "m2", created_at=NOW - HOUR)
        for one in (new, old, other):
            store.put_wrapped_key(one)
        assert store.wrapped_keys("m1") == (new, old)
        assert store.wrapped_keys() == (new, old, other)
        assert store.wrapped_keys("m9") == ()

    def test_a_key_is_replaced_by_uri(self, store: Store) -> None:
        """Rewrapping or retiring leaves one row."""
        store.put_wrapped_key(key())
        changed = replace(key(), wrapped=b"new", kek_version=2, retired_at=LATER)
        store.put_wrapped_key(changed)
        assert store.wrapped_keys() == (changed,)

    def test_unused_retired_keys_go(self, store: Store) -> None:
        """Those retired before the moment, and no others."""
        for one in (
            key("kms://present"),
            key("kms://retired", retired_at=NOW),
            key("kms://just", retired_at=LATER),
        ):
            store.put_wrapped_key(one)
        assert store.drop_unused_keys(LATER) == 1
        assert {one.uri for one in store.wrapped_keys()} == {"kms://present", "kms://just"}

    def test_a_key_that_is_named_stays(self, store: Store) -> None:
        """An index row, a waiting or claimed envelope, or a dead letter keeps its key."""
        add(store)
        for name in ("row", "waiting", "claimed", "dead"):
            store.put_wrapped_key(key(name, retired_at=LONG_AGO))
        commit(store, rows=(row("k", key_uri="row"),))
        send(store, event("e1", meeting_id="k1", key_uri="claimed"))
        store.claim(1, NEVER)
        send(store, event("e2", meeting_id="k2", key_uri="waiting"))
        send(store, event("e3", meeting_id="k3", key_uri="dead"))
        store.bury("e3", "hub-refused", NOW)
        assert store.drop_unused_keys(NOW) == 0
        commit(store, dropped=("k",))
        store.acknowledge(["e1", "e2"])
        store.drop_dead_letter("e3")
        assert store.drop_unused_keys(NOW) == 4
        assert store.wrapped_keys() == ()


class AuditContract:
    """The hash chain."""

    def test_entries_come_back_as_they_went_in(self, store: Store) -> None:
        """Rows are numbered from 1; facts come back as JSON says them."""
        first = entry("activate", "m1", at=NOW, fields=["location"], n=1, nested={"å": None})
        assert store.audit(first) == 1
        assert store.audit(entry("pause")) == 2
        rows = store.audit_rows()
        assert [one.number for one in rows] == [1, 2]
        assert rows[0].entry == first
        assert rows[0].chain != rows[1].chain

    def test_rows_are_read_page_by_page(self, store: Store) -> None:
        """After a number, at most so many."""
        for _ in range(5):
            store.audit(entry())
        assert [one.number for one in store.audit_rows(after=2, limit=2)] == [3, 4]
        assert [one.number for one in store.audit_rows(after=4)] == [5]
        assert store.audit_rows(after=5) == ()
        assert store.audit_rows(limit=0) == ()

    def test_equal_entries_have_different_links(self, store: Store) -> None:
        """The chain binds place and predecessor, so a row can't be moved or doubled."""
        for _ in range(3):
            store.audit(entry())
        assert len({one.chain for one in store.audit_rows()}) == 3

    def test_actions_are_counted(self, store: Store) -> None:
        """Since a moment inclusive, for all mailboxes or for one."""
        for at in (NOW - HOUR, NOW, LATER):
            store.audit(entry("write", "m1", at=at))
        store.audit(entry("write", "m2", at=LATER))
        store.audit(entry("other", "m1", at=LATER))
        assert store.count_audit("write", NOW) == 3
        assert store.count_audit("write", NOW, "m1") == 2
        assert store.count_audit("write", LATER + HOUR) == 0
        assert store.count_audit("write", LONG_AGO, "m9") == 0

    def test_the_newest_row_is_known_by_number(self, store: Store) -> None:
        """Also when every row has been purged."""
        assert store.last_audit() == 0
        assert [store.audit(entry()), store.audit(entry())] == [1, 2]
        assert store.last_audit() == 2
        store.purge_audit(LATER)
        assert (store.audit_rows(), store.last_audit()) == ((), 2)

    def test_an_untouched_chain_holds(self, store: Store) -> None:
        """Empty, filled, purged and emptied again."""
        assert store.verify_audit() is None
        for number in range(6):
            store.audit(entry(at=NOW + timedelta(days=number)))
        assert store.verify_audit() is None
        assert store.purge_audit(NOW + timedelta(days=3)) == 3
        assert store.verify_audit() is None
        assert store.purge_audit(NOW + timedelta(days=9)) == 3
        assert store.verify_audit() is None

    def test_numbers_and_chain_go_on_after_a_purge(self, store: Store) -> None:
        """Rows from the moment on are kept as they are; the next row follows the last, even when all are gone."""
        for number in range(3):
            store.audit(entry(at=NOW + timedelta(days=number)))
        kept = store.audit_rows(after=2)
        assert store.purge_audit(NOW + timedelta(days=2)) == 2
        assert store.audit_rows() == kept
        assert store.purge_audit(NOW + timedelta(days=2)) == 0
        store.purge_audit(NOW + timedelta(days=30))
        assert store.audit_rows() == ()
        assert store.audit(entry()) == 4
        assert store.verify_audit() is None

    def test_a_purge_leaves_no_hole(self, store: Store) -> None:
        """After a clock went back, an old row behind a younger one stays until the younger one goes."""
        for at in (LONG_AGO, NOW, LONG_AGO):
            store.audit(entry(at=at))
        assert store.purge_audit(NOW) == 1
        assert [one.number for one in store.audit_rows()] == [2, 3]
        assert store.verify_audit() is None


class HousekeepingContract:
    """Facts and the end."""

    def test_facts_are_plain(self, store: Store) -> None:
        """Status shows texts and numbers, and the epoch is among them."""
        store.raise_epoch(3, NOW)
        facts = store.facts()
        assert facts["epoch"] == 3
        assert all(isinstance(value, str | int) for value in facts.values())

    def test_purging_an_empty_store_is_fine(self, store: Store) -> None:
        """Housekeeping needs nothing to be there."""
        store.purge(NOW)
        assert store.drop_unused_keys(NOW) == 0
        assert store.purge_audit(NOW) == 0

    def test_a_purge_touches_nothing_that_is_needed(self, store: Store) -> None:
        """Sessions, rows and envelopes survive housekeeping."""
        session = add(store)
        commit(store, rows=(row("k"),), envelopes=(put("e1"),))
        store.purge(NOW + timedelta(days=400))
        assert store.session("m1") == replace(session, version=1)
        assert (store.count_rows("m1"), store.outbox().waiting) == (1, 1)
