"""What users are shown, and what they can send."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.hub.settings import Limits, Times
from connector.model import EventKind, Queued
from tests.contract.cloud import JWE, MAILBOX, Events, sealed
from tests.unit.hub.asgi import Answer
from tests.unit.hub.office import START, House, Peer, code, house

PATIENT = Times(hold=timedelta(seconds=15))
"""Held answers end by what happens, or the test fails for good."""


def at(events: Events, meeting_id: str, hour: int) -> Queued:
    """A meeting that begins at that hour."""
    start = (START.replace(hour=0) + timedelta(hours=hour)).isoformat()
    return events.make(EventKind.MEETING_PUT, sealed(meeting_id) | {"start": start}, meeting_id)


def outcome(events: Events, command: str, revision: int = 1) -> Queued:
    """The answer to a command."""
    data = {
        "commandId": command,
        "encryptionKeyUrl": "kms://k/1",
        "encryptedOutcome": JWE,
        "revision": revision,
    }
    return events.make(EventKind.COMMAND_OUTCOME, data)


def listed(user: Peer, query: str = "") -> dict[str, Any]:
    """The list of MAILBOX."""
    answer = user.get(f"/{MAILBOX}/meetings{query}")
    assert answer.status == 200
    found: dict[str, Any] = answer.json()
    return found


def test_a_token_opens_by_mailbox_id_or_by_blind_index(hub: House) -> None:
    """The address may change its mailbox, and the mailbox its address."""
    events = Events()
    hub.connector.send([events.record(), events.put("x", "mb-2")])
    expected = [{"id": MAILBOX, "address": "blind-index", "stale": False}]
    assert hub.user("blind-index").get("").json() == {"mailboxes": expected}
    assert hub.user(MAILBOX).get("").json() == {"mailboxes": expected}
    both = hub.user("blind-index", "mb-2").get("").json()["mailboxes"]
    assert [one["id"] for one in both] == [MAILBOX, "mb-2"]


def test_what_a_token_does_not_open_is_not_there(hub: House) -> None:
    """The same answer as for a mailbox that nobody has."""
    hub.connector.send([Events().put("m1")])
    stranger = hub.user("mb-2")
    for path in ("meetings", "presence", "outcomes"):
        assert code(stranger.get(f"/{MAILBOX}/{path}")) == (404, "not-found")
    assert code(stranger.give("c1")) == (404, "not-found")
    assert code(stranger.post(f"/relay/v1/mailboxes/{MAILBOX}/nudge", {})) == (404, "not-found")
    assert stranger.get("").json() == {"mailboxes": []}


def test_a_mailbox_that_is_gone_is_not_there(hub: House) -> None:
    """List, presence, outcomes and commands go with it; when it is activated again, it begins empty."""
    events, user = Events(), hub.user()
    hub.connector.send([events.record(), events.put("m1"), outcome(events, "c1")])
    user.give("c2")
    hub.connector.send([events.make(EventKind.MAILBOX_GONE, {"erase": True})])
    assert code(user.get(f"/{MAILBOX}/meetings")) == (404, "not-found")
    assert hub.connector.poll().json()["commands"] == []
    hub.connector.send([events.record()])
    assert listed(user)["meetings"] == []
    assert user.get(f"/{MAILBOX}/outcomes").json()["outcomes"] == []


def test_meetings_come_by_start_in_pages(hub: House) -> None:
    """Each page names where the next begins, the last one none."""
    events, user = Events(), hub.user()
    hub.connector.send([at(events, name, hour) for name, hour in (("c", 9), ("a", 11), ("b", 9), ("d", 8))])
    first = listed(user, "?limit=3")
    assert [one["id"] for one in first["meetings"]] == ["d", "b", "c"]
    second = listed(user, f"?limit=3&after={first['next']}")
    assert [one["id"] for one in second["meetings"]] == ["a"]
    assert "next" not in second
    assert "next" not in listed(user, "?limit=4")


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "after=x", "wait=-1", "limit=١"])
def test_a_query_that_is_none_is_malformed(hub: House, query: str) -> None:
    """Not taken for the whole list."""
    hub.connector.send([Events().put("m1")])
    assert code(hub.user().get(f"/{MAILBOX}/meetings?{query}")) == (400, "malformed")


def test_a_list_says_where_its_snapshot_stands(hub: House) -> None:
    """None, open, complete; and open again."""
    events, user = Events(), hub.user()
    for step, expected in (
        (events.put("m1"), "none"),
        (events.begin("s1"), "open"),
        (events.end("s1"), "complete"),
        (events.begin("s2"), "open"),
    ):
        hub.connector.send([step])
        assert listed(user)["snapshot"] == expected


def test_the_list_of_a_silent_connector_is_stale(hub: House) -> None:
    """After 15 minutes, until it speaks again; asOf is when it spoke last."""
    user = hub.user()
    hub.connector.send([Events().put("m1")])
    hub.clock.advance(minutes=14, seconds=59)
    assert not listed(user)["stale"]
    hub.clock.advance(seconds=1)
    found = listed(user)
    assert (found["stale"], found["asOf"]) == (True, "2026-11-21T09:00:00.000Z")
    assert user.get("").json()["mailboxes"][0]["stale"]
    hub.connector.send([])
    assert not listed(user)["stale"]


def test_only_the_current_run_is_a_sign_of_life(hub: House) -> None:
    """A superseded copy that goes on knocking keeps no list fresh."""
    user = hub.user()
    hub.connector.send([Events().put("m1")])
    hub.connector.greet("run-2")
    hub.clock.advance(minutes=16)
    assert code(hub.connector.send([])) == (409, "superseded")
    assert listed(user)["stale"]


def test_presence_is_null_until_it_is_said(hub: House) -> None:
    """And then the last that was said."""
    events, user = Events(), hub.user()
    hub.connector.send([events.record()])
    assert user.get(f"/{MAILBOX}/presence").json()["presence"] is None
    data = {"encryptionKeyUrl": "kms://k/1", "encryptedPresence": JWE, "revision": 3}
    hub.connector.send([events.make(EventKind.PRESENCE_PUT, data)])
    assert user.get(f"/{MAILBOX}/presence").json()["presence"] == data


# --- waiting -------------------------------------------------------------------------------------


def waiting(hub: House, user: Peer, what: str) -> Future[Answer]:
    """Ask, and return when the hub holds the answer back."""
    future = user.begin("GET", f"/relay/v1/mailboxes/{MAILBOX}/{what}")
    hub.client.run(_listened_to(hub))
    return future


async def _listened_to(hub: House) -> None:
    while not hub.office.bells.listened():  # noqa: ASYNC110 - the hub tells nobody that it waits
        await asyncio.sleep(0.001)


def test_a_reader_waits_for_the_list_to_change(tmp_path: Path) -> None:
    """It need not ask again and again: the answer comes with the change."""
    with house(tmp_path, times=PATIENT) as hub:
        events, user = Events(), hub.user()
        hub.connector.greet()
        hub.connector.send([events.put("m1")])
        version = listed(user)["version"]
        held = waiting(hub, user, f"meetings?changed_since={version}&wait=15")
        hub.connector.send([events.put("x", "mb-2")])
        assert not held.done()
        hub.connector.send([events.put("m2")])
        found = held.result(10).json()
        assert [one["id"] for one in found["meetings"]] == ["m1", "m2"]
        assert found["version"] != version


def test_a_list_that_did_not_change_is_not_sent_again(hub: House) -> None:
    """304 at once without waiting, or when the time is over."""
    user = hub.user()
    hub.connector.send([Events().put("m1")])
    version = listed(user)["version"]
    for query in (f"changed_since={version}", f"changed_since={version}&wait=1"):
        answer = user.get(f"/{MAILBOX}/meetings?{query}")
        assert (answer.status, answer.body) == (304, b"")


def test_growing_stale_is_a_change(hub: House) -> None:
    """A reader who compares versions learns of the silence."""
    user = hub.user()
    hub.connector.send([Events().put("m1")])
    version = listed(user)["version"]
    hub.clock.advance(minutes=20)
    assert listed(user, f"?changed_since={version}")["stale"]


def test_a_version_of_an_earlier_life_of_the_hub_is_an_old_one(tmp_path: Path) -> None:
    """It may have been restored in between, so that equal numbers say nothing."""
    with house(tmp_path) as hub:
        hub.connector.greet()
        hub.connector.send([Events().put("m1")])
        version = listed(hub.user())["version"]
    with house(tmp_path) as hub:
        assert listed(hub.user(), f"?changed_since={version}")["meetings"]


def test_a_user_waits_for_an_outcome(tmp_path: Path) -> None:
    """From a cursor on; outcomes before it do not end the wait."""
    with house(tmp_path, times=PATIENT) as hub:
        events, user = Events(), hub.user()
        hub.connector.greet()
        hub.connector.send([outcome(events, "c1")])
        page = user.get(f"/{MAILBOX}/outcomes").json()
        assert [one["commandId"] for one in page["outcomes"]] == ["c1"]
        held = waiting(hub, user, f"outcomes?after={page['cursor']}&wait=15")
        hub.connector.send([outcome(events, "c2")])
        assert [one["commandId"] for one in held.result(10).json()["outcomes"]] == ["c2"]


def test_one_token_holds_so_many_answers_and_no_more(tmp_path: Path) -> None:
    """A client that never hangs up does not eat the hub."""
    with house(tmp_path, times=PATIENT, limits=Limits(waits=1)) as hub:
        user = hub.user()
        hub.connector.greet()
        hub.connector.send([Events().put("m1")])
        held = waiting(hub, user, "outcomes?wait=15")
        assert code(user.get(f"/{MAILBOX}/outcomes?wait=15")) == (429, "busy")
        assert user.get(f"/{MAILBOX}/outcomes").status == 200
        held.cancel()
        hub.client.run(_let_go(hub))
        hub.connector.send([outcome(Events(after=5), "c1")])
        assert user.get(f"/{MAILBOX}/outcomes?wait=15").status == 200


async def _let_go(hub: House) -> None:
    while hub.office.bells.listened():  # noqa: ASYNC110 - the hub tells nobody that it waits
        await asyncio.sleep(0.001)


def test_a_hub_that_ends_lets_its_readers_go(tmp_path: Path) -> None:
    """With the answer they would get now."""
    with house(tmp_path, times=PATIENT) as hub:
        user = hub.user()
        hub.connector.greet()
        hub.connector.send([Events().put("m1")])
        held = waiting(hub, user, "outcomes?wait=15")
        hub.client.run(_stop(hub))
        assert held.result(10).json()["outcomes"] == []


async def _stop(hub: House) -> None:
    hub.application.stop_waiting()


# --- outcomes ------------------------------------------------------------------------------------


def test_outcomes_come_in_the_order_they_came(hub: House) -> None:
    """A hundred at a time, each with its time; a newer one of the same command comes at the end."""
    events, user = Events(), hub.user()
    hub.connector.send([outcome(events, f"c{number}") for number in range(60)])
    hub.connector.send([outcome(events, f"d{number}") for number in range(60)])
    first = user.get(f"/{MAILBOX}/outcomes").json()
    assert len(first["outcomes"]) == 100
    hub.connector.send([outcome(events, "c0", revision=2)])
    second = user.get(f"/{MAILBOX}/outcomes?after={first['cursor']}").json()
    assert [one["commandId"] for one in second["outcomes"]] == [*(f"d{n}" for n in range(40, 60)), "c0"]
    assert second["outcomes"][-1]["data"]["revision"] == 2
    assert second["outcomes"][-1]["at"] == "2026-11-21T09:00:00.000Z"
    last = user.get(f"/{MAILBOX}/outcomes?after={second['cursor']}").json()
    assert last == {"outcomes": [], "cursor": second["cursor"]}


def test_a_cursor_that_is_not_known_begins_anew(hub: House) -> None:
    """After a restore of the hub nothing is missed."""
    user = hub.user()
    hub.connector.send([outcome(Events(), "c1")])
    for cursor in ("1.000000000000", "9.abcdefabcdef", "anything"):
        found = user.get(f"/{MAILBOX}/outcomes?after={cursor}").json()
        assert [one["commandId"] for one in found["outcomes"]] == ["c1"]


# --- commands ------------------------------------------------------------------------------------


def test_a_command_is_queued_once(hub: House) -> None:
    """The same again changes nothing, another one under its id is a conflict; also after it was delivered."""
    user = hub.user()
    hub.connector.send([Events().put("m1")])
    for _ in range(2):
        answer = user.give("c1")
        assert (answer.status, answer.json()) == (202, {"id": "c1"})
        assert code(user.give("c1", JWE + "x")) == (409, "conflict")
        hub.connector.poll(hub.connector.poll().json()["cursor"])
    assert hub.connector.poll().json()["commands"] == []


def test_two_mailboxes_may_use_one_command_id(hub: House) -> None:
    """A user can't find out or block what another one sends."""
    events = Events()
    hub.connector.send([events.put("m1"), events.put("m2", "mb-2")])
    assert hub.user().give("c1").status == 202
    assert hub.user("mb-2").give("c1", JWE + "x", "mb-2").status == 202
    found = hub.connector.poll().json()["commands"]
    assert [(one["id"], one["mailbox"]) for one in found] == [("c1", MAILBOX), ("c1", "mb-2")]


def test_too_many_waiting_commands_are_refused(tmp_path: Path) -> None:
    """Until the connector has taken some."""
    with house(tmp_path, limits=Limits(waiting_commands=2)) as hub:
        user = hub.user()
        hub.connector.greet()
        hub.connector.send([Events().put("m1")])
        assert [user.give(name).status for name in ("c1", "c2", "c3")] == [202, 202, 429]
        hub.connector.poll(hub.connector.poll().json()["cursor"])
        assert user.give("c3").status == 202


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"id": "c1"},
        {"id": "c1", "jwe": "text"},
        {"id": "c/1", "jwe": JWE},
        {"id": "c1", "jwe": 7},
    ],
)
def test_a_command_that_is_none_is_malformed(hub: House, body: Any) -> None:
    """The hub passes on nothing that can't be a JWE."""
    hub.connector.send([Events().put("m1")])
    assert code(hub.user().post(f"/relay/v1/mailboxes/{MAILBOX}/commands", body)) == (400, "malformed")


def test_a_command_that_is_too_long_is_refused(hub: House) -> None:
    """A megabyte is enough for a meeting."""
    hub.connector.send([Events().put("m1")])
    assert code(hub.user().give("c1", JWE + "A" * 1024 * 1024)) == (413, "too-large")
