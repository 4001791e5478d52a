"""Who shares a streaming connection: mailboxes of one affinity group, at most 200 together.

The rules are Microsoft's ("How to: Maintain affinity between a group of subscriptions and the Mailbox server"):
same ExternalEwsUrl and GroupingInformation, at most 200 subscriptions to a connection, the anchor is the first
address of the connection alphabetically. Whoever has a seat keeps it while its group stays the same: a subscription
lives on one server and can't be carried over to another connection's route.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from connector.model import Location, Mailbox

SIZE = 200
"""Subscription ids that one GetStreamingEvents may carry (Exchange 2013 and newer)."""


@dataclass(frozen=True, slots=True, order=True)
class Seat:
    """The place a mailbox's subscription gives it: the affinity group and which of its connections."""

    endpoint: str
    group: str
    number: int

    @property
    def connection(self) -> str:
        """The connection's name, as it is remembered with a subscription and shown in status."""
        return f"{self.group} {self.number}"

    @property
    def location(self) -> Location:
        """Where the mailboxes that may sit here live."""
        return Location(self.endpoint, self.group)

    @classmethod
    def parse(cls, endpoint: str, connection: str) -> Seat | None:
        """The inverse of ``connection``; None when the name was not made by it."""
        group, _, number = connection.rpartition(" ")
        return cls(endpoint, group, int(number)) if group and number.isdecimal() else None


@dataclass(frozen=True, slots=True)
class Table:
    """One connection to be: its seat, and who sits there in the order of addresses, so that the first is the anchor."""

    seat: Seat
    members: tuple[Mailbox, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Who streams where, and whose mailboxes (ids) are left to polling."""

    tables: tuple[Table, ...] = ()
    polled: frozenset[str] = field(default_factory=frozenset)


def arrange(
    mailboxes: Iterable[Mailbox], seats: Mapping[str, Seat], size: int = SIZE, limit: int | None = None
) -> Plan:
    """Seat the mailboxes, at most ``size`` to a connection and at most ``limit`` connections.

    ``seats`` holds the places taken so far by mailbox id. Nobody is moved because somebody else joins or leaves.
    Mailboxes without a location, and those beyond the limit, are polled.
    """
    placed = [mailbox for mailbox in mailboxes if mailbox.location]
    tables: dict[Seat, list[Mailbox]] = {}
    joiners = []
    for mailbox in sorted(placed, key=_by_address):
        seat = seats.get(mailbox.id)
        if seat and seat.location == mailbox.location and len(tables.get(seat, ())) < size:
            tables.setdefault(seat, []).append(mailbox)
        else:
            joiners.append(mailbox)
    kept = frozenset(tables)
    _seat_joiners(tables, joiners, size)
    return _within(tables, kept, limit, frozenset(mailbox.id for mailbox in mailboxes))


def _seat_joiners(tables: dict[Seat, list[Mailbox]], joiners: Sequence[Mailbox], size: int) -> None:
    by_location: dict[Location, list[Mailbox]] = {}
    for mailbox in joiners:
        if mailbox.location:
            by_location.setdefault(mailbox.location, []).append(mailbox)
    for location, waiting in by_location.items():
        seats = _free_seats(tables, location, size)
        for mailbox in waiting:
            tables.setdefault(next(seats), []).append(mailbox)
    for members in tables.values():
        members.sort(key=_by_address)


def _free_seats(tables: Mapping[Seat, Sequence[Mailbox]], location: Location, size: int) -> Iterator[Seat]:
    """Empty places of the location, one after the other: first in connections that are there, then in new ones."""
    own = sorted(seat for seat in tables if seat.location == location)
    room = [(seat, size - len(tables[seat])) for seat in own]
    for seat, free in room:
        yield from [seat] * free
    taken = {seat.number for seat in own}
    number = 0
    while True:
        number += 1
        if number not in taken:
            yield from [Seat(location.endpoint, location.group, number)] * size


def _within(
    tables: Mapping[Seat, Sequence[Mailbox]],
    kept: frozenset[Seat],
    limit: int | None,
    everyone: frozenset[str],
) -> Plan:
    """The plan cut down to ``limit`` connections: living ones stay, then the fullest come first."""
    order = sorted(tables, key=lambda seat: (seat not in kept, -len(tables[seat]), seat))
    chosen = tuple(Table(seat, tuple(tables[seat])) for seat in order[:limit])
    streamed = {mailbox.id for table in chosen for mailbox in table.members}
    return Plan(chosen, everyone - streamed)


def _by_address(mailbox: Mailbox) -> tuple[str, str]:
    return mailbox.address, mailbox.id
