"""Mailboxes and their sessions."""

from __future__ import annotations

from dataclasses import replace

from connector.errors import SessionChanged, StoreError
from connector.model import AuditEntry, Mailbox, Phase, Session
from connector.store.memory.state import Verbs


class MailboxVerbs(Verbs):
    """Who is activated, and where each stands."""

    def add_mailbox(self, mailbox: Mailbox, session: Session, audit: AuditEntry) -> None:
        """Record a new mailbox."""
        with self._lock:
            if mailbox.id in self._state.mailboxes:
                raise StoreError(f"The mailbox {mailbox.id} is in the store already.")
            if session.mailbox_id != mailbox.id:
                raise StoreError(f"The session given for mailbox {mailbox.id} is that of another.")
            self._refuse_twin(mailbox)
            self._append_audit(audit)
            self._state.mailboxes[mailbox.id] = mailbox
            self._state.sessions[mailbox.id] = session

    def change_mailbox(self, mailbox: Mailbox, audit: AuditEntry | None = None) -> None:
        """Replace the record of a mailbox that is there."""
        with self._lock:
            if mailbox.id not in self._state.mailboxes:
                raise StoreError(f"The mailbox {mailbox.id} is not in the store.")
            self._refuse_twin(mailbox)
            if audit:
                self._append_audit(audit)
            self._state.mailboxes[mailbox.id] = mailbox

    def mailbox(self, mailbox_id: str) -> Mailbox | None:
        """By id."""
        with self._lock:
            return self._state.mailboxes.get(mailbox_id)

    def find_mailbox(self, address: str) -> Mailbox | None:
        """By primary address, any case; of several sources, the one recorded first."""
        with self._lock:
            wanted = address.lower()
            return next((m for m in self._state.mailboxes.values() if m.address.lower() == wanted), None)

    def mailboxes(self, *phases: Phase) -> tuple[Mailbox, ...]:
        """Those in one of the phases; all without an argument."""
        with self._lock:
            sessions = self._state.sessions
            return tuple(
                m for m in self._state.mailboxes.values() if not phases or sessions[m.id].phase in phases
            )

    def count_mailboxes(self, *phases: Phase) -> int:
        """How many are in one of the phases; all without an argument."""
        with self._lock:
            return sum(not phases or session.phase in phases for session in self._state.sessions.values())

    def session(self, mailbox_id: str) -> Session | None:
        """The state of one mailbox."""
        with self._lock:
            return self._state.sessions.get(mailbox_id)

    def sessions(self) -> tuple[Session, ...]:
        """All of them."""
        with self._lock:
            return tuple(self._state.sessions.values())

    def change_session(self, session: Session, audit: AuditEntry | None = None) -> Session:
        """Write a session without anything else."""
        with self._lock:
            self._refuse_stale(session)
            if audit:
                self._append_audit(audit)
            return self._write_session(session)

    def erase_mailbox(self, mailbox_id: str, audit: AuditEntry, *, keep_outbox: bool = True) -> None:
        """Delete every row of the mailbox, except what still has to reach the hub."""
        with self._lock:
            self._append_audit(audit)
            state = self._state
            for table in (
                state.mailboxes,
                state.sessions,
                state.rows,
                state.quarantine,
                state.subscriptions,
            ):
                table.pop(mailbox_id, None)
            state.intents = {at: one for at, one in state.intents.items() if at[0] != mailbox_id}
            state.commands = {i: c for i, c in state.commands.items() if c.mailbox_id != mailbox_id}
            state.keys = {u: k for u, k in state.keys.items() if k.mailbox_id != mailbox_id}
            state.dead = {i: d for i, d in state.dead.items() if d.queued.envelope.mailbox_id != mailbox_id}
            if not keep_outbox:
                self._empty_outbox_of(mailbox_id)

    def _empty_outbox_of(self, mailbox_id: str) -> None:
        state = self._state
        state.outbox = {i: q for i, q in state.outbox.items() if q.envelope.mailbox_id != mailbox_id}
        state.claimed &= state.outbox.keys()

    def _refuse_twin(self, mailbox: Mailbox) -> None:
        mine = (mailbox.source, mailbox.address.lower())
        for other in self._state.mailboxes.values():
            if other.id != mailbox.id and (other.source, other.address.lower()) == mine:
                raise StoreError(f"The source {mailbox.source} has a mailbox of this address already.")

    def _refuse_stale(self, session: Session) -> None:
        stored = self._state.sessions.get(session.mailbox_id)
        if stored is None or stored.version != session.version:
            raise SessionChanged(session.mailbox_id)

    def _write_session(self, session: Session) -> Session:
        stored = replace(session, version=session.version + 1)
        self._state.sessions[session.mailbox_id] = stored
        return stored
