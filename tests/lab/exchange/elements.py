"""XML of the EWS namespaces: small words to write and read it with."""

import re
from datetime import UTC, datetime, timedelta

from lxml import etree

M = "{http://schemas.microsoft.com/exchange/services/2006/messages}"
T = "{http://schemas.microsoft.com/exchange/services/2006/types}"
NAMES = {"m": M[1:-1], "t": T[1:-1]}

_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def message(name: str) -> etree._Element:
    """A new element of the messages namespace with both prefixes declared."""
    return etree.Element(M + name, nsmap=NAMES)


def sub(parent: etree._Element, tag: str, text: str | None = None, **attributes: str) -> etree._Element:
    """A new child; `tag` with its namespace. Characters that XML cannot hold are left out of `text`."""
    made = etree.SubElement(parent, tag, attributes)
    if text is not None:
        made.text = _ILLEGAL.sub("", text)
    return made


def t(parent: etree._Element, name: str, text: str | None = None, **attributes: str) -> etree._Element:
    """A new child of the types namespace."""
    return sub(parent, T + name, text, **attributes)


def m(parent: etree._Element, name: str, text: str | None = None, **attributes: str) -> etree._Element:
    """A new child of the messages namespace."""
    return sub(parent, M + name, text, **attributes)


def local(element: etree._Element) -> str:
    """The name without its namespace."""
    return etree.QName(element).localname


def children(element: etree._Element | None) -> list[etree._Element]:
    """The child elements, comments left out; none of None."""
    return [] if element is None else list(element.iterchildren("*"))


def text_at(element: etree._Element, path: str, default: str = "") -> str:
    """The text of the first element at `path` (prefixes m and t)."""
    found = element.findtext(path, namespaces=NAMES)
    return default if found is None else found


def boolean(value: bool) -> str:
    """The XML form of a boolean."""
    return "true" if value else "false"


def instant(when: datetime) -> str:
    """The XML form of an aware time, in UTC."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_instant(text: str, default_offset: timedelta = timedelta()) -> datetime:
    """An xs:dateTime as aware UTC; without a zone it counts as `default_offset` east. Raises ValueError."""
    parsed = datetime.fromisoformat(text.strip())
    return (parsed.replace(tzinfo=UTC) - default_offset) if parsed.tzinfo is None else parsed.astimezone(UTC)


def duration(span: timedelta) -> str:
    """The XML form of a duration, as Exchange writes it: days, hours and minutes."""
    sign, seconds = ("-", -span.total_seconds()) if span < timedelta() else ("", span.total_seconds())
    minutes, rest = divmod(int(seconds), 60)
    days, minutes = divmod(minutes, 1440)
    hours, minutes = divmod(minutes, 60)
    parts = [(days, "D", ""), (hours, "H", "T"), (minutes, "M", "T"), (rest, "S", "T")]
    written = ""
    for number, unit, lead in parts:
        if number:
            written += (lead if lead and "T" not in written else "") + f"{number}{unit}"
    return f"{sign}P{written or 'T0S'}"


_DURATION = re.compile(r"(-?)P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.\d+)?S)?)?")


def read_duration(text: str) -> timedelta:
    """An xs:duration of days and less. Raises ValueError for others."""
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"not a duration of days and less: {text}")
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups()[1:])
    span = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    return -span if found.group(1) else span
