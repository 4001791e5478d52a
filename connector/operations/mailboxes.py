"""Activation and what follows it. An activation is a durable wish: validation and first load are the daemon's work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import uuid4

from connector.errors import NotFound, UserError
from connector.model import AuditEntry, Mailbox, Phase, Session
from connector.operations.desk import Desk
from connector.reasons import explain
from connector.sync import failing, loading, state
from connector.sync.roster import MANUAL
from connector.sync.window import Span

SHARED_CALENDARS = ("group.calendar.google.com", "group.v.calendar.google.com", "import.calendar.google.com")
"""Domains of secondary, holiday and imported calendars at Google."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one address: ``done`` tells whether anything was changed.

    ``code`` is a command's exit code for it: 0 also where everything was as wished already, 1 where it can't be done just now, 2 for a
    wrong address.
    """

    address: str
    done: bool
    sentence: str
    code: int = 0

    def plain(self) -> dict[str, Any]:
        """For the socket and --json."""
        return {"address": self.address, "done": self.done, "sentence": self.sentence, "code": self.code}


def _wrong(address: str, sentence: str) -> Answer:
    return Answer(address, done=False, sentence=sentence, code=2)


def activate(
    desk: Desk,
    addresses: Sequence[str],
    policy: str | None = None,
    origin: str = MANUAL,
    source: str | None = None,
) -> list[Answer]:
    """Record the wish for each address. An address in no configured domain is refused, one already here left alone."""
    policy = policy or next(iter(desk.config.policies))
    if policy not in desk.config.policies:
        known = ", ".join(desk.config.policies)
        raise NotFound(f"there is no policy {policy}; the configuration has: {known}")
    return [_activate(desk, address.strip().lower(), policy, origin, source) for address in addresses]


def _activate(desk: Desk, address: str, policy: str, origin: str, named: str | None) -> Answer:
    if address.count("@") != 1 or address.startswith("@") or len(address) > 254:
        return _wrong(address, "this is no mail address; write it as name@example.com")
    if address in desk.config.roster.exclude:
        return _wrong(address, "roster.exclude names it, and that always wins")
    source = desk.source_of(address, named)
    if source is None:
        reason = explain("google-shared-calendar" if _is_shared(address) else "domain-not-allowed")
        return _wrong(address, f"{reason.sentence} {reason.remedy}")
    present = desk.store.find_mailbox(address)
    if present is not None:
        return _again(desk, present, policy, origin)
    now = desk.now()
    mailbox = Mailbox(uuid4().hex, source, address, policy, origin)
    session = Session(mailbox.id, Phase.REQUESTED, now)
    desk.store.add_mailbox(
        mailbox, session, desk.entry("mailbox.activate", address, policy=policy, origin=origin)
    )
    desk.changed(mailbox.id)
    return Answer(address, done=True, sentence="activation is recorded; it is validated next")


def _is_shared(address: str) -> bool:
    """Whether it is a calendar of nobody's own at Google, so that adding its domain would not help."""
    return address.rpartition("@")[2] in SHARED_CALENDARS


def _again(desk: Desk, mailbox: Mailbox, policy: str, origin: str) -> Answer:
    session = desk.session(mailbox)
    if session.phase is Phase.LEAVING:
        desk.store.change_mailbox(replace(mailbox, policy=policy, origin=origin, left_at=None))
    elif session.phase not in {Phase.BLOCKED, Phase.MOVED}:
        here = f"it is here already: {phase_word(session)}, with the policy {mailbox.policy}"
        return Answer(mailbox.address, done=False, sentence=here)
    entry = desk.entry("mailbox.activate", mailbox.address, again=True)
    desk.alter(mailbox, lambda old: _afresh(old, desk.now()), entry)
    return Answer(mailbox.address, done=True, sentence="it is validated anew")


def _afresh(session: Session, now: datetime) -> Session:
    resume = session.resume if session.phase is Phase.BLOCKED else None
    return replace(
        session, phase=Phase.REQUESTED, due=now, attempts=0, reason=None, resume=resume, erase=False
    )


def deactivate(desk: Desk, addresses: Sequence[str], *, erase: bool = False) -> list[Answer]:
    """Record that they leave: source and hub are told, then the local rows are deleted."""
    return [_deactivate(desk, mailbox, erase=erase) for mailbox in _all(desk, addresses)]


def _all(desk: Desk, addresses: Sequence[str]) -> list[Mailbox]:
    """All of them, or NotFound before anything is done to the first."""
    return [desk.mailbox(address) for address in dict.fromkeys(addresses)]


def _deactivate(desk: Desk, mailbox: Mailbox, *, erase: bool) -> Answer:
    def leaving(session: Session) -> Session:
        resume = Phase.LEAVING if session.phase is Phase.LEAVING and session.resume is Phase.LEAVING else None
        return replace(
            session, phase=Phase.LEAVING, due=desk.now(), attempts=0, reason=None, resume=resume, erase=erase
        )

    action = "mailbox.erase" if erase else "mailbox.deactivate"
    desk.alter(mailbox, leaving, desk.entry(action, mailbox.address))
    return Answer(mailbox.address, done=True, sentence="it leaves; the hub is told")


def pause(desk: Desk, addresses: Sequence[str]) -> list[Answer]:
    """Nothing more is asked of these mailboxes until they are resumed; the hub keeps their lists and marks them stale."""
    return [_pause(desk, mailbox) for mailbox in _all(desk, addresses)]


def _pause(desk: Desk, mailbox: Mailbox, reason: str = "paused") -> Answer:
    if desk.session(mailbox).phase in {Phase.PAUSED, Phase.LEAVING}:
        return Answer(mailbox.address, done=False, sentence="it is paused or leaving already")
    desk.alter(
        mailbox,
        lambda old: replace(
            old, phase=Phase.PAUSED, reason=reason, resume=state.resumable(old.phase) or old.resume
        ),
        desk.entry("mailbox.pause", mailbox.address, reason=reason),
    )
    return Answer(mailbox.address, done=True, sentence="paused")


def leave(desk: Desk, mailbox: Mailbox) -> Answer:
    """Pause a mailbox that the roster no longer names."""
    return _pause(desk, mailbox, "left-roster")


def resume(desk: Desk, addresses: Sequence[str]) -> list[Answer]:
    """Go on where it was paused; it is validated again first."""
    return [_resume(desk, mailbox) for mailbox in _all(desk, addresses)]


def _resume(desk: Desk, mailbox: Mailbox) -> Answer:
    if desk.session(mailbox).phase not in {Phase.PAUSED, Phase.BLOCKED, Phase.MOVED}:
        return Answer(mailbox.address, done=False, sentence="it is not paused")
    if mailbox.left_at is not None:
        desk.store.change_mailbox(replace(mailbox, left_at=None))
    entry = desk.entry("mailbox.resume", mailbox.address)
    desk.alter(
        mailbox,
        lambda old: replace(old, phase=Phase.REQUESTED, due=desk.now(), attempts=0, reason=None),
        entry,
    )
    return Answer(mailbox.address, done=True, sentence="resumed; it is validated again first")


def resync(desk: Desk, addresses: Sequence[str]) -> list[Answer]:
    """Read the calendars afresh and send every meeting again."""
    return [_resync(desk, mailbox) for mailbox in _all(desk, addresses)]


def _resync(desk: Desk, mailbox: Mailbox) -> Answer:
    if desk.session(mailbox).phase not in state.WATCHED:
        word = phase_word(desk.session(mailbox))
        return Answer(
            mailbox.address, done=False, sentence=f"it is not being read at present: {word}", code=1
        )
    entry = desk.entry("mailbox.resync", mailbox.address)
    desk.alter(mailbox, lambda old: afresh(old, desk.now()), entry)
    return Answer(mailbox.address, done=True, sentence="it is read afresh and sent again")


def afresh(session: Session, now: datetime) -> Session:
    """The session at the beginning of a full read that sends everything again."""
    load = state.reread(session, resend=True)
    return replace(
        session,
        phase=Phase.LOADING,
        load=load,
        cursor=None,
        due=now,
        attempts=0,
        reason=None,
        presence_digest=None,
    )


def reread(desk: Desk, mailbox: Mailbox, entry: AuditEntry) -> None:
    """Have everything sent again: now, or when a mailbox that is held up comes back."""

    def anew(session: Session) -> Session:
        if session.phase in state.WATCHED:
            return afresh(session, desk.now())
        return replace(session, resume=None if session.resume in state.WATCHED else session.resume)

    desk.alter(mailbox, anew, entry)


def rename(desk: Desk, old: str, new: str) -> Answer:
    """Give a mailbox its new primary address; keys, list and identity at the hub stay."""
    mailbox, new = desk.mailbox(old), new.strip().lower()
    if desk.store.find_mailbox(new) is not None:
        raise UserError(f"{new} is activated already; deactivate it first")
    if desk.source_of(new, mailbox.source) is None:
        raise NotFound(f"{new} is in no mail domain of the source {mailbox.source}")
    phase = desk.session(mailbox).phase
    if phase is Phase.LEAVING:
        raise UserError(f"{mailbox.address} is leaving; activate {new} instead")
    renamed = desk.entry("mailbox.rename", new, mailbox_id=mailbox.id, former=mailbox.address)
    desk.store.change_mailbox(replace(mailbox, address=new), renamed)
    desk.alter(
        mailbox, lambda session: _under_new_name(session, desk.now()), desk.entry("mailbox.revalidate", new)
    )
    if phase is Phase.PAUSED:
        return Answer(new, done=True, sentence="renamed; it stays paused")
    return Answer(new, done=True, sentence="renamed; it is validated under the new address")


def _under_new_name(session: Session, now: datetime) -> Session:
    """Validated again and read in full, for the hub has to be told the new address's index; a pause stays one."""
    fresh = replace(session, resume=None, load=None)
    if session.phase is Phase.PAUSED:
        return fresh
    return replace(fresh, phase=Phase.REQUESTED, due=now, attempts=0, reason=None)


def listing(desk: Desk) -> list[dict[str, Any]]:
    """Every mailbox in one row."""
    sessions = {session.mailbox_id: session for session in desk.store.sessions()}
    rows = [describe(mailbox, sessions.get(mailbox.id)) for mailbox in desk.store.mailboxes()]
    return sorted(rows, key=lambda row: str(row["address"]))


def describe(mailbox: Mailbox, session: Session | None) -> dict[str, Any]:
    """One row of the list."""
    return {
        "address": mailbox.address,
        "state": phase_word(session) if session else "gone",
        "source": mailbox.source,
        "policy": mailbox.policy,
        "origin": mailbox.origin,
        "problem": explain(session.reason).sentence if session and session.reason else "",
    }


def show(desk: Desk, address: str) -> dict[str, Any]:
    """Everything worth knowing about one mailbox, remedy included."""
    mailbox = desk.mailbox(address)
    session = desk.session(mailbox)
    reason = explain(session.reason) if session.reason else None
    return {
        **describe(mailbox, session),
        "id": mailbox.id,
        "remedy": words(desk, reason.remedy, mailbox) if reason else "",
        "meetings": desk.store.count_rows(mailbox.id),
        "progress": percent(desk, session),
        "last_synced": moment(session.synced_at),
        "failing_since": moment(session.failed_at),
        "attempts": session.attempts,
        "next_try": moment(session.due) if session.attempts else None,
        "quarantine": [
            {"item": one.item_id, "reason": explain(one.code).sentence}
            for one in desk.store.quarantine(mailbox.id)
        ],
        "server": mailbox.location.endpoint if mailbox.location else None,
    }


def phase_word(session: Session) -> str:
    """How a phase is called in front of people."""
    if session.phase is Phase.LIVE:
        return "active"
    if session.phase is Phase.BLOCKED:
        return "error"
    if session.phase is Phase.MOVED:
        return "moved to Exchange Online"
    return session.phase.name.lower()


def percent(desk: Desk, session: Session) -> int | None:
    """Progress of a full read, 0 to 100; None when none is under way."""
    if session.phase is not Phase.LOADING or session.load is None:
        return None
    span = Span(desk.config.window.back, desk.config.window.ahead)
    return int(100 * loading.progress(session.load, span.at(desk.now())))


def words(desk: Desk, remedy: str, mailbox: Mailbox) -> str:
    """A remedy with the names filled in; what is not known stands in capitals."""
    secrets = [name for name in desk.config.secret_names() if name.startswith(f"exchange/{mailbox.source}/")]
    names: Mapping[str, str] = {
        "{address}": mailbox.address,
        "{source}": mailbox.source,
        "{primary}": failing.primary_address(desk.store, mailbox.id) or "ADDRESS",
        "{secret}": " or ".join(secrets) or "NAME",
    }
    for placeholder, value in names.items():
        remedy = remedy.replace(placeholder, value)
    return remedy


def moment(value: datetime | None) -> str | None:
    """A time for people and JSON alike."""
    return value.isoformat(timespec="seconds") if value else None
