"""calendar-connector meeting: why an invitation is as it is, and having join details written anew or taken out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from connector.cli.office import ask
from connector.cli.options import Consent, Frame, UsageRefused, asks_first, common_options


@click.group()
def meeting() -> None:
    """Keywords, join details and what became of them, meeting by meeting."""


@meeting.command()
@click.argument("mailbox")
@click.option("--subject", default="", help="Part of the meeting's title.")
@click.option("--id", "meeting_id", default="", help="Its id at the hub, its UID, or the item's id.")
@common_options
def why(frame: Frame, mailbox: str, subject: str, meeting_id: str) -> None:
    """Say why an invitation holds join details, or holds none. The item is read anew; an audit entry says who asked."""
    if bool(subject) == bool(meeting_id):
        raise UsageRefused("name the meeting: --subject TEXT, or --id ID")
    told = ask(frame, "meeting.why", address=mailbox, subject=subject, meeting=meeting_id)
    if frame.out.json:
        frame.out.data(told)
        return
    for one in told:
        frame.out.text(f"{one['title'] or '(no title)'}, {one['start']}, {one['kind']}")
        for sentence in one["sentences"]:
            frame.out.text(f"  {sentence}")
        for note in one["journal"]:
            frame.out.text(f"  {note['at']}  {note['what']}")


@meeting.command()
@click.argument("mailboxes", nargs=-1, required=True)
@asks_first
@common_options
def redecorate(frame: Frame, mailboxes: Sequence[str], consent: Consent) -> int:
    """Carry the keywords of these mailboxes out anew; invitees are mailed about what changes."""
    return _carry_out(frame, "meeting.redecorate", mailboxes, consent, "mail invitees about what changes in")


@meeting.command()
@click.argument("mailboxes", nargs=-1, required=True)
@asks_first
@common_options
def undecorate(frame: Frame, mailboxes: Sequence[str], consent: Consent) -> int:
    """Take our join details out of the invitations of these mailboxes, without mails."""
    return _carry_out(frame, "meeting.undecorate", mailboxes, consent, "take the join details out of")


def _carry_out(frame: Frame, verb: str, mailboxes: Sequence[str], consent: Consent, deed: str) -> int:
    asked = {"addresses": list(mailboxes)}
    if consent.dry_run:
        return _tell(frame, ask(frame, verb, **asked, dry_run=True))
    if not consent.given(frame.out, f"{deed} the meetings of {', '.join(mailboxes)}"):
        return 1
    return _tell(frame, ask(frame, verb, **asked))


def _tell(frame: Frame, answers: list[dict[str, Any]]) -> int:
    if frame.out.json:
        frame.out.data(answers)
    else:
        for answer in answers:
            frame.out.text(f"{answer['address']}: {answer['sentence']}")
    return max((answer["code"] for answer in answers), default=0)
