"""The one door that every calendar write passes: mode, epoch, policy, brake, audit row (operating.md)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from connector.errors import Refused, Transient
from connector.model import AuditEntry, Mailbox, Phase
from connector.sync.context import Context

WRITE = "calendar.write"
RELEASED = "writes.released"


def admit(context: Context, mailbox: Mailbox, cause: str, facts: Mapping[str, object]) -> None:
    """Let one write pass, leaving its audit row behind; without the row there is no write.

    ``cause`` is what asks for it (``hub``, ``keyword``). Raises Refused with ``mode-observe``, ``write-not-allowed`` or
    ``brake``, and Transient with ``epoch-unconfirmed``.
    """
    if not context.rules.active:
        raise Refused("mode-observe")
    if cause not in context.rules.policy(mailbox.policy).write:
        raise Refused("write-not-allowed", cause)
    if not context.confirmed.is_set():
        raise Transient("epoch-unconfirmed")
    _count(context, mailbox)
    context.store.audit(
        AuditEntry(context.now(), "connector", WRITE, mailbox.address, {"cause": cause, **facts})
    )


def stopped_at(context: Context) -> datetime | None:
    """When the brake stopped all writes; None while they flow."""
    brake = _setting(context)
    return datetime.fromisoformat(brake["stopped"]) if brake.get("stopped") else None


def release(context: Context) -> bool:
    """Let writes flow again; the count starts anew. Whether they had been stopped."""
    was = stopped_at(context) is not None
    context.store.put_setting("brake", json.dumps({"released": context.now().isoformat()}))
    return was


def _count(context: Context, mailbox: Mailbox) -> None:
    brake = context.brake
    now = context.now()
    if stopped_at(context):
        raise Refused("brake")
    own = context.store.count_audit(WRITE, _since(context, now - brake.per_mailbox_period), mailbox.address)
    if own >= brake.per_mailbox:
        raise Refused("brake", f"{own} writes of one mailbox in {brake.per_mailbox_period}")
    active = len(context.store.mailboxes(Phase.LIVE, Phase.LOADING))
    if context.store.count_audit(WRITE, _since(context, now - brake.period)) >= brake.limit(active):
        context.store.put_setting("brake", json.dumps({"stopped": now.isoformat()}))
        raise Refused("brake", f"over {brake.limit(active)} writes in {brake.period}")


def _since(context: Context, moment: datetime) -> datetime:
    released = _setting(context).get("released")
    return max(moment, datetime.fromisoformat(released)) if released else moment


def _setting(context: Context) -> dict[str, str]:
    text = context.store.setting("brake")
    return json.loads(text) if text else {}
