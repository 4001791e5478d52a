"""Reads ItemShape: which properties a client wants to see."""

from lxml import etree

from tests.lab.exchange.call import Call
from tests.lab.exchange.elements import NAMES, children, local, text_at
from tests.lab.exchange.frame import Shape
from tests.lab.exchange.properties import read_key


def read_shape(call: Call, *, finding: bool = False) -> Shape:
    """The shape of a request. Raises ResponseFault ErrorInvalidExtendedProperty."""
    element = call.request.find("m:ItemShape", NAMES)
    if element is None:
        return Shape(finding=finding)
    wanted = children(element.find("t:AdditionalProperties", NAMES))
    extended = [one for one in wanted if local(one) == "ExtendedFieldURI"]
    return Shape(
        base=text_at(element, "t:BaseShape", "IdOnly"),
        uris=frozenset(one.get("FieldURI", "") for one in wanted if local(one) == "FieldURI"),
        extended={read_key(one): _attributes(one) for one in extended},
        body=text_at(element, "t:BodyType", "Best"),
        finding=finding,
    )


def _attributes(element: etree._Element) -> dict[str, str]:
    return {str(name): str(value) for name, value in element.attrib.items()}
