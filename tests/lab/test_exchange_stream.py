"""Discovery and streaming against the lab Exchange: real TLS, real NTLM, its own throttling and affinity rules."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from threading import Event, Thread
from typing import Any

import pytest

from connector.errors import AccessDenied, MailboxMoved, Verdict
from connector.model import Identity, Mailbox
from connector.source.exchange.account import Directory
from connector.source.exchange.patience import Tuning
from connector.source.exchange.redirects import RememberedRedirects, Trust
from connector.source.exchange.settings import ExchangeSettings, ForgetfulRefusals, Limits, StreamMode
from connector.source.exchange.transport import Exchange
from connector.source.exchange.watcher import ExchangeWatcher
from tests.lab.exchange.launch import LabExchange
from tests.unit.source.exchange.fake_exchange import PATIENCE, Nudges, Shelf

pytestmark = pytest.mark.lab

HOSTS = "mail.example.com,autodiscover.example.com"
TUNING = Tuning(minutes=1, first_wait=0.05, longest_wait=0.5, settle=0.0, tick=0.02, subscribe_share=0.2)


def now() -> datetime:
    return datetime.now(UTC)


def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Site:
    """A lab and our way to it."""

    def __init__(
        self, lab: LabExchange, *, trust: tuple[str, ...] = (), plain: bool = False, silence: float = 95.0
    ) -> None:
        self.lab = lab
        self.silence = silence
        self.setting: str | None = None
        self.redirects = RememberedRedirects(lambda: self.setting, self._write)
        discovery = lab.plain.split("/")[2].rpartition(":")[2] if plain else str(lab.port)
        routes = {
            "example.com": f"127.0.0.1:{closed_port()}",
            "autodiscover.example.com": f"127.0.0.1:{discovery}",
            "mail.example.com": f"127.0.0.1:{lab.port}",
        }
        self.settings = self.told(routes=routes)
        self.exchange = Exchange(self.settings, ForgetfulRefusals())
        self.directory = Directory(self.settings, self.exchange, Trust(frozenset(trust), self.redirects), now)

    def told(self, stream: StreamMode = "grouped", routes: dict[str, str] | None = None) -> ExchangeSettings:
        return ExchangeSettings(
            "hq",
            "cal-01",
            self.lab.user,
            lambda: self.lab.password,
            ca=self.lab.ca,
            stream=stream,
            resolve=routes or self.settings.resolve,
            limits=Limits(silence=self.silence),
        )

    def _write(self, value: str) -> None:
        self.setting = value

    def mailboxes(self, numbers: Sequence[int]) -> list[Mailbox]:
        """Activated mailboxes at the place that Autodiscover says."""
        addresses = [self.lab.address(number) for number in numbers]
        found = self.directory.locate(addresses)
        made = []
        for number, address in zip(numbers, addresses, strict=True):
            identity = found[address]
            assert isinstance(identity, Identity), identity
            made.append(
                Mailbox(
                    f"id-{number}",
                    "hq",
                    identity.address,
                    "staff",
                    "manual",
                    identity.stable_id,
                    identity.location,
                )
            )
        return made


class Watch:
    """A running watcher."""

    def __init__(self, site: Site, shelf: Shelf, stream: StreamMode, tuning: Tuning) -> None:
        self.site = site
        self.nudges = Nudges()
        self.stop = Event()
        self.watcher = ExchangeWatcher(site.told(stream), site.exchange, site.directory, shelf, now, tuning)
        self.deaths: list[BaseException] = []
        self.edited: set[str] = set()
        self.thread = Thread(target=self._run)

    def _run(self) -> None:
        try:
            self.watcher.run(self.stop, self.nudges)
        except BaseException as death:  # noqa: BLE001 - what it dies of is looked at by the test
            self.deaths.append(death)

    def streamed(self, count: int) -> None:
        """Wait until so many mailboxes are streamed."""
        self.until(lambda: len(self.watcher.coverage().streamed) == count)

    def until(self, fact: Callable[[], bool]) -> None:
        pause = Event()
        for _ in range(int(PATIENCE * 50)):
            if fact():
                return
            pause.wait(0.02)
        raise AssertionError(f"it never came true: {self.watcher.coverage()}")

    def heard(self, number: int) -> None:
        """Wait for a nudge of this mailbox, and none of another."""
        ((mailbox_id, _),) = self.nudges.take()
        assert mailbox_id == f"id-{number}"

    def edit(self, number: int) -> None:
        """Somebody makes an appointment; wait until it is heard. Only calendars that were edited are heard of."""
        self.site.lab.edit(
            "create",
            mailbox=self.site.lab.address(number),
            subject="Review",
            start="2026-12-01T09:00:00+00:00",
            end="2026-12-01T10:00:00+00:00",
        )
        self.edited.add(f"id-{number}")
        mailbox_id = ""
        while mailbox_id != f"id-{number}":
            ((mailbox_id, _),) = self.nudges.take()
            assert mailbox_id in self.edited

    def quiet(self) -> None:
        """Take the nudges that the last edits have left."""
        while not self.nudges.empty():
            self.nudges.take()

    def everybody(self, numbers: Sequence[int]) -> None:
        """Wait until each of these was nudged."""
        missing = {f"id-{number}" for number in numbers}
        while missing:
            missing -= {mailbox_id for mailbox_id, _ in self.nudges.take()}


@contextmanager
def watching(
    site: Site,
    mailboxes: Sequence[Mailbox],
    shelf: Shelf | None = None,
    stream: StreamMode = "grouped",
    tuning: Tuning = TUNING,
) -> Iterator[Watch]:
    """A watcher of these mailboxes, running until the end of the block, which it has to survive."""
    watch = Watch(site, shelf or Shelf(), stream, tuning)
    watch.watcher.watch(mailboxes)
    watch.thread.start()
    try:
        yield watch
    finally:
        watch.stop.set()
        watch.thread.join(PATIENCE)
    assert not watch.thread.is_alive()
    assert watch.deaths == []


@pytest.fixture(scope="module")
def start() -> Iterator[Callable[..., LabExchange]]:
    """Starts labs, one for each set of options, for the whole module."""
    with ExitStack() as stack:
        running: dict[tuple[tuple[str, Any], ...], LabExchange] = {}

        def begin(**options: Any) -> LabExchange:
            key = tuple(sorted(options.items()))
            if key not in running:
                running[key] = stack.enter_context(
                    LabExchange(mailboxes=10, groups=2, hosts=HOSTS, heartbeat=1, **options)
                )
            return running[key]

        yield begin


@pytest.fixture
def lab(start: Callable[..., LabExchange]) -> Iterator[LabExchange]:
    """The ordinary lab; each test leaves it without orders, with everybody in scope and Autodiscover honest."""
    running = start()
    yield running
    running.clear_faults()
    running.resume()
    running.forget_subscriptions()


def mark(lab: LabExchange) -> int:
    """The number of the newest entry of the request log."""
    return max((entry["number"] for entry in lab.log()), default=0)


# --- Autodiscover


def test_autodiscover_finds_endpoint_group_and_identity(lab: LabExchange) -> None:
    """All ten addresses come back from one SOAP request over NTLM, in two groups at two hosts."""
    site = Site(lab)
    since = mark(lab)
    found = site.directory.locate([lab.address(number) for number in range(1, 11)])
    identities = [one for one in found.values() if isinstance(one, Identity)]
    assert len(identities) == 10
    assert len({one.location for one in identities}) == 2
    assert len({one.stable_id for one in identities}) == 10
    assert all(one.location and one.location.endpoint.startswith("https://") for one in identities)
    asked = [entry for entry in lab.log(since=since) if entry["status"] == 200]
    assert [entry["operation"] for entry in asked] == ["GetUserSettings"]


def test_an_unknown_address_is_said_to_be_unknown(lab: LabExchange) -> None:
    """Nobody's address is that address's trouble alone."""
    found = Site(lab).directory.locate(["nobody@example.com", lab.address(1)])
    unknown = found["nobody@example.com"]
    assert isinstance(unknown, AccessDenied)
    assert unknown.code == "address-unknown"
    assert isinstance(found[lab.address(1)], Identity)


@pytest.mark.parametrize(
    ("redirect", "code"),
    [
        ({"url": "https://mail.evil.example/autodiscover/autodiscover.svc"}, "redirect-not-trusted"),
        ({"to": "user3@evil.example"}, "redirect-not-trusted"),
        ({"url": "https://outlook.office365.com/autodiscover/autodiscover.svc"}, "moved-to-exchange-online"),
        ({"to": "user3@lab.mail.onmicrosoft.com"}, "moved-to-exchange-online"),
    ],
)
def test_redirects_of_one_user(lab: LabExchange, redirect: dict[str, str], code: str) -> None:
    """Redirects to foreign hosts are not followed, those to Exchange Online mean moved; neighbours are not touched."""
    site = Site(lab)
    lab.redirect(lab.address(3), **redirect)
    try:
        found = site.directory.locate([lab.address(2), lab.address(3)])
    finally:
        lab.redirect(lab.address(3))
    verdict = found[lab.address(3)]
    assert isinstance(verdict, Verdict)
    assert isinstance(verdict, MailboxMoved if "online" in code else AccessDenied)
    assert verdict.code == code
    assert isinstance(found[lab.address(2)], Identity)
    assert bool(site.redirects.pending()) == (code == "redirect-not-trusted")


def test_a_redirect_within_the_domain_is_followed(lab: LabExchange) -> None:
    """Another host under the mail domain may be asked."""
    site = Site(lab)
    lab.redirect(lab.address(3), to=lab.address(4))
    try:
        found = site.directory.locate([lab.address(3)])[lab.address(3)]
    finally:
        lab.redirect(lab.address(3))
    assert isinstance(found, Identity)
    assert found.address == lab.address(4)


def test_the_plain_redirect_leads_to_the_server(lab: LabExchange) -> None:
    """Where the autodiscover host serves no TLS, its http redirect is followed, without credentials."""
    assert isinstance(Site(lab, plain=True).directory.locate([lab.address(1)])[lab.address(1)], Identity)


def test_pox_is_the_fallback(lab: LabExchange) -> None:
    """A site whose SOAP service is broken is asked by POX."""
    lab.fault("GetUserSettings", "html", times=-1, status=404)
    since = mark(lab)
    assert isinstance(Site(lab).directory.locate([lab.address(1)])[lab.address(1)], Identity)
    assert [entry["operation"] for entry in lab.log(since=since, operation="Autodiscover")]


def test_an_internal_url_alone_is_enough(start: Callable[..., LabExchange]) -> None:
    """A site that publishes no external URL is found by its internal one."""
    lab = start(internal_only=True)
    assert isinstance(Site(lab).directory.locate([lab.address(1)])[lab.address(1)], Identity)


# --- streams


def test_ten_mailboxes_in_two_groups(lab: LabExchange) -> None:
    """Two connections carry ten mailboxes; an edit nudges its mailbox; anchors and cookies are right on the wire."""
    site = Site(lab)
    since = mark(lab)
    with watching(site, site.mailboxes(range(1, 11))) as watch:
        watch.everybody(range(1, 11))
        watch.streamed(10)
        assert watch.watcher.coverage().streams == 2
        watch.quiet()
        for number in (1, 2, 10):
            watch.edit(number)
    subscribed = lab.log(since=since, operation="Subscribe")
    anchors = {entry["anchor"] for entry in subscribed}
    assert len(subscribed) == 10
    assert len(anchors) == 2
    assert all(entry["acting"] for entry in subscribed)
    streams = lab.log(since=since, operation="GetStreamingEvents")
    assert {entry["acting"] for entry in streams} == anchors
    assert {len(entry["touched"]) for entry in streams} == {5}


def test_a_server_restart_is_survived(lab: LabExchange) -> None:
    """All connections closed, all subscriptions forgotten: everybody is subscribed anew and looked at."""
    site = Site(lab)
    with watching(site, site.mailboxes(range(1, 11))) as watch:
        watch.everybody(range(1, 11))
        watch.streamed(10)
        watch.quiet()
        since = mark(lab)
        lab.restart_server()
        watch.everybody(range(1, 11))
        watch.until(
            lambda: len(lab.subscriptions()) == 10 and all(s["connected"] for s in lab.subscriptions())
        )
        watch.streamed(10)
        watch.quiet()
        watch.edit(7)
        assert len(lab.log(since=since, operation="Subscribe")) == 10


def test_one_dead_subscription_is_replaced_alone(lab: LabExchange) -> None:
    """The dead id is replaced, the nine others keep theirs and go on."""
    site = Site(lab)
    with watching(site, site.mailboxes(range(1, 11))) as watch:
        watch.everybody(range(1, 11))
        watch.streamed(10)
        watch.quiet()
        before = {one["address"]: one["id"] for one in lab.subscriptions()}
        since = mark(lab)
        lab.forget_subscriptions(lab.address(4))
        watch.everybody([4])
        watch.streamed(10)
        after = {one["address"]: one["id"] for one in lab.subscriptions()}
        assert {address for address in before if before[address] != after[address]} == {lab.address(4)}
        assert [entry["acting"] for entry in lab.log(since=since, operation="Subscribe")] == [lab.address(4)]
        watch.quiet()
        watch.edit(4)


def test_a_planned_end_costs_nothing(start: Callable[..., LabExchange]) -> None:
    """Connections that end after their time are reopened with the same ids: no subscription, no nudge, no gap."""
    lab = start(minute=1)
    site = Site(lab)
    with watching(site, site.mailboxes(range(1, 11))) as watch:
        watch.everybody(range(1, 11))
        watch.streamed(10)
        watch.quiet()
        since = mark(lab)
        watch.until(lambda: len(lab.log(since=since, operation="GetStreamingEvents")) >= 6)
        assert lab.log(since=since, operation="Subscribe") == []
        assert watch.nudges.empty()
        assert len(watch.watcher.coverage().streamed) == 10
        watch.edit(9)


def test_broken_connections_are_opened_again(lab: LabExchange) -> None:
    """Connections cut without a word: same subscriptions, everybody is looked at."""
    site = Site(lab)
    with watching(site, site.mailboxes(range(1, 11))) as watch:
        watch.everybody(range(1, 11))
        watch.streamed(10)
        watch.quiet()
        since = mark(lab)
        lab.disconnect()
        watch.everybody(range(1, 11))
        watch.streamed(10)
        assert lab.log(since=since, operation="Subscribe") == []


def test_an_exchange_that_is_away_is_waited_for(lab: LabExchange) -> None:
    """While nobody answers all mailboxes are polled and status says why; afterwards they stream again."""
    site = Site(lab)
    with watching(site, site.mailboxes(range(1, 11))) as watch:
        watch.everybody(range(1, 11))
        watch.streamed(10)
        lab.pause()
        watch.streamed(0)
        watch.until(lambda: set(watch.watcher.coverage().broken.values()) == {"unreachable"})
        assert len(watch.watcher.coverage().polled) == 10
        watch.quiet()
        lab.resume()
        watch.everybody(range(1, 11))
        watch.streamed(10)


def test_missed_events_ask_for_a_look(lab: LabExchange) -> None:
    """ErrorMissedNotificationEvents keeps the subscription."""
    site = Site(lab)
    with watching(site, site.mailboxes([1, 2, 3])) as watch:
        watch.everybody([1, 2, 3])
        watch.streamed(3)
        watch.quiet()
        since = mark(lab)
        lab.miss_events(lab.address(2))
        watch.heard(2)
        assert lab.log(since=since, operation="Subscribe") == []


def test_who_leaves_is_unsubscribed_and_never_opened_again(lab: LabExchange) -> None:
    """The request log shows the Unsubscribe of a leaver, even of the anchor, and no impersonation of it afterwards."""
    site = Site(lab)
    mailboxes = site.mailboxes(range(1, 11))
    with watching(site, mailboxes) as watch:
        watch.everybody(range(1, 11))
        watch.streamed(10)
        anchors = {entry["acting"] for entry in lab.log(operation="GetStreamingEvents")}
        anchor = min(anchors & {one.address for one in mailboxes})
        staying = [one for one in mailboxes if one.address != anchor]
        since = mark(lab)
        watch.watcher.watch(staying)
        watch.until(lambda: len(lab.subscriptions()) == 9)
        watch.streamed(9)
        watch.until(lambda: bool(lab.log(since=since, operation="GetStreamingEvents")))
        assert len(lab.log(since=since, operation="Unsubscribe")) == 1
        assert lab.log(since=since, operation="Subscribe") == []
        watch.quiet()
        watch.edit(int(staying[0].id.removeprefix("id-")))
        assert lab.log(since=since, address=anchor) == []


def test_a_joiner_leaves_the_others_alone(lab: LabExchange) -> None:
    """One more mailbox is one more Subscribe on the group's route."""
    site = Site(lab)
    mailboxes = site.mailboxes(range(1, 11))
    with watching(site, mailboxes[:9]) as watch:
        watch.everybody(range(1, 10))
        watch.streamed(9)
        watch.quiet()
        since = mark(lab)
        watch.watcher.watch(mailboxes)
        watch.heard(10)
        watch.streamed(10)
        assert [entry["acting"] for entry in lab.log(since=since, operation="Subscribe")] == [lab.address(10)]
        assert watch.nudges.empty()


def test_a_restart_uses_the_kept_subscriptions(lab: LabExchange) -> None:
    """The next process sends no Subscribe, hears what was queued meanwhile, and looks at everybody."""
    site = Site(lab)
    mailboxes = site.mailboxes(range(1, 11))
    shelf = Shelf()
    with watching(site, mailboxes, shelf) as watch:
        watch.everybody(range(1, 11))
        watch.streamed(10)
    since = mark(lab)
    with watching(Site(lab), mailboxes, shelf) as watch:
        watch.everybody(range(1, 11))
        watch.streamed(10)
        watch.quiet()
        watch.edit(5)
        assert lab.log(since=since, operation="Subscribe") == []
        assert lab.log(since=since, operation="Unsubscribe") == []
        assert watch.watcher.unsubscribe_all() == 10
    assert lab.subscriptions() == []
    assert len(lab.log(since=since, operation="Unsubscribe")) == 10


def test_a_mailbox_out_of_scope_is_polled(lab: LabExchange) -> None:
    """Who may not be acted for is left to polling, its neighbours stream, even if it were the anchor."""
    site = Site(lab)
    mailboxes = site.mailboxes(range(1, 11))
    lab.scope(denied=[lab.address(1)])
    try:
        with watching(site, mailboxes) as watch:
            watch.streamed(9)
            assert watch.watcher.coverage().polled == {"id-1"}
    finally:
        lab.scope()


@pytest.mark.parametrize("kind", ["bom", "two_in_one", "split"])
def test_documents_come_in_any_form(lab: LabExchange, kind: str) -> None:
    """Byte order marks, two documents in one chunk and one over several are all read, without a break."""
    lab.fault("GetStreamingEvents", kind, times=-1)
    site = Site(lab)
    with watching(site, site.mailboxes([1, 2, 3])) as watch:
        watch.everybody([1, 2, 3])
        watch.streamed(3)
        watch.quiet()
        since = mark(lab)
        watch.edit(2)
        assert lab.log(since=since, operation="GetStreamingEvents") == []


@pytest.mark.parametrize(
    "kind", ["html", "soap", "response", "empty", "truncated", "wrong_length", "dropped", "garbage"]
)
def test_a_spoilt_stream_is_opened_again(lab: LabExchange, kind: str) -> None:
    """Pages, faults, cuts and resets in the place of the stream are met once and got over."""
    lab.fault("GetStreamingEvents", kind, times=2)
    site = Site(lab)
    with watching(site, site.mailboxes([1, 2, 3])) as watch:
        watch.everybody([1, 2, 3])
        watch.until(lambda: not lab.pending_faults())
        watch.streamed(3)


def test_a_silent_stream_is_noticed(lab: LabExchange) -> None:
    """A connection that stops in the middle of a document, without any end, is given up after the time of silence."""
    site = Site(lab, silence=2.0)
    mailboxes = site.mailboxes([1])
    lab.fault("GetStreamingEvents", "stalled", times=1, documents=2)
    since = mark(lab)
    with watching(site, mailboxes) as watch:
        watch.heard(1)
        watch.heard(1)
        watch.streamed(1)
        assert len(lab.log(since=since, operation="GetStreamingEvents")) == 2
        watch.quiet()
        watch.edit(1)


def test_a_password_that_changed_locks_nobody_out(lab: LabExchange) -> None:
    """With a wrong password the watcher polls, status says why, and the account is not locked."""
    site = Site(lab)
    with watching(site, site.mailboxes(range(1, 11))) as watch:
        watch.everybody(range(1, 11))
        watch.streamed(10)
        lab.change_password("Another-1")
        watch.until(lambda: "credential-refused" in watch.watcher.coverage().broken.values())
        account = next(one for one in lab.accounts() if one["name"] == lab.account)
        assert account["bad_logons"] <= 3
        assert not account["locked"]
    lab.change_password(lab.password)


def test_the_hanging_connections_of_an_anchor_are_not_exceeded(start: Callable[..., LabExchange]) -> None:
    """Where an anchor may hold no more connections, another member pays for the stream."""
    lab = start(hanging=1)
    site = Site(lab)
    mailboxes = site.mailboxes(range(1, 11))
    with watching(site, mailboxes) as first:
        first.streamed(10)
        crowded = Tuning(
            minutes=1, first_wait=0.05, crowded_wait=0.05, settle=0.0, tick=0.02, subscribe_share=0.2
        )
        with watching(Site(lab), mailboxes, tuning=crowded) as second:
            second.streamed(10)


def test_one_mailbox_to_a_stream(start: Callable[..., LabExchange]) -> None:
    """A server whose subscriptions belong to the impersonated mailbox is served by one connection each."""
    lab = start(subscription_owner="mailbox")
    site = Site(lab)
    tuning = Tuning(minutes=1, first_wait=0.05, per_mailbox=4, settle=0.0, tick=0.02, subscribe_share=0.2)
    with watching(site, site.mailboxes(range(1, 7)), stream="per-mailbox", tuning=tuning) as watch:
        watch.streamed(4)
        assert watch.watcher.coverage().streams == 4
        assert watch.watcher.coverage().polled == {"id-5", "id-6"}
        watch.quiet()
        watch.edit(3)


def test_streams_can_be_switched_off(lab: LabExchange) -> None:
    """Without streams nothing is subscribed and everybody is polled."""
    site = Site(lab)
    mailboxes = site.mailboxes([1, 2])
    since = mark(lab)
    with watching(site, mailboxes, stream="off") as watch:
        watch.until(lambda: len(watch.watcher.coverage().polled) == 2)
    assert lab.log(since=since) == []
