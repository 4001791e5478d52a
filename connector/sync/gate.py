"""The one door that every calendar write passes: mode, epoch, policy, brake, audit row (operating.md)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NoReturn

from connector.errors import Refused, Transient
from connector.model import AuditEntry, Mailbox, Phase
from connector.sync.context import Context

WRITE = "calendar.write"
STOPPED = "writes.stopped"
QUESTION = "freebusy.asked"
QUESTIONS = 60
"""So many free/busy questions one mailbox may ask in ``QUESTIONS_PERIOD`` (operating.md, "The hub is not trusted")."""
QUESTIONS_PERIOD = timedelta(hours=1)


def admit(context: Context, mailbox: Mailbox, cause: str, facts: Mapping[str, object]) -> None:
    """Let one write pass, leaving its audit row behind; without the row there is no write.

    ``cause`` is what asks for it (``hub``, ``keyword``). Raises Refused with ``mode-observe``, ``write-not-allowed`` or
    ``brake``, and Transient with ``epoch-unconfirmed``. Rows are kept under the mailbox's id, so that a new address
    begins no new count.
    """
    check(context, mailbox, cause)
    _count(context, mailbox)
    _record(context, mailbox, WRITE, {"cause": cause, **facts})


def check(context: Context, mailbox: Mailbox, cause: str) -> None:
    """Say beforehand whether a write would pass, as far as is known; nothing is counted. Raises as ``admit`` does."""
    if not context.rules.active:
        raise Refused("mode-observe")
    if cause not in context.rules.policy(mailbox.policy).write:
        raise Refused("write-not-allowed", cause)
    if not context.confirmed.is_set():
        raise Transient("epoch-unconfirmed")
    if stopped_at(context):
        raise Refused("brake")


def admit_question(context: Context, mailbox: Mailbox, facts: Mapping[str, object]) -> None:
    """Let one free/busy question pass, leaving its audit row behind. Raises Refused when there were too many."""
    since = context.now() - QUESTIONS_PERIOD
    asked = context.store.count_audit(QUESTION, since, mailbox.id)
    if asked >= QUESTIONS:
        raise Refused(
            "too-many-questions", f"{asked} free/busy questions of one mailbox in {QUESTIONS_PERIOD}"
        )
    _record(context, mailbox, QUESTION, facts)


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
    brake, now = context.brake, context.now()
    own = context.store.count_audit(WRITE, _since(context, now - brake.per_mailbox_period), mailbox.id)
    if own >= brake.per_mailbox:
        _stop(context, mailbox, f"{own} writes of one mailbox in {brake.per_mailbox_period}")
    limit = brake.limit(context.store.count_mailboxes(Phase.LIVE, Phase.LOADING))
    written = context.store.count_audit(WRITE, _since(context, now - brake.period))
    if written >= limit:
        _stop(context, mailbox, f"{written} writes in {brake.period}")


def _stop(context: Context, mailbox: Mailbox, why: str) -> NoReturn:
    _record(context, mailbox, STOPPED, {"why": why})
    context.store.put_setting("brake", json.dumps({"stopped": context.now().isoformat()}))
    raise Refused("brake", why)


def _record(context: Context, mailbox: Mailbox, action: str, facts: Mapping[str, object]) -> None:
    named = {"address": mailbox.address, **facts}
    context.store.audit(AuditEntry(context.now(), "connector", action, mailbox.id, named))


def _since(context: Context, moment: datetime) -> datetime:
    released = _setting(context).get("released")
    return max(moment, datetime.fromisoformat(released)) if released else moment


def _setting(context: Context) -> dict[str, str]:
    text = context.store.setting("brake")
    return json.loads(text) if text else {}
