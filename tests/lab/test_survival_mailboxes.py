"""What Exchange administrators do to mailboxes: each ends in the right state, and comes back when it can."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.lists import Lists
from tests.lab.survival import Scene, scene

pytestmark = [pytest.mark.lab, pytest.mark.timeout(180)]


def show(on: Scene, address: str) -> dict[str, Any]:
    """What `mailbox show` says."""
    shown: dict[str, Any] = on.site.ask("mailbox.show", address=address)
    return shown


def wait_state(on: Scene, address: str, state: str) -> dict[str, Any]:
    """Wait for a state of a mailbox; what is shown of it then."""
    on.site.wait(lambda: show(on, address)["state"] == state, f"{address} to be {state}", 40)
    return show(on, address)


def meet(on: Scene, address: str, subject: str) -> None:
    """Make a meeting tonight."""
    start = on.site.exchange.now().replace(hour=23, minute=0, second=0, microsecond=0).isoformat()
    on.site.exchange.edit("create", mailbox=address, start=start, subject=subject)


def test_a_mailbox_moved_to_another_group_is_followed() -> None:
    """The stream of its old server ends for it; it is found again, and nothing was missed."""
    two_sites = {"groups": 2, "hosts": "example.com,mail.example.com"}
    with scene(exchange=two_sites) as on:
        on.site.exchange.edit("move_group", mailbox=on.people[0], group="B")
        on.site.exchange.edit("move_group", mailbox=on.people[1], group="A")
        for address in on.people:
            meet(on, address, "after the move")
        on.lists.settle(90)
        on.site.wait(on.all_streamed, "streams for everybody", 60)
        for address in on.people:
            meet(on, address, "some time later")
        on.lists.settle()
        assert on.lists.states() == ["active"] * len(on.people)


def test_a_mailbox_moved_online_is_left_alone() -> None:
    """Its state says where it went and what to do; nothing is asked of it any more."""
    with scene() as on:
        gone = on.people[0]
        meet(on, gone, "the last one")
        on.lists.settle()
        on.site.exchange.edit("move_online", mailbox=gone)
        shown = wait_state(on, gone, "moved to Exchange Online")
        assert "mailbox deactivate" in shown["remedy"]
        on.site.wait(lambda: not streamed(on, gone), "its subscription to be given back", 20)
        asked = on.site.exchange.log()[-1]["number"]
        others = Lists(on.site, on.people[1:])
        for address in others.people:
            meet(on, address, "among those who stayed")
        others.settle()
        assert on.site.exchange.log(since=asked, address=gone) == []


def streamed(on: Scene, address: str) -> bool:
    """Whether the server holds a subscription of the mailbox."""
    return any(one["address"] == address for one in on.site.exchange.subscriptions())


def test_a_disabled_mailbox_waits_for_its_administrator() -> None:
    """Its state says so, one alarm names it, and `mailbox resume` brings it back with all that happened meanwhile."""
    with scene() as on:
        address = on.people[0]
        meet(on, address, "before")
        on.lists.settle()
        on.site.exchange.edit("set_state", mailbox=address, state="disabled")
        on.site.hub.nudge(show(on, address)["id"])
        shown = wait_state(on, address, "error")
        assert shown["problem"] == "The mailbox or its account is disabled."
        assert on.alarms()[203]["count"] == 1
        on.site.exchange.edit("set_state", mailbox=address, state="active")
        meet(on, address, "after")
        on.site.cli("mailbox", "resume", address)
        wait_state(on, address, "active")
        on.lists.settle()
        on.site.wait(on.healthy, "status to be healthy", 40)


def test_a_mailbox_out_of_scope_is_not_opened_until_it_is_back() -> None:
    """The management scope decides; meanwhile nobody else is disturbed."""
    with scene() as on:
        address = on.people[0]
        on.site.exchange.scope(denied=[address])
        meet(on, address, "nobody's business")
        shown = wait_state(on, address, "error")
        assert shown["problem"] == "The service account may not open this mailbox."
        assert "management scope" in shown["remedy"]
        assert list(on.alarms()) == [203]
        for other in on.people[1:]:
            meet(on, other, "as ever")
        on.site.exchange.scope()
        on.site.cli("mailbox", "resume", address)
        wait_state(on, address, "active")
        on.lists.settle()
        on.site.wait(on.healthy, "status to be healthy", 40)


def test_a_renamed_mailbox_keeps_its_identity() -> None:
    """`mailbox rename`: the same mailbox id, list and keys, and the hub knows the list by the new address."""
    with scene() as on:
        old, new = on.people[0], "renamed@example.com"
        before = show(on, old)["id"]
        meet(on, old, "before")
        on.lists.settle()
        index = on.lists.books.index_of(before)
        on.site.exchange.edit("change_address", mailbox=old, to=new)
        meet(on, new, "after")
        on.site.cli("mailbox", "rename", old, new)
        wait_state(on, new, "active")
        on.people[0] = on.lists.people[0] = new
        on.lists.settle()
        assert on.site.state(old) == "absent"
        assert show(on, new)["id"] == before
        assert on.lists.books.index_of(before) not in {None, index}
        on.site.wait(on.healthy, "status to be healthy", 40)


def test_a_mailbox_whose_address_is_gone_waits_for_its_new_one() -> None:
    """When the old address is gone for good, the state says so and what to do; `mailbox rename` mends it."""
    with scene() as on:
        old, new = on.people[0], "renamed@example.com"
        before = show(on, old)["id"]
        on.site.exchange.edit("change_address", mailbox=old, to=new, keep=False)
        meet(on, new, "after")
        shown = wait_state(on, old, "error")
        assert shown["problem"] == "The mail system knows no such address."
        on.site.cli("mailbox", "rename", old, new)
        wait_state(on, new, "active")
        on.people[0] = on.lists.people[0] = new
        on.lists.settle()
        assert show(on, new)["id"] == before
        on.site.wait(on.healthy, "status to be healthy", 40)
