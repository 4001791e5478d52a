"""A new primary address, in every phase."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.errors import NotFound, UserError
from connector.model import Mailbox, Phase
from tests.unit.operations.bureau import ACTOR, Bureau

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def rename(bureau: Bureau, old: str, new: str) -> str:
    """Rename in calendar and connector."""
    calendars = bureau.house.source.calendars
    if old in calendars:
        calendars[new.strip().lower()] = calendars.pop(old)
    sentence: str = bureau.call("mailbox.rename", old=old, new=new)["sentence"]
    return sentence


@pytest.mark.parametrize("phase", [Phase.LIVE, Phase.LOADING, Phase.BLOCKED, Phase.MOVED, Phase.REQUESTED])
def test_a_renamed_mailbox_keeps_its_identity(bureau: Bureau, ada: Mailbox, phase: Phase) -> None:
    """Same id, keys and stable id; the hub gets the new address's index with the list."""
    if phase is Phase.LOADING:
        bureau.call("mailbox.resync", addresses=["ada@example.com"])
        for _ in range(2):
            bureau.house.engine.scheduler.run_due()
        bureau.sent()
    else:
        bureau.put_in(ada, phase)
    keys = bureau.house.keys.keys(ada.id)
    assert rename(bureau, "ada@example.com", " Countess@example.com ") == (
        "renamed; it is validated under the new address"
    )
    bureau.house.run()
    renamed = bureau.mailbox("countess@example.com")
    assert renamed.id == ada.id
    assert bureau.session(renamed).phase is Phase.LIVE
    assert bureau.house.keys.keys(ada.id) == keys
    assert bureau.sent().count("mailbox.put") == 1
    (row,) = bureau.rows("mailbox.rename")
    assert (row.actor, row.mailbox, row.facts["former"]) == (ACTOR, "countess@example.com", "ada@example.com")


def test_a_renamed_mailbox_that_is_paused_stays_so(bureau: Bureau, ada: Mailbox) -> None:
    """Its new index goes up when it is resumed."""
    bureau.call("mailbox.pause", addresses=["ada@example.com"])
    assert rename(bureau, "ada@example.com", "new@example.com") == "renamed; it stays paused"
    bureau.house.run()
    assert bureau.session(ada).phase is Phase.PAUSED
    bureau.call("mailbox.resume", addresses=["new@example.com"])
    bureau.house.run()
    assert bureau.session(ada).phase is Phase.LIVE
    assert "mailbox.put" in bureau.sent()


def test_a_mailbox_that_is_leaving_is_not_renamed(bureau: Bureau, ada: Mailbox) -> None:
    """A new name does not bring it back."""
    bureau.put_in(ada, Phase.LEAVING)
    with pytest.raises(UserError, match=r"is leaving; activate new@example\.com instead"):
        rename(bureau, "ada@example.com", "new@example.com")
    assert bureau.session(ada).phase is Phase.LEAVING


def test_an_address_that_is_taken_or_foreign_is_no_new_name(bureau: Bureau, ada: Mailbox) -> None:
    """Two records of one address, or a mailbox in the wrong source, would come of it."""
    bureau.active("bob@example.com")
    with pytest.raises(UserError, match=r"bob@example\.com is activated already; deactivate it first"):
        rename(bureau, "ada@example.com", "bob@example.com")
    with pytest.raises(UserError, match=r"x@elsewhere\.example is in no mail domain of the source hq"):
        rename(bureau, "ada@example.com", "x@elsewhere.example")
    with pytest.raises(NotFound, match=r"eve@example\.com is not activated"):
        rename(bureau, "eve@example.com", "new@example.com")


def test_the_new_name_of_another_person_is_found_out(bureau: Bureau, ada: Mailbox) -> None:
    """A slip of the fingers does not show one person's calendar as another's."""
    bureau.house.source.calendar("bob@example.com")
    bureau.call("mailbox.rename", old="ada@example.com", new="bob@example.com")
    bureau.house.run()
    assert bureau.session(ada).phase is Phase.BLOCKED
    assert bureau.session(ada).reason == "same-address-other-mailbox"
