"""Commands of the cloud, from the sealed word to calendar, audit trail and sealed outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from connector.errors import AccessDenied, Conflict, Scope, StoreError, Transient
from connector.model import AuditEntry, Command, Outcome, Phase, Result, SealedCommand
from connector.relay.wire import uuid7
from connector.seal.commands import seal_command
from connector.seal.opening import open_outcome
from connector.store.memory import MemoryStore
from connector.sync import commands, gate
from connector.sync.context import Brake, Context, Rules
from tests.fakes.house import POLICY, House

HOUR = timedelta(hours=1)


class Office:
    """A house with one live mailbox, and somebody in the cloud who holds its key."""

    def __init__(self, house: House | None = None) -> None:
        self.house = house or House()
        calendar = self.house.source.calendar("ada@example.com")
        start = self.house.clock() + HOUR
        self.item = calendar.add("Plan", start, start + HOUR)
        self.ada = self.house.activate()
        self.house.run()
        self.acknowledge()

    def acknowledge(self) -> None:
        store = self.house.store
        store.acknowledge([one.envelope.id for one in store.claim(10_000, self.house.clock())])

    def use(self, context: Context) -> None:
        self.house.context = context
        self.house.engine = self.house.fresh_engine()
        self.house.engine.start(resync=False)

    def command(self, kind: str, body: Mapping[str, Any], **changed: Any) -> Command:
        command = Command(
            uuid7(self.house.clock()), self.ada.id, kind, self.ada.address, self.house.clock() + HOUR, body
        )
        return replace(command, **changed)

    def seal(self, command: Command) -> SealedCommand:
        key = self.house.keys.sealing_key(self.ada.id)
        return SealedCommand(command.id, self.ada.id, seal_command(command, key), self.house.clock())

    def bring(self, sealed: SealedCommand) -> None:
        """The downlink delivers it."""
        for mailbox_id in self.house.store.accept([sealed], "cursor"):
            self.house.engine.wake(mailbox_id, "hub")
        self.house.run()

    def order(self, kind: str, body: Mapping[str, Any], **changed: Any) -> Outcome | None:
        """Deliver a command; the outcome that waits for the hub, if there is one."""
        command = self.command(kind, body, **changed)
        self.bring(self.seal(command))
        return self.outcome(command.id)

    def outcome(self, command_id: str) -> Outcome | None:
        for queued in self.house.peek():
            data = queued.envelope.data
            if queued.envelope.kind.value == "command.outcome" and data["commandId"] == command_id:
                return open_outcome(data, lambda uri: self.house.keys.opening_key(uri, self.ada.id))
        return None

    def create(self, **changed: Any) -> Outcome | None:
        return self.order("meeting.create", self.meeting(), **changed)

    def meeting(self) -> dict[str, str]:
        start = self.house.clock() + 5 * HOUR
        return {"subject": "New", "start": start.isoformat(), "end": (start + HOUR).isoformat()}

    def meeting_id(self, start: datetime) -> str:
        uid = self.house.source.calendar(self.ada.address).items[self.item].uid
        return self.house.digests.meeting_id(uid, start)

    def update(self, **body: Any) -> Outcome | None:
        start = next(iter(self.house.source.calendar(self.ada.address).items[self.item].occurrences))
        return self.order("meeting.update", {"id": self.meeting_id(start), **body})

    def writes(self) -> list[str]:
        return [operation for operation, _ in self.house.source.calls if operation == "apply"]

    def rows(self, action: str) -> list[AuditEntry]:
        return [row.entry for row in self.house.store.audit_rows() if row.entry.action == action]


@pytest.fixture
def office() -> Office:
    return Office()


def test_a_meeting_is_made_and_goes_up_at_once(office: Office) -> None:
    """The outcome names the meeting, which stands in the same commit."""
    outcome = office.create()
    assert outcome is not None
    assert (outcome.result, outcome.code) == (Result.DONE, "")
    (put,) = [q.envelope for q in office.house.peek() if q.envelope.kind.value == "meeting.put"]
    assert outcome.body == {"meetings": [put.meeting_id], "repeated": False}
    assert office.house.subjects(office.ada) == {"New"}


def test_a_meeting_is_changed(office: Office) -> None:
    """Only the fields given are written."""
    outcome = office.update(location="Room 5")
    assert outcome is not None
    assert outcome.result is Result.DONE
    (meeting,) = office.house.source.calendar(office.ada.address).items[office.item].occurrences.values()
    assert (meeting.location, meeting.subject) == ("Room 5", "Plan")


def test_an_update_of_a_meeting_that_is_not_there_is_refused(office: Office) -> None:
    """A meeting id of another mailbox, or of long ago, names nothing here."""
    outcome = office.order("meeting.update", {"id": "0" * 32, "location": "x"})
    assert outcome is not None
    assert (outcome.result, outcome.code) == (Result.REFUSED, "item-not-found")
    assert office.writes() == []


def test_the_trail_says_who_wrote_what(office: Office) -> None:
    """Acting user, item, names of fields, mail mode and digests before and after; never a word of the meeting."""
    office.update(location="Room 5", mail="none")
    (asked,) = office.rows(gate.WRITE)
    (done,) = office.rows(commands.WRITTEN)
    facts = dict(asked.facts)
    assert asked.mailbox == done.mailbox == office.ada.id
    assert (facts["acting"], facts["kind"], facts["mail"]) == (office.ada.address, "meeting.update", "none")
    assert (facts["item"], facts["fields"]) == (office.item, ["location"])
    assert facts["digest_before"]
    assert done.facts["digest_after"] not in {"", facts["digest_before"]}
    assert facts["command"] == done.facts["command"]
    assert "Room 5" not in repr(office.house.store.audit_rows())


def test_free_and_busy_is_asked_with_the_rights_of_the_owner(office: Office) -> None:
    """The answer has an entry for each address; a mailbox that is not activated is asked about, not opened."""
    now = office.house.clock()
    body = {
        "addresses": ["ada@example.com", "eve@example.com"],
        "start": now.isoformat(),
        "end": (now + 9 * HOUR).isoformat(),
    }
    outcome = office.order("freebusy.ask", body)
    assert outcome is not None
    mine, other = outcome.body["availability"]
    assert [span["showAs"] for span in mine["busy"]] == ["busy"]
    assert (other["code"], other["busy"]) == ("address-unknown", [])
    assert ("availability", office.ada.address) in office.house.source.calls
    assert {address for _, address in office.house.source.calls} == {"", office.ada.address}


def test_questions_are_rate_capped(office: Office) -> None:
    """A hub that got hold of a user can't map a company's calendars through one mailbox."""
    now = office.house.clock()
    body = {
        "addresses": ["ada@example.com"],
        "start": now.isoformat(),
        "end": (now + HOUR).isoformat(),
    }
    outcomes = [office.order("freebusy.ask", body) for _ in range(gate.QUESTIONS + 1)]
    assert [one.result for one in outcomes if one][-2:] == [Result.DONE, Result.REFUSED]
    asked = [operation for operation, _ in office.house.source.calls if operation == "availability"]
    assert len(asked) == gate.QUESTIONS


def refused(office: Office, sealed: SealedCommand) -> str:
    office.bring(sealed)
    outcome = office.outcome(sealed.id)
    assert outcome is not None
    assert outcome.result is Result.REFUSED
    assert office.writes() == []
    assert office.rows(gate.WRITE) == []
    return outcome.code


def test_an_unsealed_command_is_refused(office: Office) -> None:
    """The hub can't order anything by itself."""
    bare = SealedCommand("c1", office.ada.id, '{"kind": "meeting.create"}', office.house.clock())
    assert refused(office, bare) == "command-not-sealed"


def test_a_command_sealed_to_another_mailbox_is_refused(office: Office) -> None:
    """Neither its key nor its header opens anything here."""
    bob = office.house.activate("bob@example.com")
    office.house.run()
    office.acknowledge()
    command = replace(office.command("meeting.create", office.meeting()), mailbox_id=bob.id)
    jwe = seal_command(command, office.house.keys.sealing_key(bob.id))
    swapped = SealedCommand(command.id, office.ada.id, jwe, office.house.clock())
    assert refused(office, swapped) == "command-not-sealed"


def test_a_command_under_another_id_is_refused(office: Office) -> None:
    """The hub can't have one command carried out twice by giving it a second id."""
    sealed = office.seal(office.command("meeting.create", office.meeting()))
    assert refused(office, replace(sealed, id="other")) == "command-not-sealed"


def test_an_expired_command_is_refused(office: Office) -> None:
    """One that lay at the hub for too long is not carried out any more."""
    sealed = office.seal(office.command("meeting.create", office.meeting()))
    office.house.clock.forward(2 * HOUR)
    assert refused(office, sealed) == "command-expired"


def test_a_replayed_command_is_passed_over(office: Office) -> None:
    """Finished or not, an id is taken once."""
    sealed = office.seal(office.command("meeting.create", office.meeting()))
    office.bring(sealed)
    office.acknowledge()
    office.bring(sealed)
    assert len(office.writes()) == 1
    assert "command.outcome" not in office.house.sent()


def test_an_actor_who_is_not_the_owner_is_refused(office: Office) -> None:
    """Whoever holds the key of a mailbox acts as its owner and as nobody else."""
    command = office.command("meeting.create", office.meeting(), actor="eve@example.com")
    assert refused(office, office.seal(command)) == "write-not-allowed"


@pytest.mark.parametrize(
    ("kind", "body", "code"),
    [
        ("mailbox.empty", {}, "command-unknown"),
        ("meeting.create", {"subject": "No time"}, "command-malformed"),
        ("meeting.update", {"id": "x"}, "command-malformed"),
        ("freebusy.ask", {"addresses": []}, "command-malformed"),
    ],
)
def test_what_is_not_understood_is_refused(
    office: Office, kind: str, body: Mapping[str, Any], code: str
) -> None:
    """An unknown kind and a body that lacks something are answered, not retried."""
    assert refused(office, office.seal(office.command(kind, body))) == code


def test_an_observing_connector_writes_nothing(office: Office) -> None:
    """``mode: observe`` refuses with its own word."""
    office.use(replace(office.house.context, rules=Rules(1, {"staff": POLICY}, active=False)))
    assert refused(office, office.seal(office.command("meeting.create", office.meeting()))) == "mode-observe"


def test_a_policy_that_does_not_allow_it_refuses(office: Office) -> None:
    """``write:`` without hub."""
    policy = replace(POLICY, write=frozenset({"keyword"}))
    office.use(replace(office.house.context, rules=Rules(1, {"staff": policy}, active=True)))
    sealed = office.seal(office.command("meeting.create", office.meeting()))
    assert refused(office, sealed) == "write-not-allowed"


def test_before_the_hub_has_confirmed_this_life_a_command_waits(office: Office) -> None:
    """It is tried again and carried out once the confirmation is there."""
    office.house.confirmed.clear()
    assert office.create() is None
    assert office.writes() == []
    office.house.confirmed.set()
    office.house.forward(timedelta(minutes=1))
    assert len(office.writes()) == 1


def test_a_command_that_can_not_be_carried_out_for_a_while_is_tried_again(office: Office) -> None:
    """Exchange was away; the meeting is made once."""
    command = office.command("meeting.create", office.meeting())
    office.house.store.accept([office.seal(command)], "cursor")
    office.house.source.faults.append(Transient("unreachable", scope=Scope.MAILBOX))
    office.house.engine.wake(office.ada.id, "hub")
    office.house.run()
    assert office.outcome(command.id) is None
    office.house.forward(timedelta(minutes=1))
    outcome = office.outcome(command.id)
    assert outcome is not None
    assert outcome.result is Result.DONE
    calendar = office.house.source.calendar(office.ada.address)
    assert [m.subject for item in calendar.items.values() for m in item.occurrences.values()].count(
        "New"
    ) == 1


def test_a_command_that_is_tried_until_it_expires_is_answered(office: Office) -> None:
    """Nobody waits for ever: the expiry ends it, as soon as the hub is there to hear of it."""
    office.house.confirmed.clear()
    command = office.command("meeting.create", office.meeting())
    office.bring(office.seal(command))
    office.house.forward(2 * HOUR)
    office.house.confirmed.set()
    office.house.forward(timedelta(seconds=10))
    outcome = office.outcome(command.id)
    assert outcome is not None
    assert (outcome.result, outcome.code) == (Result.REFUSED, "command-expired")


def test_a_mailbox_is_read_while_its_command_waits_for_the_hub(office: Office) -> None:
    """The calendar's changes do not queue up behind a command that may not be carried out yet."""
    office.house.confirmed.clear()
    office.bring(office.seal(office.command("meeting.create", office.meeting())))
    office.house.source.calendar(office.ada.address).edit(office.item, subject="Changed meanwhile")
    office.house.engine.wake(office.ada.id, "stream")
    office.house.run()
    assert "Changed meanwhile" in office.house.subjects(office.ada)


def test_a_command_that_fails_for_its_own_sake_is_given_up(office: Office) -> None:
    """After some tries the client hears that it failed, and the mailbox goes on being read."""
    command = office.command("meeting.create", office.meeting())
    office.house.source.faults += [Conflict("item-changed")] * commands.TRIES
    office.bring(office.seal(command))
    office.house.forward(timedelta(minutes=5))
    outcome = office.outcome(command.id)
    assert outcome is not None
    assert (outcome.result, outcome.code) == (Result.FAILED, "item-changed")
    assert office.house.phase(office.ada) is Phase.LIVE


def test_a_command_outlives_a_server_that_is_away(office: Office) -> None:
    """What every command would meet is nobody's own fault: it is tried until the server is back."""
    command = office.command("meeting.create", office.meeting())
    office.house.source.faults += [Transient("unreachable", scope=Scope.SERVER)] * (commands.TRIES + 3)
    office.bring(office.seal(command))
    office.house.forward(timedelta(minutes=50))
    outcome = office.outcome(command.id)
    assert outcome is not None
    assert outcome.result is Result.DONE


def test_a_tripped_brake_refuses(office: Office) -> None:
    """Until somebody releases it."""
    office.use(replace(office.house.context, brake=Brake(per_mailbox=1)))
    first, second = office.create(), office.create()
    assert first is not None
    assert second is not None
    assert (first.result, second.result, second.code) == (Result.DONE, Result.REFUSED, "brake")
    assert len(office.writes()) == 1
    office.house.clock.forward(timedelta(seconds=1))
    gate.release(office.house.context)
    third = office.create()
    assert third is not None
    assert third.result is Result.DONE


class FullStore(MemoryStore):
    """Takes no audit row of a write."""

    def audit(self, entry: AuditEntry) -> int:
        if entry.action == gate.WRITE:
            raise StoreError("The disk is full.")
        return super().audit(entry)


def test_no_write_without_its_row() -> None:
    """A trail that takes no row lets no write through, and the process ends rather than going on without it."""
    office = Office(House(store=FullStore()))
    with pytest.raises(StoreError):
        office.create()
    assert office.writes() == []


def test_every_command_is_answered_in_the_trail(office: Office) -> None:
    """Refused ones too."""
    office.create()
    office.create(actor="eve@example.com")
    answered = [(row.facts["result"], row.facts["code"]) for row in office.rows("command.answered")]
    assert answered == [("done", ""), ("refused", "write-not-allowed")]


def test_a_command_for_a_blocked_mailbox_waits_for_it(office: Office) -> None:
    """It is neither lost nor carried out behind a closed door."""
    office.house.source.faults.append(AccessDenied("impersonation-denied"))
    office.house.engine.wake(office.ada.id, "stream")
    office.house.run()
    assert office.house.phase(office.ada) is Phase.BLOCKED
    command = office.command("meeting.create", office.meeting())
    office.bring(office.seal(command))
    assert office.writes() == []
    office.house.forward(timedelta(minutes=30))
    assert office.outcome(command.id) is not None


def test_an_edit_by_command_causes_no_echo(office: Office) -> None:
    """What comes back through the feed is what was sent already."""
    office.create()
    office.acknowledge()
    office.house.engine.wake(office.ada.id, "stream")
    office.house.run()
    assert office.house.sent() == []
