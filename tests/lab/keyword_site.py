"""A site whose people may type keywords: Jitsi rooms for ``@meet``, one fixed room for each person for ``@webex``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from connector.model import ContentKey
from connector.reasons import REASONS
from tests.lab.site import Site

CONFERENCES = """\
keywords: {"@meet": jitsi, "@webex": own-room}
conference:
  jitsi: {type: jitsi, url: "https://meet.example.com"}
  own-room: {type: template, link: "https://vc.example.com/meet/{{ organizer.user }}"}
"""
UNBRAKED = "writes: {brake: 100%/10m, brake_per_mailbox: 1000/h}\n"
"""For tables of many writes in one mailbox."""
ROOM = "https://meet.example.com/"
OWN_ROOM = "https://vc.example.com/meet/"


class KeywordSite:
    """One running site with ``user1`` as organiser; every look is through Exchange's own eyes, or the hub's."""

    def __init__(self, folder: Path, more: str = "", **options: Any) -> None:
        self.site = Site(mailboxes=6, folder=folder, exchange={"hosts": "example.com"}, **options)
        self.more = more
        self.keys: dict[str, ContentKey] = {}
        self.start = (datetime.now(UTC) + timedelta(days=1)).replace(
            hour=9, minute=0, second=0, microsecond=0
        )

    def __enter__(self) -> Self:
        self.site.__enter__()
        self.site.write_config(self.site.configuration() + CONFERENCES + (self.more or UNBRAKED))
        self.site.start()
        self.site.activate(self.owner)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.site.__exit__(kind, error, trace)

    @property
    def owner(self) -> str:
        return f"user1@{self.site.exchange.domain}"

    def person(self, number: int) -> str:
        return f"user{number}@{self.site.exchange.domain}"

    # --- what people do

    def create(
        self,
        location: str = "@meet",
        *,
        owner: str = "",
        attendees: Sequence[int | dict[str, Any]] = (2,),
        **fields: Any,
    ) -> str:
        fields.setdefault("start", self.start.isoformat())
        fields.setdefault("end", (datetime.fromisoformat(fields["start"]) + timedelta(hours=1)).isoformat())
        people = [one if isinstance(one, dict) else {"address": self.person(one)} for one in attendees]
        fields["attendees"] = people
        made = self.site.exchange.edit(
            "create", mailbox=owner or self.owner, location=location, subject="Plan", **fields
        )
        return str(made["uid"])

    def change(self, uid: str, *, owner: str = "", **fields: Any) -> None:
        self.site.exchange.edit("change", mailbox=owner or self.owner, item=uid, **fields)

    # --- what is to be seen

    def rows(self, uid: str, owner: str = "") -> list[dict[str, Any]]:
        since = datetime.now(UTC) - timedelta(days=7)
        found = self.site.exchange.truth(owner or self.owner, since, since + timedelta(days=45))
        return [row for row in found if row["uid"] == uid]

    def body(self, uid: str, owner: str = "") -> str:
        rows = self.rows(uid, owner)
        return str(rows[0]["body"]) if rows else ""

    def has_room(self, uid: str, owner: str = "") -> bool:
        return ROOM in self.body(uid, owner)

    def mails(self, uid: str, kind: str = "update") -> int:
        sent = self.site.exchange.edit("mails", sender=self.owner)["mails"]
        return sum(one["uid"] == uid and one["kind"] == kind for one in sent)

    def links(self, owner: str = "") -> set[str]:
        owner = owner or self.owner
        opened = self.site.opened(owner, self.site.keys(owner))
        return {meeting["link"].url for meeting in opened if "link" in meeting}

    def wait(self, condition: Any, what: str, seconds: float = 20) -> float:
        return self.site.wait(condition, what, seconds)

    def codes(self, uid: str) -> str:
        """The reasons that ``meeting why`` gives."""
        told = self.site.ask("meeting.why", address=self.owner, meeting=uid)
        said = " ".join(sentence for one in told for sentence in one["sentences"])
        return " ".join(code for code, reason in REASONS.items() if reason.sentence in said)

    def writes(self) -> list[dict[str, Any]]:
        """Audit rows of calendar writes that came about."""
        rows = self.site.ask("audit.list", after=None, limit=1000)
        return [row for row in rows if row["action"] == "calendar.written"]
