"""What every store promises about the way to the hub."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.model import Envelope, EventKind
from connector.store.base import OutboxState, Store
from tests.contract.store_nouns import (
    HOUR,
    LATER,
    LONG_AGO,
    NEVER,
    NOW,
    add,
    claimed,
    commit,
    event,
    ids,
    put,
    send,
)

SOON = NOW + timedelta(minutes=3)
BARRIERS = [
    EventKind.SNAPSHOT_BEGIN,
    EventKind.SNAPSHOT_END,
    EventKind.MAILBOX_PUT,
    EventKind.MAILBOX_GONE,
]


class OutboxContract:
    """Numbers, replacement, claims and dead letters."""

    def test_an_envelope_comes_out_as_it_went_in(self, store: Store) -> None:
        """Every field is kept, and it bears epoch, sequence, time of queueing and no attempt."""
        add(store)
        envelope = Envelope(
            "e1",
            EventKind.MEETING_PUT,
            "m1",
            {"subject": {"ct": "eyJ.é"}, "n": [1, None, True, 2.5]},
            meeting_id="k",
            revision=7,
            key_uri="kms://k/1",
            starts=SOON,
        )
        send(store, envelope)
        (queued,) = store.claim(1, NEVER)
        assert queued.envelope == envelope
        assert (queued.epoch, queued.sequence, queued.queued_at, queued.attempts) == (1, 1, NOW, 0)

    def test_what_waits_of_one_mailbox_is_shown(self, store: Store) -> None:
        """In order, claimed or not, and it is not claimed by looking."""
        add(store)
        send(store, event("e1", EventKind.PRESENCE_PUT), event("e2", EventKind.PRESENCE_PUT))
        store.claim(1, NEVER)
        assert [one.envelope.id for one in store.waiting("m1")] == ["e1", "e2"]
        assert store.waiting("m2") == ()
        assert ids(store.claim(9, NEVER)) == ["e2"]

    def test_what_was_given_can_not_be_changed_afterwards(self, store: Store) -> None:
        """The store keeps the data of the moment of the commit, whatever becomes of the object."""
        add(store)
        data = {"a": ["b"]}
        send(store, event("e1", EventKind.PRESENCE_PUT, data=data))
        data["a"].append("c")
        (queued,) = store.claim(1, NEVER)
        assert queued.envelope.data == {"a": ["b"]}

    def test_sequences_grow_in_the_order_of_the_commits(self, store: Store) -> None:
        """Envelopes are numbered in the order given, also across mailboxes."""
        add(store, "m1")
        add(store, "m2")
        commit(store, "m1", envelopes=(put("e1"), put("e2")))
        commit(store, "m2", envelopes=(put("e3", mailbox_id="m2"),))
        queued = store.claim(10, NEVER)
        assert [(one.envelope.id, one.sequence) for one in queued] == [("e1", 1), ("e2", 2), ("e3", 3)]
        assert store.last_sequence() == 3

    def test_a_number_is_never_given_twice(self, store: Store) -> None:
        """Acknowledging everything does not start the count again."""
        add(store)
        send(store, put("e1"), put("e2"))
        store.acknowledge(claimed(store))
        send(store, put("e3"))
        assert store.claim(1, NEVER)[0].sequence == 3

    @pytest.mark.parametrize("old", [EventKind.MEETING_PUT, EventKind.MEETING_GONE])
    @pytest.mark.parametrize("new", [EventKind.MEETING_PUT, EventKind.MEETING_GONE])
    def test_the_newest_word_about_a_meeting_is_enough(
        self, store: Store, old: EventKind, new: EventKind
    ) -> None:
        """A waiting envelope of the same meeting goes; the new one, also a gone, takes its place at the end."""
        add(store)
        send(store, event("e1", old, "k"), put("e2"), event("e3", new, "k"))
        assert store.outbox().waiting == 2
        queued = store.claim(10, NEVER)
        assert ids(queued) == ["e2", "e3"]
        assert queued[1].sequence == 3

    def test_within_one_commit_the_last_word_counts(self, store: Store) -> None:
        """Two envelopes of one meeting in one step leave the second."""
        add(store)
        commit(store, envelopes=(put("e1", "k"), put("e2"), put("e3", "k")))
        assert [(one.envelope.id, one.sequence) for one in store.claim(10, NEVER)] == [("e2", 2), ("e3", 3)]

    def test_the_same_meeting_in_another_mailbox_is_another(self, store: Store) -> None:
        """Attendees' copies share the meeting id; each list gets its own envelope."""
        add(store, "m1")
        add(store, "m2")
        send(store, put("e1", "k"), put("e2", "k", mailbox_id="m2"))
        assert claimed(store) == ["e1", "e2"]

    def test_only_meetings_are_replaced(self, store: Store) -> None:
        """Outcomes of commands about one meeting, and envelopes without a meeting, all go up."""
        add(store)
        send(
            store,
            event("e1", EventKind.COMMAND_OUTCOME, "k"),
            put("e2", "k"),
            event("e3", EventKind.COMMAND_OUTCOME, "k"),
            event("e4", EventKind.PRESENCE_PUT),
            event("e5", EventKind.PRESENCE_PUT),
        )
        assert store.outbox().waiting == 5

    def test_what_is_in_flight_is_not_replaced(self, store: Store) -> None:
        """The hub may have a claimed envelope already; the new one waits until its fate is known."""
        add(store)
        send(store, put("e1", "k"))
        assert claimed(store) == ["e1"]
        send(store, put("e2", "k"), put("e3"))
        assert claimed(store) == ["e3"]
        assert claimed(store) == []
        store.acknowledge(["e1"])
        assert claimed(store) == ["e2"]

    def test_released_before_newer_of_the_same_meeting(self, store: Store) -> None:
        """What was not taken comes again in its old place, before the newer word."""
        add(store)
        send(store, put("e1", "k"))
        claimed(store)
        send(store, put("e2", "k", starts=SOON))
        store.release(["e1"])
        assert claimed(store, urgent_before=LATER) == ["e1", "e2"]

    def test_a_claim_is_bounded_and_taken_once(self, store: Store) -> None:
        """At most ``limit`` come, and nobody else gets them meanwhile."""
        add(store)
        send(store, *(put(f"e{number}") for number in range(5)))
        assert claimed(store, 2) == ["e0", "e1"]
        assert claimed(store, 2) == ["e2", "e3"]
        assert claimed(store, 0) == []
        assert claimed(store, 10) == ["e4"]
        assert claimed(store, 10) == []
        assert store.outbox().waiting == 5

    def test_a_release_counts_the_attempt(self, store: Store) -> None:
        """Released envelopes keep their place and number, and tell how often they were tried."""
        add(store)
        send(store, put("e1"), put("e2"))
        store.claim(2, NEVER)
        store.release(["e1"])
        store.release(["e1", "nobody"])
        (again,) = store.claim(2, NEVER)
        assert (again.envelope.id, again.sequence, again.attempts) == ("e1", 1, 1)

    def test_a_start_frees_what_a_killed_process_held(self, store: Store) -> None:
        """All claims end, and their number is told."""
        add(store)
        send(store, put("e1"), put("e2"), put("e3"))
        store.claim(2, NEVER)
        assert store.release_all() == 2
        assert store.release_all() == 0
        assert claimed(store) == ["e1", "e2", "e3"]

    def test_acknowledged_is_gone(self, store: Store) -> None:
        """What the hub has is deleted, claimed or not; unknown ids are fine."""
        add(store)
        send(store, put("e1"), put("e2"))
        store.acknowledge(["e1", "nobody"])
        store.acknowledge([])
        assert claimed(store) == ["e2"]
        assert store.outbox().waiting == 1

    def test_the_state_tells_size_and_age(self, store: Store) -> None:
        """Claimed envelopes still count; the oldest is by time of queueing."""
        add(store)
        send(store, put("e1"), at=LATER)
        send(store, put("e2"), at=NOW)
        send(store, put("e3"), at=LATER)
        store.claim(1, NEVER)
        store.bury("e3", "hub-refused", LATER)
        assert store.outbox() == OutboxState(2, NOW, 1)

    # --- urgent meetings

    def test_a_meeting_about_to_start_comes_first(self, store: Store) -> None:
        """Urgent meetings by sequence, then the rest by sequence; the bound itself is not urgent."""
        add(store)
        send(
            store,
            put("e1"),
            put("e2", starts=LATER),
            put("e3", starts=SOON),
            put("e4", starts=NOW),
            put("e5", starts=LATER + HOUR),
        )
        assert claimed(store, 3, urgent_before=LATER) == ["e3", "e4", "e1"]
        assert claimed(store, 3, urgent_before=LATER) == ["e2", "e5"]

    def test_the_limit_holds_for_urgent_ones_too(self, store: Store) -> None:
        """More urgent meetings than asked for wait for the next claim."""
        add(store)
        send(store, put("e0"), *(put(f"e{number}", starts=SOON) for number in range(1, 4)))
        assert claimed(store, 2, urgent_before=LATER) == ["e1", "e2"]
        assert claimed(store, 2, urgent_before=LATER) == ["e3", "e0"]

    @pytest.mark.parametrize("kind", BARRIERS)
    def test_nothing_overtakes_a_barrier_of_its_mailbox(self, store: Store, kind: EventKind) -> None:
        """A meeting about to start waits behind it, while another mailbox's goes first."""
        add(store, "m1")
        add(store, "m2")
        send(store, event("wall", kind), put("e1", starts=SOON), put("e2", starts=SOON, mailbox_id="m2"))
        assert claimed(store, urgent_before=LATER) == ["e2", "wall", "e1"]

    def test_a_barrier_that_starts_soon_is_no_meeting(self, store: Store) -> None:
        """Barriers keep their place whatever time they bear."""
        add(store)
        send(store, put("e1"), event("wall", EventKind.SNAPSHOT_END, starts=SOON))
        assert claimed(store, urgent_before=LATER) == ["e1", "wall"]

    @pytest.mark.parametrize("kind", BARRIERS)
    def test_nothing_passes_a_barrier_in_flight(self, store: Store, kind: EventKind) -> None:
        """Until the hub has the barrier, its mailbox's later envelopes are not handed out."""
        add(store, "m1")
        add(store, "m2")
        send(store, event("wall", kind), put("e1"), put("e2", starts=SOON), put("e3", mailbox_id="m2"))
        assert claimed(store, 1, LATER) == ["wall"]
        assert claimed(store, 10, LATER) == ["e3"]
        store.release(["wall"])
        assert claimed(store, 10, LATER) == ["wall", "e1", "e2"]

    def test_a_barrier_waits_for_what_is_before_it(self, store: Store) -> None:
        """The end of a snapshot is not handed out while one of its meetings may still come back, nor what follows."""
        add(store)
        send(store, put("e1"), event("end", EventKind.SNAPSHOT_END), put("e2"))
        assert claimed(store, 1) == ["e1"]
        assert claimed(store) == []
        store.release(["e1"])
        assert claimed(store) == ["e1", "end", "e2"]

    # --- dead letters

    def test_a_buried_envelope_is_kept_with_its_reason(self, store: Store) -> None:
        """It leaves the outbox and is listed with place, time and code; unknown ids are fine."""
        add(store)
        send(store, put("e1", starts=SOON), put("e2"))
        first, _ = store.claim(2, NEVER)
        store.bury("e1", "hub-refused", LATER)
        store.bury("nobody", "hub-refused", LATER)
        (letter,) = store.dead_letters()
        assert (letter.queued, letter.code, letter.at) == (first, "hub-refused", LATER)
        assert store.outbox() == OutboxState(1, NOW, 1)

    def test_dead_letters_come_newest_first(self, store: Store) -> None:
        """The order is that of the burials, and never more than 1,000 are shown."""
        add(store)
        commit(store, envelopes=tuple(put(f"e{number}") for number in range(1005)))
        for number in reversed(range(1005)):
            store.bury(f"e{number}", "hub-refused", LONG_AGO)
        letters = store.dead_letters()
        assert len(letters) == 1000
        assert [letter.queued.envelope.id for letter in letters[:2]] == ["e0", "e1"]
        assert store.outbox().dead == 1005

    def test_a_dead_letter_is_dropped_once(self, store: Store) -> None:
        """The answer says whether it was there."""
        add(store)
        send(store, put("e1"))
        store.bury("e1", "hub-refused", NOW)
        assert store.drop_dead_letter("e1") is True
        assert store.drop_dead_letter("e1") is False
        assert store.dead_letters() == ()

    def test_a_dead_letter_keeps_its_epoch(self, store: Store) -> None:
        """A new life does not rewrite the record of the old one."""
        add(store)
        send(store, put("e1"))
        store.bury("e1", "hub-refused", NOW)
        store.raise_epoch(2, NOW)
        assert [letter.queued.epoch for letter in store.dead_letters()] == [1]
