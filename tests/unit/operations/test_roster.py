"""Roster runs carried out: joiners, leavers, those who come back, and runs that are not to be believed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.model import Mailbox, Phase
from connector.operations.roster import TooMuch
from connector.roster.base import RosterUnreadable
from tests.unit.config.texts import loaded
from tests.unit.operations.bureau import ACTOR, Bureau

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


def name(bureau: Bureau, *addresses: str) -> None:
    """What the place names from now on."""
    for address in addresses:
        bureau.house.source.calendar(address)
    bureau.staff.named = addresses


def sync(bureau: Bureau, **more: bool) -> dict[str, object]:
    done: dict[str, object] = bureau.call("roster.sync", **more)
    bureau.house.run()
    return done


def phases(bureau: Bureau) -> dict[str, str]:
    return {row["address"]: row["state"] for row in bureau.call("mailbox.list")}


def people(count: int) -> list[str]:
    return [f"u{number}@example.com" for number in range(count)]


def test_a_plan_changes_nothing(bureau: Bureau) -> None:
    """It says line by line what a run would do, foreign addresses included."""
    name(bureau, "ada@example.com", "x@elsewhere.example", "ceo@example.com")
    assert bureau.call("roster.plan") == {
        "changes": [
            {"action": "activate", "address": "ada@example.com", "origin": "staff"},
            {"action": "refuse (domain)", "address": "x@elsewhere.example", "origin": ""},
        ],
        "too_much": "",
    }
    assert bureau.house.store.mailboxes() == ()
    assert bureau.house.store.audit_rows() == ()


def test_a_list_may_say_where_its_people_live() -> None:
    """A place with a source wins over the mail domain; the others follow the domain."""
    more = "  other: {type: exchange, domains: [example.com], accounts: {a: {user: svc}}}\npolicies: {staff: {}}\n"
    place = "roster: {max_change: 2%, from: {staff: {csv: /etc/hosts, policy: staff, source: other}}}\n"
    bureau = Bureau()
    bureau.config = loaded(more + place).config
    name(bureau, "ada@example.com")
    bureau.call("roster.sync")
    bureau.call("mailbox.activate", addresses=["bob@example.com"])
    assert {row["address"]: row["source"] for row in bureau.call("mailbox.list")} == {
        "ada@example.com": "other",
        "bob@example.com": "hq",
    }


def test_joiners_are_activated_with_their_places_policy(bureau: Bureau) -> None:
    """Every mailbox shows its origin; the trail has one row of the run and one of each mailbox."""
    bureau.staff.policy = "room"
    name(bureau, "ada@example.com", "bob@example.com")
    assert sync(bureau)["join"] == 2
    assert phases(bureau) == {"ada@example.com": "active", "bob@example.com": "active"}
    assert bureau.call("roster.list") == [
        {"address": "ada@example.com", "origin": "staff", "policy": "room", "left": ""},
        {"address": "bob@example.com", "origin": "staff", "policy": "room", "left": ""},
    ]
    (row,) = bureau.rows("roster.sync")
    assert (row.actor, row.facts["join"]) == (ACTOR, 2)
    assert len(bureau.rows("mailbox.activate")) == 2


def test_a_run_without_changes_leaves_no_row(bureau: Bureau) -> None:
    """Four runs an hour would fill the trail."""
    name(bureau, "ada@example.com")
    for _ in range(3):
        sync(bureau)
    assert len(bureau.rows("roster.sync")) == 1


def test_leavers_are_paused_at_once_and_erased_later(bureau: Bureau) -> None:
    """Until then a mistake costs nothing; then list and keys are gone."""
    name(bureau, "ada@example.com", "bob@example.com")
    sync(bureau)
    bob = bureau.mailbox("bob@example.com")
    bureau.sent()
    name(bureau, "ada@example.com")
    assert sync(bureau)["pause"] == 1
    assert phases(bureau)["bob@example.com"] == "paused"
    assert bureau.call("roster.list")[1]["left"] == "2026-11-21"
    shown = bureau.call("mailbox.show", address="bob@example.com")
    assert "leave_after" in shown["problem"]
    assert bureau.sent() == []
    bureau.house.forward(6 * DAY)
    assert sync(bureau)["deactivate"] == 0
    bureau.house.forward(DAY)
    assert sync(bureau)["deactivate"] == 1
    bureau.house.forward(MINUTE)
    assert "bob@example.com" not in phases(bureau)
    assert "mailbox.gone" in bureau.sent()
    assert bureau.house.keys.keys(bob.id) == ()
    assert [row.mailbox for row in bureau.rows("mailbox.erase")] == ["bob@example.com"]


def test_who_comes_back_in_time_goes_on(bureau: Bureau) -> None:
    """With the same mailbox and without a first load; the next run has nothing to do."""
    name(bureau, "ada@example.com", "bob@example.com")
    sync(bureau)
    bob = bureau.mailbox("bob@example.com")
    name(bureau, "ada@example.com")
    sync(bureau)
    bureau.sent()
    name(bureau, "ada@example.com", "bob@example.com")
    assert sync(bureau)["come_back"] == 1
    assert bureau.mailbox("bob@example.com").id == bob.id
    assert phases(bureau)["bob@example.com"] == "active"
    assert "snapshot.begin" not in bureau.sent()
    assert sync(bureau)["changes"] == []


def test_who_an_administrator_paused_stays_paused(bureau: Bureau) -> None:
    """Leaving and coming back undoes nobody's decision."""
    name(bureau, "ada@example.com", "bob@example.com")
    sync(bureau)
    bureau.call("mailbox.pause", addresses=["bob@example.com"])
    name(bureau, "ada@example.com")
    sync(bureau)
    name(bureau, "ada@example.com", "bob@example.com")
    sync(bureau)
    assert phases(bureau)["bob@example.com"] == "paused"
    assert bureau.mailbox("bob@example.com").left_at is None
    assert sync(bureau)["changes"] == []


def test_who_comes_back_while_leaving_stays(bureau: Bureau) -> None:
    """Named again at the last moment, the mailbox is kept, and later runs leave it in peace."""
    name(bureau, "ada@example.com", "bob@example.com")
    sync(bureau)
    name(bureau, "ada@example.com")
    sync(bureau)
    bureau.house.forward(8 * DAY)
    bureau.call("roster.sync")
    assert bureau.session(bureau.mailbox("bob@example.com")).phase is Phase.LEAVING
    name(bureau, "ada@example.com", "bob@example.com")
    sync(bureau)
    assert phases(bureau)["bob@example.com"] == "active"
    assert sync(bureau)["changes"] == []


def test_an_excluded_mailbox_leaves_whoever_activated_it(bureau: Bureau) -> None:
    """``exclude`` wins over a place and over a hand."""
    name(bureau, "ada@example.com")
    sync(bureau)
    bureau.active("bob@example.com")
    exclude = bureau.config.roster.model_copy(update={"exclude": ("ada@example.com", "bob@example.com")})
    bureau.config = bureau.config.model_copy(update={"roster": exclude})
    assert sync(bureau)["pause"] == 2
    assert phases(bureau) == {"ada@example.com": "paused", "bob@example.com": "paused"}


def test_who_was_activated_by_hand_is_left_alone(bureau: Bureau) -> None:
    """Whatever the places say or do not say."""
    bureau.active("bob@example.com")
    name(bureau, "ada@example.com")
    sync(bureau)
    assert phases(bureau)["bob@example.com"] == "active"


def assigned(bureau: Bureau, policy: str) -> Mailbox:
    bureau.staff.policy = policy
    bureau.call("roster.sync")
    return bureau.mailbox("ada@example.com")


def test_a_new_policy_reaches_what_was_sent_already(bureau: Bureau) -> None:
    """A live mailbox is read and sent again at once."""
    name(bureau, "ada@example.com")
    sync(bureau)
    bureau.sent()
    assert assigned(bureau, "room").policy == "room"
    bureau.house.run()
    assert {"snapshot.begin", "snapshot.end"} <= set(bureau.sent())
    assert [row.facts["policy"] for row in bureau.rows("mailbox.assign")] == ["room"]


@pytest.mark.parametrize("phase", [Phase.PAUSED, Phase.BLOCKED])
def test_a_new_policy_reaches_who_is_held_up_later(bureau: Bureau, phase: Phase) -> None:
    """It stays as it is, and is read and sent again when it comes back."""
    name(bureau, "ada@example.com")
    sync(bureau)
    ada = bureau.mailbox("ada@example.com")
    bureau.put_in(ada, phase, resume=Phase.LIVE, reason="paused")
    bureau.sent()
    assigned(bureau, "room")
    assert bureau.session(ada).phase is phase
    bureau.call("mailbox.resume", addresses=["ada@example.com"])
    bureau.house.run()
    assert {"snapshot.begin", "snapshot.end"} <= set(bureau.sent())


# --- runs that are not to be believed


def test_a_place_that_can_not_be_read_changes_nothing(bureau: Bureau) -> None:
    """Half a roster is none."""
    name(bureau, "ada@example.com")
    sync(bureau)
    bureau.staff.named = None
    for verb in ("roster.plan", "roster.sync"):
        with pytest.raises(RosterUnreadable):
            bureau.call(verb)
    assert phases(bureau) == {"ada@example.com": "active"}


def test_too_many_changes_change_nothing(bureau: Bureau) -> None:
    """The sentence has the numbers and both ways on; with force it is done."""
    name(bureau, *people(400))
    bureau.call("roster.sync")
    name(bureau, *people(380))
    planned = bureau.call("roster.plan")
    assert planned["too_much"] == (
        "20 changes at once are more than max_change allows (2% of 400 mailboxes, at least 5)"
    )
    with pytest.raises(
        TooMuch, match=r"nothing was changed\..* roster plan .* roster sync --force"
    ) as caught:
        bureau.call("roster.sync")
    assert (caught.value.changes, caught.value.mailboxes) == (20, 400)
    assert bureau.house.store.count_mailboxes(Phase.PAUSED) == 0
    bureau.call("roster.sync", force=True)
    assert bureau.house.store.count_mailboxes(Phase.PAUSED) == 20


def test_as_many_changes_as_allowed_are_made(bureau: Bureau) -> None:
    """Eight of 400 are two per cent; the ninth is too many."""
    name(bureau, *people(400))
    bureau.call("roster.sync")
    name(bureau, *people(392))
    bureau.call("roster.sync")
    assert bureau.house.store.count_mailboxes(Phase.PAUSED) == 8
    name(bureau, *people(383))
    with pytest.raises(TooMuch):
        bureau.call("roster.sync")
