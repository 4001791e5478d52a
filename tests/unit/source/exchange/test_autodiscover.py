"""GetUserSettings: the question and what its answer says of each user."""

from pathlib import Path

import pytest
from lxml import etree

from connector.errors import AccessDenied, Transient
from connector.source.exchange.autodiscover import ACTION, Settings, ToAddress, ToUrl, answers, request

SHELF = Path(__file__).parents[5] / "shared/data/ews-samples"
shelf = pytest.mark.skipif(not SHELF.exists(), reason="the reference shelf is not beside the repository")


def user(code: str = "NoError", target: str = "", **settings: str) -> str:
    held = "".join(
        f'<UserSetting i:type="StringSetting"><Name>{name}</Name><Value>{value}</Value></UserSetting>'
        for name, value in settings.items()
    )
    return (
        f"<UserResponse><ErrorCode>{code}</ErrorCode><ErrorMessage>Words.</ErrorMessage>"
        f"<RedirectTarget>{target}</RedirectTarget><UserSettingErrors/><UserSettings>{held}</UserSettings></UserResponse>"
    )


def envelope(*users: str, code: str = "NoError") -> bytes:
    return (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
        '<GetUserSettingsResponseMessage xmlns="http://schemas.microsoft.com/exchange/2010/Autodiscover">'
        f'<Response xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><ErrorCode>{code}</ErrorCode><ErrorMessage/>'
        f"<UserResponses>{''.join(users)}</UserResponses></Response></GetUserSettingsResponseMessage></s:Body></s:Envelope>"
    ).encode()


EXTERNAL = "https://mail.example.com/EWS/Exchange.asmx"
INTERNAL = "https://ex1.corp.example/EWS/Exchange.asmx"


def test_the_external_url_is_preferred() -> None:
    """ExternalEwsUrl is what groups are made by, so it comes first; all settings are read."""
    (found,) = answers(
        envelope(
            user(
                ExternalEwsUrl=EXTERNAL,
                InternalEwsUrl=INTERNAL,
                GroupingInformation="CONTOSO-1",
                AutoDiscoverSMTPAddress="Anna@Example.com",
                UserDN="/o=X/cn=Anna",
                EwsSupportedSchemas="Exchange2013, Exchange2016",
                SomethingNew="ignored",
            )
        ),
        1,
    )
    assert found == Settings(
        EXTERNAL, "CONTOSO-1", "anna@example.com", "/o=x/cn=anna", ("Exchange2013", "Exchange2016")
    )


def test_an_internal_url_alone_will_do() -> None:
    """A site that publishes no external URL is served by its internal one."""
    assert answers(envelope(user(InternalEwsUrl=INTERNAL)), 1) == (Settings(INTERNAL),)


def test_each_user_is_judged_alone() -> None:
    """One unknown, busy or redirected user leaves its neighbours' answers untouched, in the order asked."""
    found = answers(
        envelope(
            user(ExternalEwsUrl=EXTERNAL),
            user("InvalidUser"),
            user("RedirectUrl", "https://other.example.com/autodiscover/autodiscover.svc"),
            user("RedirectAddress", "anna@example.se"),
            user("ServerBusy"),
            user("InternalServerError"),
            user("NotFederated"),
            user(),
        ),
        8,
    )
    assert found[0] == Settings(EXTERNAL)
    assert found[2] == ToUrl("https://other.example.com/autodiscover/autodiscover.svc")
    assert found[3] == ToAddress("anna@example.se")
    verdicts = [(type(one), getattr(one, "code", "")) for one in (*found[1:2], *found[4:])]
    assert verdicts == [
        (AccessDenied, "address-unknown"),
        (Transient, "busy"),
        (Transient, "server-error"),
        (AccessDenied, "address-unknown"),
        (AccessDenied, "address-unknown"),
    ]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (envelope(code="ServerBusy"), "busy"),
        (envelope(code="InternalServerError"), "server-error"),
        (envelope(user()), "bad-answer"),
        (b"<html><body>Sign in</body></html>", "bad-answer"),
        (b"<s:Envelope", "bad-answer"),
        (b"", "bad-answer"),
    ],
)
def test_an_answer_that_answers_nobody_is_transient(body: bytes, code: str) -> None:
    """A refused batch, a wrong number of users and pages in the place of an answer are worth another try."""
    with pytest.raises(Transient) as caught:
        answers(body, 2)
    assert caught.value.code == code


def test_the_question_names_users_and_settings_in_order() -> None:
    """The request carries every address in order, the action, and the address it is sent to."""
    root = etree.fromstring(request("https://a.example.com/autodiscover/autodiscover.svc", ["a@x", "b&c@x"]))
    assert [one.text for one in root.iter("{*}Mailbox")] == ["a@x", "b&c@x"]
    assert [one.text for one in root.iter("{*}Action")] == [ACTION]
    assert [one.text for one in root.iter("{*}To")] == ["https://a.example.com/autodiscover/autodiscover.svc"]
    assert "GroupingInformation" in [one.text for one in root.iter("{*}Setting")]


@shelf
def test_microsoft_s_redirect_is_read() -> None:
    """The page "Handling Autodiscover error messages" shows a user who is known by another address."""
    body = (SHELF / "ms-docs/handling-autodiscover-error-messages.00.response.xml").read_bytes()
    assert answers(body, 1) == (ToAddress("elvin@mail.contoso.com"),)


@shelf
def test_microsoft_s_settings_are_read() -> None:
    """The page "How to: Get user settings" shows URL and group; two broken end tags of the page are put right here."""
    name = "ms-docs/how-to-get-user-settings-from-exchange-by-using-autodiscover.01.response.malformed.xml"
    raw = (SHELF / name).read_bytes()
    with pytest.raises(Transient):
        answers(raw, 1)
    mended = raw[: raw.index(b"</GetUserSettingsResponseMessage")] + (
        b"</GetUserSettingsResponseMessage></s:Body></s:Envelope>"
    )
    (found,) = answers(mended, 1)
    assert isinstance(found, Settings)
    assert (found.ews_url, found.grouping) == ("https://mail.contoso.com/EWS/Exchange.asmx", "CONTOSO-1")
    assert found.user_dn.endswith("cn=mara")


@shelf
@pytest.mark.parametrize("number", ["281", "302"])
def test_recorded_refusals_of_a_batch_are_transient(number: str) -> None:
    """Recorded answers that refuse the whole batch are read as such."""
    body = (SHELF / f"exchangelib-tests/test_autodiscover.{number}.xml").read_bytes()
    with pytest.raises(Transient, match="server-error"):
        answers(body, 1)
