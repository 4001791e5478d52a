"""Meetings, presence and outcomes as they leave: what is in them, what is not, and that nothing can be altered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.errors import KeyWithheld, Refused
from connector.model import Attendee, Meeting, Outcome, Policy, Presence, Result, Sensitivity
from connector.seal.envelope import seal_meeting, seal_outcome, seal_presence
from connector.seal.opening import open_meeting, open_outcome, open_presence
from tests.unit.seal.samples import DIGESTS, KEY, MAILBOX, MEETING, NOW, SENDS_ALL, key_of


def sealed(
    meeting: Meeting = MEETING, meeting_id: str = "m1", revision: int = 7, policy: Policy = SENDS_ALL
) -> dict[str, Any]:
    return seal_meeting(meeting, KEY, MAILBOX, meeting_id, revision, policy, DIGESTS)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every leaf of an object, as the way to it."""
    inner = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    )
    if inner is None:
        yield path
        return
    for name, one in inner:
        yield from places(one, (*path, name))


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


def put(value: Any, path: tuple[Any, ...], new: Any) -> None:
    at(value, path[:-1])[path[-1]] = new


LEAVES = list(places(sealed()))


def test_a_meeting_opens_to_what_it_was() -> None:
    """Every field comes back under its plain name."""
    opened = open_meeting(sealed(), key_of)
    assert (opened["subject"], opened["location"], opened["notes"]) == (
        MEETING.subject,
        MEETING.location,
        MEETING.body,
    )
    assert opened["organizer"]["address"] == "anna@example.com"
    assert {(one["address"], one["name"]) for one in opened["participants"]} == {
        (one.address, one.name) for one in MEETING.attendees
    }
    assert opened["link"] == MEETING.link
    assert (opened["start"], opened["durationMinutes"], opened["allDay"]) == (
        "2026-11-21T09:00:00Z",
        60,
        "2026-11-21",
    )


def test_members_have_the_names_of_ciscos_calendar_object() -> None:
    """A client of the public SDK finds what it looks for."""
    names = {
        *("id", "seriesId", "start", "durationMinutes", "organizer", "isRecurring", "links"),
        *("encryptionKeyUrl", "encryptedSubject", "encryptedLocation", "encryptedNotes"),
        *("encryptedOrganizer", "encryptedParticipants", "webexURI", "webexURL", "meetingJoinInfo"),
    }
    assert names <= sealed().keys()
    assert {"id", "type", "responseType", "participantType", "encryptedEmailAddress", "encryptedName"} == set(
        sealed()["encryptedParticipants"][0]
    )


def test_no_word_of_the_meeting_is_readable() -> None:
    """Outside the ciphertexts there are no words, addresses or join links, in any letter case."""
    value = sealed()
    readable = [str(at(value, path)) for path in LEAVES if path != ("encryptionKeyUrl",)]
    clear = " ".join(one for one in readable if one.count(".") != 4).lower()
    for word in ("planung", "room", "agenda", "example", "anna", "someone", "webex"):
        assert word not in clear
    assert sum(one.count(".") == 4 for one in readable) == 19


@settings(deadline=None)
@given(st.sampled_from(LEAVES), st.sampled_from(LEAVES))
def test_two_values_that_changed_places_are_refused(one: tuple[Any, ...], other: tuple[Any, ...]) -> None:
    """Swapping any two members, sealed or clear, does not go unseen."""
    value = sealed()
    first, second = at(value, one), at(value, other)
    if first == second:
        return
    put(value, one, second)
    put(value, other, first)
    with pytest.raises((Refused, KeyError)):
        open_meeting(value, key_of)


@settings(deadline=None)
@given(st.sampled_from(LEAVES))
def test_a_value_of_another_meeting_or_revision_is_refused(path: tuple[Any, ...]) -> None:
    """What was sealed for another meeting, or an older state of this one, does not fit."""
    for other in (sealed(meeting_id="m2"), sealed(revision=6)):
        value = sealed()
        if at(value, path) != at(other, path):
            put(value, path, at(other, path))
            with pytest.raises(Refused):
                open_meeting(value, key_of)


@settings(deadline=None)
@given(
    st.sampled_from(LEAVES),
    st.one_of(st.none(), st.integers(), st.text(), st.lists(st.integers()), st.booleans()),
)
def test_a_changed_value_is_refused(path: tuple[Any, ...], new: Any) -> None:
    """Changing any member to anything is seen; only an unknown key uri is the key service's to refuse."""
    value = sealed()
    if at(value, path) == new:
        return
    put(value, path, new)
    with pytest.raises((Refused, KeyError)):
        open_meeting(value, key_of)


@pytest.mark.parametrize("name", sorted(sealed()))
def test_a_member_left_out_is_refused(name: str) -> None:
    """A hub can't leave out what it does not like."""
    value = sealed()
    del value[name]
    with pytest.raises((Refused, KeyWithheld, KeyError)):
        open_meeting(value, key_of)


def test_a_participant_left_out_doubled_or_moved_is_refused() -> None:
    """The list of people is whole and in its order."""
    people = sealed()["encryptedParticipants"]
    for other in (people[1:], [*people, people[0]], people[::-1], []):
        with pytest.raises(Refused):
            open_meeting({**sealed(), "encryptedParticipants": other}, key_of)


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.text() | st.integers(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_object_opens_or_is_a_verdict(value: Any) -> None:
    """A hostile hub's object never gives another exception."""
    for thing in ({**sealed(), "encryptedParticipants": value}, {**sealed(), "meetingJoinInfo": value}):
        with pytest.raises(Refused):
            open_meeting(thing, key_of)


def test_a_policy_decides_what_leaves() -> None:
    """What is not sent is not there."""
    value = sealed(policy=Policy("few", send=frozenset({"location", "link"})))
    assert {"encryptedLocation", "meetingJoinInfo", "encryptedClear"} <= value.keys()
    gone = {"encryptedSubject", "encryptedNotes", "encryptedOrganizer", "organizer", "encryptedParticipants"}
    assert gone & value.keys() == set()
    assert open_meeting(value, key_of)["location"] == "Room 4"


@pytest.mark.parametrize("sensitivity", [Sensitivity.PRIVATE, Sensitivity.CONFIDENTIAL])
@pytest.mark.parametrize(
    ("private", "left"),
    [
        ("full", {"subject", "location", "notes", "organizer", "participants", "link"}),
        ("hide-subject", {"location", "organizer", "participants", "link"}),
        ("times-only", set()),
        ("misspelt", set()),
    ],
)
def test_of_a_private_meeting_only_what_the_policy_says_leaves(
    sensitivity: Sensitivity, private: str, left: set[str]
) -> None:
    """Times always leave; an unknown word is the strictest."""
    policy = replace(SENDS_ALL, private=private)
    opened = open_meeting(sealed(replace(MEETING, sensitivity=sensitivity), policy=policy), key_of)
    words = {"subject", "location", "notes", "organizer", "participants", "link"}
    assert words & opened.keys() == left


def test_people_are_addressed_by_blind_index_and_named_once() -> None:
    """A person named twice, or in other letter case, is one; the order of the source does not show."""
    people = (Attendee("Bo@example.com", "Bo"), Attendee("bo@example.com", "Bo again"))
    value = sealed(replace(MEETING, attendees=people))
    (one,) = value["encryptedParticipants"]
    assert one["id"] == DIGESTS.address_index("bo@example.com")
    turned = sealed(replace(MEETING, attendees=MEETING.attendees[::-1]))
    ids = [[one["id"] for one in each["encryptedParticipants"]] for each in (turned, sealed())]
    assert ids[0] == ids[1]


def test_presence_comes_back_and_its_text_only_by_policy() -> None:
    """``state`` sends that someone is away, not what the automatic reply says."""
    presence = Presence(away=True, since=NOW, until=NOW + timedelta(days=1), text="Back on Monday")
    assert open_presence(seal_presence(presence, KEY, MAILBOX, 3, SENDS_ALL), key_of) == presence
    state = replace(SENDS_ALL, presence="state")
    assert open_presence(seal_presence(presence, KEY, MAILBOX, 3, state), key_of) == replace(
        presence, text=""
    )


def test_an_outcome_comes_back_and_stays_with_its_command() -> None:
    """The answer to one command is not the answer to another."""
    outcome = Outcome("c1", Result.REFUSED, "write-not-allowed", {"a": [1, "ü"]})
    value = seal_outcome(outcome, KEY, MAILBOX, 3)
    assert open_outcome(value, key_of) == outcome
    for change in ({"commandId": "c2"}, {"revision": 4}, {"encryptedOutcome": None}, {"revision": None}):
        with pytest.raises(Refused):
            open_outcome({**value, **change}, key_of)
