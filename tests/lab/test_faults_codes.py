"""Every response code of the fault catalogue: as verdict of the real source, and what a live mailbox makes of it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from connector.alarms import Alarms
from connector.errors import CursorExpired, Scope, Throttled, Verdict
from connector.model import Mailbox, MeetingUpdate, Phase, Window
from connector.reporter import Reporter
from connector.source.exchange.account import Directory
from connector.source.exchange.errors import code_verdict
from connector.source.exchange.redirects import RememberedRedirects, Trust
from connector.source.exchange.settings import ExchangeSettings, ForgetfulRefusals, Limits
from connector.source.exchange.source import ExchangeSource
from connector.source.exchange.transport import Exchange
from connector.source.memory import MemoryCalendar, MemorySource
from connector.sync.engine import Engine
from connector.sync.holds import Holds
from tests.fakes.house import House
from tests.lab.exchange.launch import LabExchange
from tests.lab.fault_table import BUSY, CONFLICT, ITEM, MOVED, TOO_MANY, WHOLE, Row

pytestmark = pytest.mark.lab

NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
WINDOW = Window(NOW - timedelta(days=7), NOW + timedelta(days=31))
OWNER = Mailbox("m1", "hq", "user1@example.com", "staff", "manual")


@pytest.fixture(scope="module")
def lab() -> Iterator[LabExchange]:
    """One process for all rows."""
    with LabExchange(mailboxes=4) as started:
        yield started


@pytest.fixture
def source(lab: LabExchange) -> Iterator[ExchangeSource]:
    """A source as the configuration would make it; what was ordered is taken back."""
    settings = ExchangeSettings(
        "hq", "i", lab.user, password=lambda: lab.password, url=lab.url, ca=lab.ca, limits=Limits(silence=20)
    )
    exchange = Exchange(settings, ForgetfulRefusals())
    trust = Trust(frozenset(), RememberedRedirects(lambda: None, lambda _: None))
    opened = ExchangeSource(exchange, Directory(settings, exchange, trust, lambda: datetime.now(UTC)))
    yield opened
    opened.close()
    lab.clear_faults()


def named(row: Row) -> str:
    """A row's name in the report."""
    return row.code


def met(source: ExchangeSource) -> Verdict:
    """The verdict of the next delta."""
    with pytest.raises(Verdict) as caught:
        source.delta(OWNER, None)
    return caught.value


@pytest.mark.parametrize("form", ["soap", "response"])
@pytest.mark.parametrize("row", WHOLE, ids=named)
def test_code_is_understood_as_fault_and_as_message(
    lab: LabExchange, source: ExchangeSource, row: Row, form: str
) -> None:
    """Verdict, word and scope are the same in both forms, and the server's own code leads the detail for the log."""
    lab.fault("SyncFolderItems", form, code=row.code)
    verdict = met(source)
    assert (type(verdict), verdict.code, verdict.scope) == (row.kind, row.word, row.scope)
    assert verdict.code == "alias-address" or verdict.detail.startswith(row.code)


@pytest.mark.parametrize("row", ITEM, ids=named)
def test_poison_item_is_set_aside_alone(lab: LabExchange, source: ExchangeSource, row: Row) -> None:
    """Its message in the batch is an entry of the quarantine; the batch is no failure and is not asked for again."""
    item = lab.edit(
        "create", mailbox=OWNER.address, subject="One", start=(NOW + timedelta(hours=1)).isoformat()
    )
    lab.fault("GetItem", "response", code=row.code)
    found = source.expand(OWNER, [item["item_id"]], WINDOW)
    assert [(one.item_id, one.code) for one in found.unreadable] == [(item["item_id"], row.word)]
    assert source.expand(OWNER, [item["item_id"]], WINDOW).unreadable == ()


def test_item_that_is_gone_is_no_quarantine(lab: LabExchange, source: ExchangeSource) -> None:
    """ErrorItemNotFound between delta and content: it was deleted meanwhile."""
    item = lab.edit(
        "create", mailbox=OWNER.address, subject="Two", start=(NOW + timedelta(hours=2)).isoformat()
    )
    lab.fault("GetItem", "response", code="ErrorItemNotFound")
    found = source.expand(OWNER, [item["item_id"]], WINDOW)
    assert (found.unreadable, found.gone) == ((), (item["item_id"],))


def test_item_behind_a_stopped_batch_is_asked_for_again_alone(
    lab: LabExchange, source: ExchangeSource
) -> None:
    """ErrorBatchProcessingStopped says nothing of the items after it."""
    item = lab.edit(
        "create", mailbox=OWNER.address, subject="Three", start=(NOW + timedelta(hours=3)).isoformat()
    )
    lab.fault("GetItem", "response", code="ErrorBatchProcessingStopped")
    found = source.expand(OWNER, [item["item_id"]], WINDOW)
    assert [one.meetings[0].subject for one in found.series] == ["Three"]


@pytest.mark.parametrize("row", [*BUSY, *MOVED], ids=named)
def test_trouble_of_the_mailbox_told_of_an_item_is_not_the_items(
    lab: LabExchange, source: ExchangeSource, row: Row
) -> None:
    """A move or a busy server met in the middle of a batch sets no item aside: the step fails and is repeated."""
    item = lab.edit(
        "create", mailbox=OWNER.address, subject="Five", start=(NOW + timedelta(hours=5)).isoformat()
    )
    lab.fault("GetItem", "response", code=row.code)
    with pytest.raises(row.kind) as caught:
        source.expand(OWNER, [item["item_id"]], WINDOW)
    assert caught.value.code == row.word


@pytest.mark.parametrize("row", CONFLICT, ids=named)
def test_lost_race_of_a_write_is_a_conflict(lab: LabExchange, source: ExchangeSource, row: Row) -> None:
    """Somebody else changed the item between look and write, and again at the second try: nothing was written."""
    item = lab.edit(
        "create", mailbox=OWNER.address, subject="Four", start=(NOW + timedelta(hours=4)).isoformat()
    )
    lab.fault("UpdateItem", "response", code=row.code, times=2)
    with pytest.raises(row.kind) as caught:
        source.apply(OWNER, MeetingUpdate(f"k-{row.code}", item["item_id"], location="Room"))
    assert caught.value.code == row.word


@pytest.mark.parametrize("row", TOO_MANY, ids=named)
def test_too_many_subscriptions_or_streams_mean_polling(lab: LabExchange, row: Row) -> None:
    """Every code of the class is what makes a reader try another payer and its members be polled."""
    assert code_verdict(row.code).detail.startswith(row.code)


def test_back_off_of_a_busy_server_arrives(lab: LabExchange, source: ExchangeSource) -> None:
    """The delay is the server's, not ours."""
    lab.fault("SyncFolderItems", "soap", code="ErrorServerBusy", values={"BackOffMilliseconds": "7000"})
    verdict = met(source)
    assert isinstance(verdict, Throttled)
    assert verdict.retry_after == timedelta(seconds=7)


# --- what a live mailbox makes of it


class Ailing(MemorySource):
    """A source whose mailboxes meet the same fault as long as it lasts."""

    lasting: Verdict | None = None

    def _open(self, operation: str, mailbox: Mailbox) -> MemoryCalendar:
        if self.lasting is not None:
            raise self.lasting
        return super()._open(operation, mailbox)


class Watched(House):
    """A house whose engine reports to real alarms."""

    def __init__(self) -> None:
        self.ailing = Ailing()
        super().__init__(source=self.ailing)

    def fresh_engine(self) -> Engine:
        self.alarms = Alarms(self.clock)
        reporter = Reporter(self.alarms, self.clock, lambda source: ("svc", f"exchange/{source}/a"))
        holds = Holds(self.clock, lambda: 0.5)
        return Engine(self.context, holds, reporter, workers=4, watched_changed=lambda: None)

    def numbers(self) -> set[int]:
        """The alarms that stand."""
        self.alarms.tick()
        return {one.kind.number for one in self.alarms.current()}


@pytest.mark.parametrize("row", WHOLE, ids=named)
def test_mailbox_goes_where_the_table_says_and_comes_back_by_itself(row: Row) -> None:
    """Phase, delay and hold after the fault; no list is read afresh but for the lost bookmark; then it is live again."""
    house = Watched()
    ada, bob = house.activate("ada@example.com"), house.activate("bob@example.com")
    house.run()
    views = [name for name, _ in house.source.calls].count("view")
    house.source.faults.append(code_verdict(row.code))
    house.engine.wake(ada.id, "stream")
    assert house.engine.scheduler.run_due()
    after = house.store.session(ada.id)
    assert after is not None
    assert (after.phase, after.reason) == (row.phase, row.word)
    assert row.delay[0] <= after.due - house.clock() <= row.delay[1]
    assert (house.engine.holds.until(bob) is not None) == (row.scope is Scope.SOURCE)
    house.forward(timedelta(hours=2))
    assert house.phase(ada) is Phase.LIVE
    settled = house.store.session(ada.id)
    assert settled is not None
    assert settled.reason is None
    read_afresh = [name for name, _ in house.source.calls].count("view") > views
    assert read_afresh == (row.kind is CursorExpired)
    assert house.numbers() == set()


@pytest.mark.parametrize("row", WHOLE, ids=named)
def test_fault_that_lasts_is_one_alarm(row: Row) -> None:
    """After some minutes of it the alarm of the table stands, and nothing else; it is taken back by itself."""
    house = Watched()
    ada = house.activate("ada@example.com")
    house.run()
    house.ailing.lasting = code_verdict(row.code)
    house.engine.wake(ada.id, "stream")
    house.forward(timedelta(minutes=20))
    assert house.numbers() == {row.alarm}
    house.ailing.lasting = None
    house.engine.source_changed(house.source.name)
    house.forward(timedelta(days=1))
    assert house.numbers() == set()
