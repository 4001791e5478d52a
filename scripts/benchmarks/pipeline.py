"""CPU of one changed meeting, from the delta to the committed sealed envelope, by stage; single-threaded, everything but Exchange in this process.

Each change is a different mailbox's: nothing is gathered. The store stands beside a bare sqlite3 transaction that writes the same bytes.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import structlog

from connector.alarms import Alarms
from connector.app.appliance import Appliance
from connector.app.ground import open_ground
from connector.config import load
from scripts.benchmarks.rows import Row, Spread, row, spread
from scripts.benchmarks.stage.house import House
from scripts.benchmarks.stage.seeds import SOURCE, mailbox_id

BENCH = "pipeline"
ROUNDS = 5
CHANGES = 40
INDEX_BYTES = 700
SESSION_BYTES = 400


class Stopwatch:
    """Stands in front of a source or a store and adds up the CPU time of what is called, by name."""

    def __init__(self, behind: Any, spent: dict[str, float], stage: Callable[[str], str]) -> None:
        self._behind = behind
        self._spent = spent
        self._stage = stage

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._behind, name)
        return self._clocked(found, self._stage(name)) if callable(found) else found

    def _clocked(self, verb: Callable[..., Any], stage: str) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            begun = time.thread_time()
            try:
                return verb(*arguments, **named)
            finally:
                self._spent[stage] = self._spent.get(stage, 0.0) + time.thread_time() - begun

        return call


def run(*, full: bool) -> list[Row]:
    """Microseconds a change, whatever the size of the run."""
    del full
    with House() as house:
        house.seed(range(CHANGES))
        rounds = _rounds(house)
        envelope = _mean_envelope(house.folder / "state" / "connector.db")
        bare = _bare_transactions(house.folder / "bare.db", envelope)
    stages = sorted({stage for one in rounds for stage in one})
    found = {stage: spread(one.get(stage, 0.0) for one in rounds) * (1e6 / CHANGES) for stage in stages}
    whole = found.pop("all")
    return [
        row(BENCH, "CPU per changed meeting", whole, "µs"),
        *(
            row(BENCH, f"of it: {stage}", taken, "µs", *_beside(stage, bare))
            for stage, taken in found.items()
        ),
    ]


def _beside(stage: str, bare: Spread) -> tuple[str, Spread] | tuple[()]:
    return ("bare sqlite3", bare) if stage == "commit" else ()


def _rounds(house: House) -> list[dict[str, float]]:
    """Seconds by stage for each round; the first round makes content keys and is left out."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    spent: dict[str, float] = {}
    ground = open_ground(load(house.config))
    watched: Any = Stopwatch(
        ground.store, spent, lambda name: "commit" if name == "commit" else "store: reads"
    )
    appliance = Appliance(replace(ground, store=watched), Alarms(ground.clock))
    exchange = appliance.sources[SOURCE]
    clocked: Any = Stopwatch(exchange, spent, lambda name: f"Exchange: {name}")
    appliance.sources[SOURCE] = clocked
    rounds = []
    try:
        appliance.engine.start(resync=False)
        while appliance.engine.scheduler.run_due():
            continue
        for _ in range(ROUNDS + 1):
            house.change(range(CHANGES))
            spent.clear()
            _step_all(appliance, spent)
            rounds.append(dict(spent))
    finally:
        appliance.close()
        ground.store.close()
    return rounds[1:]


def _step_all(appliance: Appliance, spent: dict[str, float]) -> None:
    begun = time.thread_time()
    for number in range(CHANGES):
        appliance.engine.wake(mailbox_id(number), "stream")
        appliance.engine.scheduler.run_due()
    whole = time.thread_time() - begun
    spent["reconcile, enrich, seal, schedule"] = whole - sum(spent.values())
    spent["all"] = whole


def _mean_envelope(database: Path) -> int:
    with closing(sqlite3.connect(database)) as connection:
        return int(connection.execute("SELECT avg(length(data)) FROM outbox").fetchone()[0])


def _bare_transactions(path: Path, envelope: int) -> Spread:
    """CPU microseconds of a transaction that writes an envelope, an index row and a session of the same size, as durably."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in (
            "PRAGMA journal_mode = WAL",
            "PRAGMA synchronous = FULL",
            "CREATE TABLE outbox (id INTEGER PRIMARY KEY, body BLOB)",
            "CREATE TABLE meetings (id TEXT PRIMARY KEY, body BLOB) WITHOUT ROWID",
            "CREATE TABLE sessions (id TEXT PRIMARY KEY, body BLOB) WITHOUT ROWID",
        ):
            connection.execute(statement)
        return spread(_bare_round(connection, envelope) for _ in range(ROUNDS)) * (1e6 / CHANGES)


def _bare_round(connection: sqlite3.Connection, envelope: int) -> float:
    begun = time.thread_time()
    for number in range(CHANGES):
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO outbox (body) VALUES (?)", (os.urandom(envelope),))
        values = (mailbox_id(number), os.urandom(INDEX_BYTES))
        connection.execute("INSERT OR REPLACE INTO meetings VALUES (?, ?)", values)
        values = (mailbox_id(number), os.urandom(SESSION_BYTES))
        connection.execute("INSERT OR REPLACE INTO sessions VALUES (?, ?)", values)
        connection.execute("COMMIT")
    return time.thread_time() - begun
