"""How much is asked at once, and how busy servers and spent budgets are heeded."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from connector.errors import Throttled, Transient
from connector.source.exchange.concurrency import LEAST, ONE_BUDGET, REST, Budgets, Gateway, Width
from connector.source.exchange.envelope import m
from connector.source.exchange.settings import ExchangeSettings, ForgetfulRefusals, Limits
from connector.source.exchange.transport import Call, Exchange
from tests.lab.exchange.wire import Answer, Request
from tests.unit.source.exchange.fake_exchange import MovingClock
from tests.unit.source.exchange.front_end import HOST, XML, FrontEnd, soap

M = "http://schemas.microsoft.com/exchange/services/2006/messages"
T = "http://schemas.microsoft.com/exchange/services/2006/types"
URL = f"http://{HOST}/EWS/Exchange.asmx"


@given(some.integers(1, 64), some.lists(some.tuples(some.booleans(), some.floats(0, 10))))
def test_width_stays_within_its_bounds(most: int, answers: list[tuple[bool, float]]) -> None:
    """Whatever the server says, between one request and what the configuration allows."""
    width, now = Width.full(most), 0.0
    for good, later in answers:
        now += later
        width = width.good() if good else width.busy(now)
        assert LEAST <= width.now <= most
        assert 1 <= width.places <= most


def test_ease_is_the_share_that_is_open() -> None:
    """One while nobody complains, less after each complaint."""
    assert Width.full(16).ease == 1.0
    assert Width.full(16).busy(0.0).ease == 0.5


def test_width_halves_at_once_and_recovers_one_by_one() -> None:
    """A complaint halves it, a width's worth of good answers gives one place back."""
    width = Width.full(16).busy(0.0)
    assert width.places == 8
    for _ in range(9):
        width = width.good()
    assert width.places == 9
    for _ in range(200):
        width = width.good()
    assert width.places == 16


def test_one_crowd_of_complaints_counts_once() -> None:
    """Sixteen requests refused in the same second are one overload."""
    width = Width.full(16)
    for _ in range(16):
        width = width.busy(0.5)
    assert width.places == 8
    assert width.busy(0.5 + REST).places == 4


def test_one_mailbox_with_a_spent_budget_does_not_choke_the_others() -> None:
    """Another product may loop on one mailbox: its complaints narrow the way once a minute, not to nothing."""
    clock = MovingClock()
    gateway = Gateway(16, 0.0, clock.monotonic)
    for _ in range(50):
        gateway.busy("ada@example.com")
        clock.seconds += 1
    assert gateway.width.places == 8
    clock.seconds += ONE_BUDGET
    gateway.busy("ada@example.com")
    assert gateway.width.places == 4


def test_no_more_are_under_way_than_there_are_places() -> None:
    """Who finds no place gives the worker back with our own word for it."""
    gateway = Gateway(2, 0.0)
    with gateway.place(), gateway.place(), pytest.raises(Throttled, match="own-limit"), gateway.place():
        pytest.fail("a third place")
    with gateway.place():
        gateway.good()


def test_budget_is_left_alone_as_long_as_it_asked() -> None:
    """The longest patience counts, for that mailbox alone."""
    clock = MovingClock()
    budgets = Budgets(clock.monotonic)
    budgets.spent("ada@example.com", timedelta(seconds=30))
    budgets.spent("ada@example.com", timedelta(seconds=5))
    budgets.check("bob@example.com")
    clock.seconds += 29
    with pytest.raises(Throttled) as caught:
        budgets.check("ada@example.com")
    assert caught.value.retry_after == timedelta(seconds=1)
    clock.seconds += 1
    budgets.check("ada@example.com")


# --- in the transport


def busy_message(values: str = "") -> str:
    """A response message of a busy server."""
    return (
        f'<m:XResponse xmlns:m="{M}" xmlns:t="{T}"><m:ResponseMessages><m:XResponseMessage ResponseClass="Error">'
        f"<m:MessageText>busy</m:MessageText><m:ResponseCode>ErrorServerBusy</m:ResponseCode>{values}"
        "</m:XResponseMessage></m:ResponseMessages></m:XResponse>"
    )


def busy_fault(values: str = "", code: str = "ErrorServerBusy") -> str:
    """A SOAP fault of one."""
    return (
        '<s:Fault xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><faultcode>s:Server</faultcode>'
        f'<faultstring>busy</faultstring><detail xmlns:t="{T}" xmlns:m="{M}">'
        f"<e:ResponseCode xmlns:e='http://schemas.microsoft.com/exchange/services/2006/errors'>{code}</e:ResponseCode>"
        f"<e:Message xmlns:e='http://schemas.microsoft.com/exchange/services/2006/errors'>busy</e:Message>{values}"
        "</detail></s:Fault>"
    )


BACK_OFF = '<m:MessageXml><t:Value Name="Policy">x</t:Value><t:Value Name="BackOffMilliseconds">30000</t:Value></m:MessageXml>'
INNER = BACK_OFF.replace(
    "</m:MessageXml>", '<t:Value Name="InnerErrorResponseCode">ErrorServerBusy</t:Value></m:MessageXml>'
)


def way(front_end: FrontEnd, clock: MovingClock) -> Exchange:
    """A way there without authentication worth the name: the front end never asks."""
    settings = ExchangeSettings(
        "hq", "i", "svc", password=lambda: "x", resolve=front_end.resolve, limits=Limits(connect=5, silence=5)
    )
    return Exchange(settings, ForgetfulRefusals(), clock.monotonic)


def ask(exchange: Exchange, acting: str) -> None:
    """One request, its verdict swallowed as a step would record it."""
    try:
        exchange.call(Call(URL, m("X"), acting=acting))
    except Transient as verdict:
        assert verdict.code == "busy"  # noqa: PT017 - whether it is raised depends on the row


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (200, busy_message(BACK_OFF)),
        (500, busy_fault(BACK_OFF)),
        (200, busy_fault(BACK_OFF)),
        (500, busy_fault(INNER, "ErrorInternalServerError")),
    ],
    ids=["message", "fault", "fault-200", "inner"],
)
def test_back_off_is_obeyed_by_everything_that_charges_the_budget(status: int, content: str) -> None:
    """Wherever BackOffMilliseconds stands: no request for that mailbox before it is over, others go on."""
    clock = MovingClock()
    answers: list[Answer] = [Answer(status, soap(content), [XML])]

    def answer(_: Request) -> Answer:
        return answers.pop() if answers else Answer(200, soap(), [XML])

    with FrontEnd(answer=answer) as front_end:
        exchange = way(front_end, clock)
        ask(exchange, "ada@example.com")
        for attempt in (exchange.call, exchange.open):
            with pytest.raises(Throttled) as caught:
                attempt(Call(URL, m("X"), acting="ada@example.com"))
            assert caught.value.retry_after == timedelta(seconds=30)
        exchange.call(Call(URL, m("X"), acting="bob@example.com"))
        clock.seconds += 30
        exchange.call(Call(URL, m("X"), acting="ada@example.com"))
        exchange.close()
    assert len(front_end.requests) == 3


class Policy:
    """A server that stands so many requests at once and calls itself busy beyond that."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.lock = threading.Lock()
        self.inside = 0
        self.busy = 0
        self.served = 0

    def answer(self, _: Request) -> Answer:
        with self.lock:
            self.inside += 1
            crowded = self.inside > self.limit
            self.busy += crowded
            self.served += not crowded
        threading.Event().wait(0.002)
        with self.lock:
            self.inside -= 1
        return Answer(500, soap(busy_fault()), [XML]) if crowded else Answer(200, soap(), [XML])


def run_all(work: Callable[[int], None], threads: int) -> None:
    """The same work in several threads, to its end."""
    made = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for thread in made:
        thread.start()
    for thread in made:
        thread.join()


def test_server_that_stands_less_is_not_overrun_for_long() -> None:
    """Sixteen workers against a server of four: the width settles near four, nearly everything is served."""
    policy, clock = Policy(4), MovingClock()
    with FrontEnd(answer=policy.answer) as front_end:
        exchange = way(front_end, clock)

        def work(number: int) -> None:
            for turn in range(12):
                clock.seconds += REST / 4
                ask(exchange, f"p{number}-{turn}@example.com")

        run_all(work, 16)
        exchange.close()
    assert policy.served + policy.busy == 16 * 12
    assert policy.busy < policy.served / 2
