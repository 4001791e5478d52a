"""One mailbox of the organisation and its calendar as a store: every write renews the ChangeKey and is announced."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from tests.lab.exchange.calendar import Content, Item, Override, Sight, expand, occurrence
from tests.lab.exchange.call import ResponseFault
from tests.lab.exchange.identifiers import FOLDER, ITEM, Identifier, change_key
from tests.lab.exchange.recurrence import Rule

Disposal = Literal["HardDelete", "SoftDelete", "MoveToDeletedItems"]

ROOT, CALENDAR, DELETED, INBOX, SENT = 1, 2, 3, 4, 5
"""Numbers of the folders every mailbox has."""

DELETIONS_KEPT = 10_000
"""A bookmark older than the deletions still known is refused (`Mailbox.forgotten`)."""


@dataclass(frozen=True, slots=True)
class ItemEvent:
    """Something that happened to an item, as notifications tell it; `kind` is Created, Modified, Deleted, Moved or NewMail.

    `mailbox` is its GUID: whoever watches a mailbox goes on doing so under its new address. A move names where the item
    was (`old_item_id`, `old_folder_id`).
    """

    mailbox: str
    kind: str
    item_id: str
    change_key: str
    folder_id: str
    at: datetime
    old_item_id: str = ""
    old_folder_id: str = ""


@dataclass(frozen=True, slots=True)
class OutOfOffice:
    """`state` is Disabled, Enabled or Scheduled; `start` and `end` frame a scheduled absence."""

    state: str = "Disabled"
    audience: str = "All"
    start: datetime | None = None
    end: datetime | None = None
    internal: str = ""
    external: str = ""

    def away(self, now: datetime) -> bool:
        """Whether replies are sent at `now`."""
        if self.state == "Scheduled" and self.start is not None and self.end is not None:
            return self.start <= now < self.end
        return self.state == "Enabled"


AT_WORK = OutOfOffice()


@dataclass(frozen=True, slots=True)
class Gone:
    """A deletion that sync must tell: of an item, or of an exception by its original start."""

    serial: int
    created: int
    version: int
    original: datetime | None = None


@dataclass(slots=True, eq=False)
class Mailbox:
    """A user's or room's mailbox. `state` is active, disabled, moving, or online (moved away to Exchange Online).

    `group` is the label that GroupingInformation and ExternalEwsUrl are made of; `online` the address there. `generation` counts how
    often its SyncStates were expired. `tips_pending` keeps GetMailTips from knowing about it in time. A room that
    ``deletes_comments`` keeps no text of what is booked in it.
    """

    address: str
    guid: str
    announce: Callable[[ItemEvent], None] = field(repr=False)
    name: str = ""
    kind: Literal["user", "room"] = "user"
    aliases: tuple[str, ...] = ()
    group: str = "A"
    state: Literal["active", "disabled", "moving", "online"] = "active"
    online: str = ""
    readers: frozenset[str] = frozenset()
    out_of_office: OutOfOffice = AT_WORK
    tips_pending: bool = False
    deletes_comments: bool = False
    inbox_name: str = "Inbox"
    generation: int = 1
    version: int = 0
    items: dict[int, Item] = field(default_factory=dict)
    gone: list[Gone] = field(default_factory=list)
    forgotten: int = 0

    def folder_id(self, folder: int = CALENDAR) -> str:
        """The id of one of the folders."""
        return str(Identifier(self.guid, FOLDER, folder))

    def item_id(self, serial: int, original: datetime | None = None) -> str:
        """The id of an item or of an occurrence."""
        return str(Identifier(self.guid, ITEM, serial, original))

    def id_of(self, sight: Sight) -> str:
        """The id of what is seen."""
        return self.item_id(sight.item.serial, sight.original)

    def key_of(self, item: Item) -> str:
        """The ChangeKey; occurrences have that of their master, where Exchange stores them."""
        return change_key(self.guid, item.version)

    def item(self, serial: int) -> Item:
        """An item by number. Raises ResponseFault ErrorItemNotFound, or what the item was planted to give."""
        found = self.items.get(serial)
        if found is None:
            raise ResponseFault("ErrorItemNotFound", "The specified object was not found in the store.")
        return found

    def sight(self, serial: int, original: datetime | None = None) -> Sight:
        """An item or one of its occurrences. Raises ResponseFault ErrorItemNotFound."""
        item = self.item(serial)
        return item.whole if original is None else occurrence(item, original)

    def with_uid(self, uid: str) -> Item | None:
        """The item with this UID, None if there is none."""
        return next((item for item in self.items.values() if item.content.uid == uid), None)

    def view(self, start: datetime, end: datetime) -> Iterator[Sight]:
        """All that touches [start, end), in no promised order."""
        for item in self.items.values():
            yield from expand(item, start, end)

    def create(self, content: Content, rule: Rule | None, now: datetime) -> Item:
        """Put a new item into the calendar."""
        version = self._next()
        item = Item(version, version, version, version, replace(content, created=now, modified=now), rule)
        self.items[item.serial] = item
        self._tell(item, now, "Created", "Modified")
        return item

    def write(self, item: Item, changes: dict[str, Any], now: datetime) -> None:
        """Change a single item or a master; a change of time or recurrence drops exceptions, as Exchange does.

        `changes` are fields of Content, and `rule`.
        """
        fields = {name: value for name, value in changes.items() if name != "rule"}
        rule = changes.get("rule", item.rule)
        item.content = replace(item.content, **{"modified": now, **fields})
        if item.rule is not None and (rule != item.rule or fields.keys() & {"start", "end", "zone"}):
            self._forget_exceptions(item)
        item.rule = rule
        item.version = item.touched = self._next()
        _note(item, None, changes)
        self._tell(item, now, "Modified", "Modified")

    def write_occurrence(
        self, item: Item, original: datetime, changes: dict[str, Any], now: datetime
    ) -> None:
        """Change one occurrence, which makes it an exception. Raises ResponseFault ErrorItemNotFound."""
        occurrence(item, original)
        version = self._next()
        override = item.overrides.setdefault(original, Override({}, version, version))
        override.changes.update({**changes, "modified": now})
        override.version = version
        item.version = self._next()
        _note(item, original, changes)
        self._tell(item, now, "Modified", original=original)
        self._tell(item, now, "Modified")

    def delete_occurrence(self, item: Item, original: datetime, now: datetime) -> None:
        """Take one occurrence out of a series. Raises ResponseFault ErrorItemNotFound."""
        occurrence(item, original)
        override = item.overrides.pop(original, None)
        item.deleted.add(original)
        if override is not None:
            self._record([Gone(item.serial, override.created, self._next(), original)])
        item.version = item.touched = self._next()
        self._tell(item, now, "Modified", "Modified")

    def remove(self, item: Item, now: datetime, how: Disposal = "MoveToDeletedItems") -> None:
        """Delete an item with all its occurrences."""
        self._forget_exceptions(item)
        del self.items[item.serial]
        old, version = self.item_id(item.serial), self._next()
        self._record([Gone(item.serial, item.created, version)])
        if how == "MoveToDeletedItems":
            new = self.item_id(version)
            event = ItemEvent(
                self.guid,
                "Moved",
                new,
                self.key_of(item),
                self.folder_id(DELETED),
                now,
                old,
                self.folder_id(),
            )
        else:
            event = ItemEvent(self.guid, "Deleted", old, self.key_of(item), self.folder_id(), now)
        self.announce(event)

    def tell_mail(self, now: datetime) -> None:
        """Announce that a meeting message arrived in the Inbox."""
        version = self._next()
        key, item, folder = change_key(self.guid, version), self.item_id(version), self.folder_id(INBOX)
        for kind in ("Created", "NewMail"):
            self.announce(ItemEvent(self.guid, kind, item, key, folder, now))

    def _forget_exceptions(self, item: Item) -> None:
        self._record([Gone(item.serial, one.created, self._next(), at) for at, one in item.overrides.items()])
        item.overrides.clear()
        item.deleted.clear()

    def _record(self, deletions: list[Gone]) -> None:
        self.gone.extend(deletions)
        if len(self.gone) > DELETIONS_KEPT:
            half = len(self.gone) // 2
            self.forgotten = self.gone[half - 1].version
            del self.gone[:half]

    def _next(self) -> int:
        self.version += 1
        return self.version

    def _tell(self, item: Item, now: datetime, *kinds: str, original: datetime | None = None) -> None:
        id_, key, folder = self.item_id(item.serial, original), self.key_of(item), self.folder_id()
        for kind in kinds:
            self.announce(ItemEvent(self.guid, kind, id_, key, folder, now))


def _note(item: Item, original: datetime | None, changes: dict[str, Any]) -> None:
    item.writes.update({(original, name): item.version for name in changes})
