"""Activation and what follows it, in every phase."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.errors import AccessDenied, NotFound, UserError
from connector.model import Mailbox, Phase, Presence
from connector.sync.roster import MANUAL
from tests.unit.operations.bureau import ACTOR, Bureau

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


# --- activate


def test_an_activation_is_a_recorded_wish(bureau: Bureau) -> None:
    """The answer comes at once; validation and load are the daemon's work. The trail has who wished it."""
    bureau.house.source.calendar("ada@example.com")
    answer = bureau.answer("mailbox.activate", " Ada@Example.com ")
    assert answer == {
        "address": "ada@example.com",
        "done": True,
        "sentence": "activation is recorded; it is validated next",
        "code": 0,
    }
    mailbox = bureau.mailbox("ada@example.com")
    assert (mailbox.source, mailbox.policy, mailbox.origin) == ("hq", "staff", MANUAL)
    assert bureau.session(mailbox).phase is Phase.REQUESTED
    (row,) = bureau.rows("mailbox.activate")
    assert (row.actor, row.mailbox, dict(row.facts)) == (
        ACTOR,
        "ada@example.com",
        {"policy": "staff", "origin": "manual"},
    )
    bureau.house.run()
    assert bureau.session(mailbox).phase is Phase.LIVE


def test_the_policy_may_be_named(bureau: Bureau) -> None:
    """One the configuration does not have is refused with those it has, and nothing is recorded."""
    bureau.answer("mailbox.activate", "room1@example.com", policy="room")
    assert bureau.mailbox("room1@example.com").policy == "room"
    with pytest.raises(NotFound, match="no policy rom; the configuration has: staff, room"):
        bureau.call("mailbox.activate", addresses=["x@example.com"], policy="rom")
    assert bureau.house.store.find_mailbox("x@example.com") is None


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("ada@elsewhere.example", "Add the domain to `domains:`"),
        ("ada@sub.example.com", "Add the domain to `domains:`"),
        ("ceo@example.com", "roster.exclude names it, and that always wins"),
        ("CEO@example.com", "roster.exclude names it, and that always wins"),
        ("ada", "this is no mail address"),
        ("@example.com", "this is no mail address"),
        ("a@b@example.com", "this is no mail address"),
        (f"{'a' * 250}@example.com", "this is no mail address"),
    ],
)
def test_what_may_not_be_activated(bureau: Bureau, address: str, sentence: str) -> None:
    """One sentence that says what to do, exit code 2, no mailbox, no row."""
    answer = bureau.answer("mailbox.activate", address)
    assert (answer["done"], answer["code"]) == (False, 2)
    assert sentence in answer["sentence"]
    assert bureau.house.store.mailboxes() == ()
    assert bureau.rows("mailbox.activate") == []


def test_one_refusal_does_not_stop_the_others(bureau: Bureau) -> None:
    """Each address has its own answer, in the order given."""
    answers = bureau.call("mailbox.activate", addresses=["x@elsewhere.example", "ada@example.com"])
    assert [one["done"] for one in answers] == [False, True]


@pytest.mark.parametrize(
    ("phase", "word"),
    [
        (Phase.REQUESTED, "requested"),
        (Phase.VALIDATING, "validating"),
        (Phase.LOADING, "loading"),
        (Phase.LIVE, "active"),
        (Phase.PAUSED, "paused"),
    ],
)
def test_activating_again_changes_nothing(bureau: Bureau, ada: Mailbox, phase: Phase, word: str) -> None:
    """It is no failure, and the answer says where the mailbox stands and under which policy."""
    bureau.put_in(ada, phase)
    before = bureau.session(ada)
    answer = bureau.answer("mailbox.activate", "ada@example.com", policy="room")
    assert (answer["done"], answer["code"]) == (False, 0)
    assert answer["sentence"] == f"it is here already: {word}, with the policy staff"
    assert bureau.session(ada) == before


def test_activating_a_blocked_mailbox_tries_it_again_now(bureau: Bureau, ada: Mailbox) -> None:
    """Somebody has mended the right, and need not wait for the slow retry; no first load is needed."""
    bureau.house.source.faults.append(AccessDenied("impersonation-denied"))
    bureau.house.engine.wake(ada.id, "stream")
    bureau.house.run()
    assert bureau.session(ada).phase is Phase.BLOCKED
    bureau.sent()
    assert bureau.answer("mailbox.activate", "ada@example.com")["done"]
    bureau.house.run()
    assert bureau.session(ada).phase is Phase.LIVE
    assert "snapshot.begin" not in bureau.sent()


def test_activating_a_mailbox_that_moved_looks_it_up_again(bureau: Bureau, ada: Mailbox) -> None:
    """It may have moved back."""
    bureau.put_in(ada, Phase.MOVED)
    bureau.answer("mailbox.activate", "ada@example.com")
    bureau.house.run()
    assert bureau.session(ada).phase is Phase.LIVE


@pytest.mark.parametrize("told", [False, True])
def test_activating_a_mailbox_that_is_leaving_keeps_it(bureau: Bureau, ada: Mailbox, told: bool) -> None:
    """With the policy now wished and as no leaver; the hub, which may have dropped it, gets the whole list."""
    bureau.staff.named = ()
    bureau.call("mailbox.deactivate", addresses=["ada@example.com"], erase=True)
    if told:
        bureau.house.run()
    bureau.answer("mailbox.activate", "ada@example.com", policy="room")
    bureau.sent()
    bureau.house.forward(MINUTE)
    kept = bureau.mailbox("ada@example.com")
    assert (kept.id, kept.policy, kept.left_at) == (ada.id, "room", None)
    assert bureau.session(kept).phase is Phase.LIVE
    assert not bureau.session(kept).erase
    assert {"mailbox.put", "snapshot.begin", "snapshot.end"} <= set(bureau.sent())


def test_an_alias_is_answered_with_the_primary_address(bureau: Bureau) -> None:
    """The state says what is wrong, the remedy which address to use."""
    bureau.house.source.calendar("nick@example.com")
    bureau.answer("mailbox.activate", "nick@example.com")
    nick = bureau.mailbox("nick@example.com")
    bureau.house.engine.scheduler.run_due()
    bureau.house.source.faults.append(AccessDenied("alias-address", "ada@example.com"))
    bureau.house.run()
    shown = bureau.call("mailbox.show", address="nick@example.com")
    assert (bureau.session(nick).phase, shown["state"]) == (Phase.BLOCKED, "error")
    assert shown["problem"] == "The address is an alias."
    assert shown["remedy"] == "Activate the mailbox by its primary address: ada@example.com"


# --- deactivate and erase


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("erase", [False, True])
def test_leaving_from_every_phase(bureau: Bureau, ada: Mailbox, phase: Phase, erase: bool) -> None:
    """The hub is told once, then no row is left, and with erase no key either."""
    bureau.put_in(ada, phase)
    bureau.call("mailbox.deactivate", addresses=["ada@example.com"], erase=erase)
    bureau.house.forward(MINUTE)
    assert bureau.house.store.mailbox(ada.id) is None
    assert bureau.sent() == ["mailbox.gone"]
    begun = "mailbox.erase" if erase else "mailbox.deactivate"
    ended = "mailbox.erased" if erase else "mailbox.deactivated"
    assert [row.actor for row in bureau.rows(begun)] == [ACTOR]
    assert len(bureau.rows(ended)) == 1
    if erase:
        assert bureau.house.keys.keys(ada.id) == ()


def test_deactivating_twice_tells_the_hub_once(bureau: Bureau, ada: Mailbox) -> None:
    """The second wish joins the first; it may add the erasure."""
    bureau.call("mailbox.deactivate", addresses=["ada@example.com"])
    bureau.house.run()
    bureau.call("mailbox.deactivate", addresses=["ada@example.com"], erase=True)
    bureau.house.forward(MINUTE)
    assert bureau.sent() == ["mailbox.gone"]
    assert bureau.house.keys.keys(ada.id) == ()


@pytest.mark.parametrize("verb", ["mailbox.deactivate", "mailbox.pause", "mailbox.resume", "mailbox.resync"])
def test_one_unknown_address_among_many_changes_nothing(bureau: Bureau, ada: Mailbox, verb: str) -> None:
    """The sentence names it, and nobody has to find out who was done already."""
    before = bureau.session(ada)
    with pytest.raises(NotFound, match=r"eve@example\.com is not activated; .* mailbox list"):
        bureau.call(verb, addresses=["ada@example.com", "eve@example.com"])
    assert bureau.session(ada) == before


# --- pause and resume


@pytest.mark.parametrize(
    "phase",
    [Phase.REQUESTED, Phase.VALIDATING, Phase.LOADING, Phase.LIVE, Phase.BLOCKED, Phase.MOVED],
)
def test_a_paused_mailbox_is_asked_nothing_and_comes_back(bureau: Bureau, ada: Mailbox, phase: Phase) -> None:
    """Not even after days; resumed, it ends up live, with its list whole."""
    bureau.put_in(ada, phase, load=None if phase is not Phase.LOADING else bureau.session(ada).load)
    if phase is Phase.LOADING:
        bureau.put_in(ada, Phase.LIVE)
        bureau.call("mailbox.resync", addresses=["ada@example.com"])
    assert bureau.answer("mailbox.pause", "ada@example.com")["sentence"] == "paused"
    calls = len(bureau.house.source.calls)
    bureau.house.forward(timedelta(days=2))
    assert len(bureau.house.source.calls) == calls
    assert bureau.session(ada).phase is Phase.PAUSED
    assert bureau.answer("mailbox.resume", "ada@example.com")["done"]
    bureau.house.run()
    assert bureau.session(ada).phase is Phase.LIVE
    assert [row.actor for row in bureau.rows("mailbox.pause")] == [ACTOR]
    assert [row.actor for row in bureau.rows("mailbox.resume")] == [ACTOR]


def test_a_live_mailbox_comes_back_without_a_first_load(bureau: Bureau, ada: Mailbox) -> None:
    """It is validated, then caught up on from its cursor."""
    bureau.call("mailbox.pause", addresses=["ada@example.com"])
    calendar = bureau.house.source.calendar("ada@example.com")
    calendar.add("Plan", bureau.house.clock() + HOUR, bureau.house.clock() + 2 * HOUR)
    bureau.call("mailbox.resume", addresses=["ada@example.com"])
    bureau.house.run()
    assert bureau.house.subjects(ada) == {"Plan"}
    assert "snapshot.begin" not in bureau.sent()


@pytest.mark.parametrize("phase", [Phase.PAUSED, Phase.LEAVING])
def test_what_is_paused_or_leaving_is_not_paused(bureau: Bureau, ada: Mailbox, phase: Phase) -> None:
    """Nothing is changed; a leaving mailbox goes on leaving."""
    bureau.put_in(ada, phase)
    before = bureau.session(ada)
    answer = bureau.answer("mailbox.pause", "ada@example.com")
    assert (answer["done"], answer["sentence"]) == (False, "it is paused or leaving already")
    assert bureau.session(ada) == before


@pytest.mark.parametrize(
    "phase", [Phase.REQUESTED, Phase.VALIDATING, Phase.LOADING, Phase.LIVE, Phase.LEAVING]
)
def test_only_what_is_held_up_is_resumed(bureau: Bureau, ada: Mailbox, phase: Phase) -> None:
    """The others are on their way already."""
    bureau.put_in(ada, phase)
    before = bureau.session(ada)
    assert bureau.answer("mailbox.resume", "ada@example.com")["sentence"] == "it is not paused"
    assert bureau.session(ada) == before


# --- resync


def test_a_resync_sends_everything_again(bureau: Bureau, ada: Mailbox) -> None:
    """Meetings between the marks of a snapshot, and presence too."""
    house = bureau.house
    house.source.calendar("ada@example.com").add("Plan", house.clock() + HOUR, house.clock() + 2 * HOUR)
    house.source.calendar("ada@example.com").presence = Presence(away=True)
    house.forward(10 * MINUTE)
    bureau.sent()
    assert bureau.answer("mailbox.resync", "ada@example.com")["done"]
    house.forward(10 * MINUTE)
    kinds = bureau.sent()
    for kind in ("mailbox.put", "snapshot.begin", "meeting.put", "snapshot.end", "presence.put"):
        assert kind in kinds
    assert [row.actor for row in bureau.rows("mailbox.resync")] == [ACTOR]


@pytest.mark.parametrize("phase", sorted(set(Phase) - {Phase.LOADING, Phase.LIVE}))
def test_what_is_not_read_is_not_read_afresh(bureau: Bureau, ada: Mailbox, phase: Phase) -> None:
    """The answer says so, with exit code 1."""
    bureau.put_in(ada, phase)
    answer = bureau.answer("mailbox.resync", "ada@example.com")
    assert (answer["done"], answer["code"]) == (False, 1)
    assert answer["sentence"].startswith("it is not being read at present: ")


# --- races


def test_a_wish_is_recorded_although_steps_commit_all_the_time(bureau: Bureau, ada: Mailbox) -> None:
    """The session is read again until the change fits."""
    store = bureau.house.store
    original, races = store.change_session, iter(range(3))

    def raced(session: object, audit: object = None) -> object:
        if next(races, None) is not None:
            original(bureau.session(ada))
        return original(session, audit)  # type: ignore[arg-type]

    store.change_session = raced  # type: ignore[method-assign,assignment]
    assert bureau.answer("mailbox.pause", "ada@example.com")["done"]
    assert bureau.session(ada).phase is Phase.PAUSED
    assert len(bureau.rows("mailbox.pause")) == 1


def test_a_mailbox_that_never_comes_to_rest_is_given_up_with_a_sentence(bureau: Bureau, ada: Mailbox) -> None:
    """Not an endless loop."""
    store = bureau.house.store
    original = store.change_session

    def raced(session: object, audit: object = None) -> object:
        original(bureau.session(ada))
        return original(session, audit)  # type: ignore[arg-type]

    store.change_session = raced  # type: ignore[method-assign,assignment]
    with pytest.raises(UserError, match=r"ada@example\.com is too busy just now; try again"):
        bureau.answer("mailbox.pause", "ada@example.com")
