"""What a verdict leaves behind in the store."""

from __future__ import annotations

from connector.errors import SessionChanged, Verdict
from connector.model import Session
from connector.store.base import Store
from connector.sync import state
from connector.sync.context import Context

ALIAS = "alias-address"


def record(context: Context, session: Session, verdict: Verdict) -> Session | None:
    """Store what a verdict means for the session that was stepped; the one now stored, None when it is gone.

    What an administrator changed meanwhile stands: a pause or a deactivation is not undone by a step that failed. The
    primary address comes first: who waits for the state asks for it at once.
    """
    if verdict.code == ALIAS:
        context.store.put_setting(_primary(session.mailbox_id), verdict.detail or None)
    try:
        return context.store.change_session(
            state.after_failure(session, verdict, context.now(), context.luck())
        )
    except SessionChanged:
        return _stands(context.store, session.mailbox_id)


def _stands(store: Store, mailbox_id: str) -> Session | None:
    session = store.session(mailbox_id)
    if session is None:
        forget(store, mailbox_id)
    return session


def primary_address(store: Store, mailbox_id: str) -> str | None:
    """The primary address behind an alias that somebody tried to activate, as far as the source gave it."""
    return store.setting(_primary(mailbox_id))


def forget(store: Store, mailbox_id: str) -> None:
    """Leave nothing behind of a mailbox that is no longer here."""
    store.put_setting(_primary(mailbox_id), None)


def _primary(mailbox_id: str) -> str:
    return f"primary/{mailbox_id}"
