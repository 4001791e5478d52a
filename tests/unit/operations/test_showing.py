"""Mailboxes listed, shown in full, and their keys."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.errors import UserError
from connector.model import Mailbox, Phase
from tests.unit.operations.bureau import ACTOR, Bureau

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def test_the_list_says_where_each_stands(bureau: Bureau, ada: Mailbox) -> None:
    """One row each, by address, trouble in words."""
    bureau.call("mailbox.activate", addresses=["nobody@example.com"])
    bureau.house.run()
    assert bureau.call("mailbox.list") == [
        {
            "address": "ada@example.com",
            "state": "active",
            "source": "hq",
            "policy": "staff",
            "origin": "manual",
            "problem": "",
        },
        {
            "address": "nobody@example.com",
            "state": "error",
            "source": "hq",
            "policy": "staff",
            "origin": "manual",
            "problem": "The mail system knows no such address.",
        },
    ]


def test_one_mailbox_in_full(bureau: Bureau, ada: Mailbox) -> None:
    """Where it is, how much it holds, what can't be read and why; by address or id."""
    house = bureau.house
    calendar = house.source.calendar("ada@example.com")
    calendar.add("Plan", house.clock() + HOUR, house.clock() + 2 * HOUR)
    bad = calendar.add("Bad", house.clock() + HOUR, house.clock() + 2 * HOUR)
    calendar.items[bad].corrupt = True
    house.forward(2 * MINUTE)
    shown = bureau.call("mailbox.show", address="Ada@example.com")
    assert shown == bureau.call("mailbox.show", address=ada.id)
    assert (shown["state"], shown["meetings"], shown["server"]) == ("active", 1, "memory://server")
    assert shown["quarantine"] == [{"item": bad, "reason": "The item is damaged in the mailbox."}]
    assert (shown["problem"], shown["remedy"], shown["attempts"], shown["next_try"]) == ("", "", 0, None)
    assert shown["last_synced"].endswith("+00:00")


def test_a_remedy_names_what_to_type(bureau: Bureau, ada: Mailbox) -> None:
    """Address, source and secret are filled in; nothing in braces is left."""
    for code, words in (
        ("impersonation-denied", "management scope"),
        ("mailbox-disabled", "Get-Mailbox ada@example.com"),
        ("redirect-not-trusted", "source redirects hq"),
        ("credential-refused", "secret set exchange/hq/a"),
        ("alias-address", "primary address: ADDRESS"),
    ):
        bureau.put_in(ada, Phase.BLOCKED, reason=code)
        remedy = bureau.call("mailbox.show", address="ada@example.com")["remedy"]
        assert words in remedy
        assert "{" not in remedy


def test_the_progress_of_a_first_load_is_shown(bureau: Bureau) -> None:
    """From nothing to all, never backwards."""
    bureau.house.source.calendar("ada@example.com")
    bureau.call("mailbox.activate", addresses=["ada@example.com"])
    seen = []
    while bureau.house.engine.scheduler.run_due():
        seen.append(bureau.call("mailbox.show", address="ada@example.com")["progress"])
    shares = [share for share in seen if share is not None]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0, 95)


def test_keys_are_handed_out_with_a_row(bureau: Bureau, ada: Mailbox) -> None:
    """Who asked for the keys of which mailbox stands in the trail; a command by itself can't give them."""
    bureau.house.keys.sealing_key(ada.id)
    (key,) = bureau.call("mailbox.keys", address="ada@example.com")
    assert key["mailbox"] == ada.id
    assert len(bytes.fromhex(key["secret"])) == 32
    (row,) = bureau.rows("mailbox.keys")
    assert (row.actor, row.mailbox, dict(row.facts)) == (ACTOR, "ada@example.com", {"keys": 1})
    assert key["secret"] not in repr(bureau.rows("mailbox.keys"))
    bureau.stop()
    with pytest.raises(UserError, match="this needs the running daemon"):
        bureau.call("mailbox.keys", address="ada@example.com")
