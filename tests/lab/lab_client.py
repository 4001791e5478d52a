"""A plain HTTPS client of the lab, for what a proper library hides."""

import base64
import ssl
from http.client import HTTPResponse, HTTPSConnection
from types import TracebackType
from typing import Self

from tests.lab.exchange.launch import LabExchange
from tests.unit.lab.server_site import SUBSCRIBE, USER1, body_of, envelope, impersonation

SECONDS = 20


class Client:
    """One connection, with Basic on every request."""

    def __init__(self, lab: LabExchange) -> None:
        context = ssl.create_default_context(cafile=str(lab.ca))
        self.connection = HTTPSConnection("127.0.0.1", lab.port, context=context, timeout=SECONDS)
        self.authorization = f"Basic {base64.b64encode(f'{lab.upn}:{lab.password}'.encode()).decode()}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()

    def ask(self, body: str, acting: str | None = USER1, **headers: str) -> HTTPResponse:
        """Send a request; names of headers have _ for -."""
        sent = {"Authorization": self.authorization}
        sent |= {name.replace("_", "-"): text for name, text in headers.items()}
        header = impersonation(acting) if acting else ""
        self.connection.request("POST", "/EWS/Exchange.asmx", envelope(body, header), sent)
        return self.connection.getresponse()

    def subscribe(self, acting: str = USER1) -> str:
        """The id of a new subscription on the mailbox's own server."""
        document = self.ask(SUBSCRIBE, acting, X_AnchorMailbox=acting).read()
        return body_of(document).findtext(".//{*}SubscriptionId") or ""
