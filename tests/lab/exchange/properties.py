"""Extended properties: how requests name them, and how values are read and written."""

import uuid

from lxml import etree

from tests.lab.exchange.calendar import PropertyKey
from tests.lab.exchange.call import ResponseFault
from tests.lab.exchange.elements import NAMES, T, children, t

Value = str | tuple[str, ...]

DISTINGUISHED = {
    "Meeting": "6ed8da90-450b-101b-98da-00aa003f1305",
    "Appointment": "00062002-0000-0000-c000-000000000046",
    "Common": "00062008-0000-0000-c000-000000000046",
    "PublicStrings": "00020329-0000-0000-c000-000000000046",
    "Address": "00062004-0000-0000-c000-000000000046",
    "InternetHeaders": "00020386-0000-0000-c000-000000000046",
    "CalendarAssistant": "11000e07-b51b-40d6-af21-caa85edab1d0",
    "UnifiedMessaging": "4442858e-a9e3-4e80-b900-317a210cc15b",
    "Task": "00062003-0000-0000-c000-000000000046",
    "Sharing": "00062040-0000-0000-c000-000000000046",
}


def key(
    type_: str, *, tag: str = "", set_id: str = "", name: str = "", number: int | None = None
) -> PropertyKey:
    """The key of a property, so written that equal properties have equal keys.

    Raises ResponseFault ErrorInvalidExtendedProperty when tag and set are mixed or too little is given.
    """
    if bool(tag) == bool(set_id) or (set_id and bool(name) == (number is not None)):
        raise ResponseFault(
            "ErrorInvalidExtendedProperty", "The extended property attribute combination is invalid."
        )
    try:
        tag = f"0x{int(tag, 16 if tag.lower().startswith('0x') else 10):04x}" if tag else ""
        set_id = str(uuid.UUID(DISTINGUISHED.get(set_id, set_id))) if set_id else ""
    except ValueError:
        raise ResponseFault("ErrorInvalidExtendedProperty", "The extended property is not valid.") from None
    return PropertyKey(type_, tag, set_id, name.lower(), number)


def read_key(field: etree._Element) -> PropertyKey:
    """The key an ExtendedFieldURI names. Raises ResponseFault ErrorInvalidExtendedProperty."""
    number = field.get("PropertyId")
    return key(
        field.get("PropertyType", ""),
        tag=field.get("PropertyTag", ""),
        set_id=field.get("DistinguishedPropertySetId") or field.get("PropertySetId") or "",
        name=field.get("PropertyName", ""),
        number=None if number is None else int(number),
    )


def read_property(element: etree._Element) -> tuple[PropertyKey, Value]:
    """Key and value of a t:ExtendedProperty. Raises ResponseFault ErrorInvalidExtendedProperty(Value)."""
    field = element.find("t:ExtendedFieldURI", NAMES)
    if field is None:
        raise ResponseFault("ErrorInvalidExtendedProperty", "The extended property has no ExtendedFieldURI.")
    values = element.find("t:Values", NAMES)
    if values is not None:
        return read_key(field), tuple(one.text or "" for one in children(values))
    value = element.findtext("t:Value", None, NAMES)
    if value is None:
        raise ResponseFault("ErrorInvalidExtendedPropertyValue", "The extended property has no value.")
    return read_key(field), value


def write_property(parent: etree._Element, attributes: dict[str, str], value: Value) -> None:
    """Add a t:ExtendedProperty named as the client named it."""
    made = t(parent, "ExtendedProperty")
    etree.SubElement(made, T + "ExtendedFieldURI", attributes)
    if isinstance(value, str):
        t(made, "Value", value)
    else:
        values = t(made, "Values")
        for one in value:
            t(values, "Value", one)
