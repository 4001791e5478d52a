"""Restrictions of FindItem: which items are looked for (MS-OXWSSRCH, RestrictionType)."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from lxml import etree

from tests.lab.exchange.calendar import Sight
from tests.lab.exchange.call import ResponseFault
from tests.lab.exchange.elements import children, local, read_instant
from tests.lab.exchange.mailbox import Mailbox
from tests.lab.exchange.properties import read_key

Matcher = Callable[[Mailbox, Sight], bool]
Value = str | datetime | None
Ordered = TypeVar("Ordered", str, datetime)
Reader = Callable[[Mailbox, Sight], Value]

_READERS: dict[str, Reader] = {
    "item:Subject": lambda _, sight: sight.content.subject,
    "item:ItemClass": lambda _, __: "IPM.Appointment",
    "item:LastModifiedTime": lambda _, sight: sight.content.modified,
    "item:DateTimeCreated": lambda _, sight: sight.content.created,
    "calendar:UID": lambda _, sight: sight.content.uid,
    "calendar:Location": lambda _, sight: sight.content.location,
    "calendar:Start": lambda _, sight: sight.content.start,
    "calendar:End": lambda _, sight: sight.content.end,
}

_COMPARISONS = {
    "IsEqualTo": frozenset({0}),
    "IsNotEqualTo": frozenset({-1, 1}),
    "IsGreaterThan": frozenset({1}),
    "IsGreaterThanOrEqualTo": frozenset({0, 1}),
    "IsLessThan": frozenset({-1}),
    "IsLessThanOrEqualTo": frozenset({-1, 0}),
}


def matcher(restriction: etree._Element | None) -> Matcher:
    """The test a Restriction stands for; everything matches none.

    Raises ResponseFault ErrorUnsupportedPathForQuery, ErrorUnsupportedQueryFilter.
    """
    if restriction is None:
        return lambda _mailbox, _sight: True
    return _expression(children(restriction)[0])


def _expression(element: etree._Element) -> Matcher:
    kind, inner = local(element), children(element)
    if kind in {"And", "Or"}:
        tests = [_expression(one) for one in inner]
        fold = all if kind == "And" else any
        return lambda mailbox, sight: fold(test(mailbox, sight) for test in tests)
    if kind == "Not":
        test = _expression(inner[0])
        return lambda mailbox, sight: not test(mailbox, sight)
    if kind == "Exists":
        read = _reader(inner[0])
        return lambda mailbox, sight: read(mailbox, sight) is not None
    if kind == "Contains":
        return _contains(inner)
    if kind in _COMPARISONS:
        return _comparison(_COMPARISONS[kind], inner)
    raise ResponseFault("ErrorUnsupportedQueryFilter", f"The lab does not know the filter {kind}.")


def _contains(inner: list[etree._Element]) -> Matcher:
    read, wanted = _reader(inner[0]), (inner[1].get("Value") or "").lower()
    return lambda mailbox, sight: wanted in str(read(mailbox, sight) or "").lower()


def _comparison(accepted: frozenset[int], inner: list[etree._Element]) -> Matcher:
    read, wanted = _reader(inner[0]), _operand(inner[1])

    def test(mailbox: Mailbox, sight: Sight) -> bool:
        value = read(mailbox, sight)
        if value is None:
            return False
        if isinstance(value, datetime):
            return _order(value, read_instant(wanted)) in accepted
        return _order(value.lower(), wanted.lower()) in accepted

    return test


def _order(mine: Ordered, other: Ordered) -> int:
    return (mine > other) - (mine < other)


def _operand(element: etree._Element) -> str:
    constant = children(element)
    if not constant or local(constant[0]) != "Constant":
        raise ResponseFault("ErrorUnsupportedQueryFilter", "The lab compares with constants only.")
    return constant[0].get("Value", "")


def _reader(path: etree._Element) -> Reader:
    if local(path) == "ExtendedFieldURI":
        key = read_key(path)
        return lambda _, sight: _single(sight, key)
    read = _READERS.get(path.get("FieldURI", ""))
    if read is None:
        raise ResponseFault(
            "ErrorUnsupportedPathForQuery", "The property can not be used with this type of restriction."
        )
    return read


def _single(sight: Sight, key: object) -> Value:
    found = next((value for name, value in sight.content.properties.items() if name == key), None)
    return found[0] if isinstance(found, tuple) else found
