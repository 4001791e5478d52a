"""What can go wrong at Google, besides what goes wrong with connector and hub: each mishap begins, and ends again."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from functools import partial

from tests.lab.google.site import GoogleSite
from tests.lab.mishaps import ANSWERS, MAILBOX, SOURCE, Around, Mishap, nothing

OPERATIONS = ("events.list", "events.instances", "events.get", "settings.get", "vacation.get", "token", "*")
BROKEN_ANSWERS = ("html", "empty", "cut", "short", "dropped")
REASONS = ("backendError", "internalError", "rateLimitExceeded", "userRateLimitExceeded", "tooManyRequests")
GONE = ("fullSyncRequired", "updatedMinTooLongAgo")
ROOMY = 10_000


class GoogleMishaps(Around):
    """Every kind that the lab can make around a Google tenant, for one site."""

    def __init__(self, site: GoogleSite, people: list[str], dice: random.Random) -> None:
        super().__init__(site, people, dice)
        self._google = site.google
        self._key = json.loads(site.google.key)["private_key_id"]
        self.kinds = (
            *self.around,
            Mishap("Google hangs", SOURCE, self._pause, (0.5, 2.0)),
            Mishap("storm of rateLimitExceeded", SOURCE, partial(self._storm, "project"), (1.0, 4.0)),
            Mishap("storm of userRateLimitExceeded", SOURCE, partial(self._storm, "user"), (1.0, 4.0)),
            Mishap("sync tokens expired", SOURCE, self._expire),
            Mishap(
                "access tokens forgotten", SOURCE, self._once(partial(self._google.tell, "/tokens/forget"))
            ),
            Mishap("key replaced", SOURCE, self._replace_key, (0.5, 2.0), most=2),
            Mishap("410 of each kind", ANSWERS, self._gone, (1.0, 4.0)),
            Mishap("broken answers", ANSWERS, partial(self._faults, BROKEN_ANSWERS), (1.0, 4.0)),
            Mishap("errors in answers", ANSWERS, partial(self._faults, REASONS), (1.0, 4.0)),
            Mishap("grants that fail", ANSWERS, self._grants, (1.0, 4.0)),
            Mishap("pages of two events", ANSWERS, self._short_pages, (1.0, 4.0)),
            Mishap("user suspended", MAILBOX, partial(self._user, "state", "restricted", "")),
            Mishap("calendar service off", MAILBOX, partial(self._user, "calendar_on", False, True)),
        )

    # --- the tenant as a whole

    def _pause(self) -> Callable[[], object]:
        self._google.tell("/hang")
        return lambda: self._google.tell("/go")

    def _storm(self, quota: str) -> Callable[[], object]:
        usual = ROOMY if quota == "project" else 600
        self._google.tell("/quotas", **{quota: 0})
        return lambda: self._google.tell("/quotas", **{quota: usual})

    def _expire(self) -> Callable[[], object]:
        for address in self._people:
            if self._dice.random() < 0.5:
                self._google.tell("/cursors/expire", address=address)
        return nothing

    def _replace_key(self) -> Callable[[], object]:
        fresh = self._google.tell("/key")
        self._google.tell("/key/revoke", id=self._key)
        self._key = fresh["private_key_id"]
        return lambda: self._site.cli("secret", "set", "google/brand", stdin=json.dumps(fresh))

    # --- single answers

    def _faults(self, kinds: tuple[str, ...]) -> Callable[[], object]:
        for _ in range(self._dice.randint(1, 6)):
            operation = self._dice.choice(OPERATIONS)
            kind = self._dice.choice(kinds if operation != "token" else BROKEN_ANSWERS)
            self._google.fault(kind, times=self._dice.randint(1, 3), operation=operation)
        return self._clear

    def _gone(self) -> Callable[[], object]:
        for _ in range(self._dice.randint(1, 4)):
            kind = self._dice.choice(GONE)
            self._google.fault(kind, times=self._dice.randint(1, 3), operation="events.list")
        return self._clear

    def _grants(self) -> Callable[[], object]:
        self._google.tell("/tokens/forget")
        self._google.fault("internal_failure", times=self._dice.randint(2, 8), operation="token")
        return self._clear

    def _short_pages(self) -> Callable[[], object]:
        self._google.tell("/page", size=2)
        self._expire()
        return lambda: self._google.tell("/page", size=2500)

    def _clear(self) -> None:
        self._google.tell("/faults/clear")

    # --- single users

    def _user(self, fact: str, bad: object, good: object) -> Callable[[], object]:
        address = self._dice.choice(self._people)
        self._google.tell("/user", address=address, **{fact: bad})
        self._google.tell("/tokens/forget")

        def back() -> None:
            self._google.tell("/user", address=address, **{fact: good})
            self._resume(address)

        return back
