"""Answers of Exchange as verdicts."""

import ssl
from datetime import timedelta

import pytest
from lxml import etree

from connector.errors import (
    AccessDenied,
    Conflict,
    CredentialRefused,
    CursorExpired,
    MailboxMoved,
    Refused,
    Scope,
    Throttled,
    Transient,
    Unreadable,
    Verdict,
)
from connector.reasons import REASONS
from connector.source.exchange.codes import CLASSES, Class, classify
from connector.source.exchange.dialling import ProxyRefused
from connector.source.exchange.envelope import read
from connector.source.exchange.errors import (
    _BY_CLASS,
    _BY_CODE,
    _BY_STATUS,
    code_verdict,
    exception_verdict,
    http_verdict,
    message_verdict,
)
from connector.source.exchange.http11 import BrokenAnswer
from tests.unit.source.exchange.shelf import on_shelf

T = "http://schemas.microsoft.com/exchange/services/2006/types"
M = "http://schemas.microsoft.com/exchange/services/2006/messages"
XSD = "{http://www.w3.org/2001/XMLSchema}"


def message(code: str, extra: str = "", kind: str = "Error") -> etree._Element:
    """A response message of an operation."""
    return etree.fromstring(
        f'<m:M xmlns:m="{M}" xmlns:t="{T}" ResponseClass="{kind}"><m:MessageText>words</m:MessageText>'
        f"<m:ResponseCode>{code}</m:ResponseCode>{extra}</m:M>"
    )


def value(name: str, text: str) -> str:
    """A value in MessageXml."""
    return f'<m:MessageXml><t:Value Name="Policy">x</t:Value><t:Value Name="{name}">{text}</t:Value></m:MessageXml>'


def test_every_code_of_the_schema_has_a_class() -> None:
    """No code that the Exchange 2016 schema allows falls through the table."""
    tree = etree.parse(on_shelf("ews-schema/messages.xsd"))
    kind = next(each for each in tree.iter(f"{XSD}simpleType") if each.get("name") == "ResponseCodeType")
    codes = {str(each.get("value")) for each in kind.iter(f"{XSD}enumeration")} - {"NoError"}
    assert len(codes) > 500
    assert {code for code in codes if classify(code) is Class.UNKNOWN} == set()


def test_table_agrees_with_the_published_meanings() -> None:
    """The product's own table says the same as the reference list, code by code."""
    lines = on_shelf("ews-responsecodes.tsv").read_text().splitlines()[1:]
    listed = dict(line.split("\t")[:2] for line in lines)
    assert {code: CLASSES[code].value for code in listed} == listed


def test_every_class_and_special_code_has_a_meaning_in_words() -> None:
    """Each class leads to a verdict, and each verdict's code is explained to people."""
    assert set(_BY_CLASS) == set(Class)
    meanings = [*_BY_CLASS.values(), *_BY_CODE.values(), *_BY_STATUS.values()]
    assert {word for _, word in meanings} <= set(REASONS)
    assert set(_BY_CODE) <= set(CLASSES)


@pytest.mark.parametrize(
    ("code", "kind", "word"),
    [
        ("ErrorServerBusy", Transient, "busy"),
        ("ErrorExceededConnectionCount", Transient, "busy"),
        ("ErrorMailboxMoveInProgress", MailboxMoved, "mailbox-moving"),
        ("ErrorMailboxStoreUnavailable", Transient, "mailbox-unavailable"),
        ("ErrorImpersonateUserDenied", AccessDenied, "impersonation-denied"),
        ("ErrorNonExistentMailbox", AccessDenied, "address-unknown"),
        ("ErrorPasswordExpired", CredentialRefused, "credential-refused"),
        ("ErrorInvalidSyncStateData", CursorExpired, "cursor-expired"),
        ("ErrorIrresolvableConflict", Conflict, "item-changed"),
        ("ErrorItemNotFound", Unreadable, "item-not-found"),
        ("ErrorItemCorrupt", Unreadable, "item-corrupt"),
        ("ErrorSchemaValidation", Refused, "request-refused"),
        ("ErrorSubscriptionUnsubsribed", Transient, "subscription-lost"),
        ("ErrorInTheYear3000", Transient, "server-error"),
    ],
)
def test_codes_become_verdicts(code: str, kind: type[Verdict], word: str) -> None:
    """The codes that matter most mean what the catalogue of faults says."""
    verdict = code_verdict(code, item_id="i1")
    assert type(verdict) is kind
    assert verdict.code == word
    assert verdict.detail.startswith(code)


def test_back_off_is_found_anywhere_in_a_response_message() -> None:
    """BackOffMilliseconds counts inside a ResponseMessage and behind other values (defect 8)."""
    verdict = message_verdict(message("ErrorServerBusy", value("BackOffMilliseconds", "297749")))
    assert isinstance(verdict, Throttled)
    assert verdict.retry_after == timedelta(milliseconds=297749)


@pytest.mark.parametrize("wait", ["0", "", "-5", "soon"])
def test_senseless_back_off_leaves_the_delay_to_us(wait: str) -> None:
    """A back-off of nothing is still a busy server, without a time."""
    verdict = message_verdict(message("ErrorServerBusy", value("BackOffMilliseconds", wait)))
    assert type(verdict) is Transient


def test_enormous_back_off_is_bounded() -> None:
    """No server can put a mailbox to sleep for years."""
    verdict = message_verdict(message("ErrorServerBusy", value("BackOffMilliseconds", "9" * 30)))
    assert isinstance(verdict, Throttled)
    assert verdict.retry_after == timedelta(hours=24)


def test_busy_notice_inside_another_error_wins() -> None:
    """ErrorInternalServerError may wrap ErrorServerBusy."""
    verdict = message_verdict(
        message("ErrorInternalServerError", value("InnerErrorResponseCode", "ErrorServerBusy"))
    )
    assert verdict is not None
    assert verdict.code == "busy"


def test_success_and_warning_without_error_are_no_verdicts() -> None:
    """NoError is no error, whatever class stands beside it."""
    assert message_verdict(message("NoError", kind="Success")) is None
    assert message_verdict(message("NoError", kind="Warning")) is None


def test_alias_verdict_carries_the_primary_address() -> None:
    """The answer to an alias names the address to use."""
    verdict = message_verdict(message("ErrorNonPrimarySmtpAddress", value("Primary", "anna@example.com")))
    assert isinstance(verdict, AccessDenied)
    assert (verdict.code, verdict.detail) == ("alias-address", "anna@example.com")


def test_recorded_busy_fault_of_exchange_2016_is_busy() -> None:
    """A recorded fault with Policy first and no back-off is understood."""
    body = on_shelf("ews-samples/akonadi/errorserverbusy.xml").read_bytes()
    verdict = message_verdict(read(body))
    assert type(verdict) is Transient
    assert verdict.code == "busy"


@pytest.mark.parametrize(
    ("status", "headers", "kind", "word"),
    [
        (200, {"Content-Type": "text/html"}, Transient, "bad-answer"),
        (302, {"Location": "/owa/auth/logon.aspx"}, Transient, "bad-answer"),
        (400, {}, Transient, "server-error"),
        (403, {}, AccessDenied, "ews-forbidden"),
        (404, {}, Transient, "server-error"),
        (413, {}, Refused, "request-refused"),
        (440, {}, Transient, "server-error"),
        (451, {}, MailboxMoved, "mailbox-moving"),
        (456, {}, Transient, "server-error"),
        (500, {"X-CasErrorCode": "CAS error: ServerNotFound"}, Transient, "server-error"),
        (502, {}, Transient, "server-error"),
        (503, {}, Transient, "busy"),
        (503, {"Retry-After": "30"}, Throttled, "busy"),
        (504, {}, Transient, "server-error"),
    ],
)
def test_http_answers_become_verdicts(
    status: int, headers: dict[str, str], kind: type[Verdict], word: str
) -> None:
    """Every page that stands in for SOAP means something definite."""
    verdict = http_verdict(status, headers, b"<html>")
    assert type(verdict) is kind
    assert verdict.code == word
    assert f"HTTP {status}" in verdict.detail


def test_retry_after_date_is_compared_with_the_servers_own_clock() -> None:
    """A date in Retry-After works although our clock may be off."""
    headers = {"Retry-After": "Mon, 02 Mar 2026 09:01:30 GMT", "Date": "Mon, 02 Mar 2026 09:00:00 GMT"}
    verdict = http_verdict(503, headers)
    assert isinstance(verdict, Throttled)
    assert verdict.retry_after == timedelta(seconds=90)


def test_failures_below_http_reach_as_far_as_the_server() -> None:
    """Name, route, TLS and time-outs concern every mailbox of that server."""
    expired = ssl.SSLCertVerificationError(1, "certificate verify failed: certificate has expired")
    cases: list[tuple[Exception, str]] = [
        (ConnectionRefusedError("refused"), "unreachable"),
        (TimeoutError("95 s"), "timeout"),
        (expired, "tls-expired"),
        (ssl.SSLCertVerificationError(1, "self-signed"), "tls-untrusted"),
        (BrokenAnswer("cut off"), "bad-answer"),
        (ProxyRefused("407"), "proxy-refused"),
    ]
    for error, word in cases:
        verdict = exception_verdict(error)
        assert (verdict.code, verdict.scope) == (word, Scope.SERVER)
