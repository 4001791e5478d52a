"""From a wish to a mailbox that may be read: what is looked up, found, refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest

from connector.errors import AccessDenied, CredentialRefused, Transient, Verdict
from connector.model import Identity, Location, Mailbox, Phase, Session
from connector.source.memory import MemorySource
from connector.sync import failing, validation
from connector.sync.visit import Visit
from tests.fakes.house import House

MINUTE = timedelta(minutes=1)


class Directory(MemorySource):
    """A source whose look-up gives the answers it was told; ``meanwhile`` happens while it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: dict[str, Identity | Verdict] = {}
        self.asked: list[list[str]] = []
        self.meanwhile: Callable[[], object] = tuple

    def locate(self, addresses: Sequence[str]) -> dict[str, Identity | Verdict]:
        self.asked.append(list(addresses))
        found = super().locate(addresses)
        self.meanwhile()
        return {address: self.answers.get(address, answer) for address, answer in found.items()}


@pytest.fixture
def house() -> House:
    return House(source=Directory())


def directory(house: House) -> Directory:
    return cast("Directory", house.source)


def session(house: House, mailbox: Mailbox) -> Session:
    found = house.store.session(mailbox.id)
    assert found is not None
    return found


def current(house: House, mailbox: Mailbox) -> Mailbox:
    found = house.store.mailbox(mailbox.id)
    assert found is not None
    return found


def revalidate(house: House, mailbox: Mailbox) -> None:
    """As ``mailbox resume`` does."""
    old = session(house, mailbox)
    house.store.change_session(
        replace(old, phase=Phase.REQUESTED, due=house.clock(), resume=Phase.LIVE, attempts=0)
    )
    house.engine.changed(mailbox.id)
    house.run()


def kinds(house: House) -> list[str]:
    sent = house.sent()
    house.store.acknowledge([one.envelope.id for one in house.store.claim(10_000, house.clock())])
    return sent


def test_addresses_are_looked_up_a_hundred_at_a_time(house: House) -> None:
    """250 wishes are three look-ups, each address asked about once."""
    for number in range(250):
        house.activate(f"u{number}@example.com")
    house.run(most=20_000)
    assert [len(batch) for batch in directory(house).asked] == [100, 100, 50]
    assert len({address for batch in directory(house).asked for address in batch}) == 250
    assert house.store.count_mailboxes(Phase.LIVE) == 250


def test_those_waiting_longest_go_first(house: House) -> None:
    """A late wish does not overtake."""
    for number in range(150):
        house.activate(f"u{number}@example.com")
        house.clock.forward(timedelta(seconds=1))
    validation.locate(house.context, house.source.name)
    assert set(directory(house).asked[0]) == {f"u{number}@example.com" for number in range(100)}


def test_another_sources_wishes_are_not_asked_about(house: House) -> None:
    """Each source looks up its own, and does not come back at once for the others'."""
    ada = house.activate()
    house.store.change_mailbox(replace(ada, source="elsewhere"))
    assert validation.locate(house.context, house.source.name) == ((), None)
    assert directory(house).asked == []


def test_one_bad_address_does_not_stop_the_batch(house: House) -> None:
    """It is told why by itself; the others go on."""
    bad, good = house.activate("bad@example.com"), house.activate("good@example.com")
    directory(house).answers["bad@example.com"] = AccessDenied("address-unknown")
    house.run()
    assert (house.phase(bad), session(house, bad).reason) == (Phase.BLOCKED, "address-unknown")
    assert house.phase(good) is Phase.LIVE
    assert house.journal.verdicts == ["address-unknown"]


def test_an_address_that_can_not_be_looked_up_for_a_while_is_asked_about_again(house: House) -> None:
    """Its own back-off, its neighbours untouched."""
    ada = house.activate()
    directory(house).answers["ada@example.com"] = Transient("timeout")
    house.run()
    assert (house.phase(ada), session(house, ada).attempts) == (Phase.REQUESTED, 1)
    directory(house).answers.clear()
    house.forward(MINUTE)
    assert house.phase(ada) is Phase.LIVE


def test_a_fault_of_the_look_up_holds_the_source(house: House) -> None:
    """A refused account is not tried again for each batch."""
    house.source.faults.append(CredentialRefused("credential-refused"))
    ada = house.activate()
    house.run()
    assert house.journal.holds == ["credential-refused"]
    house.activate("bob@example.com")
    house.forward(20 * MINUTE)
    assert len(directory(house).asked) == 1
    house.forward(20 * MINUTE)
    assert house.phase(ada) is Phase.LIVE


def test_a_password_typed_lets_those_go_on_that_were_looked_up_in_vain(house: House) -> None:
    """An account that is refused for each address holds the source; a new password makes them due, and ends the hold."""
    ada = house.activate()
    directory(house).answers["ada@example.com"] = CredentialRefused("credential-missing")
    house.run()
    assert (house.phase(ada), house.journal.holds) == (Phase.REQUESTED, ["credential-missing"])
    directory(house).answers.clear()
    house.engine.source_changed("memory")
    house.run()
    assert house.phase(ada) is Phase.LIVE
    assert house.engine.holds.all() == {}


def test_an_alias_is_refused_with_the_primary_address(house: House) -> None:
    """The mailbox is not opened under it, and the administrator is told which address to use."""
    ada = house.activate("nick@example.com")
    directory(house).answers["nick@example.com"] = Identity(
        "ada@example.com", "", Location("memory://server", "group")
    )
    house.run()
    assert (house.phase(ada), session(house, ada).reason) == (Phase.BLOCKED, "alias-address")
    assert failing.primary_address(house.store, ada.id) == "ada@example.com"
    assert "probe" not in [operation for operation, _ in house.source.calls]


def test_a_known_mailbox_under_a_new_primary_address_is_renamed(house: House) -> None:
    """After a marriage it keeps its identity; the hub is told the new name's index, and the trail says so."""
    ada = house.activate()
    house.run()
    kinds(house)
    stable = house.source.calendar("ada@example.com").stable_id
    house.source.calendars["ada.lovelace@example.com"] = house.source.calendar("ada@example.com")
    directory(house).answers["ada@example.com"] = Identity(
        "ada.lovelace@example.com", stable, Location("memory://server", "group")
    )
    revalidate(house, ada)
    assert house.phase(ada) is Phase.LIVE
    assert current(house, ada).address == "ada.lovelace@example.com"
    assert kinds(house).count("mailbox.put") == 1
    (renamed,) = [row.entry for row in house.store.audit_rows() if row.entry.action == "mailbox.renamed"]
    assert renamed.facts["former"] == "ada@example.com"


def test_a_new_primary_address_that_is_activated_already_is_refused(house: House) -> None:
    """Two lists of one person would come of it; the process lives on."""
    old, new = house.activate("old@example.com"), house.activate("new@example.com")
    house.run()
    stable = house.source.calendar("old@example.com").stable_id
    directory(house).answers["old@example.com"] = Identity(
        "new@example.com", stable, Location("memory://server", "group")
    )
    revalidate(house, old)
    assert (house.phase(old), session(house, old).reason) == (Phase.BLOCKED, "alias-address")
    assert house.phase(new) is Phase.LIVE


@pytest.mark.parametrize("where", ["look-up", "calendar"])
def test_the_same_address_of_another_mailbox_is_refused(house: House, where: str) -> None:
    """A new person under an old address sees nothing of the one before."""
    ada = house.activate()
    house.run()
    kinds(house)
    house.source.calendar("ada@example.com").stable_id = "somebody else"
    if where == "look-up":
        directory(house).answers["ada@example.com"] = Identity(
            "ada@example.com", "somebody else", Location("memory://server", "group")
        )
    revalidate(house, ada)
    assert (house.phase(ada), session(house, ada).reason) == (Phase.BLOCKED, "same-address-other-mailbox")
    assert kinds(house) == []


@pytest.mark.parametrize("phase", [Phase.PAUSED, Phase.LEAVING])
@pytest.mark.parametrize("answer", [None, AccessDenied("address-unknown")])
def test_what_an_administrator_does_during_the_look_up_stands(
    house: House, phase: Phase, answer: Verdict | None
) -> None:
    """A pause or a deactivation is not undone by the answer, whatever it is, and the worker lives on."""
    ada = house.activate()
    source = directory(house)
    if answer is not None:
        source.answers["ada@example.com"] = answer
    source.meanwhile = lambda: house.store.change_session(replace(session(house, ada), phase=phase))
    validation.locate(house.context, house.source.name)
    assert house.phase(ada) is phase


def test_what_an_administrator_does_to_the_record_during_the_look_up_stands(house: House) -> None:
    """A new policy is not overwritten by what was read before."""
    ada = house.activate()
    directory(house).meanwhile = lambda: house.store.change_mailbox(replace(ada, policy="room"))
    validation.locate(house.context, house.source.name)
    assert current(house, ada).policy == "room"
    assert house.phase(ada) is Phase.VALIDATING


def test_a_mailbox_erased_or_renamed_during_the_look_up_is_passed_over(house: House) -> None:
    """The answer was about an address that is no longer the mailbox's."""
    ada = house.activate()
    renamed = replace(ada, address="new@example.com")
    directory(house).meanwhile = lambda: house.store.change_mailbox(renamed)
    assert validation.locate(house.context, house.source.name)[0] == ()
    assert house.phase(ada) is Phase.REQUESTED


def test_opening_overwrites_no_policy_given_meanwhile(house: House) -> None:
    """The record is read again before it is written."""
    ada = house.activate()
    validation.locate(house.context, house.source.name)
    stale = current(house, ada)
    house.store.change_mailbox(replace(stale, policy="room"))
    validation.validate(Visit.begin(house.context, stale, session(house, ada)))
    assert current(house, ada).policy == "room"
    assert current(house, ada).stable_id == house.source.calendar("ada@example.com").stable_id


def test_a_blocked_mailbox_is_retried_ever_more_slowly(house: House) -> None:
    """A quarter of an hour, an hour, six, then once a day."""
    ada = house.activate("nobody@example.com")
    del house.source.calendars["nobody@example.com"]
    house.forward(timedelta(days=3))
    assert house.phase(ada) is Phase.BLOCKED
    assert 5 <= len(directory(house).asked) <= 7
