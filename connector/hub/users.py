"""What users ask (docs/relay.md section 10)."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response

from connector.hub import bells, commands, lists
from connector.hub.lists import Opened
from connector.hub.office import Office, mailbox_of, office_of
from connector.hub.problems import busy, malformed
from connector.hub.waiting import held
from connector.relay import strict, wire

T = TypeVar("T")

JSON_TYPE = "application/json"
COMMAND_BYTES = wire.MAX_COMMAND + 4096
NUDGED_MOST = 20_000
"""Nudges that wait for one connector."""

_NUMBER = re.compile(r"[0-9]{1,6}")


async def mailboxes(request: Request) -> Response:
    """``GET /relay/v1/mailboxes``."""
    office = office_of(request)
    token = await office.user(request)
    found = await office.read(lambda db: lists.all_opened(db, token, office.view()))
    return _answer(lists.mailboxes(found))


async def meetings(request: Request) -> Response:
    """``GET /relay/v1/mailboxes/{mailbox}/meetings``."""
    after = request.query_params.get("after", "")
    limit = _number(request, "limit", lists.PAGE, lists.PAGE)
    return await _when_changed(request, lambda db, mailbox: lists.meetings(db, mailbox, after, limit))


async def presence(request: Request) -> Response:
    """``GET /relay/v1/mailboxes/{mailbox}/presence``."""
    return await _when_changed(request, lambda _, mailbox: lists.presence(mailbox))


async def outcomes(request: Request) -> Response:
    """``GET /relay/v1/mailboxes/{mailbox}/outcomes``; with ``wait``, held back until there is one after the cursor."""
    after = request.query_params.get("after", "")
    if not strict.CURSOR.fullmatch(after):
        raise malformed("after is a cursor")

    def look(db: sqlite3.Connection, mailbox: Opened) -> tuple[bytes, bool]:
        return lists.outcomes(db, mailbox, after)

    body, _ = await _held(request, look, lambda seen: seen[1])
    return _answer(body)


async def command(request: Request) -> Response:
    """``POST /relay/v1/mailboxes/{mailbox}/commands``."""
    office = office_of(request)
    token = await office.user(request)
    mailbox_id = mailbox_of(request)
    await office.read(lambda db: lists.opened(db, token, mailbox_id, office.view()))
    order = commands.read_order(await office.desk.read(request, COMMAND_BYTES))

    def give(db: sqlite3.Connection) -> int:
        mailbox = lists.opened(db, token, mailbox_id, office.view())
        commands.give(db, mailbox, order, office.settings.limits, office.settings.times, office.clock())
        return mailbox.connector

    connector = await office.write(give)
    office.bells.ring([bells.of_connector(connector)])
    return _answer(strict.dump({"id": order.id}), 202)


async def nudge(request: Request) -> Response:
    """``POST /relay/v1/mailboxes/{mailbox}/nudge``."""
    office = office_of(request)
    token = await office.user(request)
    mailbox_id = mailbox_of(request)
    mailbox = await office.read(lambda db: lists.opened(db, token, mailbox_id, office.view()))
    waiting = office.nudged.setdefault(mailbox.connector, {})
    if len(waiting) >= NUDGED_MOST:
        raise busy(10)
    waiting[mailbox.id] = None
    office.bells.ring([bells.of_connector(mailbox.connector)])
    return Response(status_code=202)


# --- answers held back ---------------------------------------------------------------------------


async def _when_changed(request: Request, write: Callable[[sqlite3.Connection, Opened], bytes]) -> Response:
    """The answer; with ``changed_since``, a version of the mailbox, only when there is another one, else 304."""
    known = request.query_params.get("changed_since")

    def look(db: sqlite3.Connection, mailbox: Opened) -> bytes | None:
        return None if mailbox.version == known else write(db, mailbox)

    body = await _held(request, look, lambda seen: seen is not None)
    return Response(status_code=304) if body is None else _answer(body)


async def _held(
    request: Request, look: Callable[[sqlite3.Connection, Opened], T], settled: Callable[[T], bool]
) -> T:
    """What ``look`` sees of the mailbox in the path, held back for at most ``wait`` seconds until it is settled."""
    office = office_of(request)
    token = await office.user(request)
    mailbox_id = mailbox_of(request)
    seconds = _wait(request, office)

    async def once() -> T:
        return await office.read(lambda db: look(db, lists.opened(db, token, mailbox_id, office.view())))

    if not seconds:
        return await once()
    with office.rates.holding(token, office.settings.limits.waits):
        return await held(request, office.bells, bells.of_mailbox(mailbox_id), seconds, once, settled)


def _wait(request: Request, office: Office) -> float:
    most = office.settings.times.hold.total_seconds()
    return min(most, _number(request, "wait", 0, 3600, least=0))


def _number(request: Request, name: str, default: int, most: int, *, least: int = 1) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not _NUMBER.fullmatch(text) or not least <= int(text) <= most:
        raise malformed(f"{name} is a number from {least} to {most}")
    return int(text)


def _answer(body: bytes, status: int = 200) -> Response:
    return Response(body, status, media_type=JSON_TYPE, headers={"Cache-Control": "no-store"})
