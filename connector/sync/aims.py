"""What a command of the cloud is aimed at, kept from before its write until it is answered.

A write that takes something away can't be looked for in the calendar afterwards, and the change feed may have dropped the
meeting from the index by then. So a mailbox notes which command it is about to carry out, and on what: a second try after a
kill knows that it is one.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime

from connector.errors import Refused
from connector.model import Command
from connector.sync.visit import Visit


@dataclass(frozen=True, slots=True)
class Aim:
    """An item and the home it depends on, with its digest; all "" where something new is made."""

    item_id: str = ""
    home_id: str = ""
    digest: str = ""

    def named(self, *, whole: bool) -> str:
        """The id of what is meant: the series, or the item alone."""
        return self.home_id if whole else self.item_id


NEW = Aim()


@dataclass(frozen=True, slots=True)
class _Begun:
    """The command that was about to write, when first, and on what."""

    command: str
    at: datetime
    aim: Aim


def take(visit: Visit, command: Command, meeting_id: str) -> Aim:
    """What stands in the list under that id, or stood there at the first try. Raises Refused ``item-not-found``."""
    begun = _begun(visit, command)
    if begun is not None:
        return begun.aim
    window = visit.window
    for row in visit.store.rows_between(visit.mailbox.id, window.start, window.end):
        if row.meeting_id == meeting_id:
            return Aim(row.item_id, row.home_id, row.digest)
    raise Refused("item-not-found", meeting_id)


def begun_at(visit: Visit, command: Command) -> datetime | None:
    """When an earlier try was about to write; None where there was none."""
    begun = _begun(visit, command)
    return begun.at if begun else None


def begin(visit: Visit, command: Command, aim: Aim) -> None:
    """Note that this command is about to write."""
    if _begun(visit, command) is None:
        noted = {"command": command.id, "at": visit.now.isoformat(), **asdict(aim)}
        visit.store.put_setting(_name(visit), json.dumps(noted))


def forget(visit: Visit) -> None:
    """The command is answered."""
    if visit.store.setting(_name(visit)) is not None:
        visit.store.put_setting(_name(visit), None)


def _begun(visit: Visit, command: Command) -> _Begun | None:
    text = visit.store.setting(_name(visit))
    noted = json.loads(text) if text else {}
    if noted.get("command") != command.id:
        return None
    aim = Aim(noted["item_id"], noted["home_id"], noted["digest"])
    return _Begun(command.id, datetime.fromisoformat(noted["at"]), aim)


def _name(visit: Visit) -> str:
    return f"command-begun {visit.mailbox.id}"
