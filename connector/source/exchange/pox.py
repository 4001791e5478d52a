"""POX Autodiscover, the older question to ``autodiscover.xml``: one user, plain XML, fallback where SOAP is not served.

Sources: MS-OXDSCLI 2.2.3 (request) and 2.2.4 (response), Microsoft's "Handling Autodiscover error messages".
"""

from __future__ import annotations

from lxml import etree

from connector.errors import AccessDenied, Transient
from connector.source.exchange.autodiscover import (
    Answer,
    ToAddress,
    ToUrl,
    settings_answer,
)
from connector.source.exchange.markup import children, find, parse, text_of

REQUEST = "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"
RESPONSE = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
UNKNOWN = {"500", "501", "602"}
"""Error codes that say that nobody has this address (MS-OXDSCLI 2.2.4.1.1.1)."""


def request(address: str) -> bytes:
    """The question about one address."""
    root = etree.Element(f"{{{REQUEST}}}Autodiscover", nsmap={"a": REQUEST})
    asked = etree.SubElement(root, f"{{{REQUEST}}}Request")
    etree.SubElement(asked, f"{{{REQUEST}}}EMailAddress").text = address
    etree.SubElement(asked, f"{{{REQUEST}}}AcceptableResponseSchema").text = RESPONSE
    return etree.tostring(root, encoding="utf-8", xml_declaration=True)


def answer(document: bytes) -> Answer:
    """What the document says of the user.

    Raises:
        Transient: the document is no Autodiscover answer (``bad-answer``).
    """
    root = parse(document)
    account, error = find(root, "Account"), find(root, "Error")
    if account is not None:
        return _account(root, account)
    if error is not None:
        return _refused(text_of(error, "ErrorCode"), text_of(error, "Message"))
    raise Transient("bad-answer", "neither Account nor Error in the answer")


def _account(root: etree._Element, account: etree._Element) -> Answer:
    match text_of(account, "Action").lower():
        case "redirectaddr":
            return ToAddress(text_of(account, "RedirectAddr"))
        case "redirecturl":
            return ToUrl(text_of(account, "RedirectUrl"))
    user = find(root, "User")
    urls = {text_of(one, "Type"): text_of(one, "EwsUrl") for one in children(account, "Protocol")}
    grouping = [text_of(one, "GroupingInformation") for one in children(account, "Protocol")]
    return settings_answer(
        {
            "ExternalEwsUrl": urls.get("EXPR", ""),
            "InternalEwsUrl": urls.get("EXCH", ""),
            "GroupingInformation": next(filter(None, grouping), ""),
            "AutoDiscoverSMTPAddress": "" if user is None else text_of(user, "AutoDiscoverSMTPAddress"),
            "UserDN": "" if user is None else text_of(user, "LegacyDN"),
        }
    )


def _refused(code: str, words: str) -> Answer:
    detail = f"{code}: {words}"
    return AccessDenied("address-unknown", detail) if code in UNKNOWN else Transient("server-error", detail)
