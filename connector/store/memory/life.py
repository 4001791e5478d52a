"""Epoch, settings and subscriptions."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from connector.model import Load, Phase, Session, Stage
from connector.source.base import Subscription
from connector.store.memory.state import Verbs
from connector.store.rows import OF_ONE_LIFE


class LifeVerbs(Verbs):
    """This life of the database, and small things that have no room of their own."""

    def epoch(self) -> int:
        """The number of this life."""
        with self._lock:
            return self._state.epoch

    def last_sequence(self) -> int:
        """The highest sequence given out in this epoch."""
        with self._lock:
            return self._state.last_sequence

    def raise_epoch(self, epoch: int, now: datetime) -> None:
        """Begin a new life, unless ``epoch`` is not greater than the present one."""
        with self._lock:
            if epoch <= self._state.epoch:
                return
            self._state.epoch = epoch
            self._renumber_outbox(epoch)
            for session in list(self._state.sessions.values()):
                self._state.sessions[session.mailbox_id] = _in_new_life(session, now)

    def setting(self, name: str) -> str | None:
        """A small named value."""
        with self._lock:
            return self._state.settings.get(name)

    def put_setting(self, name: str, value: str | None) -> None:
        """Set it, or remove it with None."""
        with self._lock:
            if value is None:
                self._state.settings.pop(name, None)
            else:
                self._state.settings[name] = value

    def subscriptions(self, source: str) -> tuple[Subscription, ...]:
        """All of one source."""
        with self._lock:
            return tuple(kept for kept in self._state.subscriptions.values() if kept.source == source)

    def save_subscription(self, subscription: Subscription) -> None:
        """Remember or replace."""
        with self._lock:
            self._state.subscriptions[subscription.mailbox_id] = subscription

    def drop_subscription(self, mailbox_id: str) -> None:
        """Forget."""
        with self._lock:
            self._state.subscriptions.pop(mailbox_id, None)

    def _renumber_outbox(self, epoch: int) -> None:
        kept = [queued for queued in self._state.outbox.values() if queued.envelope.kind not in OF_ONE_LIFE]
        self._state.outbox = {
            queued.envelope.id: replace(queued, epoch=epoch, sequence=sequence)
            for sequence, queued in enumerate(kept, start=1)
        }
        self._state.claimed &= self._state.outbox.keys()
        self._state.last_sequence = len(kept)


def _in_new_life(session: Session, now: datetime) -> Session:
    version = session.version + 1
    if session.phase in {Phase.LOADING, Phase.LIVE}:
        load = Load(Stage.FEED, generation=version, resend=True)
        return replace(
            session,
            phase=Phase.LOADING,
            cursor=None,
            load=load,
            due=now,
            version=version,
            presence_digest=None,
        )
    if session.resume is not None or session.presence_digest is not None:
        return replace(session, resume=None, presence_digest=None, version=version)
    return session
