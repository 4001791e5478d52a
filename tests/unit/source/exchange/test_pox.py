"""POX Autodiscover: the question about one user and its answer."""

from pathlib import Path

import pytest
from lxml import etree

from connector.errors import AccessDenied, Transient, Verdict
from connector.source.exchange.autodiscover import Settings, ToAddress, ToUrl
from connector.source.exchange.pox import REQUEST, answer, request

SHELF = Path(__file__).parents[5] / "shared/data/ews-samples/ms-docs"
shelf = pytest.mark.skipif(not SHELF.exists(), reason="the reference shelf is not beside the repository")
OUTLOOK = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"


def account(inner: str) -> bytes:
    return (
        '<?xml version="1.0"?><Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006">'
        f'<Response xmlns="{OUTLOOK}">{inner}</Response></Autodiscover>'
    ).encode()


def test_the_external_protocol_is_preferred() -> None:
    """EXPR is the outside view, EXCH the inside one; the external URL wins, group and identity are read."""
    found = answer(
        account(
            "<User><LegacyDN>/o=X/cn=Anna</LegacyDN><AutoDiscoverSMTPAddress>Anna@example.com</AutoDiscoverSMTPAddress></User>"
            "<Account><Action>settings</Action><Protocol><Type>EXCH</Type><EwsUrl>https://in.example/EWS</EwsUrl>"
            "<GroupingInformation>G1</GroupingInformation></Protocol>"
            "<Protocol><Type>EXPR</Type><EwsUrl>https://out.example/EWS</EwsUrl></Protocol></Account>"
        )
    )
    assert found == Settings("https://out.example/EWS", "G1", "anna@example.com", "/o=x/cn=anna")


def test_redirects_are_read() -> None:
    """The actions redirectUrl and redirectAddr are the older names of the same two redirects."""
    url = "https://b.example.com/autodiscover/autodiscover.xml"
    to_url = f"<Account><Action>redirectUrl</Action><RedirectUrl>{url}</RedirectUrl></Account>"
    to_address = "<Account><Action>redirectAddr</Action><RedirectAddr>a@b.example</RedirectAddr></Account>"
    assert answer(account(to_url)) == ToUrl(url)
    assert answer(account(to_address)) == ToAddress("a@b.example")


@pytest.mark.parametrize(
    ("code", "kind"), [("500", AccessDenied), ("602", AccessDenied), ("600", Transient), ("603", Transient)]
)
def test_errors_tell_unknown_from_unwell(code: str, kind: type[Verdict]) -> None:
    """500, 501 and 602 say that nobody has the address; the others are the server's trouble."""
    assert isinstance(
        answer(account(f"<Error><ErrorCode>{code}</ErrorCode><Message>Words.</Message></Error>")), kind
    )


@pytest.mark.parametrize("body", [b"<html/>", b"<Autodiscover>", b"<!DOCTYPE html><html></html>"])
def test_what_is_no_answer_is_refused(body: bytes) -> None:
    """Pages and cut documents are not taken for an answer."""
    with pytest.raises(Transient) as caught:
        answer(body)
    assert caught.value.code == "bad-answer"


def test_an_account_without_any_address_is_unknown() -> None:
    """An answer that names no EWS address leads nowhere."""
    assert isinstance(answer(account("<Account><Action/></Account>")), AccessDenied)


def test_the_question_names_the_address_and_the_schema() -> None:
    """The request asks about one address in the Outlook schema."""
    root = etree.fromstring(request("a&b@example.com"))
    assert root.tag == f"{{{REQUEST}}}Autodiscover"
    assert [one.text for one in root.iter("{*}EMailAddress", "{*}AcceptableResponseSchema")] == [
        "a&b@example.com",
        OUTLOOK,
    ]


@shelf
def test_microsoft_s_published_answers_are_read() -> None:
    """The pages show the settings of one user and a redirect to another address."""
    settings = answer(
        (SHELF / "how-to-get-user-settings-from-exchange-by-using-autodiscover.03.response.xml").read_bytes()
    )
    assert isinstance(settings, Settings)
    assert (settings.ews_url, settings.address) == (
        "https://mail.contoso.com/EWS/Exchange.asmx",
        "mara@contoso.com",
    )
    redirect = answer((SHELF / "handling-autodiscover-error-messages.01.response.xml").read_bytes())
    assert redirect == ToAddress("elvin@mail.contoso.com")
