"""What the hub deletes by its own clock."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from connector.hub import purge
from connector.model import EventKind
from tests.contract.cloud import JWE, MAILBOX, Events, sealed
from tests.unit.hub.office import House, code
from tests.unit.hub.test_users import listed, outcome


def purged(hub: House) -> int:
    """Purge everything that is due."""
    return hub.client.run(purge.once(hub.office))


def rows(hub: House, table: str) -> list[Mapping[str, Any]]:
    """All that stands in a table."""
    with hub.database.reading() as connection:
        return [dict(row) for row in connection.execute(f"SELECT * FROM {table}")]  # noqa: S608 - our own names


def test_ended_meetings_go_after_8_days_and_leave_their_order(hub: House) -> None:
    """A late event about one is still stale; the list has another version."""
    events, user = Events(), hub.user()
    late = events.put("m1")
    hub.connector.send([events.put("m1")])
    version = listed(user)["version"]
    hub.clock.advance(days=8)
    purged(hub)
    assert len(listed(user)["meetings"]) == 1
    hub.clock.advance(hours=1)
    purged(hub)
    assert listed(user, f"?changed_since={version}")["meetings"] == []
    assert hub.connector.send([late]).json()["errs"][late.envelope.id]["err"] == "stale"


def test_more_than_one_portion_goes(hub: House) -> None:
    """Purging goes on until nothing is due."""
    events = Events()
    for _ in range(7):
        hub.connector.send([events.put(f"m{events.sequence}") for _ in range(100)])
    hub.clock.advance(days=9)
    assert purged(hub) == 1400
    assert purged(hub) == 0
    assert all(row["data"] is None for row in rows(hub, "meetings"))
    assert rows(hub, "taken") == []


def test_tombstones_go_after_40_days(hub: House) -> None:
    """So long a request can't be stuck on its way."""
    events = Events()
    hub.connector.send([events.gone("m1"), events.put("m2")])
    hub.clock.advance(days=39)
    hub.connector.send([])
    purged(hub)
    assert len(rows(hub, "meetings")) == 2
    hub.clock.advance(days=1)
    hub.connector.send([])
    purged(hub)
    assert [row["id"] for row in rows(hub, "meetings")] == ["m2"]


def test_a_gone_mailbox_goes_after_40_days(hub: House) -> None:
    """Its floor is a tombstone."""
    events = Events()
    hub.connector.send([events.put("m1"), events.make(EventKind.MAILBOX_GONE, {"erase": True})])
    hub.clock.advance(days=40)
    hub.connector.send([])
    purged(hub)
    assert rows(hub, "mailboxes") == []


def test_event_ids_are_known_for_7_days(hub: House) -> None:
    """So long a repeated event is acknowledged again; after it the order alone decides."""
    batch = [Events().put("m1")]
    hub.connector.send(batch)
    hub.clock.advance(days=6, hours=23)
    purged(hub)
    assert hub.connector.send(batch).json()["ack"] == [batch[0].envelope.id]
    hub.clock.advance(hours=1)
    purged(hub)
    assert hub.connector.send(batch).json()["ack"] == []


def test_outcomes_go_after_7_days_but_not_their_order(hub: House) -> None:
    """An older outcome of the same command does not come back."""
    events, user = Events(), hub.user()
    late = outcome(events, "c1")
    hub.connector.send([outcome(events, "c1", revision=2)])
    hub.clock.advance(days=7)
    purged(hub)
    assert user.get(f"/{MAILBOX}/outcomes").json()["outcomes"] == []
    assert hub.connector.send([late]).json()["errs"][late.envelope.id]["err"] == "stale"


def test_commands_go_at_their_expiry_or_after_24_hours(hub: House) -> None:
    """The hub reads the expiry in the header, and believes nothing beyond a day."""
    user = hub.user()
    hub.connector.send([Events().put("m1")])
    now = int(hub.clock().timestamp())
    soon, far, odd = wire_jwe(now + 3600), wire_jwe(now + 10**6), wire_jwe("x")
    for name, jwe in (("soon", soon), ("far", far), ("silent", JWE), ("odd", odd)):
        assert user.give(name, jwe).status == 202
    hub.clock.advance(hours=2)
    purged(hub)
    assert [one["id"] for one in hub.connector.poll().json()["commands"]] == ["far", "silent", "odd"]
    hub.clock.advance(hours=22)
    purged(hub)
    assert hub.connector.poll().json()["commands"] == []
    assert user.give("soon", soon).status == 202
    assert hub.connector.poll().json()["commands"] == []


def wire_jwe(expiry: object) -> str:
    """A JWE whose protected header states that expiry; base64url of RFC 7515 without padding."""
    header = json.dumps({"alg": "dir", "exp": expiry})
    return base64.urlsafe_b64encode(header.encode()).rstrip(b"=").decode() + ".." + JWE.split("..")[1]


def test_everything_of_a_connector_that_is_silent_for_40_days_goes(hub: House) -> None:
    """Its mark too: when it comes back it finds that out and sends everything anew."""
    user = hub.user()
    hub.connector.send([Events().put("m1")])
    hub.clock.advance(days=40)
    purged(hub)
    assert code(user.get(f"/{MAILBOX}/meetings")) == (404, "not-found")
    assert code(hub.connector.send([], Relay_Acknowledged="1.1")) == (412, "behind")
    welcome = hub.connector.greet().json()
    assert (welcome["epoch"], welcome["sequence"]) == (0, 0)


def test_what_was_deleted_is_not_in_the_file_any_more(hub: House) -> None:
    """SQLite overwrites deleted rows."""
    mark = "Q2Fub255c2VhbGVk" * 4
    events = Events()
    data = sealed("m1") | {"encryptedNotes": f"e30..{mark}.{mark}.{mark}"}
    hub.connector.send([events.make(EventKind.MEETING_PUT, data, "m1")])
    hub.connector.send([events.make(EventKind.MAILBOX_GONE, {"erase": True})])
    with hub.database.writing() as connection:
        pass
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    files = list(hub.database.path.parent.iterdir())
    assert not any(mark.encode() in one.read_bytes() for one in files)
