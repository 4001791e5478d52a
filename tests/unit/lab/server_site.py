"""A lab without sockets: requests go straight to its web services."""

from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from tests.lab.exchange.directory import Group
from tests.lab.exchange.ews import WebServices
from tests.lab.exchange.requestlog import Entry
from tests.lab.exchange.settings import Settings
from tests.lab.exchange.site import build
from tests.lab.exchange.soap import MESSAGES, SOAP, TYPES, M
from tests.lab.exchange.waiting import Watch
from tests.lab.exchange.wire import Answer, Request

USER1 = "user1@example.com"
SPACES = f'xmlns:s="{SOAP}" xmlns:t="{TYPES}" xmlns:m="{MESSAGES}"'
GET_FOLDER = (
    "<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape>"
    '<m:FolderIds><t:DistinguishedFolderId Id="calendar"/></m:FolderIds></m:GetFolder>'
)
SUBSCRIBE = (
    '<m:Subscribe><m:StreamingSubscriptionRequest><t:FolderIds><t:DistinguishedFolderId Id="calendar"/></t:FolderIds>'
    "<t:EventTypes><t:EventType>CreatedEvent</t:EventType></t:EventTypes>"
    "</m:StreamingSubscriptionRequest></m:Subscribe>"
)


def stream(subscription_id: str) -> str:
    """A GetStreamingEvents request of one minute."""
    return (
        f"<m:GetStreamingEvents><m:SubscriptionIds><t:SubscriptionId>{subscription_id}</t:SubscriptionId>"
        "</m:SubscriptionIds><m:ConnectionTimeout>1</m:ConnectionTimeout></m:GetStreamingEvents>"
    )


def envelope(body: str, header: str = "") -> bytes:
    """A SOAP request."""
    return f"<s:Envelope {SPACES}><s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>".encode()


def impersonation(address: str, kind: str = "SmtpAddress") -> str:
    """The header that acts for somebody."""
    return (
        f"<t:ExchangeImpersonation><t:ConnectingSID><t:{kind}>{address}</t:{kind}></t:ConnectingSID>"
        "</t:ExchangeImpersonation>"
    )


class Lab:
    """One site and its web services. Whoever makes it sets NTLM_USER_FILE by monkeypatch, which puts it back."""

    def __init__(self, settings: Settings, groups: list[Group] | None = None) -> None:
        url = "https://lab.example/EWS/Exchange.asmx"
        self.site = build(settings, groups or [Group("A", url, url)])
        self.services = WebServices(self.site)

    def ask(self, body: str, *, acting: str | None = USER1, **headers: str) -> tuple[Answer, Entry]:
        """Send one request as the service account."""
        header = impersonation(acting) if acting else ""
        return self.send(envelope(body, header), **headers)

    def send(self, raw: bytes, **headers: str) -> tuple[Answer, Entry]:
        """Send one body."""
        named = {name.replace("_", "-").lower(): value for name, value in headers.items()}
        entry = self.site.log.open("/EWS/Exchange.asmx", caller="svc")
        request = Request("POST", "/EWS/Exchange.asmx", "", named, raw)
        return self.services.answer("svc", request, entry, Watch()), entry


def code(answer: Answer) -> str:
    """The first response code of an answer, fault or not."""
    assert isinstance(answer.body, bytes)
    found = etree.fromstring(answer.body).iterfind(".//{*}ResponseCode")
    return next((element.text or "" for element in found), "")


def body_of(document: bytes) -> etree._Element:
    """The child of soap:Body."""
    return etree.fromstring(document)[1][0]


def subscription_id(answer: Answer) -> str:
    """The id that Subscribe answered."""
    assert isinstance(answer.body, bytes)
    return body_of(answer.body).findtext(f".//{M}SubscriptionId") or ""


def documents(answer: Answer) -> Iterator[bytes]:
    """The pieces of a streamed answer."""
    assert not isinstance(answer.body, bytes)
    return answer.body


def schema() -> etree.XMLSchema | None:
    """The EWS schema of the reference shelf, None where there is no shelf."""
    path = Path(__file__).parents[4] / "shared/data/ews-schema/messages.xsd"
    return etree.XMLSchema(etree.parse(path)) if path.exists() else None
