"""Everything a running connector consists of, put together from one configuration."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import uuid4

from connector.alarms import Alarms
from connector.app import vitals
from connector.app.conferences import build_conferences
from connector.app.exchange import account_in_force, secret_name
from connector.app.google import GoogleParts
from connector.app.ground import Ground, forget_refusals
from connector.app.keys import build_keys
from connector.app.keywords import keyword_terms
from connector.app.paces import Paces
from connector.app.relay import VERSION, build_cloud
from connector.app.sources import accounts_in_force, build_sources
from connector.config import Config
from connector.config.sources import ExchangeSource as ExchangeSection
from connector.errors import NotFound, UserError, Verdict
from connector.model import Clock, ContentKey, Nudge, Phase
from connector.operations import mailboxes
from connector.operations.desk import Desk
from connector.operations.premises import Redirects
from connector.operations.status import Vitals
from connector.operations.trace import Tracing
from connector.reasons import explain
from connector.relay.http import HttpCloud
from connector.relay.receiver import Callbacks, Receiver
from connector.relay.sender import Identity, Sender
from connector.reporter import Reporter
from connector.roster.base import RosterPlace
from connector.rules import brake_of, first_loads_of, joining, rules_of, settle_version
from connector.seal.digest import Digester
from connector.source.base import Source, Watcher
from connector.source.google.receiver import OwnReceiver
from connector.source.google.throttle import Budget
from connector.sync import gate
from connector.sync.context import Context
from connector.sync.engine import Engine
from connector.sync.holds import Holds
from connector.sync.keywords import why
from connector.sync.state import WATCHED
from connector.sync.watch import WatchList, pass_on
from connector.sync.window import Span

luck = random.SystemRandom().random
"""Spreads load; a source of randomness that needs no seed."""


@dataclass(frozen=True, slots=True)
class Task:
    """The body of one thread, by name; ``run`` returns when ``stop`` is set."""

    name: str
    run: Callable[[threading.Event], None]


class Appliance:
    """One configuration in force. Made anew at a reload, over the same keystore and store."""

    def __init__(self, ground: Ground, alarms: Alarms, *, run: str = "", take_over: bool = False) -> None:
        config, store, clock = ground.loaded.config, ground.store, ground.clock
        self.ground = replace(ground, changed=self._changed)
        self.alarms = alarms
        self.started_at = clock()
        self.cloud: HttpCloud = build_cloud(config, ground.keystore, clock)
        identity = Identity(config.instance, run or uuid4().hex, VERSION)
        self.sender = Sender(
            self.cloud, store, identity, clock, luck, take_over=take_over, renewed=self._renewed
        )
        self.sources: dict[str, Source] = {}
        self.watchers: dict[str, Watcher] = {}
        self._accounts = accounts_in_force(ground)
        self.reporter = Reporter(alarms, clock, self._account_of)
        self._budgets: dict[str, Budget] = {}
        self._receivers: dict[str, OwnReceiver] = {}
        for name, parts in build_sources(ground, self.reporter.noticed).items():
            self.sources[name], self.watchers[name] = parts.source, parts.watcher
            if isinstance(parts, GoogleParts):
                self._budgets[name] = parts.source.budget
                if parts.receiver:
                    self._receivers[name] = parts.receiver
        self.watch_list = WatchList(store, self.watchers, self._unstreamed)
        key_parts = build_keys(ground, self._reseal, self._keys_returned)
        self.keys, self._close_keys, self._lookout = key_parts.service, key_parts.close, key_parts.lookout
        self.conferences = build_conferences(config, ground.keystore, store, clock)
        self._paces = Paces(config.sources, self._people, clock, luck)
        self.context = self._context(config, clock)
        self.holds = Holds(clock, luck)
        self.engine = Engine(
            self.context,
            self.holds,
            Tracing(self.reporter, store, clock),
            workers=config.workers,
            watched_changed=self.watch_list.changed,
            noticed=self.reporter.noticed,
        )
        callbacks = Callbacks(self._wake, self._resync, self.sender.greet_again, self.sender.superseded)
        self.receiver = Receiver(self.cloud, store, self.sender.confirmed, callbacks, clock, luck)

    def remember(self) -> None:
        """Raise anew the alarms of what was wrong before this process began."""
        store = self.ground.store
        for mailbox in store.mailboxes(Phase.BLOCKED):
            session = store.session(mailbox.id)
            if session is not None:
                self.reporter.changed(mailbox, session)

    # --- threads

    def tasks(self) -> list[Task]:
        """Every thread of the connector but those of the daemon itself."""
        scheduler = self.engine.scheduler
        workers = [
            Task(f"worker-{number}", lambda _stop: scheduler.run_worker())
            for number in range(scheduler.workers)
        ]
        watchers = [
            Task(f"watch-{name}", partial(_run_watcher, watcher, pass_on(self.engine.nudge)))
            for name, watcher in self.watchers.items()
        ]
        receivers = [
            Task(f"receive-{name}", partial(_run_watcher, receiver, pass_on(self.engine.nudge)))
            for name, receiver in self._receivers.items()
        ]
        return [
            *workers,
            *watchers,
            *receivers,
            Task("watch-list", self.watch_list.run),
            Task("relay-sender", self.sender.run),
            Task("relay-receiver", self.receiver.run),
            *([Task("key-lookout", self._lookout.run)] if self._lookout else []),
        ]

    def halt(self) -> None:
        """Wake every thread that waits for something other than the stop event."""
        self.engine.scheduler.stop()
        self.watch_list.changed()
        self.sender.notify()
        self.sender.hurry()
        self.cloud.close()
        if self._lookout:
            self._lookout.halt()

    def close(self) -> None:
        """Give up connections; the threads have ended."""
        self._close_keys()
        for source in self.sources.values():
            source.close()
        for provider in self.conferences.values():
            provider.close()

    # --- where a verb runs (operations.premises.Premises)

    @property
    def live(self) -> Appliance:
        """This is the daemon."""
        return self

    def desk(self, actor: str) -> Desk:
        """A desk for the person who asks."""
        return self.ground.desk(actor)

    def places(self) -> Sequence[RosterPlace]:
        """The places of the roster."""
        return self.ground.places()

    def redirects(self, source: str) -> Redirects:
        """Pending Autodiscover redirects of a source."""
        return self.ground.redirects(source)

    # --- what only a running daemon can do (operations.premises.Live)

    def vitals(self) -> Vitals:
        """For status."""
        _, busy = self.engine.scheduler.load()
        return Vitals(
            started_at=self.started_at,
            hub=vitals.hub_row(self.sender.state),
            streams=[vitals.stream_row(*one) for one in self.watch_list.coverage().items()],
            holds=[vitals.hold_row(*one) for one in self.holds.all().items()],
            alarms=[vitals.alarm_row(one) for one in self.alarms.current()],
            workers=self.engine.scheduler.workers,
            busy=busy,
            brake_since=gate.stopped_at(self.context),
            confirmed=self.sender.confirmed.is_set(),
            config_digest=self.ground.loaded.digest,
            loads_a_minute=self.reporter.loads_a_minute(),
            budgets=self._paces.budgets(self._budgets),
        )

    def pause_source(self, name: str, until: datetime) -> None:
        """Ask nothing of a source until then."""
        self.holds.force(name, "source-paused", until)
        if name in self.watchers:
            self.watchers[name].rest(until)

    def resume_source(self, name: str) -> None:
        """Go on with it."""
        if name in self.watchers:
            self.watchers[name].rest(None)
        self.engine.source_changed(name)

    def unsubscribe(self, name: str) -> int:
        """Give every subscription back."""
        watcher = self.watchers.get(name)
        return watcher.unsubscribe_all() if watcher else 0

    def release_writes(self) -> bool:
        """Let calendar writes flow again."""
        return gate.release(self.context)

    def reader_keys(self, mailbox_id: str) -> tuple[ContentKey, ...]:
        """Keys that open what the hub holds of a mailbox; commands are sealed under the first.

        An empty calendar has sealed nothing yet, and its owner may still wish for a first meeting: then one is made.
        """
        held = self.keys.keys(mailbox_id)
        session = self.ground.store.session(mailbox_id)
        if held or session is None or session.phase not in {Phase.LIVE, Phase.LOADING}:
            return held
        return (self.keys.sealing_key(mailbox_id),)

    def why(self, mailbox_id: str, subject: str, meeting: str) -> list[dict[str, Any]]:
        """What became of the meetings that are meant, and why."""
        mailbox = self.ground.store.mailbox(mailbox_id)
        if mailbox is None or mailbox.source not in self.sources:
            return []
        try:
            return why.tell_alone(self.context, self.engine.scheduler, mailbox, why.Asked(subject, meeting))
        except Verdict as verdict:
            raise UserError(f"{mailbox.address}: {explain(verdict.code).sentence}") from verdict

    def secret_changed(self, name: str) -> None:
        """A credential was typed or deleted."""
        forget_refusals(self.ground.store, name)
        if name == "hub" or name.startswith("proxy/"):
            self.sender.hurry()
        for source in self.sources:
            if f"{name}/".startswith((f"exchange/{source}/", f"google/{source}/")):
                self.engine.source_changed(source)

    # --- inside

    def _context(self, config: Config, clock: Clock) -> Context:
        store = self.ground.store
        sections = config.sources
        return Context(
            instance=config.instance,
            store=store,
            sources=self.sources,
            keys=self.keys,
            digests=digester(self.ground),
            rules=replace(
                rules_of(config, settle_version(config, store, clock())),
                keywords=keyword_terms(config, self.conferences, joining(config)),
            ),
            clock=clock,
            luck=luck,
            confirmed=self.sender.confirmed,
            committed=self.sender.notify,
            wake=lambda mailbox_id: self.engine.wake(mailbox_id, "lent"),
            streamed=self.watch_list.streamed,
            span=Span(config.window.back, config.window.ahead),
            brake=brake_of(config),
            pace=self._paces,
            first_loads={name: first_loads_of(section) for name, section in sections.items()},
            outbox_limit=config.hub.outbox.events,
        )

    def _people(self, source: str) -> int:
        """How many of a source's mailboxes are looked at regularly."""
        return sum(mailbox.source == source for mailbox in self.ground.store.mailboxes(*WATCHED))

    def _changed(self, mailbox_id: str) -> None:
        mailbox, session = self.ground.store.mailbox(mailbox_id), self.ground.store.session(mailbox_id)
        if mailbox is not None and session is not None:
            self.reporter.changed(mailbox, session)
        self.engine.changed(mailbox_id)

    def _unstreamed(self, mailbox_ids: Iterable[str]) -> None:
        self.engine.unstreamed(mailbox_ids)

    def _renewed(self) -> None:
        self.engine.renewed()

    def _wake(self, mailbox_ids: Iterable[str]) -> None:
        for mailbox_id in mailbox_ids:
            self.engine.wake(mailbox_id, "hub")

    def _resync(self, mailbox_id: str) -> None:
        """The hub wants the list anew; a mailbox that is gone or not being read is passed over."""
        with suppress(NotFound):
            mailboxes.resync(self.ground.desk("hub"), [mailbox_id])

    def _reseal(self, mailbox_id: str) -> None:
        """The key server withholds a key: what was sealed under it goes up again under another one."""
        with suppress(NotFound):
            mailboxes.resync(self.ground.desk("key-service"), [mailbox_id])

    def _keys_returned(self) -> None:
        """The key server answers again: whoever waited for it goes on."""
        for session in self.ground.store.sessions():
            if session.reason and session.reason.startswith("key-service-"):
                self.engine.scheduler.release(session.mailbox_id)

    def outdated(self) -> bool:
        """Whether the day has come for another service account (``accounts: {b: {from: ...}}``)."""
        return self._accounts != accounts_in_force(self.ground)

    def _account_of(self, source: str) -> tuple[str, str]:
        """The account in force of a source, and the name of its secret."""
        section = self.ground.loaded.config.sources.get(source)
        if not isinstance(section, ExchangeSection):
            return source, section.secret_names(source)[0] if section else source
        account = account_in_force(section, self.ground.clock().date())
        return section.accounts[account].user, secret_name(source, account)


def digester(ground: Ground) -> Digester:
    """Keyed digests under local keys of the keystore."""
    _, tenant = ground.keystore.local_key("tenant")
    version, key = ground.keystore.local_key("digest")
    return Digester(tenant, key, version)


def _run_watcher(
    watcher: Watcher | OwnReceiver, nudge: Callable[[Nudge], None], stop: threading.Event
) -> None:
    watcher.run(stop, nudge)
