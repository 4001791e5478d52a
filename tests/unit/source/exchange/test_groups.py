"""Who sits where: the seating of mailboxes on streaming connections."""

from hypothesis import given
from hypothesis import strategies as st

from connector.model import Location, Mailbox
from connector.source.exchange.groups import Plan, Seat, arrange

PLACES = [
    Location("https://a.example.com/EWS/Exchange.asmx", "G1"),
    Location("https://b.example.com/EWS/Exchange.asmx", "G2"),
    None,
]


def mailbox(number: int, place: Location | None = PLACES[0]) -> Mailbox:
    return Mailbox(f"id-{number}", "hq", f"user{number:03}@example.com", "staff", "manual", location=place)


def seats(plan: Plan) -> dict[str, Seat]:
    return {member.id: table.seat for table in plan.tables for member in table.members}


CROWD = st.dictionaries(st.integers(0, 60), st.sampled_from(PLACES), max_size=40).map(
    lambda crowd: [mailbox(number, place) for number, place in crowd.items()]
)


@given(CROWD, st.integers(1, 9), st.one_of(st.none(), st.integers(0, 5)))
def test_everyone_is_somewhere_once(crowd: list[Mailbox], size: int, limit: int | None) -> None:
    """Each mailbox is either streamed by one connection or polled; connections keep to their size and number."""
    plan = arrange(crowd, {}, size, limit)
    streamed = [member.id for table in plan.tables for member in table.members]
    assert sorted([*streamed, *plan.polled]) == sorted(one.id for one in crowd)
    assert all(len(table.members) <= size for table in plan.tables)
    assert limit is None or len(plan.tables) <= limit


@given(CROWD, st.integers(1, 9))
def test_a_connection_holds_one_group(crowd: list[Mailbox], size: int) -> None:
    """Only mailboxes of the same endpoint and group share a connection, and without a limit all that have one do."""
    plan = arrange(crowd, {}, size)
    for table in plan.tables:
        assert {member.location for member in table.members} == {table.seat.location}
    assert plan.polled == {one.id for one in crowd if one.location is None}


@given(CROWD, st.integers(1, 9))
def test_the_anchor_is_the_first_address(crowd: list[Mailbox], size: int) -> None:
    """The anchor of a new connection is the alphabetically first of its addresses."""
    for table in arrange(crowd, {}, size).tables:
        assert table.members[0].address == min(member.address for member in table.members)


@given(CROWD, CROWD, st.integers(1, 9))
def test_nobody_moves_because_of_others(before: list[Mailbox], after: list[Mailbox], size: int) -> None:
    """Whoever stays in its group keeps its seat, whoever else joins or leaves."""
    first = seats(arrange(before, {}, size))
    second = seats(arrange(after, first, size))
    homes = {one.id: one.location for one in before}
    for one in after:
        if one.location and one.id in first and homes[one.id] == one.location:
            assert second[one.id] == first[one.id]


@given(CROWD, st.integers(1, 9), st.integers(0, 4))
def test_living_connections_come_before_new_ones(crowd: list[Mailbox], size: int, limit: int) -> None:
    """With room for so many connections, those with subscriptions are kept when more mailboxes join."""
    first = arrange(crowd[: len(crowd) // 2], {}, size, limit)
    second = arrange(crowd, seats(first), size, limit)
    assert {table.seat for table in first.tables} <= {table.seat for table in second.tables}


@given(CROWD, st.integers(1, 9))
def test_the_order_of_the_mailboxes_does_not_matter(crowd: list[Mailbox], size: int) -> None:
    """The same mailboxes are seated the same way in whatever order they come."""
    assert arrange(crowd, {}, size) == arrange(list(reversed(crowd)), {}, size)


def test_two_hundred_and_one_need_two_connections() -> None:
    """200 subscription ids are what one GetStreamingEvents takes."""
    plan = arrange([mailbox(number) for number in range(201)], {})
    assert sorted(len(table.members) for table in plan.tables) == [1, 200]


def test_a_moved_mailbox_changes_seats() -> None:
    """A mailbox whose group has changed gives up its seat; the others stay."""
    before = arrange([mailbox(1), mailbox(2)], {})
    after = seats(arrange([mailbox(1), mailbox(2, PLACES[1])], seats(before)))
    assert after["id-1"] == seats(before)["id-1"]
    assert after["id-2"].group == "G2"


def test_joiners_fill_empty_seats_first() -> None:
    """A new connection is made only when the old ones are full."""
    before = arrange([mailbox(number) for number in range(6)], {}, size=3)
    rest = [mailbox(number) for number in (0, 1, 3, 4, 5, 9)]
    assert seats(arrange(rest, seats(before), size=3))["id-9"] == seats(before)["id-0"]


def test_a_connection_s_name_leads_back_to_its_seat() -> None:
    """What is kept with a subscription is enough to find the seat again after a restart."""
    seat = Seat("https://a.example.com/EWS/Exchange.asmx", "G 1 x", 12)
    assert Seat.parse(seat.endpoint, seat.connection) == seat


def test_a_foreign_name_is_no_seat() -> None:
    """A name from elsewhere is not guessed at."""
    assert Seat.parse("https://a.example.com/", "G1") is None
