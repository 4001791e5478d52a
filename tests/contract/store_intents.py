"""What every store promises about intents."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from connector.errors import SessionChanged
from connector.model import (
    Commit,
    Conference,
    ConferenceOrder,
    Intent,
    IntentState,
    JoinDetails,
    Kind,
    Note,
    Person,
    Phone,
    Wish,
)
from connector.store.base import Store
from connector.store.rows import INTENTS_KEPT
from tests.contract.store_nouns import HOUR, LATER, NOW, add, commit, entry


def intent(place: str = "s1", **changes: Any) -> Intent:
    fields: dict[str, Any] = {
        "key": "k1",
        "mailbox_id": "m1",
        "series_key": "s1",
        "place": place,
        "item_id": "i1",
        "state": IntentState.WANTED,
        "due": NOW,
        "until": NOW + HOUR,
    }
    return Intent(**{**fields, **changes})


def full() -> Intent:
    details = JoinDetails(
        "https://meet.example.com/a", "jitsi", "a", "p", phones=(Phone("+46 8", "Stockholm"),)
    )
    order = ConferenceOrder(
        "k1", Person("ann@example.com", "Ann", {"room": "7"}), "Plan", NOW, LATER, "FREQ=DAILY"
    )
    return intent(
        state=IntentState.DONE,
        seen="digest",
        code="too-many-invitees",
        attempts=2,
        writes=3,
        shared=True,
        wish=Wish("@meet", "jitsi", "space", "hq"),
        conference=Conference(Kind.ONE_TIME, details, "id"),
        order=order,
        journal=(Note(NOW, "made", "jitsi"), Note(LATER, "written")),
    )


class IntentContract:
    """Intents are written by a commit and found by series, mailbox and due time."""

    def test_an_intent_comes_back_as_it_went_in(self, store: Store) -> None:
        """Every field is kept, conference, order and journal too."""
        add(store)
        commit(store, intents=(full(),))
        assert store.intents("m1") == (full(),)
        assert store.intents_of_series(["s1", "s2"]) == (full(),)

    def test_a_place_holds_one_intent(self, store: Store) -> None:
        """The next one for the same place replaces it; other places stay."""
        add(store)
        commit(store, intents=(intent(), intent("o1")))
        commit(store, intents=(intent(state=IntentState.MADE),))
        assert [(one.place, one.state.value) for one in store.intents("m1")] == [
            ("o1", "wanted"),
            ("s1", "made"),
        ]

    def test_the_one_due_first_is_next(self, store: Store) -> None:
        """By time, a series before its occurrences; what is not due is not there."""
        add(store)
        assert store.next_intent("m1") is None
        commit(
            store, intents=(intent("a-occurrence"), intent(), intent("z", due=None), intent("y", due=LATER))
        )
        first = store.next_intent("m1")
        assert first is not None
        assert first.place == "s1"
        commit(store, intents=(replace(first, due=None),))
        assert getattr(store.next_intent("m1"), "place", "") == "a-occurrence"

    def test_a_series_is_found_in_every_mailbox(self, store: Store) -> None:
        """An attendee's copy has the organiser's UID, and so the same series key."""
        add(store, "m1")
        add(store, "m2")
        commit(store, "m1", intents=(intent(), intent(mailbox_id="m2")))
        assert [one.mailbox_id for one in store.intents_of_series(["s1"])] == ["m1", "m2"]
        assert store.intents_of_series([]) == ()

    def test_a_mailbox_takes_its_intents_along(self, store: Store) -> None:
        """Erased with it, and none is written for one that is gone."""
        add(store, "m1")
        add(store, "m2")
        commit(store, "m1", intents=(intent(), intent(mailbox_id="m2")))
        store.erase_mailbox("m2", entry())
        commit(store, "m1", intents=(intent(mailbox_id="m2"),))
        assert store.intents("m2") == ()
        assert len(store.intents("m1")) == 1

    def test_a_refused_commit_writes_no_intent(self, store: Store) -> None:
        """They are part of the one transaction."""
        session = add(store)
        store.change_session(session)
        with pytest.raises(SessionChanged):
            store.commit(Commit(session, intents=(intent(),)), NOW)
        assert store.intents("m1") == ()

    def test_old_settled_intents_are_forgotten(self, store: Store) -> None:
        """Long after the meeting; what still has to be done stays."""
        add(store)
        commit(store, intents=(intent("open"), intent("settled", due=None)))
        store.purge(NOW + HOUR + INTENTS_KEPT)
        assert len(store.intents("m1")) == 2
        store.purge(NOW + HOUR + INTENTS_KEPT + timedelta(seconds=1))
        assert [one.place for one in store.intents("m1")] == ["open"]
