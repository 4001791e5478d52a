"""Commands of the cloud, sealed to one mailbox (docs/relay.md section 9). Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from connector.errors import KeyWithheld, Refused
from connector.model import Command, ContentKey, SealedCommand
from connector.seal import jwe

TYPE = "calendar-command"
LONGEST = timedelta(hours=24)
SKEW = timedelta(minutes=5)
"""How far the clocks of both ends may be apart."""

_KIND = re.compile(r"[a-z][a-z0-9.-]{0,63}")
_MOST_ADDRESS = 320


def seal_command(command: Command, key: ContentKey) -> str:
    """The JWE that a client hands to the hub; the header binds mailbox, id, kind and expiry."""
    header = {
        "kid": key.uri,
        "typ": TYPE,
        "mailbox": command.mailbox_id,
        "command": command.id,
        "kind": command.kind,
        "exp": int(command.expires.timestamp()),
    }
    clear = json.dumps({"actor": command.actor, "body": dict(command.body)}, separators=(",", ":"))
    return jwe.encrypt(clear.encode(), key.secret, header)


def open_command(sealed: SealedCommand, key_of: Callable[[str], ContentKey], now: datetime) -> Command:
    """The verified command.

    ``key_of`` gives the mailbox's key of a URI, or raises KeyWithheld. Raises Refused with ``command-not-sealed``, ``command-expired`` or
    ``command-malformed``; a key service that is away stays Transient.
    """
    header, clear = _unseal(sealed, key_of)
    expires = _expiry(header.get("exp"))
    if expires <= now:
        raise Refused("command-expired", f"{sealed.id} was good until {expires}")
    if expires > now + LONGEST + SKEW:
        raise Refused("command-malformed", f"{sealed.id} would be good for more than {LONGEST}")
    actor, body = clear.get("actor"), clear.get("body")
    if not isinstance(actor, str) or "@" not in actor or len(actor) > _MOST_ADDRESS:
        raise Refused("command-malformed", f"{sealed.id} names no acting user")
    if not isinstance(body, dict):
        raise Refused("command-malformed", f"{sealed.id} has no body")
    return Command(
        id=sealed.id,
        mailbox_id=sealed.mailbox_id,
        kind=_kind(header.get("kind")),
        actor=actor.lower(),
        expires=expires,
        body=body,
    )


def _unseal(
    sealed: SealedCommand, key_of: Callable[[str], ContentKey]
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Header and content, if it is sealed to this mailbox and under this id by one who holds the mailbox's key."""
    try:
        key = key_of(str(jwe.read_header(sealed.jwe).get("kid")))
        header, clear = jwe.decrypt(sealed.jwe, key.secret)
        content = jwe.parse_object(clear)
    except (Refused, KeyWithheld) as verdict:
        raise Refused("command-not-sealed", f"{sealed.id}: {verdict}") from verdict
    bound = (header.get("typ"), header.get("kid"), header.get("mailbox"), header.get("command"))
    if bound != (TYPE, key.uri, sealed.mailbox_id, sealed.id) or key.mailbox_id != sealed.mailbox_id:
        raise Refused("command-not-sealed", f"{sealed.id} is sealed for something else")
    return header, content


def _expiry(value: Any) -> datetime:
    if isinstance(value, bool) or not isinstance(value, int):
        raise Refused("command-malformed", "exp is no number of seconds")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise Refused("command-malformed", "exp is no time") from error


def _kind(value: Any) -> str:
    if not isinstance(value, str) or not _KIND.fullmatch(value):
        raise Refused("command-malformed", "kind is no word")
    return value
