"""An office at work: people make, move, change, answer and cancel meetings, by a seed, so that a day can be had again."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from tests.lab.process import LabError

ZONES = ("W. Europe Standard Time", "Eastern Standard Time", "Tokyo Standard Time", "UTC")
PLACES = ("Room 12", "Canteen", "Dock", "Tower, 4th floor", "")
SEEN = (timedelta(days=-40), timedelta(days=75))
"""How far around now people look for something to change; wider than the connector's window."""
TRIES = 25
CROWDED = 90
"""With so many meetings in a calendar its owner cleans up."""

Row = dict[str, Any]
Deed = Callable[[], bool]


class Calendars(Protocol):
    """A lab whose calendars people edit, in the words that both sources' labs have."""

    @property
    def edit(self) -> Callable[..., dict[str, Any]]:
        """One thing that somebody does, by name. Raises LabError where it is refused."""

    def truth(self, address: str, start: datetime, end: datetime) -> Any:
        """Rows of what is in a calendar."""


class Office:
    """``edit`` does one thing and says what it was. ``done`` counts them by name."""

    def __init__(
        self, calendars: Calendars, people: Sequence[str], seed: int, zones: Sequence[str] = ZONES
    ) -> None:
        self.done: Counter[str] = Counter()
        self._calendars = calendars
        self._zones = tuple(zones)
        self._people = list(people)
        self._dice = random.Random(seed)  # noqa: S311 - repeatable on purpose
        self._number = 0
        self._deeds: dict[str, tuple[int, Deed]] = {
            "create": (22, self._create),
            "create series": (7, self._create_series),
            "create all-day": (3, self._create_all_day),
            "receive": (4, self._receive),
            "change": (14, self._change),
            "move": (10, self._move),
            "move out of the window": (5, self._move_out),
            "move into the window": (6, self._move_in),
            "change occurrence": (9, self._change_occurrence),
            "move occurrence": (5, self._move_occurrence),
            "delete occurrence": (6, self._delete_occurrence),
            "make recurring": (3, self._make_recurring),
            "make single": (2, self._make_single),
            "cancel": (6, self._cancel),
            "delete": (6, self._delete),
            "respond": (8, self._respond),
            "invite": (4, self._invite),
            "disinvite": (3, self._disinvite),
        }

    def edit(self) -> str:
        """Do one thing that is possible now. Raises LabError when nothing was, which can't be."""
        names = list(self._deeds)
        weights = [weight for weight, _ in self._deeds.values()]
        for _ in range(TRIES):
            name = self._dice.choices(names, weights)[0]
            try:
                if self._deeds[name][1]():
                    self.done[name] += 1
                    return name
            except LabError:
                continue  # it is refused, as it would be to a person; something else is done
        raise LabError(f"nothing could be done in {TRIES} tries")

    # --- new things

    def _create(self) -> bool:
        start = self._start() if self._dice.random() < 0.85 else self._far_start()
        return self._make(start, zone=self._dice.choice(self._zones))

    def _create_series(self) -> bool:
        return self._make(
            self._now() + timedelta(days=self._dice.randint(-20, 12), hours=self._dice.randint(0, 9)),
            zone=self._dice.choice(self._zones),
            recurrence=self._recurrence(),
        )

    def _create_all_day(self) -> bool:
        day = self._start().date()
        return self._make_at(
            day.isoformat(),
            end=(day + timedelta(days=self._dice.randint(1, 3))).isoformat(),
            all_day=True,
            zone=self._dice.choice(self._zones),
        )

    def _receive(self) -> bool:
        return self._do(
            "receive",
            mailbox=self._dice.choice(self._people),
            start=self._start().isoformat(),
            organizer={"address": "guest@elsewhere.example", "name": "Guest"},
            **self._words(),
        )

    def _make(self, start: datetime, **fields: Any) -> bool:
        end = start + timedelta(minutes=15 * self._dice.randint(1, 12))
        return self._make_at(start.isoformat(), end=end.isoformat(), **fields)

    def _make_at(self, start: str, **fields: Any) -> bool:
        owner = self._dice.choice(self._people)
        if len(self._rows(owner)) > CROWDED:
            return self._delete(owner)
        guests = self._dice.sample(self._people, self._dice.choice((0, 0, 1, 2, 3)))
        attendees = [{"address": guest} for guest in guests if guest != owner]
        return self._do("create", mailbox=owner, start=start, attendees=attendees, **self._words(), **fields)

    # --- single items and whole series

    def _change(self) -> bool:
        owner, row = self._pick(_own)
        return self._do("change", mailbox=owner, item=row["uid"], **self._words())

    def _move(self) -> bool:
        owner, row = self._pick(_own, _timed)
        start = _time(row["start"]) + timedelta(minutes=15 * self._dice.randint(-40, 40))
        return self._do("move", mailbox=owner, item=row["uid"], start=start.isoformat())

    def _move_out(self) -> bool:
        owner, row = self._pick(_own, _timed, _single, self._near)
        return self._do("move", mailbox=owner, item=row["uid"], start=self._far_start().isoformat())

    def _move_in(self) -> bool:
        owner, row = self._pick(_own, _timed, _single, lambda row: not self._near(row))
        return self._do("move", mailbox=owner, item=row["uid"], start=self._start().isoformat())

    def _make_recurring(self) -> bool:
        owner, row = self._pick(_own, _timed, _single, self._near)
        return self._do("make_recurring", mailbox=owner, item=row["uid"], recurrence=self._recurrence())

    def _make_single(self) -> bool:
        owner, row = self._pick(_own, _timed, _repeated)
        return self._do("make_single", mailbox=owner, item=row["uid"])

    def _cancel(self) -> bool:
        owner, row = self._pick(_own)
        return self._do("cancel", mailbox=owner, item=row["uid"])

    def _delete(self, owner: str = "") -> bool:
        owner, row = self._pick(owner=owner)
        how = self._dice.choice(("MoveToDeletedItems", "HardDelete", "SoftDelete"))
        return self._do("delete", mailbox=owner, item=row["uid"], to=how)

    # --- occurrences

    def _change_occurrence(self) -> bool:
        owner, row = self._pick(_own, _repeated)
        at = row["original_start"]
        return self._do("change_occurrence", mailbox=owner, item=row["uid"], at=at, **self._words())

    def _move_occurrence(self) -> bool:
        owner, row = self._pick(_own, _repeated, _timed)
        length = _time(row["end"]) - _time(row["start"])
        start = _time(row["start"]) + timedelta(minutes=15 * self._dice.randint(-20, 20))
        return self._do(
            "change_occurrence",
            mailbox=owner,
            item=row["uid"],
            at=row["original_start"],
            start=start.isoformat(),
            end=(start + length).isoformat(),
        )

    def _delete_occurrence(self) -> bool:
        owner, row = self._pick(_own, _repeated)
        return self._do("delete_occurrence", mailbox=owner, item=row["uid"], at=row["original_start"])

    # --- people

    def _respond(self) -> bool:
        owner, row = self._pick(lambda row: not _own(row), lambda row: not row["cancelled"])
        alone = {"at": row["original_start"]} if _repeated(row) and self._dice.random() < 0.5 else {}
        response = self._dice.choice(("Accept", "Accept", "Tentative", "Decline"))
        return self._do("respond", mailbox=owner, item=row["uid"], response=response, **alone)

    def _invite(self) -> bool:
        owner, row = self._pick(_own)
        invited = {one["address"] for one in row["attendees"]} | {owner}
        free = [one for one in self._people if one not in invited]
        if not free:
            return False
        guest = {"address": self._dice.choice(free)}
        return self._do("add_attendees", mailbox=owner, item=row["uid"], attendees=[guest])

    def _disinvite(self) -> bool:
        owner, row = self._pick(_own, lambda row: bool(row["attendees"]))
        leaving = self._dice.choice(row["attendees"])["address"]
        return self._do("remove_attendees", mailbox=owner, item=row["uid"], attendees=[leaving])

    # --- what they choose from

    def _pick(self, *wanted: Callable[[Row], bool], owner: str = "") -> tuple[str, Row]:
        """Something in somebody's calendar. Raises LabError when there is no such thing."""
        owner = owner or self._dice.choice(self._people)
        rows = [
            row | {"own": row["organizer"] == owner}
            for row in self._rows(owner)
            if all(one(row | {"own": row["organizer"] == owner}) for one in wanted)
        ]
        if not rows:
            raise LabError(f"nothing of that kind is in the calendar of {owner}")
        return owner, self._dice.choice(rows)

    def _rows(self, owner: str) -> list[Row]:
        now = self._now()
        return list(self._calendars.truth(owner, now + SEEN[0], now + SEEN[1]))

    def _near(self, row: Row) -> bool:
        away = _time(row["start"]) - self._now()
        return timedelta(days=-7) < away < timedelta(days=31)

    def _do(self, name: str, **arguments: Any) -> bool:
        self._calendars.edit(name, **arguments)
        return True

    def _words(self) -> dict[str, str]:
        self._number += 1
        return {
            "subject": f"Meeting {self._number}",
            "location": self._dice.choice(PLACES),
            "body": f"Agenda {self._number}",
            "body_kind": "Text",
        }

    def _recurrence(self) -> dict[str, Any]:
        kind = self._dice.choice(("daily", "weekly", "weekly", "monthly", "relative-monthly"))
        limit: dict[str, Any] = {} if self._dice.random() < 0.2 else {"count": self._dice.randint(2, 8)}
        interval = self._dice.choice((2, 3)) if kind == "daily" else self._dice.choice((1, 1, 2))
        return {"kind": kind, "interval": interval, **limit}

    def _start(self) -> datetime:
        """Some quarter of an hour within the window."""
        return self._now() + timedelta(minutes=15 * self._dice.randint(-6 * 96, 30 * 96))

    def _far_start(self) -> datetime:
        """Some quarter of an hour outside of it."""
        days = self._dice.choice((self._dice.randint(-30, -10), self._dice.randint(34, 60)))
        return self._now() + timedelta(days=days, minutes=15 * self._dice.randint(0, 95))

    def _now(self) -> datetime:
        return datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


def _own(row: Row) -> bool:
    return bool(row["own"])


def _timed(row: Row) -> bool:
    return not row["all_day"]


def _single(row: Row) -> bool:
    return bool(row["kind"] == "Single")


def _repeated(row: Row) -> bool:
    return not _single(row)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


class BusyDay(threading.Thread):
    """An office that edits all the time, ``count`` times in all, with a pause of so many seconds after each."""

    def __init__(self, office: Office, count: int, pause: float) -> None:
        super().__init__(name="office", daemon=True)
        self.failure: BaseException | None = None
        self._office = office
        self._count = count
        self._pause = pause
        self._turn = threading.Lock()
        self._over = threading.Event()

    def run(self) -> None:
        """Edit."""
        try:
            for _ in range(self._count):
                with self._turn:
                    self._office.edit()
                if self._over.wait(self._pause):
                    return
        except BaseException as error:  # noqa: BLE001 - raised again by ``finish``
            self.failure = error

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Nobody edits meanwhile. Raises what stopped the office."""
        with self._turn:
            self._look()
            yield

    def finish(self, seconds: float) -> None:
        """Wait for the last edit, at most so long. Raises what stopped the office."""
        self.join(seconds)
        self._over.set()
        self.join(10)
        self._look()

    def _look(self) -> None:
        if self.failure is not None:
            raise self.failure
