"""One free/busy question about people of several calendar systems."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from connector.errors import Refused, Transient
from connector.model import AuditEntry, Mailbox, Phase, Session, Window
from connector.source.memory import MemorySource
from connector.sync import free_busy
from connector.sync.visit import Visit
from tests.fakes.house import House

HOUR = timedelta(hours=1)


class TwoSystems:
    """Ada in one, Bea in another; each has a meeting in an hour."""

    def __init__(self) -> None:
        self.house = House()
        self.other = MemorySource("other", clock=self.house.clock)
        sources = {**self.house.context.sources, "other": self.other}
        self.house.context = replace(self.house.context, sources=sources)
        self.ada = self.house.activate()
        self.bea = Mailbox("bea", "other", "bea@brand.example", "staff", "manual")
        session = Session(self.bea.id, Phase.REQUESTED, self.house.clock())
        entry = AuditEntry(self.house.clock(), "test", "mailbox.activate", self.bea.address)
        self.house.store.add_mailbox(self.bea, session, entry)
        self.start = self.house.clock() + HOUR
        for source, mailbox in ((self.house.source, self.ada), (self.other, self.bea)):
            source.calendar(mailbox.address).add("Plan", self.start, self.start + HOUR)

    def ask(self, *addresses: str) -> list[tuple[str, int, str | None]]:
        session = self.house.store.session(self.ada.id)
        assert session is not None
        visit = Visit.begin(self.house.context, self.ada, session)
        found = free_busy.ask(visit, addresses, Window(self.start, self.start + HOUR))
        return [(one.address, len(one.busy), one.code) for one in found]


@pytest.fixture
def two() -> TwoSystems:
    return TwoSystems()


def test_each_is_asked_about_where_he_lives(two: TwoSystems) -> None:
    """In the order of the question; in the other system with the rights of the person asked about."""
    found = two.ask(two.bea.address, two.ada.address, "bea@brand.example")
    assert found == [(two.bea.address, 1, None), (two.ada.address, 1, None), (two.bea.address, 1, None)]
    assert {one for one in two.other.calls if one[0] == "availability"} == {("availability", two.bea.address)}
    assert ("availability", two.ada.address) in two.house.source.calls


def test_who_is_not_activated_is_asked_about_at_home(two: TwoSystems) -> None:
    """Nobody's rights are lent: the acting user's own system says what it knows."""
    two.other.calendar("cem@brand.example")
    assert two.ask("cem@brand.example") == [("cem@brand.example", 0, "address-unknown")]
    assert two.other.calls == []


@pytest.mark.parametrize("fault", [Transient("unreachable"), Refused("request-refused")])
def test_trouble_there_is_one_answer(two: TwoSystems, fault: Transient | Refused) -> None:
    """The other system being away spoils no other answer."""
    two.other.faults.append(fault)
    found = two.ask(two.ada.address, two.bea.address)
    assert found == [(two.ada.address, 1, None), (two.bea.address, 0, fault.code)]
