"""What administrators do to mailboxes, what owners set, and how the lab itself is turned: JSON in, JSON out, as in `edits`."""

from typing import Any

from tests.lab.exchange.fields import Json, read_time, write_time
from tests.lab.exchange.mailbox import Mailbox, OutOfOffice
from tests.lab.exchange.organisation import Organisation, Reporting


def add_mailbox(organisation: Organisation, *, address: str, **attributes: Any) -> Json:
    """Make a mailbox: name, kind (user, room), aliases, group, guid."""
    attributes["aliases"] = tuple(attributes.get("aliases", ()))
    return _described(organisation.add(address, **attributes))


def set_out_of_office(
    organisation: Organisation,
    *,
    mailbox: str,
    state: str,
    start: str | None = None,
    end: str | None = None,
    internal: str = "",
    external: str = "",
    audience: str = "All",
) -> Json:
    """Turn automatic replies on (Enabled, Scheduled with start and end) or off (Disabled)."""
    owner = organisation.mailbox(mailbox)
    times = [None if text is None else read_time(text) for text in (start, end)]
    if state not in {"Disabled", "Enabled", "Scheduled"} or (state == "Scheduled" and None in times):
        raise ValueError("state is Disabled, Enabled, or Scheduled with start and end")
    owner.out_of_office = OutOfOffice(state, audience, times[0], times[1], internal, external)
    return {"state": state, "start": write_time(times[0]), "end": write_time(times[1])}


def set_list(organisation: Organisation, *, address: str, members: list[str]) -> Json:
    """Make a distribution list, or give it other members; they may be lists themselves."""
    organisation.lists[address.lower()] = tuple(one.lower() for one in members)
    return {"address": address.lower(), "members": len(members)}


def set_room(organisation: Organisation, *, mailbox: str, delete_comments: bool = True) -> Json:
    """Let a room delete the text of what is booked in it (Set-CalendarProcessing -DeleteComments)."""
    room = organisation.mailbox(mailbox)
    room.deletes_comments = delete_comments
    return _described(room)


def set_language(organisation: Organisation, *, mailbox: str, inbox: str) -> Json:
    """Let the default folders be named in another language (Set-MailboxRegionalConfiguration -LocalizeDefaultFolderName)."""
    owner = organisation.mailbox(mailbox)
    owner.inbox_name = inbox
    return _described(owner)


def change_address(organisation: Organisation, *, mailbox: str, to: str, keep: bool = True) -> Json:
    """Give a mailbox another primary address; the old one stays as an alias unless `keep` is false."""
    owner = organisation.mailbox(mailbox)
    old, new = owner.address, to.lower()
    if organisation.find(new) not in {None, owner}:
        raise ValueError(f"{new} belongs to another mailbox")
    owner.aliases = tuple(alias for alias in (*owner.aliases, old) if alias != new and (keep or alias != old))
    owner.address = new
    organisation.release(old)
    organisation.claim(owner)
    return _described(owner)


def move_group(organisation: Organisation, *, mailbox: str, group: str) -> Json:
    """Move a mailbox to another affinity group."""
    owner = organisation.mailbox(mailbox)
    owner.group = group
    return _described(owner)


def move_online(organisation: Organisation, *, mailbox: str, online: str = "") -> Json:
    """Move a mailbox to Exchange Online, where it is `online` (user@tenant.mail.onmicrosoft.com by default)."""
    owner = organisation.mailbox(mailbox)
    owner.online = online or f"{owner.address.partition('@')[0]}@tenant.mail.onmicrosoft.com"
    owner.state = "online"
    return _described(owner)


def set_state(organisation: Organisation, *, mailbox: str, state: str) -> Json:
    """Make a mailbox active, disabled, or moving (being moved between databases)."""
    owner = organisation.find(mailbox)
    if owner is None:
        raise ValueError(f"no mailbox is called {mailbox}")
    if state == "active":
        owner.state = "active"
    elif state == "disabled":
        owner.state = "disabled"
    elif state == "moving":
        owner.state = "moving"
    else:
        raise ValueError("state is active, disabled or moving")
    return _described(owner)


def grant(organisation: Organisation, *, mailbox: str, reader: str) -> Json:
    """Let another mailbox read this one's calendar."""
    owner = organisation.mailbox(mailbox)
    owner.readers |= {organisation.mailbox(reader).address}
    return {"readers": sorted(owner.readers)}


def expire_sync_states(organisation: Organisation, *, mailbox: str) -> Json:
    """Make every SyncState handed out for this mailbox invalid."""
    owner = organisation.mailbox(mailbox)
    owner.generation += 1
    return {"generation": owner.generation}


def pend_mail_tips(organisation: Organisation, *, mailbox: str, pending: bool = True) -> Json:
    """Let GetMailTips not know in time whether this mailbox replies automatically, or know again."""
    organisation.mailbox(mailbox).tips_pending = pending
    return {"pending": pending}


def report_exceptions(organisation: Organisation, *, by: Reporting) -> Json:
    """How SyncFolderItems reports a changed occurrence: master, own-id or both."""
    if by not in {"master", "own-id", "both"}:
        raise ValueError("by is master, own-id or both")
    organisation.exception_reporting = by
    return {"by": by}


def mailboxes(organisation: Organisation) -> Json:
    """All mailboxes: {"mailboxes": [...]}."""
    return {"mailboxes": [_described(one) for one in organisation]}


def _described(mailbox: Mailbox) -> Json:
    return {
        "address": mailbox.address,
        "guid": mailbox.guid,
        "name": mailbox.name,
        "kind": mailbox.kind,
        "aliases": list(mailbox.aliases),
        "group": mailbox.group,
        "state": mailbox.state,
        "online": mailbox.online,
        "items": len(mailbox.items),
    }


EDITS = (
    add_mailbox,
    set_out_of_office,
    set_list,
    set_language,
    set_room,
    change_address,
    move_group,
    move_online,
    set_state,
    grant,
    expire_sync_states,
    pend_mail_tips,
    report_exceptions,
    mailboxes,
)
