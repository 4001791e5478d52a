"""Autodiscover: SOAP GetUserSettings (MS-OXWSADISC) and POX (MS-OXDSCLI).

Errors of one user stand in that user's part of the answer; the rest of the batch is served.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

from lxml import etree

from tests.lab.exchange import soap
from tests.lab.exchange.directory import Redirect
from tests.lab.exchange.faults import replace, spoil
from tests.lab.exchange.organisation import Mailbox
from tests.lab.exchange.requestlog import Entry
from tests.lab.exchange.site import Site
from tests.lab.exchange.wire import XML, Answer, Request

SOAP_SPACE = "http://schemas.microsoft.com/exchange/2010/Autodiscover"
ADDRESSING = "http://www.w3.org/2005/08/addressing"
INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
POX_SPACE = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
POX_ACCOUNT_SPACE = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
A = f"{{{SOAP_SPACE}}}"
P = f"{{{POX_SPACE}}}"
PA = f"{{{POX_ACCOUNT_SPACE}}}"

# lxml takes None for the default namespace, which its stubs do not know.
SOAP_NAMES = cast("dict[str, str]", {None: SOAP_SPACE, "i": INSTANCE})
POX_NAMES = cast("dict[str, str]", {None: POX_SPACE})
POX_ACCOUNT_NAMES = cast("dict[str, str]", {None: POX_ACCOUNT_SPACE})

ACTION = f"{SOAP_SPACE}/Autodiscover/GetUserSettings"
SCHEMAS = (
    "Exchange2007, Exchange2007_SP1, Exchange2010, Exchange2010_SP1, Exchange2010_SP2, Exchange2013, "
    "Exchange2013_SP1, Exchange2015, Exchange2016"
)
ORGANISATION = "/o=Lab/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)"
SENTENCES = {
    "InvalidUser": "Invalid user: '{address}'",
    "RedirectAddress": "Redirection address.",
    "RedirectUrl": "Redirection url.",
    "ServerBusy": "The server is too busy to process the request.",
    "InternalServerError": "An internal server error occurred.",
    "NotFederated": "The organization is not federated.",
}


@dataclass(frozen=True, slots=True)
class Found:
    """What is known about one requested address: the mailbox, or why there are no settings."""

    address: str
    mailbox: Mailbox | None
    redirect: Redirect | None

    @property
    def code(self) -> str:
        """The SOAP ErrorCode of the user."""
        if self.redirect is not None:
            if self.redirect.error:
                return self.redirect.error
            return "RedirectAddress" if self.redirect.address else "RedirectUrl"
        return "NoError" if self.mailbox is not None else "InvalidUser"

    @property
    def sentence(self) -> str:
        """The ErrorMessage beside it."""
        return SENTENCES.get(self.code, "No error.").format(address=self.address)


class Autodiscover:
    """Both endpoints of one site."""

    def __init__(self, site: Site) -> None:
        """Serve this site's directory."""
        self._site = site

    def soap(self, request: Request, entry: Entry) -> Answer:
        """Answer GetUserSettings for all the users it names, in their order."""
        try:
            envelope = soap.read(request.body)
        except soap.NotSoapError as error:
            return _soap_fault(str(error))
        entry.operation = "GetUserSettings"
        users = [(el.text or "").strip() for el in envelope.request.iter(f"{A}Mailbox")]
        wanted = [(el.text or "").strip() for el in envelope.request.iter(f"{A}Setting")]
        entry.asked = sorted(user.lower() for user in users)
        if not users or not wanted:
            return _soap_answer(_invalid_request())
        return self._meet_faults(
            "GetUserSettings", lambda: _soap_answer(self._user_settings(users, wanted, entry.host))
        )

    def pox(self, request: Request, entry: Entry) -> Answer:
        """Answer the plain XML form for its one address."""
        entry.operation = "Autodiscover"
        address = _pox_address(request.body)
        entry.asked = [address.lower()]
        return self._meet_faults("Autodiscover", lambda: self._pox_answer(self._find(address, entry.host)))

    def _pox_answer(self, found: Found) -> Answer:
        root = etree.Element(f"{P}Autodiscover", nsmap=POX_NAMES)
        if found.mailbox is None and found.redirect is None:
            root.append(_pox_error(self._site.clock.now().strftime("%H:%M:%S.0000000")))
        else:
            root.append(self._pox_account(found))
        body = etree.tostring(root, encoding="utf-8", xml_declaration=True)
        return Answer(200, body, [("Content-Type", XML)])

    def _meet_faults(self, operation: str, honest: Callable[[], Answer]) -> Answer:
        faults = self._site.faults
        fault = faults.take(operation, None)
        if fault is None:
            return honest()
        if fault.prevents:
            return replace(fault, operation, 1)
        faults.delay(fault)
        return spoil(fault, honest(), faults)

    def _find(self, address: str, host: str) -> Found:
        """A redirect to another URL is not given at that URL itself, whose host is then the one asked."""
        redirect = self._site.directory.redirect(address)
        if redirect is not None and redirect.url and urlsplit(redirect.url).netloc == host:
            redirect = None
        mailbox = self._site.organisation.find(address)
        return Found(address, None if mailbox is None or mailbox.state == "disabled" else mailbox, redirect)

    def _settings(self, mailbox: Mailbox) -> dict[str, str]:
        group = self._site.directory.group(mailbox)
        server = self._site.directory.back_end(mailbox.address)
        settings = {
            "UserDisplayName": mailbox.name,
            "UserDN": f"{ORGANISATION}/cn=Recipients/cn={mailbox.guid}",
            "UserDeploymentId": "7c1b9a52-8c6b-4a7e-9f0e-6a1b3c5d7e9f",
            "InternalMailboxServer": server,
            "MailboxDN": f"{ORGANISATION}/cn=Configuration/cn=Servers/cn={server}/cn=Microsoft Private MDB",
            "ActiveDirectoryServer": f"dc1.{self._site.settings.domain}",
            "CasVersion": "15.01.2507.039",
            "EwsSupportedSchemas": SCHEMAS,
            "InternalEwsUrl": group.internal_url,
            "ExternalEwsUrl": group.external_url,
            "ExternalEwsVersion": "15.01.2507.039",
            "GroupingInformation": group.name,
            "AutoDiscoverSMTPAddress": mailbox.address,
            "UserMSOnline": "False",
        }
        return {name: value for name, value in settings.items() if value}

    def _user_settings(self, users: list[str], wanted: list[str], host: str) -> etree._Element:
        message = etree.Element(f"{A}GetUserSettingsResponseMessage", nsmap=SOAP_NAMES)
        response = etree.SubElement(message, f"{A}Response")
        etree.SubElement(response, f"{A}ErrorCode").text = "NoError"
        etree.SubElement(response, f"{A}ErrorMessage")
        held = etree.SubElement(response, f"{A}UserResponses")
        for user in users:
            self._user_response(held, self._find(user, host), wanted)
        return message

    def _user_response(self, held: etree._Element, found: Found, wanted: list[str]) -> None:
        response = etree.SubElement(held, f"{A}UserResponse")
        etree.SubElement(response, f"{A}ErrorCode").text = found.code
        etree.SubElement(response, f"{A}ErrorMessage").text = found.sentence
        target = etree.SubElement(response, f"{A}RedirectTarget")
        if found.redirect and (found.redirect.address or found.redirect.url):
            target.text = found.redirect.address or found.redirect.url
        else:
            target.set(f"{{{INSTANCE}}}nil", "true")
        errors = etree.SubElement(response, f"{A}UserSettingErrors")
        settings = etree.SubElement(response, f"{A}UserSettings")
        if found.code != "NoError" or found.mailbox is None:
            return
        known = self._settings(found.mailbox)
        for name in wanted:
            if name in known:
                setting = etree.SubElement(
                    settings, f"{A}UserSetting", {f"{{{INSTANCE}}}type": "StringSetting"}
                )
                etree.SubElement(setting, f"{A}Name").text = name
                etree.SubElement(setting, f"{A}Value").text = known[name]
            else:
                _setting_error(errors, name)

    def _pox_account(self, found: Found) -> etree._Element:
        response = etree.Element(f"{PA}Response", nsmap=POX_ACCOUNT_NAMES)
        if found.mailbox is not None:
            user = etree.SubElement(response, f"{PA}User")
            etree.SubElement(user, f"{PA}DisplayName").text = found.mailbox.name
            etree.SubElement(user, f"{PA}AutoDiscoverSMTPAddress").text = found.mailbox.address
        account = etree.SubElement(response, f"{PA}Account")
        if found.redirect is not None:
            return _pox_redirect(response, account, found.redirect)
        etree.SubElement(account, f"{PA}AccountType").text = "email"
        etree.SubElement(account, f"{PA}Action").text = "settings"
        if found.mailbox is not None:
            group = self._site.directory.group(found.mailbox)
            _pox_protocol(account, "EXCH", group.internal_url, group.name)
            _pox_protocol(account, "EXPR", group.external_url, group.name)
        return response


def _pox_address(body: bytes) -> str:
    try:
        root = etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError:
        return ""
    found = (
        el.text or "" for el in root.iter() if isinstance(el.tag, str) and soap.local(el) == "EMailAddress"
    )
    return next(found, "").strip()


def _pox_error(time: str) -> etree._Element:
    """The answer for nobody: ErrorCode 500, MS-OXDSCLI 2.2.4.1.1.1."""
    response = etree.Element(f"{P}Response")
    error = etree.SubElement(response, f"{P}Error", Time=time, Id="2477272013")
    etree.SubElement(error, f"{P}ErrorCode").text = "500"
    etree.SubElement(error, f"{P}Message").text = "The email address can't be found."
    etree.SubElement(error, f"{P}DebugData")
    return response


def _pox_redirect(response: etree._Element, account: etree._Element, redirect: Redirect) -> etree._Element:
    action, name = ("redirectAddr", "RedirectAddr") if redirect.address else ("redirectUrl", "RedirectUrl")
    etree.SubElement(account, f"{PA}Action").text = action
    etree.SubElement(account, f"{PA}{name}").text = redirect.address or redirect.url
    return response


def _pox_protocol(account: etree._Element, kind: str, url: str, group: str) -> None:
    if not url:
        return
    protocol = etree.SubElement(account, f"{PA}Protocol")
    etree.SubElement(protocol, f"{PA}Type").text = kind
    etree.SubElement(protocol, f"{PA}Server").text = url.split("/")[2]
    etree.SubElement(protocol, f"{PA}ASUrl").text = url
    etree.SubElement(protocol, f"{PA}EwsUrl").text = url
    etree.SubElement(protocol, f"{PA}GroupingInformation").text = group


def _setting_error(errors: etree._Element, name: str) -> None:
    error = etree.SubElement(errors, f"{A}UserSettingError")
    etree.SubElement(error, f"{A}ErrorCode").text = "SettingIsNotAvailable"
    etree.SubElement(error, f"{A}ErrorMessage").text = f"{name} setting is not available."
    etree.SubElement(error, f"{A}SettingName").text = name


def _invalid_request() -> etree._Element:
    message = etree.Element(f"{A}GetUserSettingsResponseMessage", nsmap=SOAP_NAMES)
    response = etree.SubElement(message, f"{A}Response")
    etree.SubElement(response, f"{A}ErrorCode").text = "InvalidRequest"
    etree.SubElement(response, f"{A}ErrorMessage").text = "The request names no user or no setting."
    return message


def _soap_answer(message: etree._Element) -> Answer:
    root = etree.Element(f"{soap.S}Envelope", nsmap={"s": soap.SOAP, "a": ADDRESSING})
    header = etree.SubElement(root, f"{soap.S}Header")
    action = etree.SubElement(header, f"{{{ADDRESSING}}}Action", {f"{soap.S}mustUnderstand": "1"})
    action.text = f"{ACTION}Response"
    version = etree.SubElement(header, f"{A}ServerVersionInfo", nsmap={"h": SOAP_SPACE})
    for name, value in soap.SERVER_VERSION.items():
        etree.SubElement(version, f"{A}{name}").text = value
    etree.SubElement(root, f"{soap.S}Body").append(message)
    body = etree.tostring(root, encoding="utf-8", xml_declaration=True)
    return Answer(200, body, [("Content-Type", XML)])


def _soap_fault(text: str) -> Answer:
    return Answer(500, soap.fault(soap.Trouble("InvalidRequest", text)), [("Content-Type", XML)])
