"""The one door of calendar writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from connector.errors import Refused, StoreError, Transient
from connector.model import AuditEntry, Mailbox
from connector.store.memory import MemoryStore
from connector.sync import gate
from connector.sync.context import Brake, Context, Rules
from tests.fakes.house import POLICY, House

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def ada(house: House) -> Mailbox:
    mailbox = house.activate()
    house.run()
    return mailbox


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(Refused) as caught:
        call()
    return caught.value.code


def rows(house: House, action: str) -> list[AuditEntry]:
    return [row.entry for row in house.store.audit_rows() if row.entry.action == action]


def braked(house: House, **limits: object) -> Context:
    return replace(house.context, brake=replace(Brake(), **limits))  # type: ignore[arg-type]


def test_a_write_that_passes_leaves_its_row(house: House, ada: Mailbox) -> None:
    """The row names mailbox, address, cause and the facts given."""
    gate.admit(house.context, ada, "hub", {"item": "i", "mail": "none"})
    (row,) = rows(house, gate.WRITE)
    assert (row.mailbox, row.actor) == (ada.id, "connector")
    assert dict(row.facts) == {"address": ada.address, "cause": "hub", "item": "i", "mail": "none"}


@pytest.mark.parametrize(
    ("rules", "cause", "code"),
    [
        (Rules(1, {"staff": POLICY}, active=False), "hub", "mode-observe"),
        (Rules(1, {"staff": replace(POLICY, write=frozenset())}, active=True), "hub", "write-not-allowed"),
        (
            Rules(1, {"staff": replace(POLICY, write=frozenset({"keyword"}))}, active=True),
            "hub",
            "write-not-allowed",
        ),
        (Rules(1, {}, active=True), "hub", "write-not-allowed"),
    ],
    ids=["observe", "nothing allowed", "another cause allowed", "policy gone"],
)
def test_what_mode_and_policy_forbid_is_refused(
    house: House, ada: Mailbox, rules: Rules, cause: str, code: str
) -> None:
    """A refused write leaves no row of a write."""
    context = replace(house.context, rules=rules)
    assert refusal(lambda: gate.admit(context, ada, cause, {})) == code
    assert rows(house, gate.WRITE) == []


def test_nothing_is_written_before_the_hub_has_confirmed_this_life(house: House, ada: Mailbox) -> None:
    """A restored copy must not write what its successor wrote already; it is tried again later."""
    house.confirmed.clear()
    with pytest.raises(Transient, match="epoch-unconfirmed"):
        gate.admit(house.context, ada, "hub", {})
    assert rows(house, gate.WRITE) == []


class FullStore(MemoryStore):
    """Takes no audit row of a write."""

    def audit(self, entry: AuditEntry) -> int:
        if entry.action == gate.WRITE:
            raise StoreError("The disk is full.")
        return super().audit(entry)


def test_without_its_row_there_is_no_write() -> None:
    """When the trail takes no row, the write is not admitted."""
    house = House(store=FullStore())
    ada = house.activate()
    with pytest.raises(StoreError):
        gate.admit(house.context, ada, "hub", {})


def test_too_many_writes_of_all_stop_all_until_released(house: House, ada: Mailbox) -> None:
    """At the limit everything stops, stays stopped when the period is over, and flows again when released."""
    bob = house.activate("bob@example.com")
    context = braked(house, floor=3, per_mailbox=100)
    for _ in range(3):
        gate.admit(context, ada, "hub", {})
    assert gate.stopped_at(context) is None
    assert refusal(lambda: gate.admit(context, bob, "hub", {})) == "brake"
    assert gate.stopped_at(context) == house.clock()
    house.clock.forward(10 * HOUR)
    assert refusal(lambda: gate.admit(context, bob, "hub", {})) == "brake"
    assert gate.release(context) is True
    gate.admit(context, bob, "hub", {})
    assert gate.release(context) is False


def test_the_count_begins_anew_after_a_release(house: House, ada: Mailbox) -> None:
    """What was written before does not stop the next write."""
    context = braked(house, floor=2, per_mailbox=100)
    for _ in range(2):
        gate.admit(context, ada, "hub", {})
    assert refusal(lambda: gate.admit(context, ada, "hub", {})) == "brake"
    house.clock.forward(timedelta(seconds=1))
    gate.release(context)
    for _ in range(2):
        gate.admit(context, ada, "hub", {})
    assert refusal(lambda: gate.admit(context, ada, "hub", {})) == "brake"


def test_writes_in_the_course_of_the_day_are_not_too_many(house: House, ada: Mailbox) -> None:
    """Only those of the last period count."""
    context = braked(house, floor=2, per_mailbox=100)
    for _ in range(20):
        gate.admit(context, ada, "hub", {})
        house.clock.forward(6 * MINUTE)
    assert gate.stopped_at(context) is None


def test_the_limit_grows_with_the_active_mailboxes(house: House) -> None:
    """A share of those that are loaded or loading, at least the floor."""
    mailboxes = [house.activate(f"u{number}@example.com") for number in range(40)]
    context = braked(house, share=0.1, floor=2)
    for mailbox in mailboxes[:2]:
        gate.admit(context, mailbox, "hub", {})
    assert refusal(lambda: gate.admit(context, mailboxes[2], "hub", {})) == "brake"
    house.clock.forward(timedelta(seconds=1))
    gate.release(context)
    house.run()
    for mailbox in mailboxes[:4]:
        gate.admit(context, mailbox, "hub", {})
    assert refusal(lambda: gate.admit(context, mailboxes[4], "hub", {})) == "brake"


def test_too_many_writes_of_one_mailbox_stop_all(house: House, ada: Mailbox) -> None:
    """One mailbox over its own rate is a fault or an attack: nothing is written anywhere until somebody looked."""
    bob = house.activate("bob@example.com")
    context = braked(house, per_mailbox=2)
    for _ in range(2):
        gate.admit(context, ada, "hub", {})
    gate.admit(context, bob, "hub", {})
    assert refusal(lambda: gate.admit(context, ada, "hub", {})) == "brake"
    assert refusal(lambda: gate.admit(context, bob, "hub", {})) == "brake"
    (stopped,) = rows(house, gate.STOPPED)
    assert stopped.mailbox == ada.id


def test_a_new_address_begins_no_new_count(house: House, ada: Mailbox) -> None:
    """The mailbox is counted, not its name."""
    context = braked(house, per_mailbox=2)
    for _ in range(2):
        gate.admit(context, ada, "hub", {})
    renamed = replace(ada, address="ada.lovelace@example.com")
    assert refusal(lambda: gate.admit(context, renamed, "hub", {})) == "brake"


def test_the_brake_holds_over_a_restart(house: House, ada: Mailbox) -> None:
    """It stands in the store, not in the process."""
    context = braked(house, per_mailbox=0)
    assert refusal(lambda: gate.admit(context, ada, "hub", {})) == "brake"
    assert gate.stopped_at(House(store=house.store, clock=house.clock).context) == house.clock()


def test_questions_are_capped_by_mailbox(house: House, ada: Mailbox) -> None:
    """Sixty an hour; another mailbox has its own, and an hour later there are new ones."""
    bob = house.activate("bob@example.com")
    for _ in range(gate.QUESTIONS):
        gate.admit_question(house.context, ada, {})
    assert refusal(lambda: gate.admit_question(house.context, ada, {})) == "too-many-questions"
    gate.admit_question(house.context, bob, {})
    house.clock.forward(HOUR + MINUTE)
    gate.admit_question(house.context, ada, {})
    assert len(rows(house, gate.QUESTION)) == gate.QUESTIONS + 2
