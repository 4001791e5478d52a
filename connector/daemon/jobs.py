"""What happens by the clock: roster runs, housekeeping, the slow look at how things are. Nothing here calls a source."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from apscheduler.events import EVENT_JOB_ERROR, JobExecutionEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from connector.alarms import Kind, kinds
from connector.app.appliance import Appliance
from connector.app.enrolment import renew_if_due
from connector.app.outlook import Outlook
from connector.app.signins import KEEP, KEEP_AFTER, SignIns
from connector.app.silence import Canary, SourceSilence
from connector.errors import StoreError, UserError
from connector.operations import roster
from connector.roster.base import RosterUnreadable
from connector.sync import gate

HOUSEKEEPING = timedelta(hours=1)
LOOK = timedelta(seconds=30)
OUTLOOK, OUTLOOK_AFTER = timedelta(hours=12), timedelta(minutes=5)
"""How often it is looked ahead, and so long after a start for the first time."""
HUB = "hub"
"""The name of the hub's secret."""
REFUSAL_FRESH = timedelta(minutes=2)
"""So long after a refusal the hub's clock is looked at."""
OUTBOX_SHARE = 0.8
"""An outbox so full is worth an alarm before calendars have to wait."""


class Jobs:
    """The clock's work for one appliance.

    ``failed`` is called with what a job could not handle, ``renew`` when the appliance has to be made anew.
    """

    def __init__(
        self, appliance: Appliance, failed: Callable[[BaseException], None], renew: Callable[[], None]
    ) -> None:
        self._appliance = appliance
        self._renew = renew
        self._outlook = Outlook(appliance)
        self._silence = (Canary(appliance), SourceSilence(appliance))
        self._failed = failed
        self._log = structlog.get_logger(__name__)
        self._scheduler = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone="UTC",
        )

    def start(self) -> None:
        """Begin; each job runs once at once."""
        self._scheduler.add_listener(self._bear, EVENT_JOB_ERROR)
        config = self._appliance.ground.loaded.config
        if config.roster.from_:
            self._every(self.run_roster, config.roster.every)
        self._every(self.keep_house, HOUSEKEEPING)
        self._every(self.look, LOOK)
        self._every(self._outlook.look, OUTLOOK, OUTLOOK_AFTER)
        self._every(SignIns(self._appliance).keep, KEEP, KEEP_AFTER)
        self._scheduler.start()

    def stop(self) -> None:
        """Begin no further job; the one at work ends by itself. Fine before ``start``, too."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def run_roster(self) -> None:
        """Bring activations in line with the roster; what is doubtful changes nothing and is an alarm."""
        alarms, ground = self._appliance.alarms, self._appliance.ground
        try:
            planned = roster.sync(ground.desk("roster"), ground.places())
        except RosterUnreadable as error:
            self._log.error(str(error))
            alarms.raise_(kinds.ROSTER_UNREADABLE, str(error), origin="roster.from")
        except roster.TooMuch as error:
            self._log.error(str(error))
            alarms.raise_(kinds.ROSTER_MAX_CHANGE, changes=error.changes, mailboxes=error.mailboxes)
        except StoreError:
            raise
        except UserError as error:
            self._log.warning("the roster run was cut short; the next one goes on", reason=str(error))
        else:
            alarms.clear(kinds.ROSTER_UNREADABLE)
            alarms.clear(kinds.ROSTER_MAX_CHANGE)
            if planned.changes:
                self._log.info("the roster was carried out", **roster.counts(planned))

    def keep_house(self) -> None:
        """Forget what has had its time."""
        ground = self._appliance.ground
        now = ground.clock()
        ground.store.purge(now)
        self._appliance.keys.tidy()
        ground.store.purge_audit(now - ground.loaded.config.audit.keep)
        if renew_if_due(ground):
            self._appliance.secret_changed(HUB)
        if self._appliance.outdated():
            self._log.info("the day of another service account has come")
            self._renew()

    def look(self) -> None:
        """Compare what is with what should be."""
        self._look_at_outbox()
        self._look_at_hub()
        self._look_at_writes()
        self._look_at_clock()
        for one in self._silence:
            one.look()
        self._appliance.alarms.tick()

    def clock_was_set(self) -> None:
        """Compare it with the hub's at once."""
        self._scheduler.add_job(self._outlook.clock_is_off)

    def _look_at_clock(self) -> None:
        """An alarm about the clock ends as soon as the clock is right, and so does the hub's refusal because of it."""
        if kinds.CLOCK_OFF in self._standing() and not self._outlook.clock_is_off():
            self._appliance.sender.hurry()

    def _look_at_outbox(self) -> None:
        alarms, ground = self._appliance.alarms, self._appliance.ground
        try:
            outbox = ground.store.outbox()
        except StoreError as error:
            alarms.raise_(kinds.STORE_TROUBLE, reason=str(error))
            return
        alarms.clear(kinds.STORE_TROUBLE)
        limit = ground.loaded.config.hub.outbox.events
        if outbox.waiting >= limit * OUTBOX_SHARE:
            alarms.raise_(kinds.OUTBOX_FILLS, waiting=outbox.waiting, limit=limit)
        else:
            alarms.clear(kinds.OUTBOX_FILLS)
        if outbox.dead:
            alarms.raise_(kinds.DEAD_LETTERS, dead=outbox.dead)
        else:
            alarms.clear(kinds.DEAD_LETTERS)

    def _look_at_hub(self) -> None:
        alarms, state = self._appliance.alarms, self._appliance.sender.state
        code = "" if state.up else state.code or ""
        if not code and not state.up:
            return
        if code == "credential-missing":
            alarms.raise_(kinds.CREDENTIAL_MISSING, HUB, secret=HUB)
        else:
            alarms.clear(kinds.CREDENTIAL_MISSING, HUB)
        if code == "credential-refused":
            self._look_at_refusal(state.since)
        else:
            alarms.clear(kinds.HUB_REFUSED_CREDENTIAL)
        if code and not code.startswith("credential"):
            alarms.raise_(kinds.HUB_UNREACHABLE, code)
        else:
            alarms.clear(kinds.HUB_UNREACHABLE)

    def _look_at_refusal(self, since: datetime) -> None:
        """What we prove ourselves by is good for minutes only: with a clock that is off, the clock is the trouble."""
        alarms = self._appliance.alarms
        fresh = abs(self._appliance.ground.clock() - since) < REFUSAL_FRESH
        if kinds.CLOCK_OFF in self._standing() or (fresh and self._outlook.clock_is_off()):
            alarms.clear(kinds.HUB_REFUSED_CREDENTIAL)
        else:
            alarms.raise_(kinds.HUB_REFUSED_CREDENTIAL)

    def _standing(self) -> set[Kind]:
        return {one.kind for one in self._appliance.alarms.current()}

    def _look_at_writes(self) -> None:
        stopped = gate.stopped_at(self._appliance.context)
        if stopped:
            updates = f"since {stopped:%Y-%m-%d %H:%M} UTC"
            self._appliance.alarms.raise_(kinds.WRITE_BRAKE, updates=updates)
        else:
            self._appliance.alarms.clear(kinds.WRITE_BRAKE)

    def _every(self, job: Callable[[], None], interval: timedelta, after: timedelta = timedelta()) -> None:
        begins = self._appliance.ground.clock() + after
        self._scheduler.add_job(job, "interval", seconds=interval.total_seconds(), next_run_time=begins)

    def _bear(self, event: JobExecutionEvent) -> None:
        """Trouble of the store is an alarm and passes; anything else ends the process."""
        if isinstance(event.exception, StoreError):
            self._appliance.alarms.raise_(kinds.STORE_TROUBLE, reason=str(event.exception))
        else:
            self._failed(event.exception)
