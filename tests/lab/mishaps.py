"""What can go wrong around a connector: each mishap begins, and ends again, as it would in a machine room."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from tests.lab.site import Site

OPERATIONS = ("SyncFolderItems", "FindItem", "GetItem", "GetStreamingEvents", "Subscribe", "GetFolder", "*")
BROKEN_ANSWERS = (
    *("empty", "truncated", "wrong_length", "dropped", "garbage", "illegal", "bom", "two_in_one", "split"),
    *("stalled", "delay"),
)
CODES = (
    *("ErrorServerBusy", "ErrorInternalServerTransientError", "ErrorMailboxStoreUnavailable"),
    *("ErrorConnectionFailed", "ErrorTimeoutExpired", "ErrorTooManyObjectsOpened"),
)
NAMES = ("example.com", "mail.example.com")
PAGES = (500, 502, 503, 504, 429)
SOURCE, ANSWERS, MAILBOX, HUB, CONNECTOR = "source", "answers", "mailbox", "hub", "connector"
PLACES = (SOURCE, ANSWERS, MAILBOX, HUB, CONNECTOR)
"""In the order in which what goes wrong together begins; it ends the other way round, so that the connector is back first."""
HANGS = 8.0
"""Seconds that a stalled or delayed answer is held; longer than the connector's patience in chaos."""


@dataclass(frozen=True, slots=True)
class Mishap:
    """One kind. ``begin`` makes it happen and gives back what ends it; ``lasts`` are the least and most seconds in between.

    Two that happen ``where`` the same thing is do not go together.
    """

    name: str
    where: str
    begin: Callable[[], Callable[[], object]]
    lasts: tuple[float, float] = (0.5, 3.0)
    most: int = 1_000
    """How often it may happen in one run."""


def nothing() -> None:
    """Ends by itself."""


class Around:
    """What goes wrong whatever the source is: with the connector and with the hub."""

    def __init__(self, site: Site, people: list[str], dice: random.Random) -> None:
        self._site = site
        self._people = people
        self._dice = dice
        self.around = (
            Mishap("connector killed", CONNECTOR, self._kill, (0.0, 0.5)),
            Mishap("connector restarted", CONNECTOR, self._restart, (0.0, 0.5)),
            Mishap("connector's database restored", CONNECTOR, self._restore, (0.0, 0.5), most=2),
            Mishap("hub killed", HUB, self._kill_hub),
            Mishap("hub hangs", HUB, self._hang_hub),
            Mishap("hub's database restored", HUB, self._restore_hub, (0.0, 0.5), most=2),
        )

    @staticmethod
    def _once(happen: Callable[[], object]) -> Callable[[], Callable[[], object]]:
        def begin() -> Callable[[], object]:
            happen()
            return nothing

        return begin

    def _resume(self, address: str) -> None:
        """What an administrator types when a mailbox can be opened again; one that was never missed needs nothing."""
        if self._site.state(address) == "error":
            self._site.ask("mailbox.resume", addresses=[address])

    # --- the connector

    def _kill(self) -> Callable[[], object]:
        self._site.kill()
        return self._site.start

    def _restart(self) -> Callable[[], object]:
        self._site.stop()
        return self._site.start

    def _restore(self) -> Callable[[], object]:
        copy = self._site.folder / "chaos.db"
        self._site.backup(copy)

        def put_back() -> None:
            self._site.stop()
            self._site.restore(copy)
            self._site.start()

        return put_back

    # --- the hub

    def _kill_hub(self) -> Callable[[], object]:
        self._site.hub.kill()
        return self._site.hub.start

    def _hang_hub(self) -> Callable[[], object]:
        self._site.hub.pause()
        return self._site.hub.resume

    def _restore_hub(self) -> Callable[[], object]:
        copy = self._site.folder / "chaos-hub.db"
        self._site.hub.backup(copy)

        def put_back() -> None:
            self._site.hub.stop()
            self._site.hub.restore(copy)
            self._site.hub.start()

        return put_back


class Mishaps(Around):
    """Every kind that the lab can make around an Exchange, for one site."""

    def __init__(self, site: Site, people: list[str], dice: random.Random) -> None:
        super().__init__(site, people, dice)
        self._passwords = 0
        self.kinds = (
            *self.around,
            Mishap("Exchange refuses connections", SOURCE, self._pause),
            Mishap("Exchange restarted", SOURCE, self._once(site.exchange.restart_server)),
            Mishap("connections closed", SOURCE, self._once(site.exchange.disconnect)),
            Mishap("subscriptions forgotten", SOURCE, self._once(site.exchange.forget_subscriptions)),
            Mishap("events lost", SOURCE, self._once(site.exchange.miss_events)),
            Mishap("bookmarks expired", SOURCE, self._expire),
            Mishap("broken answers", ANSWERS, self._broken_answers, (1.0, 4.0)),
            Mishap("errors in answers", ANSWERS, self._errors, (1.0, 4.0)),
            Mishap("pages of a proxy", ANSWERS, self._pages, (1.0, 4.0)),
            Mishap("mailbox moved to another group", MAILBOX, self._move_group),
            Mishap("mailbox being moved", MAILBOX, partial(self._state, "moving")),
            Mishap("mailbox disabled", MAILBOX, partial(self._state, "disabled")),
            Mishap("mailbox out of scope", MAILBOX, self._out_of_scope),
            # a second one within 30 minutes may meet the limit of three failed logons, as it should
            Mishap("password changed", SOURCE, self._password, (1.0, 3.0), most=1),
            Mishap("certificate renewed", SOURCE, self._once(partial(site.exchange.new_certificate, *NAMES))),
        )

    # --- Exchange as a whole

    def _pause(self) -> Callable[[], object]:
        self._site.exchange.pause()
        return self._site.exchange.resume

    def _expire(self) -> Callable[[], object]:
        for address in self._people:
            if self._dice.random() < 0.5:
                self._site.exchange.edit("expire_sync_states", mailbox=address)
        return nothing

    def _password(self) -> Callable[[], object]:
        self._passwords += 1
        password = f"Chaos-Passw0rd-{self._passwords}"
        self._site.exchange.change_password(password)
        return lambda: self._site.cli("secret", "set", "exchange/hq/a", stdin=password)

    # --- single answers

    def _broken_answers(self) -> Callable[[], object]:
        for _ in range(self._dice.randint(1, 6)):
            self._site.exchange.fault(
                self._dice.choice(OPERATIONS),
                self._dice.choice(BROKEN_ANSWERS),
                times=self._dice.randint(1, 3),
                seconds=HANGS,
                after=self._dice.random() < 0.3,
            )
        return self._site.exchange.clear_faults

    def _errors(self) -> Callable[[], object]:
        for _ in range(self._dice.randint(1, 6)):
            self._site.exchange.fault(
                self._dice.choice(OPERATIONS),
                self._dice.choice(("response", "soap")),
                times=self._dice.randint(1, 3),
                code=self._dice.choice(CODES),
            )
        return self._site.exchange.clear_faults

    def _pages(self) -> Callable[[], object]:
        for _ in range(self._dice.randint(1, 4)):
            self._site.exchange.fault(
                self._dice.choice(OPERATIONS), "html", times=2, status=self._dice.choice(PAGES)
            )
        return self._site.exchange.clear_faults

    # --- single mailboxes

    def _move_group(self) -> Callable[[], object]:
        group = self._dice.choice("AB")
        self._site.exchange.edit("move_group", mailbox=self._dice.choice(self._people), group=group)
        return nothing

    def _state(self, state: str) -> Callable[[], object]:
        address = self._dice.choice(self._people)
        self._site.exchange.edit("set_state", mailbox=address, state=state)

        def back() -> None:
            self._site.exchange.edit("set_state", mailbox=address, state="active")
            self._resume(address)

        return back

    def _out_of_scope(self) -> Callable[[], object]:
        address = self._dice.choice(self._people)
        self._site.exchange.scope(denied=[address])

        def back() -> None:
            self._site.exchange.scope()
            self._resume(address)

        return back
