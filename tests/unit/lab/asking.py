"""The lab's operations without a server: XML in, XML out, both held against the EWS schema where it is at hand."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from lxml import etree

from tests.lab.exchange.call import Call
from tests.lab.exchange.edits import EDITS
from tests.lab.exchange.elements import NAMES
from tests.lab.exchange.operations import OPERATIONS
from tests.lab.exchange.organisation import Organisation

SCHEMA = Path(__file__).resolve().parents[3].parent / "shared/data/ews-schema/messages.xsd"
NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
ANNA, BERT, ROOM = "anna@example.com", "bert@example.com", "room@example.com"
CALENDAR = '<t:DistinguishedFolderId Id="calendar"/>'
EUROPE = "W. Europe Standard Time"


@lru_cache(maxsize=1)
def schema() -> etree.XMLSchema | None:
    """The EWS schema, None where it is not at hand."""
    return etree.XMLSchema(etree.parse(SCHEMA)) if SCHEMA.exists() else None


def validate(element: etree._Element) -> None:
    """Fail when the document around `element` breaks the schema."""
    known = schema()
    if known is not None:
        known.assertValid(etree.fromstring(etree.tostring(element)))


@dataclass(slots=True)
class Lab:
    """An organisation of two people and a room at a fixed time, which can be edited and asked."""

    now: datetime = NOW
    organisation: Organisation = field(init=False)

    def __post_init__(self) -> None:
        """Fill the organisation."""
        self.organisation = Organisation(lambda: self.now)
        for address, kind in ((ANNA, "user"), (BERT, "user"), (ROOM, "room")):
            self.edit("add_mailbox", address=address, kind=kind)

    def edit(self, name: str, **arguments: Any) -> dict[str, Any]:
        """Do an edit."""
        return EDITS[name](self.organisation, **arguments)

    def ask(self, xml: str, acting: str | None = ANNA) -> etree._Element:
        """The response element of a request without its namespaces; both are valid."""
        spaces = f'xmlns="{NAMES["m"]}" xmlns:t="{NAMES["t"]}"'
        request = etree.fromstring(f"<all {spaces}>{xml}</all>")[0]
        validate(request)
        name = etree.QName(request).localname
        answer = OPERATIONS[name](Call(name, request, "LAB\\service", acting, self.organisation, self.now))
        validate(answer)
        return answer

    def truth(self, address: str, start: str = "2026-01-01", end: str = "2027-01-01") -> list[dict[str, Any]]:
        """The occurrences of one calendar."""
        occurrences: list[dict[str, Any]] = self.edit("show", mailbox=address, start=start, end=end)[
            "occurrences"
        ]
        return occurrences

    def get(
        self, *ids: str, shape: str = "AllProperties", paths: str = "", acting: str = ANNA
    ) -> etree._Element:
        """A GetItem."""
        more = f"<t:AdditionalProperties>{paths}</t:AdditionalProperties>" if paths else ""
        asked = "".join(one if one.startswith("<") else f'<t:ItemId Id="{one}"/>' for one in ids)
        shaped = f"<ItemShape><t:BaseShape>{shape}</t:BaseShape>{more}</ItemShape>"
        return self.ask(f"<GetItem>{shaped}<ItemIds>{asked}</ItemIds></GetItem>", acting)

    def view(self, start: str, end: str, paths: str = "", limit: int | None = None) -> etree._Element:
        """A FindItem with CalendarView; times are dates."""
        most = f' MaxEntriesReturned="{limit}"' if limit else ""
        more = f"<t:AdditionalProperties>{paths}</t:AdditionalProperties>" if paths else ""
        return self.ask(
            f'<FindItem Traversal="Shallow"><ItemShape><t:BaseShape>IdOnly</t:BaseShape>{more}</ItemShape>'
            f'<CalendarView{most} StartDate="{start}T00:00:00Z" EndDate="{end}T00:00:00Z"/>'
            f"<ParentFolderIds>{CALENDAR}</ParentFolderIds></FindItem>"
        )

    def sync(self, state: str = "", limit: int = 512, acting: str = ANNA) -> "Page":
        """A SyncFolderItems."""
        known = f"<SyncState>{state}</SyncState>" if state else ""
        answer = self.ask(
            "<SyncFolderItems><ItemShape><t:BaseShape>IdOnly</t:BaseShape></ItemShape>"
            f"<SyncFolderId>{CALENDAR}</SyncFolderId>{known}<MaxChangesReturned>{limit}</MaxChangesReturned></SyncFolderItems>",
            acting,
        )
        return Page.read(answer)

    def update(
        self,
        item: str,
        updates: str,
        *,
        key: str | None = None,
        resolution: str = "AlwaysOverwrite",
        mode: str = "SendToNone",
        acting: str = ANNA,
    ) -> etree._Element:
        """An UpdateItem of one item."""
        version = f' ChangeKey="{key}"' if key else ""
        return self.ask(
            f'<UpdateItem ConflictResolution="{resolution}" SendMeetingInvitationsOrCancellations="{mode}"><ItemChanges>'
            f'<t:ItemChange><t:ItemId Id="{item}"{version}/><t:Updates>{updates}</t:Updates></t:ItemChange>'
            "</ItemChanges></UpdateItem>",
            acting,
        )


@dataclass(frozen=True, slots=True)
class Page:
    """An answer of SyncFolderItems; changes are (kind, item id)."""

    code: str
    state: str
    last: bool
    changes: tuple[tuple[str, str], ...]

    @classmethod
    def read(cls, answer: etree._Element) -> "Page":
        """Take the answer apart."""
        found = tuple(
            (etree.QName(change).localname, change.findall(".//t:ItemId", NAMES)[0].get("Id", ""))
            for change in answer.iterfind(".//m:Changes/*", NAMES)
        )
        state = "".join(texts(answer, "m:SyncState"))
        return cls(codes(answer)[0], state, texts(answer, "m:IncludesLastItemInRange") == ["true"], found)

    @property
    def kinds(self) -> list[str]:
        """The kinds alone."""
        return [kind for kind, _ in self.changes]


def texts(answer: etree._Element, path: str) -> list[str]:
    """The texts of all elements at `path`, at any depth."""
    return [one.text or "" for one in answer.iterfind(f".//{path}", NAMES)]


def codes(answer: etree._Element) -> list[str]:
    """The response codes."""
    return texts(answer, "m:ResponseCode")


def set_field(uri: str, value: str) -> str:
    """A SetItemField of one property."""
    return f'<t:SetItemField><t:FieldURI FieldURI="{uri}"/><t:CalendarItem>{value}</t:CalendarItem></t:SetItemField>'
