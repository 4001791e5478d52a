"""SOAP 1.1 as Exchange speaks it: envelopes in and out, faults, and answers that say only that something failed."""

from dataclasses import dataclass, field

from lxml import etree

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"
MESSAGES = "http://schemas.microsoft.com/exchange/services/2006/messages"
ERRORS = "http://schemas.microsoft.com/exchange/services/2006/errors"

S = f"{{{SOAP}}}"
T = f"{{{TYPES}}}"
M = f"{{{MESSAGES}}}"
E = f"{{{ERRORS}}}"

SERVER_VERSION = {
    "MajorVersion": "15",
    "MinorVersion": "1",
    "MajorBuildNumber": "2507",
    "MinorBuildNumber": "39",
    "Version": "V2017_07_11",
}


class NotSoapError(Exception):
    """The body is no SOAP request."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """A request's parts: the child of soap:Body and the header's children by local name."""

    request: etree._Element
    headers: dict[str, etree._Element]

    @property
    def operation(self) -> str:
        """`GetItem` and the like."""
        return local(self.request)


@dataclass(frozen=True, slots=True)
class Trouble:
    """An EWS error: response code, sentence, and the values of its MessageXml (`BackOffMilliseconds`)."""

    code: str
    text: str
    values: dict[str, str] = field(default_factory=dict)


def local(element: etree._Element) -> str:
    """The element's name without its namespace."""
    return etree.QName(element).localname


def read(body: bytes) -> Envelope:
    """Take a request apart.

    Raises:
        NotSoapError: no XML, or no soap:Body with a child.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_blank_text=False)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        raise NotSoapError(str(error)) from error
    content = root.find(f"{S}Body")
    if content is None or not len(content):
        raise NotSoapError("soap:Body is missing or empty")
    header = root.find(f"{S}Header")
    children = [] if header is None else [child for child in header if isinstance(child.tag, str)]
    return Envelope(content[0], {local(child): child for child in children})


def write(response: etree._Element) -> bytes:
    """The whole answer document around a response element."""
    root = etree.Element(f"{S}Envelope", nsmap={"s": SOAP})
    header = etree.SubElement(root, f"{S}Header")
    etree.SubElement(header, f"{T}ServerVersionInfo", SERVER_VERSION, nsmap={"h": TYPES})
    etree.SubElement(root, f"{S}Body").append(response)
    return etree.tostring(root, encoding="utf-8", xml_declaration=True)


def fault(trouble: Trouble) -> bytes:
    """A SOAP fault as Exchange writes it: the code in faultcode and in e:ResponseCode, values in t:MessageXml."""
    element = etree.Element(f"{S}Fault", nsmap={"s": SOAP})
    etree.SubElement(element, "faultcode", nsmap={"a": TYPES}).text = f"a:{trouble.code}"
    etree.SubElement(
        element, "faultstring", {"{http://www.w3.org/XML/1998/namespace}lang": "en-US"}
    ).text = trouble.text
    detail = etree.SubElement(element, "detail")
    etree.SubElement(detail, f"{E}ResponseCode", nsmap={"e": ERRORS}).text = trouble.code
    etree.SubElement(detail, f"{E}Message", nsmap={"e": ERRORS}).text = trouble.text
    if trouble.values:
        detail.append(_values(f"{T}MessageXml", trouble))
    return write(element)


def failure(operation: str, trouble: Trouble, messages: int = 1) -> etree._Element:
    """A response whose every message says that it failed: `m:GetItemResponse` with `messages` error messages."""
    if operation in SINGLE:
        return SINGLE[operation](trouble)
    response = etree.Element(f"{M}{operation}Response", nsmap={"m": MESSAGES, "t": TYPES})
    held = etree.SubElement(response, f"{M}ResponseMessages")
    for _ in range(messages):
        message = error_message(etree.SubElement(held, f"{M}{operation}ResponseMessage"), trouble)
        if operation in EMPTY:
            etree.SubElement(message, f"{M}{EMPTY[operation]}")
    return response


def error_message(message: etree._Element, trouble: Trouble) -> etree._Element:
    """Fill a response message with an error (m:ResponseMessageType)."""
    message.set("ResponseClass", "Error")
    etree.SubElement(message, f"{M}MessageText").text = trouble.text
    etree.SubElement(message, f"{M}ResponseCode").text = trouble.code
    etree.SubElement(message, f"{M}DescriptiveLinkKey").text = "0"
    if trouble.values:
        message.append(_values(f"{M}MessageXml", trouble))
    return message


def success_message(message: etree._Element) -> etree._Element:
    """Fill the beginning of a response message that reports success."""
    message.set("ResponseClass", "Success")
    etree.SubElement(message, f"{M}ResponseCode").text = "NoError"
    return message


def _values(tag: str, trouble: Trouble) -> etree._Element:
    element = etree.Element(tag, nsmap={"t": TYPES})
    for name, value in trouble.values.items():
        etree.SubElement(element, f"{T}Value", Name=name).text = value
    return element


def _oof(trouble: Trouble) -> etree._Element:
    response = etree.Element(f"{M}GetUserOofSettingsResponse", nsmap={"m": MESSAGES, "t": TYPES})
    error_message(etree.SubElement(response, f"{M}ResponseMessage"), trouble)
    return response


def _availability(trouble: Trouble) -> etree._Element:
    response = etree.Element(f"{M}GetUserAvailabilityResponse", nsmap={"m": MESSAGES, "t": TYPES})
    held = etree.SubElement(response, f"{M}FreeBusyResponseArray")
    one = etree.SubElement(held, f"{M}FreeBusyResponse")
    error_message(etree.SubElement(one, f"{M}ResponseMessage"), trouble)
    return response


def _mail_tips(trouble: Trouble) -> etree._Element:
    return error_message(etree.Element(f"{M}GetMailTipsResponse", nsmap={"m": MESSAGES, "t": TYPES}), trouble)


EMPTY = {
    "CopyItem": "Items",
    "CreateItem": "Items",
    "GetFolder": "Folders",
    "GetItem": "Items",
    "GetServerTimeZones": "TimeZoneDefinitions",
    "MoveItem": "Items",
    "UpdateItem": "Items",
}
"""The child that the schema wants in a response message even when it reports an error."""

SINGLE = {
    "GetUserOofSettings": _oof,
    "GetUserAvailability": _availability,
    "GetMailTips": _mail_tips,
}
