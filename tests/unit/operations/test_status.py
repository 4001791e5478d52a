"""How things are, counted and said."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from connector.errors import AccessDenied, Transient
from connector.model import Mailbox, Phase
from connector.operations.status import SHOWN
from tests.unit.operations.bureau import Bureau, healthy

MINUTE = timedelta(minutes=1)


def status(bureau: Bureau, **vitals: Any) -> dict[str, Any]:
    if vitals and bureau.live is not None:
        bureau.live.told = healthy(bureau.house.clock, **vitals)
    found: dict[str, Any] = bureau.call("status")
    return found


def test_the_shape_is_a_promise(bureau: Bureau, ada: Mailbox) -> None:
    """Monitoring reads it: names and kinds of members stay as they are."""
    facts = status(bureau)
    assert json.loads(json.dumps(facts)) == facts
    assert {name: type(value).__name__ for name, value in facts.items()} == {
        "instance": "str",
        "running": "bool",
        "healthy": "bool",
        "mode": "str",
        "started": "str",
        "mailboxes": "dict",
        "loading": "NoneType",
        "lag_seconds": "int",
        "outbox": "dict",
        "epoch": "int",
        "hub": "dict",
        "streams": "list",
        "held": "list",
        "budgets": "list",
        "alarms": "list",
        "workers": "dict",
        "writes": "str",
        "config_digest": "str",
        "troubles": "list",
    }
    assert facts["outbox"] == {"waiting": 0, "dead_letters": 0, "oldest_seconds": 0}
    assert facts["workers"] == {"all": 16, "busy": 0}


def test_a_daemon_that_lacks_nothing_is_healthy(bureau: Bureau, ada: Mailbox) -> None:
    """Paused mailboxes are somebody's will, not a trouble of ours."""
    bureau.put_in(bureau.active("bob@example.com"), Phase.PAUSED, reason="paused")
    facts = status(bureau)
    assert facts["healthy"]
    assert facts["mailboxes"] == {"active": 1, "paused": 1}


HELD = {"source": "hq", "server": "", "problem": "x", "until": "later"}
ALARM = {"number": 101, "sentence": "x", "remedy": "", "since": "now", "count": 1}


@pytest.mark.parametrize(
    "vitals",
    [
        {"alarms": [ALARM]},
        {"holds": [HELD]},
        {"hub": {"up": False, "since": "", "problem": "The server can't be reached."}},
        {"hub": {"up": None, "since": "", "problem": ""}},
    ],
    ids=["alarm", "hold", "hub away", "hub not greeted"],
)
def test_what_lacks_something_is_not_healthy(bureau: Bureau, ada: Mailbox, vitals: dict[str, Any]) -> None:
    """One thing is enough."""
    assert not status(bureau, **vitals)["healthy"]


def test_a_blocked_mailbox_is_not_healthy(bureau: Bureau, ada: Mailbox) -> None:
    """And stands among the troubles, in words."""
    bureau.house.source.faults.append(AccessDenied("impersonation-denied"))
    bureau.house.engine.wake(ada.id, "stream")
    bureau.house.run()
    facts = status(bureau)
    assert not facts["healthy"]
    assert facts["troubles"] == [
        {
            "address": "ada@example.com",
            "state": "error",
            "since": "2026-11-21T09:00:00+00:00",
            "problem": "The service account may not open this mailbox.",
        }
    ]


def test_without_a_daemon_the_store_still_tells(bureau: Bureau, ada: Mailbox) -> None:
    """Unhealthy, with what is known; what only a daemon knows is empty."""
    bureau.stop()
    facts = status(bureau)
    assert (facts["running"], facts["healthy"], facts["hub"], facts["workers"]) == (False, False, None, None)
    assert facts["mailboxes"] == {"active": 1}
    assert set(facts) == set(status(Bureau()))


def test_first_loads_show_their_progress_and_end(bureau: Bureau, ada: Mailbox) -> None:
    """Waiting ones count as nothing done; the end is reckoned from the pace of the last minutes."""
    for number in range(9):
        bureau.house.source.calendar(f"u{number}@example.com")
        bureau.call("mailbox.activate", addresses=[f"u{number}@example.com"])
    loading = status(bureau)["loading"]
    assert loading == {"mailboxes": 9, "percent": 0, "minutes_left": None}
    assert status(bureau, loads_a_minute=2.0)["loading"]["minutes_left"] == 5
    while bureau.house.store.count_mailboxes(Phase.LIVE) < 5:
        bureau.house.engine.scheduler.run_due()
    loading = status(bureau, loads_a_minute=2.0)["loading"]
    assert loading["mailboxes"] == 5
    assert 0 <= loading["percent"] <= 95
    assert loading["minutes_left"] == 3
    bureau.house.run()
    assert status(bureau)["loading"] is None


def test_the_lag_is_that_of_unfinished_work(bureau: Bureau, ada: Mailbox) -> None:
    """None while everything is done; since the failure began while something fails; gone after the recovery."""
    bureau.house.forward(3 * MINUTE)
    assert status(bureau)["lag_seconds"] == 0
    bureau.house.source.faults += [Transient("timeout")] * 3
    bureau.house.engine.wake(ada.id, "stream")
    bureau.house.run()
    bureau.house.clock.forward(timedelta(seconds=90))
    assert status(bureau)["lag_seconds"] >= 85
    bureau.house.forward(5 * MINUTE)
    assert status(bureau)["lag_seconds"] == 0


def test_the_age_of_the_outbox(bureau: Bureau, ada: Mailbox) -> None:
    """Counted from the oldest that waits."""
    now = bureau.house.clock()
    bureau.house.source.calendar(ada.address).add("Plan", now + MINUTE, now + 2 * MINUTE)
    bureau.house.engine.wake(ada.id, "stream")
    bureau.house.run()
    bureau.house.clock.forward(timedelta(seconds=42))
    assert status(bureau)["outbox"] == {"waiting": 1, "dead_letters": 0, "oldest_seconds": 42}


@pytest.mark.parametrize(
    ("mode", "vitals", "words"),
    [
        ("observe", {}, "observing only"),
        ("active", {}, "flowing"),
        ("active", {"confirmed": False}, "waiting for the hub to confirm this start"),
    ],
)
def test_whether_writes_flow(mode: str, vitals: dict[str, Any], words: str) -> None:
    """In words, with the reason when they do not."""
    bureau = Bureau(f"mode: {mode}\n")
    assert status(bureau, **vitals)["writes"] == words


def test_a_brake_is_named_first() -> None:
    """With the moment it stopped everything."""
    bureau = Bureau("mode: active\n")
    stopped = bureau.house.clock()
    facts = status(bureau, brake_since=stopped, confirmed=False)
    assert facts["writes"] == "stopped by the brake since 2026-11-21T09:00:00+00:00"


def test_the_worst_troubles_are_named_first_and_only_some(bureau: Bureau) -> None:
    """A thousand failing mailboxes don't bury the blocked one."""
    for number in range(SHOWN + 10):
        mailbox = bureau.active(f"u{number}@example.com")
        bureau.put_in(mailbox, Phase.LIVE, reason="timeout", failed_at=bureau.house.clock())
    bureau.put_in(mailbox, Phase.BLOCKED, reason="impersonation-denied")
    troubles = status(bureau)["troubles"]
    assert len(troubles) == SHOWN
    assert (troubles[0]["address"], troubles[0]["state"]) == (mailbox.address, "error")


def test_no_secret_is_ever_shown(bureau: Bureau, ada: Mailbox) -> None:
    """Neither content keys nor cursors nor what meetings say."""
    house = bureau.house
    house.source.calendar(ada.address).add("Topsecret", house.clock() + MINUTE, house.clock() + 2 * MINUTE)
    house.engine.wake(ada.id, "stream")
    house.run()
    said = json.dumps([status(bureau), bureau.call("mailbox.show", address=ada.address)])
    cursor = bureau.session(ada).cursor
    assert "Topsecret" not in said
    assert all(key.secret.hex() not in said for key in house.keys.keys(ada.id))
    assert cursor is not None
    assert f'"{cursor}"' not in said


def test_an_activation_that_keeps_failing_is_not_healthy(bureau: Bureau, ada: Mailbox) -> None:
    """A look-up that fails once or twice may pass by itself; one that goes on failing is told by the exit code too."""
    bob = bureau.active("bob@example.com")
    bureau.put_in(bob, Phase.REQUESTED, reason="tls-expired", attempts=2)
    assert status(bureau)["healthy"]
    bureau.put_in(bob, Phase.REQUESTED, reason="tls-expired", attempts=3)
    assert not status(bureau)["healthy"]
