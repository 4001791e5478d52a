"""Autodiscover, SOAP and POX, without a network."""

from pathlib import Path

import pytest
from lxml import etree

from tests.lab.exchange.autodiscover import A, Autodiscover
from tests.lab.exchange.directory import Group, Redirect
from tests.lab.exchange.edits import EDITS
from tests.lab.exchange.faults import Fault, Kind
from tests.lab.exchange.settings import Settings
from tests.lab.exchange.wire import Answer, Request
from tests.unit.lab.server_site import USER1, Lab

GROUPS = [Group("A", "https://a/EWS", "https://inside/EWS"), Group("B", "", "https://b/EWS")]
WANTED = (
    "ExternalEwsUrl",
    "InternalEwsUrl",
    "GroupingInformation",
    "AutoDiscoverSMTPAddress",
    "MobileMailboxPolicy",
)


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A hundred and fifty mailboxes in two groups, one of which has no external URL."""
    monkeypatch.setenv("NTLM_USER_FILE", "")
    return Lab(Settings(tmp_path, mailboxes=150), GROUPS)


def answer(lab: Lab, *users: str) -> Answer:
    listed = "".join(f"<a:User><a:Mailbox>{user}</a:Mailbox></a:User>" for user in users)
    settings = "".join(f"<a:Setting>{name}</a:Setting>" for name in WANTED)
    body = (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:a="http://schemas.microsoft.com/'
        'exchange/2010/Autodiscover"><s:Header/><s:Body><a:GetUserSettingsRequestMessage><a:Request>'
        f"<a:Users>{listed}</a:Users><a:RequestedSettings>{settings}</a:RequestedSettings></a:Request>"
        "</a:GetUserSettingsRequestMessage></s:Body></s:Envelope>"
    )
    request = Request("POST", "/autodiscover/autodiscover.svc", "", {}, body.encode())
    return Autodiscover(lab.site).soap(request, lab.site.log.open("x"))


def users(lab: Lab, *asked: str) -> list[etree._Element]:
    raw = answer(lab, *asked).body
    assert isinstance(raw, bytes)
    return etree.fromstring(raw).findall(f".//{A}UserResponse")


def settings(response: etree._Element) -> dict[str, str]:
    found = response.iterfind(f".//{A}UserSetting")
    return {one.findtext(f"{A}Name", ""): one.findtext(f"{A}Value", "") for one in found}


def pox(lab: Lab, address: str) -> etree._Element:
    body = f"<Autodiscover><Request><EMailAddress>{address}</EMailAddress></Request></Autodiscover>".encode()
    request = Request("POST", "/autodiscover/autodiscover.xml", "", {}, body)
    raw = Autodiscover(lab.site).pox(request, lab.site.log.open("x")).body
    assert isinstance(raw, bytes)
    return etree.fromstring(raw)


def test_a_hundred_users_in_one_request(lab: Lab) -> None:
    """Answers come in the order of the request, each with its group's URLs."""
    asked = [f"user{number}@example.com" for number in range(1, 151)]
    answered = users(lab, *asked)
    assert [settings(one)["AutoDiscoverSMTPAddress"] for one in answered] == asked
    assert {settings(one)["GroupingInformation"] for one in answered} == {"A", "B"}


def test_an_empty_url_is_not_published(lab: Lab) -> None:
    """A group without external URL answers SettingIsNotAvailable for it."""
    EDITS["move_group"](lab.site.organisation, mailbox=USER1, group="B")
    found = users(lab, USER1)[0]
    assert "ExternalEwsUrl" not in settings(found)
    assert settings(found)["InternalEwsUrl"] == "https://b/EWS"
    errors = {el.text for el in found.iterfind(f".//{A}UserSettingError/{A}SettingName")}
    assert errors == {"ExternalEwsUrl", "MobileMailboxPolicy"}


def test_errors_belong_to_their_user(lab: Lab) -> None:
    """InvalidUser, redirects and ordered errors stand beside good answers."""
    lab.site.directory.put_in_the_way("user2@example.com", Redirect(address="x@elsewhere.example"))
    lab.site.directory.put_in_the_way("user3@example.com", Redirect(url="https://elsewhere/x.svc"))
    lab.site.directory.put_in_the_way("user4@example.com", Redirect(error="ServerBusy"))
    EDITS["move_online"](
        lab.site.organisation, mailbox="user5@example.com", online="u@t.mail.onmicrosoft.com"
    )
    numbers = [f"user{number}@example.com" for number in range(1, 6)]
    answered = users(lab, *numbers, "ghost@example.com")
    codes = [one.findtext(f"{A}ErrorCode") for one in answered]
    assert codes == [
        "NoError",
        "RedirectAddress",
        "RedirectUrl",
        "ServerBusy",
        "RedirectAddress",
        "InvalidUser",
    ]
    targets = [one.findtext(f"{A}RedirectTarget") for one in answered]
    assert targets[1:5] == ["x@elsewhere.example", "https://elsewhere/x.svc", "", "u@t.mail.onmicrosoft.com"]
    lab.site.directory.put_in_the_way("user2@example.com", None)
    assert users(lab, numbers[1])[0].findtext(f"{A}ErrorCode") == "NoError"


def test_a_request_without_users_is_invalid(lab: Lab) -> None:
    """The whole request is refused."""
    assert b"InvalidRequest" in bytes(answer(lab).body)  # type: ignore[arg-type]  # not a stream


def test_faults_on_order_reach_autodiscover(lab: Lab) -> None:
    """Operation GetUserSettings."""
    lab.site.faults.push("GetUserSettings", Fault(Kind.HTML, status=502))
    assert answer(lab, USER1).status == 502
    assert answer(lab, USER1).status == 200


def test_pox_answers_urls_and_group(lab: Lab) -> None:
    """EXCH carries the internal URL, EXPR the external one."""
    EDITS["move_group"](lab.site.organisation, mailbox=USER1, group="A")
    found = pox(lab, USER1)
    urls = {el.findtext("{*}Type"): el.findtext("{*}EwsUrl") for el in found.iterfind(".//{*}Protocol")}
    assert urls == {"EXCH": "https://inside/EWS", "EXPR": "https://a/EWS"}
    assert found.findtext(".//{*}GroupingInformation") == "A"


def test_pox_redirects_and_refuses(lab: Lab) -> None:
    """redirectAddr, redirectUrl, and error 500 for nobody."""
    lab.site.directory.put_in_the_way(USER1, Redirect(address="x@elsewhere.example"))
    assert pox(lab, USER1).findtext(".//{*}RedirectAddr") == "x@elsewhere.example"
    lab.site.directory.put_in_the_way(USER1, Redirect(url="https://elsewhere/x.xml"))
    assert pox(lab, USER1).findtext(".//{*}Action") == "redirectUrl"
    assert pox(lab, "ghost@example.com").findtext(".//{*}ErrorCode") == "500"
