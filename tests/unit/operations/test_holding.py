"""What is held about a person, as one document."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from connector.errors import NotFound
from connector.model import Mailbox
from tests.unit.operations.bureau import ACTOR, Bureau

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def test_everything_that_names_the_mailbox_is_in_it(bureau: Bureau, ada: Mailbox) -> None:
    """Mailbox, session, meetings by ids and times, what can't be read, what waits for the hub, audit rows."""
    house = bureau.house
    calendar = house.source.calendar("ada@example.com")
    calendar.add("Plan for next year", house.clock() + HOUR, house.clock() + 2 * HOUR)
    bad = calendar.add("Bad", house.clock() + HOUR, house.clock() + 2 * HOUR)
    calendar.items[bad].corrupt = True
    house.forward(2 * MINUTE)
    held = bureau.call("mailbox.export", address="Ada@example.com")
    assert json.loads(json.dumps(held)) == held
    assert (held["address"], held["mailbox"]["id"]) == ("ada@example.com", ada.id)
    assert held["session"]["phase"] == "live"
    assert [one["start"] for one in held["meetings"]] == [(house.clock() + 58 * MINUTE).isoformat()]
    assert [one["item_id"] for one in held["unreadable"]] == [bad]
    assert {one["envelope"]["mailbox_id"] for one in held["waiting_for_hub"]} == {ada.id}
    assert "mailbox.activate" in {row["action"] for row in held["audit"]}
    assert "Plan for next year" not in json.dumps(held)


def test_nobody_elses_is_in_it(bureau: Bureau, ada: Mailbox) -> None:
    """Another mailbox leaves no trace in it, but for what names both."""
    bureau.call("mailbox.activate", addresses=["bob@example.com"])
    bureau.house.run()
    assert "bob@example.com" not in json.dumps(bureau.call("mailbox.export", address=ada.address))


def test_it_leaves_an_audit_row(bureau: Bureau, ada: Mailbox) -> None:
    """Who asked, about whom."""
    bureau.call("mailbox.export", address=ada.address)
    (row,) = bureau.rows("mailbox.export")
    assert (row.actor, row.mailbox) == (ACTOR, ada.address)


def test_former_addresses_count(bureau: Bureau, ada: Mailbox) -> None:
    """Rows of before a rename are the person's too."""
    bureau.call("mailbox.rename", old=ada.address, new="ada.b@example.com")
    held = bureau.call("mailbox.export", address="ada.b@example.com")
    assert {"mailbox.activate", "mailbox.rename"} <= {row["action"] for row in held["audit"]}


def test_who_has_gone_is_still_in_the_trail(bureau: Bureau, ada: Mailbox) -> None:
    """After erasure the audit rows are what is left; of a stranger there is nothing, which is said."""
    bureau.call("mailbox.deactivate", addresses=[ada.address], erase=True)
    bureau.house.forward(HOUR)
    assert bureau.house.store.find_mailbox(ada.address) is None
    held = bureau.call("mailbox.export", address=ada.address)
    assert "mailbox" not in held
    assert held["audit"]
    with pytest.raises(NotFound, match="nothing is held about"):
        bureau.call("mailbox.export", address="eve@example.com")
