"""The rest of the table of verbs: sources, brake, dead letters, the trail; and which of them only read."""

from __future__ import annotations

import inspect
import json
from datetime import timedelta

import pytest

from connector.errors import NotFound, UserError
from connector.model import DeadLetter, Mailbox, Phase
from connector.operations.verbs import VERBS
from connector.sync import gate
from tests.unit.operations.bureau import ACTOR, Bureau, FakeRedirect, healthy

HOUR = timedelta(hours=1)
NEEDS_DAEMON = "this needs the running daemon: systemctl start calendar-connector"


def test_only_harmless_verbs_are_open_to_the_help_desk() -> None:
    """Those that read, and of them none that gives out keys or the trail."""
    assert {name for name, verb in VERBS.items() if verb.reads} == {
        "status",
        "mailbox.list",
        "mailbox.show",
        "meeting.why",
        "roster.list",
        "roster.plan",
        "source.list",
        "source.show",
        "deadletter.list",
    }


def test_every_verb_takes_premises_and_actor_first() -> None:
    """The rest are JSON-able arguments by name."""
    for verb in VERBS.values():
        assert list(inspect.signature(verb.run).parameters)[:2] == ["premises", "actor"]


def test_reading_verbs_change_nothing(bureau: Bureau, ada: Mailbox) -> None:
    """Neither a row nor a session, and all of them answer in JSON; opening a meeting alone leaves a row."""
    store = bureau.house.store
    before = (store.audit_rows(), store.sessions(), store.mailboxes())
    arguments = {"mailbox.show": {"address": ada.address}, "source.show": {"name": "hq"}}
    for name, verb in VERBS.items():
        if verb.reads and name != "meeting.why":
            json.dumps(bureau.call(name, **arguments.get(name, {})))
    assert (store.audit_rows(), store.sessions(), store.mailboxes()) == before


def test_why_is_asked_by_the_help_desk_and_recorded(bureau: Bureau) -> None:
    """Whoever opens a meeting stands in the trail; a title that is nowhere is said to be so."""
    ada = bureau.active("ada@example.com")
    with pytest.raises(UserError, match="no such meeting"):
        bureau.call("meeting.why", address=ada.address, subject="Nowhere")
    newest = bureau.house.store.audit_rows()[-1].entry
    assert (newest.action, newest.actor, newest.mailbox) == ("meeting.why", ACTOR, ada.address)


def test_redecorating_and_undecorating_are_recorded(bureau: Bureau) -> None:
    """By whom and for whom; a dry run leaves nothing behind."""
    ada = bureau.active("ada@example.com")
    before = bureau.house.store.last_audit()
    for verb in ("meeting.redecorate", "meeting.undecorate"):
        (answer,) = bureau.call(verb, addresses=[ada.address], dry_run=True)
        assert answer["sentence"].startswith("would do: 0 invitations")
    assert bureau.house.store.last_audit() == before
    for verb in ("meeting.undecorate", "meeting.redecorate"):
        bureau.call(verb, addresses=[ada.address])
        assert bureau.house.store.audit_rows()[-1].entry.action == verb


# --- sources


def test_the_sources_with_their_mailboxes(bureau: Bureau, ada: Mailbox) -> None:
    """Counted by state; what holds one back is said in words."""
    bureau.put_in(bureau.active("bob@example.com"), Phase.BLOCKED)
    row = {"name": "hq", "type": "exchange", "mailboxes": 2, "active": 1, "state": "reachable"}
    assert bureau.call("source.list") == [row]
    assert bureau.live is not None
    hold = {"source": "hq", "server": "", "problem": "The server can't be reached.", "until": "later"}
    bureau.live.told = healthy(bureau.house.clock, holds=[hold])
    assert bureau.call("source.list")[0]["state"] == "The server can't be reached."
    bureau.stop()
    assert bureau.call("source.list")[0]["state"] == "daemon not running"


def test_one_source_in_full(bureau: Bureau) -> None:
    """With its way and accounts, without a secret."""
    shown = bureau.call("source.show", name="hq")
    assert (shown["domains"], shown["way"], shown["accounts"]) == (["example.com"], "Autodiscover", ["svc"])
    assert shown["streams"][0]["streamed"] == 1
    with pytest.raises(NotFound, match="there is no source hp; the configuration has: hq"):
        bureau.call("source.show", name="hp")


@pytest.mark.parametrize(
    ("verb", "arguments"),
    [
        ("source.pause", {"name": "hq"}),
        ("source.resume", {"name": "hq"}),
        ("source.unsubscribe", {"name": "hq"}),
        ("writes.release", {}),
    ],
)
def test_what_takes_a_daemon_says_so(bureau: Bureau, verb: str, arguments: dict[str, str]) -> None:
    """One sentence, and no row of something that was not done."""
    bureau.stop()
    with pytest.raises(UserError, match=NEEDS_DAEMON):
        bureau.call(verb, **arguments)
    assert bureau.house.store.audit_rows() == ()


@pytest.mark.parametrize("verb", ["source.pause", "source.resume", "source.unsubscribe", "source.redirects"])
def test_an_unknown_source_is_refused(bureau: Bureau, verb: str) -> None:
    """With those there are."""
    with pytest.raises(NotFound, match="there is no source hp"):
        bureau.call(verb, name="hp")


def test_a_source_is_left_alone_for_a_while(bureau: Bureau, ada: Mailbox) -> None:
    """Until the time said, or until it is resumed; both leave a row."""
    assert bureau.call("source.pause", name="hq", seconds=7200) == (
        "hq is left alone until 2026-11-21 11:00 UTC"
    )
    calls = len(bureau.house.source.calls)
    bureau.house.forward(HOUR)
    assert len(bureau.house.source.calls) == calls
    assert bureau.call("source.resume", name="hq") == "hq goes on"
    bureau.house.run()
    assert len(bureau.house.source.calls) > calls
    (paused,), (resumed,) = bureau.rows("source.pause"), bureau.rows("source.resume")
    assert (paused.actor, paused.facts["source"]) == (ACTOR, "hq")
    assert (resumed.actor, dict(resumed.facts)) == (ACTOR, {"source": "hq"})


@pytest.mark.parametrize("seconds", [0, -5, 10**9, 10**30])
def test_a_pause_has_a_sensible_length(bureau: Bureau, seconds: int) -> None:
    """Whatever came over the socket."""
    with pytest.raises(UserError, match="at least a second and at most 366 days"):
        bureau.call("source.pause", name="hq", seconds=seconds)


def test_subscriptions_are_given_back(bureau: Bureau) -> None:
    """The answer and the row say how many."""
    assert bureau.call("source.unsubscribe", name="hq") == "3 subscriptions were given back"
    (row,) = bureau.rows("source.unsubscribe")
    assert (row.actor, dict(row.facts)) == (ACTOR, {"source": "hq", "count": 3})


def test_a_pending_redirect_is_allowed(bureau: Bureau, ada: Mailbox) -> None:
    """Those that waited for it are looked up again, also without a daemon; others are not touched."""
    bob = bureau.active("bob@example.com")
    bureau.put_in(ada, Phase.BLOCKED, reason="redirect-not-trusted", due=bureau.house.clock() + HOUR)
    bureau.put_in(bob, Phase.BLOCKED, reason="impersonation-denied", due=bureau.house.clock() + HOUR)
    target = "https://mail.other.example/autodiscover"
    now = bureau.house.clock()
    bureau.pending.waiting = [FakeRedirect("mail.other.example", target, "example.com", now)]
    (row,) = bureau.call("source.redirects", name="hq")
    assert (row["host"], row["target"], row["domain"]) == ("mail.other.example", target, "example.com")
    bureau.stop()
    with pytest.raises(NotFound, match=r"mail\.another\.example is not among the pending redirects of hq"):
        bureau.call("source.redirects", name="hq", allow="mail.another.example")
    assert bureau.call("source.redirects", name="hq", allow="mail.other.example") == []
    assert bureau.session(ada).phase is Phase.REQUESTED
    assert bureau.session(bob).phase is Phase.BLOCKED
    (allowed,) = bureau.rows("source.redirect-allowed")
    assert (allowed.actor, allowed.facts["host"]) == (ACTOR, "mail.other.example")


# --- writes


def test_writes_are_released(bureau: Bureau, ada: Mailbox) -> None:
    """The answer says whether they had been stopped; either way there is a row."""
    assert bureau.call("writes.release") == "writes were not stopped"
    bureau.house.store.put_setting("brake", json.dumps({"stopped": bureau.house.clock().isoformat()}))
    assert bureau.call("writes.release") == "writes flow again"
    assert [row.actor for row in bureau.rows("writes.release")] == [ACTOR, ACTOR]


def test_the_latest_writes_are_found_in_a_long_trail(bureau: Bureau, ada: Mailbox) -> None:
    """The newest twenty by address, although thousands of other rows lie between."""
    desk = bureau.desk(ACTOR)
    for number in range(30):
        gate._record(bureau.house.context, ada, gate.WRITE, {"item": f"i{number}"})
        for _ in range(70):
            desk.store.audit(desk.entry("mailbox.show"))
    shown = bureau.call("writes.show")
    assert shown["writes"] == "observing only"
    assert [row["facts"]["item"] for row in shown["latest"]] == [f"i{number}" for number in range(10, 30)]
    assert {row["mailbox"] for row in shown["latest"]} == {"ada@example.com"}


# --- dead letters


def bury(bureau: Bureau, ada: Mailbox) -> DeadLetter:
    calendar, now = bureau.house.source.calendar(ada.address), bureau.house.clock()
    calendar.add("Plan", now + HOUR, now + 2 * HOUR)
    bureau.house.engine.wake(ada.id, "stream")
    bureau.house.run()
    (queued,) = bureau.house.store.claim(10, now)
    bureau.house.store.bury(queued.envelope.id, "hub-refused", now)
    (letter,) = bureau.house.store.dead_letters()
    return letter


def test_dead_letters_are_listed_in_words(bureau: Bureau, ada: Mailbox) -> None:
    """Which event of which mailbox, when and why; never what it says."""
    letter = bury(bureau, ada)
    assert bureau.call("deadletter.list") == [
        {
            "event": letter.queued.envelope.id,
            "kind": "meeting.put",
            "mailbox": "ada@example.com",
            "at": "2026-11-21T09:00:00+00:00",
            "problem": "The hub will not take this event.",
        }
    ]


def test_a_retried_dead_letter_is_read_afresh(bureau: Bureau, ada: Mailbox) -> None:
    """The stored bytes are not sent again; what the calendar holds now is."""
    letter = bury(bureau, ada)
    calendar = bureau.house.source.calendar(ada.address)
    calendar.edit(next(iter(calendar.items)), subject="Newer")
    sentence = bureau.call("deadletter.retry", event=letter.queued.envelope.id)
    assert sentence == "ada@example.com is read afresh and sent again"
    bureau.house.run()
    assert bureau.house.subjects(ada) == {"Newer"}
    assert bureau.call("deadletter.list") == []
    (row,) = bureau.rows("deadletter.retry")
    assert (row.actor, row.facts["event"]) == (ACTOR, letter.queued.envelope.id)


def test_a_dead_letter_stays_where_nothing_can_be_read(bureau: Bureau, ada: Mailbox) -> None:
    """It is not dropped for a retry that did not happen."""
    letter = bury(bureau, ada)
    bureau.put_in(ada, Phase.PAUSED)
    with pytest.raises(UserError, match=r"can't be read afresh, the dead letter stays: .*paused"):
        bureau.call("deadletter.retry", event=letter.queued.envelope.id)
    assert len(bureau.call("deadletter.list")) == 1
    assert bureau.rows("deadletter.retry") == []


def test_a_dead_letter_is_dropped(bureau: Bureau, ada: Mailbox) -> None:
    """With a row; an unknown one is refused."""
    letter = bury(bureau, ada)
    assert bureau.call("deadletter.drop", event=letter.queued.envelope.id) == "dropped"
    assert bureau.call("deadletter.list") == []
    assert [row.actor for row in bureau.rows("deadletter.drop")] == [ACTOR]
    for verb in ("deadletter.drop", "deadletter.retry"):
        with pytest.raises(NotFound, match="there is no dead letter nope"):
            bureau.call(verb, event="nope")


# --- the trail


def test_the_trail_is_read_from_either_end(bureau: Bureau, ada: Mailbox) -> None:
    """From a number on, or the newest; rows kept under an id are shown by the address of their time."""
    gate._record(bureau.house.context, ada, gate.WRITE, {"item": "i"})
    everything = bureau.call("audit.list", after=0)
    assert [row["number"] for row in everything] == list(range(1, len(everything) + 1))
    assert bureau.call("audit.list", after=0, limit=2) == everything[:2]
    assert bureau.call("audit.list", limit=1) == everything[-1:]
    last = everything[-1]
    assert (last["action"], last["mailbox"], last["facts"]["item"]) == (gate.WRITE, ada.address, "i")
    assert everything[0]["actor"] == ACTOR
    assert bureau.call("audit.list", limit=-1) == []


def test_the_trail_is_verified(bureau: Bureau, ada: Mailbox) -> None:
    """None when every row is as it was written."""
    assert bureau.call("audit.verify") is None
