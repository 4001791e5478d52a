"""What is being written, and what of it a client wants to see."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lxml import etree

from tests.lab.exchange.calendar import Content, PropertyKey, Sight
from tests.lab.exchange.mailbox import Mailbox


@dataclass(frozen=True, slots=True)
class Shape:
    """What a client wants to see: field URIs beside the base shape, and extended properties with its own names for them."""

    base: str = "IdOnly"
    uris: frozenset[str] = frozenset()
    extended: Mapping[PropertyKey, dict[str, str]] = field(default_factory=dict)
    body: str = "Best"
    finding: bool = False

    def wants(self, one: "Field") -> bool:
        """Whether the field is to be written (FindItem leaves out what only GetItem can give)."""
        if self.finding and one.complex:
            return False
        return one.uri in self.uris or self.base in one.shapes


@dataclass(frozen=True, slots=True)
class Frame:
    """One item being written."""

    mailbox: Mailbox
    sight: Sight
    shape: Shape

    @property
    def content(self) -> Content:
        """What the item shows."""
        return self.sight.content


Write = Callable[[etree._Element, Frame], None]


@dataclass(frozen=True, slots=True)
class Field:
    """One property of a calendar item and how it is written."""

    uri: str
    write: Write
    shapes: frozenset[str]
    complex: bool
