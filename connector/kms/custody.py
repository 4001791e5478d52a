"""What an administrator does with keys: list them, take them back, destroy them in two steps."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from connector.errors import NotFound, Refused, UserError
from connector.kms import times
from connector.kms.audit import Entry
from connector.kms.house import House
from connector.kms.refusal import Refusal

STATES = ("active", "no-encrypt", "disabled")
"""Those that can be set; destroyed is reached by ``destroy`` alone."""
_MOST = 100_000


@dataclass(frozen=True, slots=True)
class Held:
    """A key as it can be shown: never its secret."""

    uri: str
    owner: str
    state: str
    resource: str
    created: datetime
    expires: datetime
    destroy_at: datetime | None
    kek_version: int


@dataclass(frozen=True, slots=True)
class Choice:
    """Which keys: by URIs, of a resource, of a maker; at least one of them must be said."""

    keys: tuple[str, ...] = ()
    resource: str = ""
    owner: str = ""

    @property
    def empty(self) -> bool:
        """Whether nothing was said."""
        return not (self.keys or self.resource or self.owner)


def held(house: House, choice: Choice, most: int = _MOST) -> tuple[Held, ...]:
    """Keys, newest first; all of them for an empty choice. Raises NotFound for a key or resource there is not."""
    with house.database.reading() as connection:
        return tuple(_held(house, row) for row in _rows(connection, house, choice, most))


def revoke(house: House, choice: Choice, state: str, actor: str) -> int:
    """Set the state of keys that are not destroyed; the number that changed.

    ``no-encrypt``: still handed out, but expired, so that nothing new is sealed with it. ``disabled``: 405. ``active`` takes it back.
    """
    now = house.clock()
    with house.database.writing() as connection:
        rows = [one for one in _rows(connection, house, choice, _MOST) if _changes(one, state)]
        ends = {"no-encrypt": times.micros(now), "active": times.micros(now + house.settings.times.bound)}
        connection.executemany(
            "UPDATE keys SET state = ?, destroy_at = NULL, expires_at = coalesce(?, expires_at) WHERE id = ?",
            [(state, ends.get(state), one["id"]) for one in rows],
        )
        _note(connection, house, f"key revoke {state}", rows, actor)
    return len(rows)


def destroy(house: House, choice: Choice, actor: str) -> tuple[int, int]:
    """The first step disables keys and sets the clock; the second, after ``destroy_after``, erases them.

    The number of keys that took the first and of those that took the second. Raises UserError when all of them still have to wait.
    """
    now = times.micros(house.clock())
    with house.database.writing() as connection:
        rows = [one for one in _rows(connection, house, choice, _MOST) if one["state"] != "destroyed"]
        marked = [one for one in rows if one["destroy_at"] is None]
        due = [one for one in rows if one["destroy_at"] is not None and one["destroy_at"] <= now]
        if rows and not marked and not due:
            first = times.moment(min(one["destroy_at"] for one in rows)).isoformat(timespec="minutes")
            raise UserError(
                f"The second step is possible from {first} on; key revoke --state active calls it off."
            )
        _mark(connection, house, marked, actor)
        _erase(connection, house, due, actor)
    return len(marked), len(due)


def _mark(connection: sqlite3.Connection, house: House, rows: Sequence[sqlite3.Row], actor: str) -> None:
    at = times.micros(house.clock() + house.settings.times.destroy_after)
    connection.executemany(
        "UPDATE keys SET state = 'disabled', destroy_at = ? WHERE id = ?", [(at, one["id"]) for one in rows]
    )
    _note(connection, house, "key destroy 1", rows, actor)


def _erase(connection: sqlite3.Connection, house: House, rows: Sequence[sqlite3.Row], actor: str) -> None:
    connection.executemany(
        "UPDATE keys SET state = 'destroyed', wrapped = x'' WHERE id = ?", [(one["id"],) for one in rows]
    )
    _note(connection, house, "key destroy 2", rows, actor)


def _note(
    connection: sqlite3.Connection, house: House, operation: str, rows: Sequence[sqlite3.Row], actor: str
) -> None:
    """One row of the trail names them all; a row holds hundreds, and the rest follow in further ones."""
    uris = [house.names.key(one["id"]) for one in rows]
    for start in range(0, len(uris), 500):
        entry = Entry(operation, 200, user=actor, objects=tuple(uris[start : start + 500]), via="command")
        house.trail.append(connection, house.clock(), entry)


def _rows(connection: sqlite3.Connection, house: House, choice: Choice, most: int) -> list[sqlite3.Row]:
    if choice.keys:
        return [_one(connection, _id(house, uri, "keys"), uri) for uri in choice.keys]
    resource = _id(house, choice.resource, "resources") if choice.resource else None
    return connection.execute(
        "SELECT * FROM keys WHERE (? IS NULL OR resource = ?) AND (? = '' OR owner = ?)"
        " ORDER BY created_at DESC, id LIMIT ?",
        (resource, resource, choice.owner, choice.owner, most),
    ).fetchall()


def _one(connection: sqlite3.Connection, identity: str, uri: str) -> sqlite3.Row:
    row: sqlite3.Row | None = connection.execute("SELECT * FROM keys WHERE id = ?", (identity,)).fetchone()
    if row is None:
        raise NotFound(f"There is no key {uri}; key list shows them.")
    return row


def _id(house: House, text: str, collection: str) -> str:
    """The id in a URI, or the bare id."""
    if "/" not in text:
        return text
    try:
        return house.names.id_of(text, collection)
    except (Refusal, Refused) as error:
        raise NotFound(f"{text} is no URI of one of this server's {collection}.") from error


def _changes(row: sqlite3.Row, state: str) -> bool:
    """Whether a row is not in that state yet; what is destroyed stays so."""
    return row["state"] not in ("destroyed", state)


def _held(house: House, row: sqlite3.Row) -> Held:
    return Held(
        uri=house.names.key(row["id"]),
        owner=row["owner"],
        state=row["state"],
        resource=house.names.resource(row["resource"]) if row["resource"] else "",
        created=times.moment(row["created_at"]),
        expires=times.moment(row["expires_at"]),
        destroy_at=times.moment(row["destroy_at"]) if row["destroy_at"] is not None else None,
        kek_version=row["kek_version"],
    )
