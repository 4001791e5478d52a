"""Subscriptions at the server: the requests, what is kept, and the pace."""

from itertools import pairwise
from pathlib import Path
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from connector.errors import AccessDenied, StoreError, Transient
from connector.source.base import Subscription
from connector.source.exchange.envelope import Element, m
from connector.source.exchange.groups import Seat
from connector.source.exchange.reader import payload
from connector.source.exchange.subscriptions import (
    Ledger,
    Pace,
    Route,
    Subscriber,
    seat_of,
    subscribe_payload,
    unsubscribe_payload,
)
from connector.source.exchange.transport import Answer, Call
from tests.unit.source.exchange.fake_exchange import HQ, FakeExchange, MovingClock, Shelf, dice, mailbox

SCHEMA = Path(__file__).parents[5] / "shared/data/ews-schema/messages.xsd"
SEAT = Seat(HQ.endpoint, HQ.group, 1)
NOW = MovingClock().now()
ROUTE = Route(HQ.endpoint, "anna@example.com", "server-7")


def kept(name: str, route: str = ROUTE.to_json(), group: str = SEAT.connection) -> Subscription:
    return Subscription("hq", f"id-{name}", f"sub-of-{name}", group, route, NOW)


class Answering:
    """Answers every call with one response message."""

    def __init__(self, message: Element) -> None:
        self.message = message

    def call(self, call: Call) -> Answer:
        return Answer(m("Response", m("ResponseMessages", self.message)), {}, "trace")


def test_a_route_survives_the_shelf() -> None:
    """Endpoint, anchor and cookie come back as they were; the cookie is not shown."""
    assert Route.from_json(ROUTE.to_json()) == ROUTE
    assert "server-7" not in repr(ROUTE)


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"endpoint": 1, "other": 2}', "nonsense"])
def test_a_damaged_route_is_no_route(text: str) -> None:
    """What can't be read is left out instead of stopping the watcher."""
    assert Route.from_json(text) is None


def test_what_is_kept_leads_back_to_the_seat() -> None:
    """A kept subscription gives its mailbox the seat it had before the restart."""
    assert seat_of(kept("anna")) == SEAT
    assert seat_of(kept("anna", route="{}")) is None
    assert seat_of(kept("anna", group="elsewhere")) is None


def test_a_subscription_remembers_the_anchor_s_cookie() -> None:
    """The first one takes the cookie from the answer, the second one hands on the route it was given."""
    server = FakeExchange()
    subscriber = Subscriber("hq", server, MovingClock().now)
    first = subscriber.subscribe(mailbox("anna"), SEAT, None)
    route = Route.from_json(first.route)
    assert route == Route(HQ.endpoint, "anna@example.com", "server-of-anna@example.com")
    second = subscriber.subscribe(mailbox("bert"), SEAT, route)
    assert second.route == first.route
    assert second.group == "G1 1"


def test_giving_back_acts_for_nobody() -> None:
    """Unsubscribe goes the subscription's way without impersonation: the mailbox may be none of ours by then."""
    server = FakeExchange()
    Subscriber("hq", server, MovingClock().now).unsubscribe(kept("bert"))
    (call,) = server.of("Unsubscribe")
    assert (call.acting, call.anchor) == ("", "anna@example.com")
    assert call.cookies == {"X-BackEndOverrideCookie": "server-7"}
    assert server.unsubscribed.get_nowait() == "sub-of-bert"


def test_a_refused_subscription_is_a_verdict() -> None:
    """An error in the response message is raised as what it means."""
    refused = m(
        "SubscribeResponseMessage",
        m("MessageText", text="Words."),
        m("ResponseCode", text="ErrorAccountDisabled"),
        ResponseClass="Error",
    )
    with pytest.raises(AccessDenied, match="mailbox-disabled"):
        Subscriber("hq", Answering(refused), MovingClock().now).subscribe(mailbox("anna"), SEAT, None)


@pytest.mark.parametrize(
    "message",
    [
        m("SubscribeResponseMessage", m("ResponseCode", text="NoError"), ResponseClass="Success"),
        m("GetItemResponseMessage", m("ResponseCode", text="NoError"), ResponseClass="Success"),
    ],
)
def test_an_answer_without_an_id_is_not_believed(message: Element) -> None:
    """A success that names no subscription is a bad answer."""
    with pytest.raises(Transient, match="bad-answer"):
        Subscriber("hq", Answering(message), MovingClock().now).subscribe(mailbox("anna"), SEAT, None)


@pytest.mark.skipif(not SCHEMA.exists(), reason="the reference shelf is not beside the repository")
@pytest.mark.parametrize(
    "request_body",
    [subscribe_payload(), unsubscribe_payload("a"), payload(["a", "b"], 30), payload(["a"], 1)],
)
def test_requests_are_valid(request_body: Element) -> None:
    """Subscribe, Unsubscribe and GetStreamingEvents validate against the Exchange 2016 schema."""
    schema = etree.XMLSchema(etree.parse(SCHEMA))
    schema.assertValid(etree.fromstring(etree.tostring(request_body)))


def test_the_ledger_starts_from_the_shelf() -> None:
    """Readable rows are taken up, unreadable ones are dropped from the shelf."""
    shelf = Shelf()
    for row in (kept("anna"), kept("bert", route="{}")):
        shelf.save_subscription(row)
    ledger = Ledger("hq", shelf)
    assert ledger.all() == (kept("anna"),)
    assert ledger.seats() == {"id-anna": SEAT}
    assert list(shelf.rows) == ["id-anna"]


def test_a_dropped_one_stays_on_the_shelf_until_it_is_forgotten() -> None:
    """A subscription that was not given back yet must be found again after a restart."""
    shelf = Shelf()
    ledger = Ledger("hq", shelf)
    ledger.keep(kept("anna"))
    assert ledger.drop(kept("anna"))
    assert not ledger.drop(kept("anna"))
    assert ledger.all() == ()
    assert list(shelf.rows) == ["id-anna"]
    ledger.forget(kept("anna"))
    assert shelf.rows == {}


def test_forgetting_the_old_one_spares_the_new_one() -> None:
    """A mailbox that was subscribed anew keeps its row when the old subscription is given back."""
    shelf = Shelf()
    ledger = Ledger("hq", shelf)
    old = kept("anna")
    ledger.keep(old)
    ledger.drop(old)
    new = kept("anna", group="G2 1")
    ledger.keep(new)
    ledger.forget(old)
    assert not ledger.drop(old)
    assert shelf.rows == {"id-anna": new}


class FullShelf(Shelf):
    """A shelf on a full disk."""

    def save_subscription(self, subscription: Subscription) -> None:
        raise StoreError("the disk is full")

    def drop_subscription(self, mailbox_id: str) -> None:
        raise StoreError("the disk is full")


def test_a_full_disk_does_not_end_the_streams() -> None:
    """What can't be kept for the next start is used in this one all the same."""
    ledger = Ledger("hq", FullShelf())
    ledger.keep(kept("anna"))
    assert ledger.all() == (kept("anna"),)
    assert ledger.drop(kept("anna"))
    ledger.forget(kept("anna"))
    assert ledger.all() == ()


@given(st.lists(st.floats(0, 0.2), min_size=2, max_size=60), st.floats(1, 50))
def test_turns_keep_their_distance(arrivals: list[float], rate: float) -> None:
    """However the askers come, two turns are never closer than the rate allows, and not all equally far apart."""
    clock = MovingClock()
    pace = Pace(lambda: rate, clock.monotonic, dice())
    turns = []
    for gap in arrivals:
        clock.seconds += gap
        turns.append(clock.seconds + pace.reserve())
    assert all(later - earlier >= 1 / rate - 1e-6 for earlier, later in pairwise(turns))


def test_pace_follows_what_the_server_bears() -> None:
    """A rate that falls or rises counts from the next turn on."""
    clock, rate = MovingClock(), [10.0]
    pace = Pace(lambda: rate[0], clock.monotonic, dice())
    waits = [pace.reserve()]
    for now in (1.0, 10.0):
        rate[0] = now
        waits.append(pace.reserve())
    waits.append(pace.reserve())
    gaps = [later - earlier for earlier, later in pairwise(waits)]
    assert 0.1 <= gaps[0] <= 0.15
    assert 1.0 <= gaps[1] <= 1.5
    assert 0.1 <= gaps[2] <= 0.15


def test_waiting_for_a_turn_ends_with_stop() -> None:
    """A thread that waits for its turn is free at once when everything stops."""
    clock = MovingClock()
    pace = Pace(lambda: 0.001, clock.monotonic)
    stop = Event()
    assert pace.wait(stop)
    stop.set()
    assert not pace.wait(stop)
