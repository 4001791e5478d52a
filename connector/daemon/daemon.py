"""The skeleton of the daemon: start, wait for a signal, reload or stop. Signals only set flags; the main thread works."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import FrameType

import structlog

from connector import log
from connector.alarms import Alarms, kinds
from connector.app import metrics, outlook
from connector.app.appliance import Appliance, Task, digester
from connector.app.ground import Ground, open_ground
from connector.app.rehearsal import rehearse
from connector.app.relay import VERSION
from connector.config import Config, diff, load
from connector.control import SOCKET, ControlServer
from connector.daemon import hardening
from connector.daemon.bell import Bell
from connector.daemon.crew import Crew
from connector.daemon.jobs import Jobs
from connector.daemon.verbs import control_verbs
from connector.daemon.wallclock import WallClock
from connector.errors import ConfigError, StoreError, Superseded, UserError
from connector.model import AuditEntry
from connector.notify import Heartbeat, Notifier, Watchdog
from connector.operations import sources

DRAIN = 10.0
"""Seconds that the work under way may take when the daemon stops."""
TICK = 2.0
STUCK = 300.0
"""Seconds without a finished step, although one is overdue, after which the watchdog is no longer fed."""


class Stopped(UserError):
    """The daemon ended for a reason that a restart would not mend."""

    exit_code = 2


class Interrupted(UserError):
    """The database could not be used just now: a full disk, a lock. Tried again by the service manager."""


class Daemon:
    """One process. ``run`` blocks until a signal or a failure ends it."""

    def __init__(self, path: Path, ground: Ground, *, take_over: bool = False) -> None:
        self._path = path
        self._ground = ground
        self._take_over = take_over
        self._alarms = Alarms(self._ground.clock)
        self._bell = Bell()
        self._ending = False
        self._reloading = False
        self._failure: BaseException | None = None
        self._notifier = Notifier(os.environ)
        self._watchdog = Watchdog(self._notifier, os.environ, time.monotonic)
        self._wall = WallClock(ground.clock, time.monotonic)
        self._log = structlog.get_logger(__name__)
        self.appliance: Appliance

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT. Raises what ended it otherwise: Stopped, or a thread's failure."""
        self._catch_signals()
        control = ControlServer(self._ground.loaded.config.runtime / SOCKET, control_verbs(self))
        _claim(control)
        house = Crew(self._wake)
        try:
            self._begin(resync=True)
            house.start([Task("control", lambda _stop: control.serve())])
            self._note_configuration()
            self._notifier.ready(self._sentence())
            self._log.info("ready", instance=self._ground.loaded.config.instance, version=VERSION)
            self._wait(house)
        finally:
            self._notifier.stopping("draining")
            house.stop.set()
            control.close()
            self._finish()
            self._ground.store.close()
        self._raise_failure(house.failure)

    # --- one configuration's life

    def _begin(self, *, resync: bool) -> None:
        self.appliance = Appliance(self._ground, self._alarms, take_over=self._take_over)
        self._take_over = False
        self._crew = Crew(self._wake)
        self._jobs = Jobs(self.appliance, self._job_failed, self._ask_reload)
        self._heart = self._watchdog.heartbeat("scheduler", STUCK)
        self._turns = -1
        for name, until in sources.paused(self.appliance.desk("daemon")).items():
            self.appliance.pause_source(name, until)
        self.appliance.remember()
        self.appliance.engine.start(resync=resync)
        self._crew.start(
            [*self.appliance.tasks(), *metrics.tasks(self.appliance), *outlook.webhook_tasks(self.appliance)]
        )
        self._jobs.start()

    def _finish(self) -> None:
        if not hasattr(self, "_crew"):
            return
        self._jobs.stop()
        self._crew.stop.set()
        self.appliance.halt()
        late = self._crew.join(DRAIN)
        if late:
            self._log.warning("some work was cut off; it is repeated at the next start", threads=list(late))
        self.appliance.close()

    def _wait(self, house: Crew) -> None:
        while not self._ending:
            self._bell.wait(min(TICK, self._watchdog.interval or TICK))
            if self._failure or self._crew.failure or house.failure:
                return
            if self._reloading:
                self._reloading = False
                self._reload()
            self._look_at_clock()
            self._beat(self._heart)
            self._notifier.status(self._sentence())
            self._watchdog.tick()

    def _look_at_clock(self) -> None:
        """Whatever was planned by a clock that was ahead would wait until it is as late again: all is planned anew."""
        moved = self._wall.moved()
        if not moved:
            return
        self._log.warning("this machine's clock was set", seconds=round(moved.total_seconds()))
        if moved < timedelta():
            self._finish()
            self._begin(resync=True)
        self._jobs.clock_was_set()

    def _beat(self, heart: Heartbeat) -> None:
        """Progress is a finished step, or that none is due."""
        scheduler = self.appliance.engine.scheduler
        due = scheduler.next_due()
        _, busy = scheduler.load()
        idle = busy == 0 and (due is None or due > self._ground.clock())
        if idle or scheduler.turns != self._turns:
            self._turns = scheduler.turns
            heart.beat()

    # --- reload

    def _reload(self) -> None:
        """Swap the whole configuration, or keep the old one and say why."""
        self._notifier.reloading()
        old = self._ground.loaded
        try:
            new = load(self._path)
            _refuse_what_needs_a_restart(old.config, new.config)
            sentences = diff(old, new)
            ground = replace(self._ground, loaded=new)
            rehearse(ground)
        except UserError as error:
            problems = (
                [str(one) for one in error.problems] if isinstance(error, ConfigError) else [str(error)]
            )
            for problem in problems:
                self._log.error("configuration not taken over", problem=problem)
            self._alarms.raise_(kinds.RELOAD_REFUSED)
            self._notifier.ready("the new configuration was refused; the old one is in force")
            return
        self._finish()
        self._ground = ground
        set_up_log(ground)
        self._begin(resync=new.config.sources != old.config.sources)  # a stream may have become a poll
        self._alarms.clear(kinds.RELOAD_REFUSED)
        self._note_configuration()
        self._log.info("configuration taken over", changes=sentences)
        self._notifier.ready(self._sentence())

    def _note_configuration(self) -> None:
        digest = self._ground.loaded.digest
        store = self._ground.store
        if store.setting("config-digest") != digest:
            store.put_setting("config-digest", digest)
            store.audit(AuditEntry(self._ground.clock(), "daemon", "config.in-force", "", {"digest": digest}))
        for note in self._ground.loaded.notes:
            self._log.warning(note)

    # --- how it ends

    def _raise_failure(self, house_failure: BaseException | None) -> None:
        failure = self._failure or self._crew.failure or house_failure
        if isinstance(failure, Superseded):
            self._log.critical(
                "another copy of this appliance has taken over at the hub; this one has stopped",
                message_id=kinds.SUPERSEDED.message_id,
            )
            raise Stopped(f"{kinds.SUPERSEDED.sentence} {kinds.SUPERSEDED.remedy}")
        if failure is not None:
            raise failure
        self._log.info("stopped")

    def _job_failed(self, error: BaseException) -> None:
        self._failure = self._failure or error
        self._wake()

    def _wake(self) -> None:
        self._bell.ring()

    def _catch_signals(self) -> None:
        signal.signal(signal.SIGTERM, self._on_end)
        signal.signal(signal.SIGINT, self._on_end)
        signal.signal(signal.SIGHUP, self._on_reload)

    def _on_end(self, _signal: int, _frame: FrameType | None) -> None:
        self._ending = True
        self._bell.ring()

    def _on_reload(self, _signal: int, _frame: FrameType | None) -> None:
        self._ask_reload()

    def _ask_reload(self) -> None:
        self._reloading = True
        self._bell.ring()

    # --- words

    def _sentence(self) -> str:
        outbox = self._ground.store.outbox()
        known, busy = self.appliance.engine.scheduler.load()
        hub = {True: "hub up", False: "hub down", None: "greeting the hub"}[self.appliance.sender.state.up]
        return f"{known} sessions, {busy} at work, {outbox.waiting} events waiting, {hub}"


def _refuse_what_needs_a_restart(old: Config, new: Config) -> None:
    """Raise UserError when a value changed that is read only once."""
    for name in ("instance", "state", "runtime", "keystore"):
        if getattr(old, name) != getattr(new, name):
            raise UserError(f"{name} has changed; that takes a restart: systemctl restart calendar-connector")


def _claim(control: ControlServer) -> None:
    """Open the socket. Raises Stopped where somebody else has its place: a restart would find it taken again."""
    try:
        control.open()
    except UserError as error:
        raise Stopped(str(error)) from None


def set_up_log(ground: Ground) -> None:
    """Log as the configuration says."""
    settings = ground.loaded.config.log
    pseudonym = None
    if settings.addresses == "pseudonym":
        pseudonym = digester(ground).address_index
    log.configure(settings.level, pseudonym, stream=sys.stderr, environment=os.environ)


def run(path: Path, *, take_over: bool = False) -> None:
    """The unit's command. Raises UserError with one sentence when it can't start."""
    loaded = load(path)
    log.configure(loaded.config.log.level, None, stream=sys.stderr, environment=os.environ)
    hardening.give_up_privileges()
    try:
        ground = open_ground(loaded)
        set_up_log(ground)
        Daemon(path, ground, take_over=take_over).run()
    except StoreError as error:
        if not error.passing:
            raise
        raise Interrupted(str(error)) from error
