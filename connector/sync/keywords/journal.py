"""What became of an intent, line by line; sealed with it and shown by ``meeting why``. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from connector.model import Intent, Note

LONGEST = 20


def noted(intent: Intent, at: datetime, what: str, about: str = "") -> Intent:
    """The intent with one more line; the oldest goes when there are too many."""
    return replace(intent, journal=(*intent.journal, Note(at, what, about))[-LONGEST:])


SENTENCES = {
    "asked": "the cloud was asked for a conference",
    "ordered": "the calendar was asked for a conference of its own (mails: {about})",
    "recalled": "the invitation told of a conference that the database had forgotten ({about})",
    "made": "the conference was made",
    "moved": "the conference was moved to the meeting's new time or title",
    "replaced": "another keyword took the place of the one before: {about}",
    "written": "the join details were written into the invitation (mails: {about})",
    "taken-out": "the join details were taken out of the invitation (mails: {about})",
    "ended": "the conference was ended",
    "left": "nothing was done",
}
"""Each word of a journal, as it is told."""
