"""The table of verbs: what the control socket offers, and what a command does itself when no daemon runs.

Arguments and results are JSON-able. A verb raises UserError with one sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from connector.errors import NotFound, UserError
from connector.operations import holding, letters, mailboxes, meetings, roster, sources, status, trace
from connector.operations.premises import Premises, daemon

LONGEST_PAUSE = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Verb:
    """``run(premises, actor, **arguments)``; ``reads`` verbs change nothing and are open to the help desk."""

    run: Callable[..., Any]
    reads: bool = False


def _status(premises: Premises, actor: str) -> dict[str, Any]:
    live = premises.live
    return status.snapshot(premises.desk(actor), live.vitals() if live else None)


def _activate(premises: Premises, actor: str, addresses: list[str], policy: str | None = None) -> list[Any]:
    return [one.plain() for one in mailboxes.activate(premises.desk(actor), addresses, policy)]


def _deactivate(premises: Premises, actor: str, addresses: list[str], *, erase: bool = False) -> list[Any]:
    return [one.plain() for one in mailboxes.deactivate(premises.desk(actor), addresses, erase=erase)]


def _each(
    change: Callable[..., list[mailboxes.Answer]],
) -> Callable[[Premises, str, list[str]], list[dict[str, Any]]]:
    def run(premises: Premises, actor: str, addresses: list[str]) -> list[dict[str, Any]]:
        return [one.plain() for one in change(premises.desk(actor), addresses)]

    return run


def _rename(premises: Premises, actor: str, old: str, new: str) -> dict[str, Any]:
    return mailboxes.rename(premises.desk(actor), old, new).plain()


def _list(premises: Premises, actor: str) -> list[dict[str, Any]]:
    return mailboxes.listing(premises.desk(actor))


def _show(premises: Premises, actor: str, address: str) -> dict[str, Any]:
    return mailboxes.show(premises.desk(actor), address)


def _keys(premises: Premises, actor: str, address: str) -> list[dict[str, str]]:
    """Content keys of one mailbox, for a reader on this machine; every call leaves an audit row."""
    desk = premises.desk(actor)
    mailbox = desk.mailbox(address)
    keys = daemon(premises).reader_keys(mailbox.id)
    desk.store.audit(desk.entry("mailbox.keys", mailbox.address, keys=len(keys)))
    return [{"uri": key.uri, "mailbox": mailbox.id, "secret": key.secret.hex()} for key in keys]


def _export(premises: Premises, actor: str, address: str) -> dict[str, Any]:
    """Everything that is held about a person; every call leaves an audit row."""
    return holding.export(premises.desk(actor), address)


def _trace(premises: Premises, actor: str, address: str, seconds: int) -> dict[str, Any]:
    """0 seconds end a trace."""
    desk = premises.desk(actor)
    if seconds:
        return trace.begin(desk, address, timedelta(seconds=seconds))
    return {"address": address, "ended": trace.end(desk, address)}


def _why(
    premises: Premises, actor: str, address: str, subject: str = "", meeting: str = ""
) -> list[dict[str, Any]]:
    """Opens a meeting, so every call leaves an audit row."""
    desk = premises.desk(actor)
    mailbox = desk.mailbox(address)
    desk.session(mailbox)
    desk.store.audit(desk.entry("meeting.why", mailbox.address))
    return meetings.why(daemon(premises).why(mailbox.id, subject, meeting), mailbox.address)


def _redecorate(
    premises: Premises, actor: str, addresses: list[str], *, dry_run: bool = False
) -> list[dict[str, Any]]:
    return [one.plain() for one in meetings.redecorate(premises.desk(actor), addresses, dry_run=dry_run)]


def _undecorate(
    premises: Premises, actor: str, addresses: list[str], *, dry_run: bool = False
) -> list[dict[str, Any]]:
    return [one.plain() for one in meetings.undecorate(premises.desk(actor), addresses, dry_run=dry_run)]


def _roster_list(premises: Premises, actor: str) -> list[dict[str, str]]:
    return roster.members(premises.desk(actor))


def _roster_plan(premises: Premises, actor: str) -> dict[str, Any]:
    planned = roster.look(premises.desk(actor), premises.places())
    return {"changes": roster.rows(planned), "too_much": planned.too_much}


def _roster_sync(premises: Premises, actor: str, *, force: bool = False) -> dict[str, Any]:
    planned = roster.sync(premises.desk(actor), premises.places(), force=force)
    return {"changes": roster.rows(planned), **roster.counts(planned)}


def _source_list(premises: Premises, actor: str) -> list[dict[str, Any]]:
    live = premises.live
    return sources.listing(premises.desk(actor), live.vitals() if live else None)


def _source_show(premises: Premises, actor: str, name: str) -> dict[str, Any]:
    live = premises.live
    return sources.show(premises.desk(actor), name, live.vitals() if live else None)


def _source_pause(premises: Premises, actor: str, name: str, seconds: int = 30 * 86400) -> str:
    desk = premises.desk(actor)
    sources.known(desk, name)
    if not 0 < seconds <= LONGEST_PAUSE.total_seconds():
        raise UserError(f"a source is paused for at least a second and at most {LONGEST_PAUSE.days} days")
    until = desk.now() + timedelta(seconds=seconds)
    daemon(premises).pause_source(name, until)
    sources.pause(desk, name, until)
    return f"{name} is left alone until {until:%Y-%m-%d %H:%M} UTC"


def _source_resume(premises: Premises, actor: str, name: str) -> str:
    desk = premises.desk(actor)
    sources.known(desk, name)
    daemon(premises).resume_source(name)
    sources.resume(desk, name)
    return f"{name} goes on"


def _unsubscribe(premises: Premises, actor: str, name: str) -> str:
    desk = premises.desk(actor)
    sources.known(desk, name)
    count = daemon(premises).unsubscribe(name)
    desk.store.audit(desk.entry("source.unsubscribe", source=name, count=count))
    return f"{count} subscriptions were given back"


def _redirects(premises: Premises, actor: str, name: str, allow: str = "") -> list[dict[str, Any]]:
    desk = premises.desk(actor)
    sources.known(desk, name)
    redirects = premises.redirects(name)
    if allow:
        if not redirects.allow(allow):
            raise NotFound(f"{allow} is not among the pending redirects of {name}")
        desk.store.audit(desk.entry("source.redirect-allowed", source=name, host=allow))
        sources.retry_redirected(desk, name)
    return [sources.redirect_row(one) for one in redirects.pending()]


def _release(premises: Premises, actor: str) -> str:
    desk = premises.desk(actor)
    was = daemon(premises).release_writes()
    desk.store.audit(desk.entry("writes.release"))
    return "writes flow again" if was else "writes were not stopped"


def _letters(premises: Premises, actor: str) -> list[dict[str, Any]]:
    return letters.listing(premises.desk(actor))


def _retry_letter(premises: Premises, actor: str, event: str) -> str:
    return letters.retry(premises.desk(actor), event)


def _drop_letter(premises: Premises, actor: str, event: str) -> str:
    return letters.drop(premises.desk(actor), event)


def _audit(
    premises: Premises, actor: str, after: int | None = None, limit: int = 1000
) -> list[dict[str, Any]]:
    return letters.audit_rows(premises.desk(actor), after, limit)


def _writes(premises: Premises, actor: str) -> dict[str, Any]:
    return {
        "writes": _status(premises, actor)["writes"],
        "latest": letters.latest_writes(premises.desk(actor)),
    }


def _verify(premises: Premises, actor: str) -> int | None:
    return premises.desk(actor).store.verify_audit()


VERBS: Mapping[str, Verb] = {
    "status": Verb(_status, reads=True),
    "mailbox.activate": Verb(_activate),
    "mailbox.deactivate": Verb(_deactivate),
    "mailbox.list": Verb(_list, reads=True),
    "mailbox.show": Verb(_show, reads=True),
    "mailbox.pause": Verb(_each(mailboxes.pause)),
    "mailbox.resume": Verb(_each(mailboxes.resume)),
    "mailbox.resync": Verb(_each(mailboxes.resync)),
    "mailbox.rename": Verb(_rename),
    "mailbox.keys": Verb(_keys),
    "mailbox.export": Verb(_export),
    "mailbox.trace": Verb(_trace),
    "meeting.why": Verb(_why, reads=True),
    "meeting.redecorate": Verb(_redecorate),
    "meeting.undecorate": Verb(_undecorate),
    "roster.list": Verb(_roster_list, reads=True),
    "roster.plan": Verb(_roster_plan, reads=True),
    "roster.sync": Verb(_roster_sync),
    "source.list": Verb(_source_list, reads=True),
    "source.show": Verb(_source_show, reads=True),
    "source.pause": Verb(_source_pause),
    "source.resume": Verb(_source_resume),
    "source.unsubscribe": Verb(_unsubscribe),
    "source.redirects": Verb(_redirects),
    "writes.show": Verb(_writes),
    "writes.release": Verb(_release),
    "deadletter.list": Verb(_letters, reads=True),
    "deadletter.retry": Verb(_retry_letter),
    "deadletter.drop": Verb(_drop_letter),
    "audit.list": Verb(_audit),
    "audit.verify": Verb(_verify),
}
