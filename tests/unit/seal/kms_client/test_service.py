"""A mailbox's keys at a key server: rotation, readers, revocation, absence, and the way from and to the local service."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis.strategies import integers, lists

from connector.errors import KeyWithheld, Transient
from connector.seal.kms_client.note import Note
from connector.seal.kms_client.service import CHECKED, MOST_USES
from connector.seal.kms_client.session import AWAY_PAUSE
from connector.seal.local import KEPT, LocalKeyService
from tests.fakes.kms import USER
from tests.unit.seal.kms_client.house import DAY, House

SECOND = timedelta(seconds=1)


@pytest.fixture
def house() -> House:
    return House()


def readers(house: House, mailbox_id: str) -> set[str]:
    """Who may fetch the mailbox's keys at the service, we apart."""
    row = house.store.wrapped_keys(mailbox_id)[0]
    return set(house.kms.resources[Note.read(row.wrapped).resource]) - {USER}


def test_a_restarted_connector_has_the_same_key(house: House) -> None:
    """The row names it, the service gives it; no secret rests here."""
    key = house.service().sealing_key("mb-1")
    assert house.service().sealing_key("mb-1") == key
    assert all(key.secret not in row.wrapped for row in house.store.wrapped_keys())


def test_a_key_is_rotated_by_age_on_the_same_resource(house: House) -> None:
    """The new key is bound to the mailbox's resource, the old one opens on."""
    service = house.service()
    old = service.sealing_key("mb-1")
    house.clock.forward(30 * DAY)
    new = service.sealing_key("mb-1")
    assert new.uri != old.uri
    assert service.opening_key(old.uri, "mb-1") == old
    assert [one.uri for one in service.keys("mb-1")] == [new.uri, old.uri]
    assert len(house.kms.resources) == 1


def test_a_key_is_rotated_by_use(house: House) -> None:
    """Long before AES-GCM's limit."""
    service = house.service(uses=3)
    assert len({service.sealing_key("mb-1").uri for _ in range(6)}) == 2


@given(lives=lists(integers(1, 7), min_size=1, max_size=12), uses=integers(1, 450))
def test_no_restart_lets_a_key_be_used_beyond_its_limit(lives: list[int], uses: int) -> None:
    """Uses are on disk before they are made, so whenever a process ends, the next one counts on; and none of them is idle."""
    house, used = House(), Counter[str]()
    for length in lives:
        service = house.service(uses=uses)
        for _ in range(length * max(1, uses // 5)):
            used[service.sealing_key("mb-1").uri] += 1
    assert max(used.values()) <= uses
    assert len(used) <= 1 + sum(used.values()) // uses + len(lives)


def test_uses_are_written_down_once_in_a_while(house: House) -> None:
    """A hundredth of the limit at once: the shelf is not written to for every commit."""
    service = house.service()
    written: list[bytes] = []
    for _ in range(MOST_USES // 100 + 1):
        service.sealing_key("mb-1")
        (row,) = house.store.wrapped_keys("mb-1")
        if row.wrapped not in written[-1:]:
            written.append(row.wrapped)
    assert [Note.read(one).uses for one in written] == [MOST_USES // 100, MOST_USES // 50]


def test_a_note_of_before_has_no_uses() -> None:
    """A row that an earlier version wrote is a resource's URI alone."""
    note = Note.read(b"kms://kms.example.com/resources/1")
    assert note == Note("kms://kms.example.com/resources/1", 0)
    assert Note.read(Note(note.resource, 7).write()) == Note(note.resource, 7)


def test_a_key_is_rotated_when_the_service_says_it_has_had_its_time(house: House) -> None:
    """``expirationDate`` is the last moment to encrypt with it."""
    service = house.service(rotate=90 * DAY)
    old = service.sealing_key("mb-1")
    house.clock.forward(CHECKED)
    assert service.sealing_key("mb-1") == old
    house.clock.forward(31 * DAY)
    assert service.sealing_key("mb-1").uri != old.uri


def test_readers_follow_who_may_read(house: House) -> None:
    """Owner at first; a member joins, a member leaves; we stay authorized ourselves."""
    service = house.service()
    service.sealing_key("mb-1")
    assert readers(house, "mb-1") == {"mb-1@example.com"}
    house.readers["mb-1"] = frozenset({"mb-1@example.com", "member@example.com"})
    service.sealing_key("mb-1")
    assert readers(house, "mb-1") == {"mb-1@example.com", "member@example.com"}
    house.readers["mb-1"] = frozenset({"renamed@example.com"})
    service.tidy()
    assert readers(house, "mb-1") == {"renamed@example.com"}
    assert service.sealing_key("mb-1").mailbox_id == "mb-1"


def test_readers_that_others_let_in_are_taken_off_at_the_next_start(house: House) -> None:
    """Authorizations are viral in this protocol; ours follow the roster."""
    house.service().sealing_key("mb-1")
    (resource,) = house.kms.resources
    house.kms.resources[resource]["stranger@example.com"] = "x"
    house.service().sealing_key("mb-1")
    assert readers(house, "mb-1") == {"mb-1@example.com"}


def test_a_reader_the_service_does_not_know_keeps_nobody_out(house: House) -> None:
    """The others are authorized, and meetings leave."""
    service = house.service()
    service.sealing_key("mb-1")
    house.kms.unknown_users.add("ghost@example.com")
    house.readers["mb-1"] = frozenset({"mb-1@example.com", "ghost@example.com", "new@example.com"})
    service.sealing_key("mb-1")
    assert readers(house, "mb-1") == {"mb-1@example.com", "new@example.com"}


def test_a_new_mailbox_s_unknown_owner_keeps_it_from_nothing(house: House) -> None:
    """A room without a login: its meetings are sealed, and whoever is known may read."""
    house.kms.unknown_users.add("room@example.com")
    house.readers["mb-1"] = frozenset({"room@example.com", "member@example.com"})
    assert house.service().sealing_key("mb-1").secret
    assert readers(house, "mb-1") == {"member@example.com"}


def test_a_revoked_key_seals_no_more_and_its_meetings_are_told(house: House) -> None:
    """Within two minutes; the mailbox goes on under a new key, and what stood under the old one is named to be sealed anew."""
    service = house.service()
    old = service.sealing_key("mb-1")
    house.kms.refused.add(old.uri)
    assert service.sealing_key("mb-1") == old
    house.clock.forward(CHECKED)
    assert service.sealing_key("mb-1").uri != old.uri
    service.tidy()
    assert house.lost == ["mb-1"]
    assert len(house.kms.resources) == 1
    with pytest.raises(KeyWithheld) as verdict:
        service.opening_key(old.uri, "mb-1")
    assert verdict.value.code == "key-revoked"
    assert [one.uri for one in service.keys("mb-1")] != [old.uri]


def test_a_service_restored_without_the_key_is_no_end(house: House) -> None:
    """Key and resource are gone: both are made anew."""
    service = house.service()
    old = service.sealing_key("mb-1")
    house.kms.keys.clear()
    house.kms.resources.clear()
    house.clock.forward(CHECKED)
    assert service.sealing_key("mb-1").uri != old.uri
    assert (house.lost, len(house.kms.resources)) == (["mb-1"], 1)


def test_a_service_that_is_away_loses_nothing_and_seals_nothing(house: House) -> None:
    """A named state; afterwards the same key is in use."""
    service = house.service()
    key = service.sealing_key("mb-1")
    house.kms.away = True
    house.clock.forward(CHECKED)
    for _ in range(3):
        with pytest.raises(Transient) as verdict:
            service.sealing_key("mb-1")
        assert verdict.value.code == "key-service-away"
    with pytest.raises(Transient):
        service.sealing_key("mb-new")
    house.kms.away = False
    house.clock.forward(AWAY_PAUSE)
    assert service.sealing_key("mb-1") == key
    assert house.lost == []


def test_a_client_s_own_key_on_the_resource_opens_its_commands(house: House) -> None:
    """What counts is the resource; a key of another resource or an unbound one opens nothing."""
    service = house.service()
    service.sealing_key("mb-1")
    service.sealing_key("mb-2")
    (one, other) = house.kms.resources
    mine, foreign, unbound = (house.kms._new() for _ in range(3))
    house.kms._bound(mine, one)
    house.kms._bound(foreign, other)
    assert service.opening_key(mine.uri, "mb-1").secret == mine.secret
    for uri in (foreign.uri, unbound.uri, "kms://other.example.com/keys/1"):
        with pytest.raises(KeyWithheld):
            service.opening_key(uri, "mb-1")


def test_forgetting_leaves_nobody_who_may_fetch(house: House) -> None:
    """Every reader and at last we ourselves are taken off the resource."""
    service = house.service()
    service.sealing_key("mb-1")
    service.forget("mb-1")
    assert list(house.kms.resources.values()) == [{}]
    service.forget("mb-1")


def test_a_mailbox_that_comes_back_gets_a_new_resource(house: House) -> None:
    """Nothing of its former life is shared with it."""
    service = house.service()
    service.sealing_key("mb-1")
    service.forget("mb-1")
    service.sealing_key("mb-1")
    assert len(house.kms.resources) == 2


def test_ten_mailboxes_ask_for_few_keys_at_a_time(house: House) -> None:
    """At a start keys come by the dozen, so that a mailbox costs little more than one request."""
    service = house.service()
    for number in range(100):
        service.sealing_key(f"mb-{number}")
    assert house.kms.log.count("create keys") <= 8
    assert len(house.kms.log) <= 110


def test_rows_are_dropped_when_their_time_has_passed(house: House) -> None:
    """As with the local service."""
    service = house.service()
    service.sealing_key("mb-1")
    house.clock.forward(30 * DAY)
    service.sealing_key("mb-1")
    house.clock.forward(KEPT + SECOND)
    assert service.tidy() == 1


def test_a_revoked_key_that_only_opens_is_noticed_when_tidying(house: House) -> None:
    """Once; its meetings are sealed anew under the present key."""
    service = house.service()
    old = service.sealing_key("mb-1")
    house.clock.forward(30 * DAY)
    service.sealing_key("mb-1")
    service.tidy()
    assert house.lost == []
    house.kms.refused.add(old.uri)
    service.tidy()
    service.tidy()
    assert house.lost == ["mb-1"]
    with pytest.raises(KeyWithheld):
        service.opening_key(old.uri, "mb-1")


def test_tidying_is_no_matter_of_life_and_death(house: House) -> None:
    """A service that is away, or a resource that is gone, waits for the next time."""
    service = house.service()
    service.sealing_key("mb-1")
    house.readers["mb-1"] = frozenset({"new@example.com"})
    house.kms.resources.clear()
    assert service.tidy() == 0
    house.kms.away = True
    assert service.tidy() == 0


# --- from the local service to a key server and back ---------------------------------------------


def local(house: House) -> LocalKeyService:
    return LocalKeyService(house.store, lambda: {1: b"k" * 32}, "cal-01.example.com", 30 * DAY, house.clock)


def test_moving_to_a_key_server_keeps_what_was_sealed_readable(house: House) -> None:
    """New meetings go under a key of the server; the local key is retired and opens on as long as something names it."""
    old = local(house).sealing_key("mb-1")
    service = house.service()
    house.clock.forward(SECOND)
    new = service.sealing_key("mb-1")
    assert new.uri.startswith("kms://kms.example.com/")
    assert local(house).opening_key(old.uri, "mb-1") == old
    assert {row.uri: row.retired_at is None for row in house.store.wrapped_keys("mb-1")} == {
        old.uri: False,
        new.uri: True,
    }


def test_moving_back_makes_a_new_local_key(house: House) -> None:
    """The server's row is retired and harms no local verb."""
    remote = house.service().sealing_key("mb-1")
    house.clock.forward(SECOND)
    service = local(house)
    key = service.sealing_key("mb-1")
    assert service.keys("mb-1") == (key,)
    assert service.rewrap() == 0
    assert house.service().opening_key(remote.uri, "mb-1") == remote
    with pytest.raises(KeyWithheld):
        service.opening_key(remote.uri, "mb-1")
