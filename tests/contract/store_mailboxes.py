"""What every store promises about mailboxes, sessions, settings and epochs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.errors import SessionChanged, StoreError
from connector.model import (
    EventKind,
    Load,
    Mailbox,
    Phase,
    Quarantined,
    SealedCommand,
    Session,
    Stage,
)
from connector.source.base import Subscription
from connector.store.base import OutboxState, Store
from tests.contract.store_nouns import (
    HOUR,
    LATER,
    NOW,
    add,
    claimed,
    commit,
    entry,
    event,
    key,
    mailbox,
    put,
    row,
    send,
)

FULL = Session(
    mailbox_id="m1",
    phase=Phase.PAUSED,
    due=NOW,
    version=4,
    cursor="c" * 5000,
    revision=9,
    attempts=3,
    reason="busy",
    load=Load(Stage.FILL, 7, resend=True, filled_to=LATER, snapshot="1.7"),
    covered=NOW + HOUR,
    synced_at=NOW - HOUR,
    presence_at=NOW - 2 * HOUR,
    presence_digest="pd",
    failed_at=NOW - 3 * HOUR,
    resume=Phase.LOADING,
    erase=True,
)


class MailboxContract:
    """Mailboxes and sessions."""

    def test_a_mailbox_comes_back_as_it_went_in(self, store: Store) -> None:
        """Every field of a mailbox and of its first session is kept, to the microsecond."""
        one = replace(mailbox(), left_at=NOW)
        store.add_mailbox(one, FULL, entry())
        assert store.mailbox("m1") == one
        assert store.session("m1") == FULL
        assert store.sessions() == (FULL,)

    def test_a_bare_mailbox_comes_back_too(self, store: Store) -> None:
        """Fields that are not set yet stay unset."""
        one = Mailbox("m1", "hq", "ann@example.com", "staff", "manual")
        store.add_mailbox(one, Session("m1", Phase.REQUESTED, NOW), entry())
        assert store.mailbox("m1") == one

    def test_unknown_mailboxes_are_none(self, store: Store) -> None:
        """Asking for what is not there is no error."""
        assert store.mailbox("x") is None
        assert store.session("x") is None
        assert store.find_mailbox("x@example.com") is None
        assert store.mailboxes() == ()

    def test_an_id_is_recorded_once(self, store: Store) -> None:
        """A second mailbox of the same id is refused and leaves no audit row."""
        add(store)
        with pytest.raises(StoreError):
            store.add_mailbox(mailbox("m1", "other@example.com"), Session("m1", Phase.LIVE, NOW), entry())
        assert len(store.audit_rows()) == 1

    def test_an_address_is_recorded_once_a_source(self, store: Store) -> None:
        """The same address in any case is refused in one source and allowed in another."""
        store.add_mailbox(mailbox("m1"), Session("m1", Phase.LIVE, NOW), entry())
        with pytest.raises(StoreError):
            store.add_mailbox(mailbox("m2", "ANN@example.com"), Session("m2", Phase.LIVE, NOW), entry())
        store.add_mailbox(mailbox("m3", source="brand"), Session("m3", Phase.LIVE, NOW), entry())
        assert {one.id for one in store.mailboxes()} == {"m1", "m3"}

    def test_the_session_must_be_of_the_mailbox(self, store: Store) -> None:
        """A mailbox is never recorded without a session of its own."""
        with pytest.raises(StoreError):
            store.add_mailbox(mailbox("m1"), Session("m2", Phase.LIVE, NOW), entry())
        assert store.mailboxes() == ()

    def test_found_by_address_in_any_case(self, store: Store) -> None:
        """People write addresses as they like; of two sources the mailbox recorded first is found."""
        store.add_mailbox(mailbox("z"), Session("z", Phase.LIVE, NOW), entry())
        store.add_mailbox(mailbox("a", source="brand"), Session("a", Phase.LIVE, NOW), entry())
        found = store.find_mailbox("Ann@EXAMPLE.com")
        assert found is not None
        assert found.id == "z"

    def test_a_changed_address_is_found_and_the_old_one_is_free(self, store: Store) -> None:
        """After a rename only the new address leads to the mailbox, and the old may be used by another."""
        add(store)
        changed = replace(mailbox("m1", "ann.new@example.com"), policy="room", location=None)
        store.change_mailbox(changed, entry("rename"))
        assert store.find_mailbox("m1@example.com") is None
        assert store.find_mailbox("ann.new@example.com") == changed
        store.add_mailbox(mailbox("m2", "m1@example.com"), Session("m2", Phase.LIVE, NOW), entry("activate"))
        assert [one.entry.action for one in store.audit_rows()] == ["activate", "rename", "activate"]

    def test_a_change_needs_a_mailbox_and_a_free_address(self, store: Store) -> None:
        """Changing what is not there, or to an address that is taken, is refused and changes nothing."""
        add(store, "m1")
        add(store, "m2")
        with pytest.raises(StoreError):
            store.change_mailbox(mailbox("m9", "m9@example.com"), entry())
        with pytest.raises(StoreError):
            store.change_mailbox(mailbox("m2", "m1@example.com"), entry())
        assert len(store.audit_rows()) == 2
        assert store.find_mailbox("m2@example.com") is not None

    def test_chosen_by_phase(self, store: Store) -> None:
        """Phases choose; no phase means all."""
        add(store, "m1", Phase.LIVE)
        add(store, "m2", Phase.LOADING)
        add(store, "m3", Phase.PAUSED)
        assert {one.id for one in store.mailboxes(Phase.LIVE, Phase.LOADING)} == {"m1", "m2"}
        assert {one.id for one in store.mailboxes()} == {"m1", "m2", "m3"}
        assert store.mailboxes(Phase.MOVED) == ()

    def test_counted_by_phase(self, store: Store) -> None:
        """The number is that of the mailboxes the same question would give."""
        assert store.count_mailboxes() == 0
        for name, phase in (("m1", Phase.LIVE), ("m2", Phase.LIVE), ("m3", Phase.LOADING)):
            add(store, name, phase)
        assert store.count_mailboxes(Phase.LIVE) == 2
        assert store.count_mailboxes(Phase.LIVE, Phase.LOADING) == 3
        assert store.count_mailboxes(Phase.MOVED) == 0
        assert store.count_mailboxes() == 3

    def test_a_session_is_changed_from_the_version_that_was_read(self, store: Store) -> None:
        """The stored session has its version grown by one; writing from the old version again is refused."""
        before = add(store)
        after = store.change_session(replace(before, phase=Phase.PAUSED), entry("pause"))
        assert after == replace(before, phase=Phase.PAUSED, version=before.version + 1)
        assert store.session("m1") == after
        with pytest.raises(SessionChanged):
            store.change_session(replace(before, phase=Phase.LIVE), entry("resume"))
        assert store.session("m1") == after
        assert [one.entry.action for one in store.audit_rows()] == ["activate", "pause"]

    def test_a_session_that_is_gone_has_changed(self, store: Store) -> None:
        """Writing the session of an erased mailbox is refused in the same way."""
        before = add(store)
        store.erase_mailbox("m1", entry("erase"))
        with pytest.raises(SessionChanged):
            store.change_session(before)

    @pytest.mark.parametrize("keep_outbox", [True, False])
    def test_erasing_leaves_nothing_of_one_mailbox(self, store: Store, keep_outbox: bool) -> None:
        """Every row goes, save envelopes that the hub has yet to get; the neighbour keeps all of its own."""
        for name in ("m1", "m2"):
            self._fill(store, name)
        store.erase_mailbox("m1", entry("erase"), keep_outbox=keep_outbox)
        assert [one.id for one in store.mailboxes()] == ["m2"]
        assert [one.mailbox_id for one in store.sessions()] == ["m2"]
        for name, held in (("m1", 0), ("m2", 1)):
            assert store.count_rows(name) == held
            assert len(store.quarantine(name)) == held
            assert (store.next_command(name) is not None) == bool(held)
            assert len(store.wrapped_keys(name)) == held
        assert [one.mailbox_id for one in store.subscriptions("hq")] == ["m2"]
        assert [one.queued.envelope.mailbox_id for one in store.dead_letters()] == ["m2"]
        assert claimed(store) == (["waiting-m1", "waiting-m2"] if keep_outbox else ["waiting-m2"])
        assert store.audit_rows()[-1].entry.action == "erase"

    def test_erasing_forgets_no_command_id(self, store: Store) -> None:
        """A command that came before the mailbox was erased is not taken for new when it comes again."""
        add(store)
        command = SealedCommand("c1", "m1", "jwe", NOW)
        store.accept([command], "1")
        store.erase_mailbox("m1", entry("erase"))
        assert store.accept([command], "2") == ()

    def test_erasing_twice_is_fine(self, store: Store) -> None:
        """A mailbox that is gone already leaves nothing to erase."""
        add(store)
        store.erase_mailbox("m1", entry("erase"))
        store.erase_mailbox("m1", entry("erase"))
        add(store)
        assert store.count_rows("m1") == 0

    def _fill(self, store: Store, name: str) -> None:
        add(store, name)
        commit(
            store,
            name,
            rows=(row("k"),),
            quarantined=(Quarantined("bad", "item-corrupt"),),
            envelopes=(put(f"waiting-{name}", mailbox_id=name), put(f"dead-{name}", mailbox_id=name)),
        )
        store.bury(f"dead-{name}", "hub-refused", NOW)
        store.accept([SealedCommand(f"c-{name}", name, "jwe", NOW)], "1")
        store.put_wrapped_key(key(f"kms://{name}", name))
        store.save_subscription(Subscription("hq", name, "sub", "g", "{}", NOW))


class LifeContract:
    """Epochs, settings and subscriptions."""

    def test_a_new_store_begins_at_one(self, store: Store) -> None:
        """The first life has number 1 and has given out no sequence."""
        assert (store.epoch(), store.last_sequence()) == (1, 0)
        assert store.outbox() == OutboxState(0, None, 0)

    def test_a_new_life_keeps_what_calendars_do_not_tell(self, store: Store) -> None:
        """Meetings, snapshots and presence go; the rest is numbered from 1 in its old order, in the new epoch."""
        add(store)
        kinds = {f"e{number}": kind for number, kind in enumerate(EventKind)}
        send(store, *(event(name, kind, "k" if "meeting" in kind else None) for name, kind in kinds.items()))
        store.raise_epoch(5, LATER)
        kept = {EventKind.MAILBOX_PUT, EventKind.MAILBOX_GONE, EventKind.COMMAND_OUTCOME}
        queued = store.claim(10, NOW)
        assert [one.envelope.kind for one in queued] == [kind for kind in EventKind if kind in kept]
        assert [(one.epoch, one.sequence) for one in queued] == [(5, 1), (5, 2), (5, 3)]
        assert (store.epoch(), store.last_sequence()) == (5, 3)

    def test_what_was_in_flight_stays_so(self, store: Store) -> None:
        """A new life claims nothing twice: what was claimed and remains is not handed out again before release."""
        add(store)
        send(store, put("e1"), event("e2", EventKind.COMMAND_OUTCOME))
        assert claimed(store) == ["e1", "e2"]
        store.raise_epoch(2, NOW)
        assert claimed(store) == []
        assert store.release_all() == 1
        assert claimed(store) == ["e2"]

    @pytest.mark.parametrize("phase", [Phase.LOADING, Phase.LIVE])
    def test_a_new_life_loads_anew(self, store: Store, phase: Phase) -> None:
        """Mailboxes with a list at the hub begin a resending load at once, newer than any row they have."""
        before = replace(FULL, phase=phase, resume=None)
        store.add_mailbox(mailbox(), before, entry())
        store.raise_epoch(2, LATER)
        assert store.session("m1") == replace(
            before,
            phase=Phase.LOADING,
            cursor=None,
            due=LATER,
            version=before.version + 1,
            load=Load(Stage.FEED, before.version + 1, resend=True),
            presence_digest=None,
        )

    @pytest.mark.parametrize("phase", sorted(set(Phase) - {Phase.LOADING, Phase.LIVE}))
    def test_others_come_back_to_a_load(self, store: Store, phase: Phase) -> None:
        """A mailbox that is held up keeps its phase and time, but not the phase it would have gone back to."""
        store.add_mailbox(mailbox(), replace(FULL, phase=phase), entry())
        idle = Session("m2", phase, NOW)
        store.add_mailbox(mailbox("m2", "bob@example.com"), idle, entry())
        store.raise_epoch(2, LATER)
        assert store.session("m1") == replace(
            FULL, phase=phase, resume=None, presence_digest=None, version=FULL.version + 1
        )
        assert store.session("m2") == idle

    def test_an_old_epoch_changes_nothing(self, store: Store) -> None:
        """The same or a lower number is passed over."""
        before = add(store)
        send(store, put("e1"))
        store.raise_epoch(3, NOW)
        session = store.session("m1")
        send(store, put("e2"))
        for number in (3, 2, 0):
            store.raise_epoch(number, LATER)
        assert (store.epoch(), store.last_sequence()) == (3, 1)
        assert session is not None
        assert store.session("m1") == replace(session, version=session.version + 1)
        assert before.version < session.version

    def test_settings_are_kept_replaced_and_removed(self, store: Store) -> None:
        """A setting is a text by name, any characters, or not there."""
        assert store.setting("redirects") is None
        store.put_setting("redirects", "{}")
        store.put_setting("redirects", "mål \U0001f512")
        store.put_setting("other", "")
        assert store.setting("redirects") == "mål \U0001f512"
        assert store.setting("other") == ""
        store.put_setting("redirects", None)
        store.put_setting("redirects", None)
        assert store.setting("redirects") is None

    def test_subscriptions_are_kept_by_mailbox(self, store: Store) -> None:
        """One mailbox has one subscription; a source sees its own; dropping an unknown one is fine."""
        first = Subscription("hq", "m1", "s1", "g1", '{"anchor":"a@example.com"}', NOW)
        second = Subscription("hq", "m2", "s2", "g1", "{}", NOW)
        other = Subscription("brand", "m3", "s3", "g1", "{}", NOW)
        for subscription in (first, second, other, replace(first, id="s9", made_at=LATER)):
            store.save_subscription(subscription)
        assert set(store.subscriptions("hq")) == {replace(first, id="s9", made_at=LATER), second}
        assert store.subscriptions("brand") == (other,)
        store.drop_subscription("m1")
        store.drop_subscription("m1")
        assert store.subscriptions("hq") == (second,)
