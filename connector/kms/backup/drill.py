"""Restoring for practice, and restoring in earnest."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from connector.errors import UserError
from connector.kms import audit, hierarchy, production, times
from connector.kms.audit import Entry, Trail
from connector.kms.backup import container, copying
from connector.kms.backup.container import Private, Public
from connector.kms.hierarchy import Hierarchy, Wrapped
from connector.kms.house import House
from connector.kms.keks.base import KekMissing, KekProvider
from connector.seal.kmswire.static import fingerprint
from connector.server.database import connect


@dataclass(frozen=True, slots=True)
class Report:
    """What is in a backup, all of it opened and verified."""

    made: datetime
    keys: int
    rows: int


def back_up(house: House, recipients: tuple[Public, ...], actor: str) -> bytes:
    """The file. Its row in the trail stands in it. Raises UserError and sqlite3.Error."""
    now = house.clock()
    with house.database.writing() as connection:
        named = tuple(fingerprint(one) for one in recipients)
        house.trail.append(connection, now, Entry("backup", 200, user=actor, objects=named, via="command"))
    facts = {"cluster": house.names.cluster, "made": now.isoformat(timespec="seconds")}
    return container.seal(copying.taken(house), recipients, facts)


def drill(house: House, raw: bytes, key: Private, actor: str) -> Report:
    """Open a backup, unwrap every key, verify its trail, and compare with what this server holds. Raises UserError."""
    clear, facts = container.open_sealed(raw, key)
    _demand_ours(facts, house.names.cluster)
    with copying.opened(clear) as (copy, own):
        report = _verified(copy, own, house, facts)
        _compare(copy, own, house)
    now = house.clock()
    with house.database.writing() as connection:
        connection.execute(
            "INSERT OR REPLACE INTO facts VALUES (?, ?)", (production.DRILL, str(times.micros(now)))
        )
        reason = f"{report.keys} keys of {report.made.isoformat(timespec='seconds')}"
        house.trail.append(connection, now, Entry("drill", 200, user=actor, reason=reason, via="command"))
    return report


def restore(
    path: Path, raw: bytes, key: Private, provider: KekProvider, cluster: str, actor: str, now: datetime
) -> Report:
    """Make the database at ``path``, which must not be there, from a backup. Raises UserError."""
    if path.exists():
        raise UserError(f"There is a database {path} already; move it away first.")
    clear, facts = container.open_sealed(raw, key)
    _demand_ours(facts, cluster)
    with copying.opened(clear) as (copy, own):
        keys = copy.execute("SELECT count(*) FROM keys WHERE state != 'destroyed'").fetchone()[0]
        rows = copy.execute("SELECT count(*) FROM audit").fetchone()[0]
        mine = copying.moved(copy, own, provider, lambda identity: f"{cluster}/keys/{identity}")
        trail = Trail(hierarchy.secret(copy, mine, hierarchy.AUDIT))
        reason = f"backup of {facts['made']}"
        trail.append(copy, now, Entry("restore", 200, user=actor, reason=reason, via="command"))
        _put(copy, path)
    return Report(_made(facts), keys, rows)


def _put(copy: sqlite3.Connection, path: Path) -> None:
    """Beside its place first, so that a restore cut short leaves no half database there."""
    fresh = path.with_name(path.name + ".restoring")
    fresh.unlink(missing_ok=True)
    with fresh.open("xb") as file:
        fresh.chmod(0o600)
        file.close()
    target = connect(fresh)
    try:
        copy.backup(target)
        target.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        target.close()
    fresh.rename(path)


def _verified(copy: sqlite3.Connection, own: Hierarchy, house: House, facts: dict[str, Any]) -> Report:
    keys = 0
    for row in copy.execute("SELECT * FROM keys WHERE state != 'destroyed'"):
        _unwrapped(own, house, row)
        keys += 1
    broken = Trail(hierarchy.secret(copy, own, hierarchy.AUDIT)).first_broken(copy)
    if broken is not None:
        raise UserError(f"The backup's audit trail is broken at row {broken}.")
    return Report(_made(facts), keys, audit.head(copy)[0])


def _compare(copy: sqlite3.Connection, own: Hierarchy, house: House) -> None:
    """Keys that are in both must be the same, and none that was there at the backup's time may be missing from it."""
    newest = copy.execute("SELECT max(at) FROM audit").fetchone()[0] or 0
    with house.database.reading() as live:
        for row in live.execute(
            "SELECT * FROM keys WHERE state != 'destroyed' AND resource IS NOT NULL AND bound_at < ?",
            (newest,),
        ):
            kept = copy.execute("SELECT * FROM keys WHERE id = ?", (row["id"],)).fetchone()
            if kept is None or _unwrapped(own, house, kept) != _unwrapped(house.hierarchy, house, row):
                raise UserError(f"The key {house.names.key(row['id'])} is not in the backup as it is here.")


def _unwrapped(of: Hierarchy, house: House, row: sqlite3.Row) -> bytes:
    uri = house.names.key(row["id"])
    try:
        return of.unwrap(uri, row["owner"], Wrapped(row["kek_version"], row["wrapped"]))
    except KekMissing as error:
        raise UserError(f"The key {uri} can't be opened.") from error


def _demand_ours(facts: dict[str, Any], cluster: str) -> None:
    if facts.get("cluster") != cluster:
        raise UserError(f"The backup is of {facts.get('cluster')}, this server is {cluster}.")


def _made(facts: dict[str, Any]) -> datetime:
    try:
        return datetime.fromisoformat(str(facts.get("made"))).astimezone(UTC)
    except ValueError as error:
        raise UserError("The backup does not say when it was made.") from error
