"""SOAP Autodiscover: GetUserSettings as a request document and what its answer says of each user.

Sources: MS-OXWSADISC 3.1.4.5 and Microsoft's "GetUserSettings operation (SOAP)". Elements are met by local name:
servers and published examples disagree about namespaces. Every user is judged alone; one that fails does not spoil
its batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import uuid4

from lxml import etree

from connector.errors import AccessDenied, Transient, Verdict
from connector.source.exchange.markup import children, find, parse, text_of

BATCH = 100
"""Users in one GetUserSettings request (the server's own limit)."""

ANS = "http://schemas.microsoft.com/exchange/2010/Autodiscover"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
WSA = "http://www.w3.org/2005/08/addressing"
ACTION = f"{ANS}/Autodiscover/GetUserSettings"
SETTINGS = (
    "ExternalEwsUrl",
    "InternalEwsUrl",
    "GroupingInformation",
    "AutoDiscoverSMTPAddress",
    "UserDN",
    "EwsSupportedSchemas",
)
NOWHERE = {"InvalidUser", "InvalidDomain", "NotFederated"}


@dataclass(frozen=True, slots=True)
class Settings:
    """What Autodiscover knows of one mailbox; "" for what it did not say."""

    ews_url: str
    grouping: str = ""
    address: str = ""
    user_dn: str = ""
    schemas: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ToUrl:
    """Ask the same question at this URL."""

    url: str


@dataclass(frozen=True, slots=True)
class ToAddress:
    """The mailbox is known by this address instead."""

    address: str


Answer = Settings | ToUrl | ToAddress | Verdict


def request(url: str, addresses: Sequence[str]) -> bytes:
    """The GetUserSettings document for at most 100 addresses."""
    root = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"s": SOAP, "a": ANS, "wsa": WSA})
    header = etree.SubElement(root, f"{{{SOAP}}}Header")
    for tag, text in (
        (f"{{{ANS}}}RequestedServerVersion", "Exchange2013"),
        (f"{{{WSA}}}MessageID", f"urn:uuid:{uuid4()}"),
        (f"{{{WSA}}}Action", ACTION),
        (f"{{{WSA}}}To", url),
    ):
        etree.SubElement(header, tag).text = text
    body = etree.SubElement(root, f"{{{SOAP}}}Body")
    message = etree.SubElement(body, f"{{{ANS}}}GetUserSettingsRequestMessage")
    asked = etree.SubElement(message, f"{{{ANS}}}Request")
    users = etree.SubElement(asked, f"{{{ANS}}}Users")
    for address in addresses:
        user = etree.SubElement(users, f"{{{ANS}}}User")
        etree.SubElement(user, f"{{{ANS}}}Mailbox").text = address
    wanted = etree.SubElement(asked, f"{{{ANS}}}RequestedSettings")
    for setting in SETTINGS:
        etree.SubElement(wanted, f"{{{ANS}}}Setting").text = setting
    return etree.tostring(root, encoding="utf-8", xml_declaration=True)


def answers(document: bytes, count: int) -> tuple[Answer, ...]:
    """What the answer says of each of the ``count`` users, in the order of the request.

    Raises:
        Transient: the document is no answer (``bad-answer``), or the whole batch was refused (``busy``, ``server-error``).
    """
    response = find(parse(document), "Response")
    if response is None:
        raise Transient("bad-answer", "no Autodiscover response in the answer")
    code = text_of(response, "ErrorCode")
    if code and code != "NoError":
        raise _batch_refused(code, text_of(response, "ErrorMessage"))
    users = find(response, "UserResponses")
    found = [] if users is None else [_answer(user) for user in children(users, "UserResponse")]
    if len(found) != count:
        raise Transient("bad-answer", f"{len(found)} answers to {count} users")
    return tuple(found)


def _answer(user: etree._Element) -> Answer:
    code = text_of(user, "ErrorCode") or "NoError"
    target = text_of(user, "RedirectTarget")
    match code:
        case "NoError":
            return settings_answer(_settings(user))
        case "RedirectUrl":
            return ToUrl(target)
        case "RedirectAddress":
            return ToAddress(target)
    return _user_refused(code, text_of(user, "ErrorMessage"))


def _settings(user: etree._Element) -> dict[str, str]:
    held = find(user, "UserSettings")
    if held is None:
        return {}
    return {text_of(one, "Name"): text_of(one, "Value") for one in children(held, "UserSetting")}


def settings_answer(values: Mapping[str, str]) -> Answer:
    """Settings from named values, or the verdict that they lead nowhere. The external URL is preferred."""
    url = values.get("ExternalEwsUrl") or values.get("InternalEwsUrl") or ""
    if not url:
        return AccessDenied("address-unknown", "Autodiscover knows no EWS address of the mailbox")
    schemas = values.get("EwsSupportedSchemas", "")
    return Settings(
        url,
        values.get("GroupingInformation", ""),
        values.get("AutoDiscoverSMTPAddress", "").lower(),
        values.get("UserDN", "").lower(),
        tuple(schema.strip() for schema in schemas.split(",") if schema.strip()),
    )


def _user_refused(code: str, words: str) -> Verdict:
    detail = f"{code}: {words}"
    if code in NOWHERE:
        return AccessDenied("address-unknown", detail)
    return Transient("busy" if code == "ServerBusy" else "server-error", detail)


def _batch_refused(code: str, words: str) -> Transient:
    return Transient("busy" if code == "ServerBusy" else "server-error", f"{code}: {words}")
