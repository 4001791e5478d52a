"""Fills a connector's database with mailboxes, as they stand after a first load or before it.

Written where a full sync costs nothing and moved into its place then: not the seeding is measured.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from connector.app.appliance import digester
from connector.app.ground import DATABASE, Ground, open_ground
from connector.config import Loaded, load
from connector.model import AuditEntry, Location, Mailbox, Phase, Session
from connector.source.base import Subscription
from connector.source.exchange.subscriptions import Route
from connector.sync.hints import NOT_AWAY
from connector.sync.window import Span
from scripts.benchmarks.stage import people
from scripts.benchmarks.stage.streams import subscription_id

SOURCE = "hq"
POLICY = "staff"
PRESENCE = "text"
QUICK = Path("/dev/shm")  # noqa: S108 - a private folder is made below it
STREAM = 200
TRUTH_READ_WITHIN = timedelta(hours=12)


def mailbox_id(number: int) -> str:
    """The id under which a mailbox is known to connector and hub."""
    return f"{number:032x}"


def secrets(config: Path, values: dict[str, str]) -> None:
    """Put secrets into the keystore of a configuration."""
    ground = open_ground(load(config))
    try:
        for name, value in values.items():
            ground.keystore.set(name, value.encode())
    finally:
        ground.store.close()


def seed(config: Path, state: Path, numbers: Iterable[int], *, live: bool, subscribed: bool = False) -> None:
    """Add mailboxes to the database of a configuration whose daemon is not running.

    ``live`` ones are in sync as of now, with nothing in their lists; the others are only wished for.
    """
    with tempfile.TemporaryDirectory(dir=QUICK if QUICK.is_dir() else None) as folder:
        away = Path(folder, "state")
        shutil.copytree(state, away)
        ground = open_ground(_moved(config, state, away))
        try:
            _fill(ground, list(numbers), live=live, subscribed=subscribed)
        finally:
            ground.store.close()
        shutil.copy(away / DATABASE, state / DATABASE)


def _moved(config: Path, state: Path, away: Path) -> Loaded:
    loaded = load(config)
    keystore = loaded.config.keystore.model_copy(update={"path": state / "keystore.json"})
    return replace(loaded, config=loaded.config.model_copy(update={"state": away, "keystore": keystore}))


def _fill(ground: Ground, numbers: list[int], *, live: bool, subscribed: bool) -> None:
    now = ground.clock()
    digest = f"{PRESENCE} {digester(ground).presence(NOT_AWAY)}"
    for place, number in enumerate(numbers):
        mailbox = _mailbox(number, located=live)
        session = _requested(mailbox, now)
        if live:
            session = _live(session, now, digest, place / len(numbers))
        entry = AuditEntry(now, "bench", "mailbox.activated", mailbox.address, {"mailbox_id": mailbox.id})
        ground.store.add_mailbox(mailbox, session, entry)
        if subscribed:
            ground.store.save_subscription(_subscription(number, now))


def _mailbox(number: int, *, located: bool) -> Mailbox:
    return Mailbox(
        id=mailbox_id(number),
        source=SOURCE,
        address=people.address(number),
        policy=POLICY,
        origin="manual",
        stable_id=f"/o=bench/ou=first/cn=recipients/cn={number:05d}" if located else "",
        location=Location(people.ENDPOINT, people.group(number)) if located else None,
    )


def _requested(mailbox: Mailbox, now: datetime) -> Session:
    return Session(mailbox_id=mailbox.id, phase=Phase.REQUESTED, due=now)


def _live(session: Session, now: datetime, digest: str, share: float) -> Session:
    return replace(
        session,
        phase=Phase.LIVE,
        due=now + timedelta(hours=1),
        cursor=f"{'H4sIAAA' * 12}.0",
        covered=Span().at(now).end,
        synced_at=now,
        presence_at=now - TRUTH_READ_WITHIN * share,
        presence_digest=digest,
    )


def _subscription(number: int, now: datetime) -> Subscription:
    anchor = number - number % STREAM
    route = Route(people.ENDPOINT, people.address(anchor), "bench~1").to_json()
    connection = f"{people.group(number)} {number % people.PER_GROUP // STREAM + 1}"
    made_at = now - timedelta(hours=1) + timedelta(milliseconds=number % STREAM)
    identity = subscription_id(number).decode()
    return Subscription(SOURCE, mailbox_id(number), identity, connection, route, made_at)
