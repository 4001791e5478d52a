"""The adapter's connections to the lab Google over real TLS: proxies, certificates, silence, answers that break off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connector.errors import Scope, Transient
from connector.source.google.authentication import AUDIENCE
from connector.source.google.settings import CALENDAR_HOST, GoogleSettings, Limits
from connector.source.google.transport import Letter, Reply, Wire
from tests.lab.exchange.certificates import Authority
from tests.lab.google.launch import LabGoogle
from tests.lab.proxy import LabProxy

pytestmark = pytest.mark.lab

TODAY = datetime.now(UTC)
LETTER = Letter(
    "GET", CALENDAR_HOST, "/calendar/v3/calendars/primary/events", (("fields", "a(b)"), ("q", "å &"))
)
"""Without a token: 401 is an answer."""


@pytest.fixture(scope="module")
def google() -> Iterator[LabGoogle]:
    """One lab for all."""
    with LabGoogle(users=1) as lab:
        yield lab


def told(google: LabGoogle) -> GoogleSettings:
    """Settings that lead to the lab."""
    return GoogleSettings(
        "brand", "t.example", (google.domain,), (), lambda _: True, ca=google.ca, resolve=google.resolve
    )


def sent(settings: GoogleSettings, letter: Letter = LETTER, times: int = 1) -> Reply:
    """The answer to the last of some requests on one wire."""
    wire = Wire(settings)
    try:
        return [wire.send(letter) for _ in range(times)][-1]
    finally:
        wire.close()


def test_an_answer_is_an_answer_whatever_its_status(google: LabGoogle) -> None:
    """Over a connection that is kept; header names are lower-case."""
    reply = sent(told(google), times=3)
    assert reply.status == 401
    assert reply.headers["content-type"].startswith("application/json")
    assert b"authError" in reply.body
    form = Letter("POST", AUDIENCE.split("/")[2], "/token", body=b"grant_type=none")
    assert b"unsupported_grant_type" in sent(told(google), form).body


@pytest.mark.parametrize(("password", "status"), [("s3cret@:/%", 401), ("wrong", None)])
def test_a_proxy_is_gone_through_with_its_password(
    google: LabGoogle, password: str, status: int | None
) -> None:
    """Signs that mean something in an address are part of the password; a refusal is the proxy's, not Google's."""
    with LabProxy("dmz", "s3cret@:/%") as proxy:
        quoted = password.replace("%", "%25").replace("@", "%40").replace(":", "%3A").replace("/", "%2F")
        port = proxy.server_address[1]
        settings = replace(told(google), proxy=lambda: f"http://dmz:{quoted}@127.0.0.1:{port}")
        if status:
            assert sent(settings, times=2).status == status
            assert proxy.targets == [f"127.0.0.1:{google.port}"]
            return
        with pytest.raises(Transient, match="proxy-refused") as refused:
            sent(settings)
        assert refused.value.scope is Scope.SOURCE


def _stranger(settings: GoogleSettings, folder: Path) -> GoogleSettings:
    return replace(settings, ca=Authority(folder, TODAY).path)


def _nobody(settings: GoogleSettings, _folder: Path) -> GoogleSettings:
    return replace(settings, resolve={CALENDAR_HOST: "127.0.0.1:1"})


def _small(settings: GoogleSettings, _folder: Path) -> GoogleSettings:
    return replace(settings, limits=Limits(body=20))


@pytest.mark.parametrize(
    ("spoil", "code"), [(_stranger, "tls-untrusted"), (_nobody, "unreachable"), (_small, "bad-answer")]
)
def test_each_trouble_has_its_code(
    google: LabGoogle,
    tmp_path: Path,
    spoil: Callable[[GoogleSettings, Path], GoogleSettings],
    code: str,
) -> None:
    """An authority that is not trusted, a port where nobody is, an answer that is too long."""
    with pytest.raises(Transient, match=code):
        sent(spoil(told(google), tmp_path))


def test_silence_ends_a_request(google: LabGoogle) -> None:
    """Google takes the request and says nothing."""
    google.tell("/hang")
    try:
        with pytest.raises(Transient, match="timeout"):
            sent(replace(told(google), limits=Limits(silence=0.3)))
    finally:
        google.tell("/go")


@pytest.mark.parametrize("kind", ["short", "dropped"])
def test_an_answer_that_breaks_off_is_none(google: LabGoogle, kind: str) -> None:
    """Half of it is not believed; the next request takes a fresh connection."""
    wire = Wire(told(google))
    grant = Letter("POST", AUDIENCE.split("/")[2], "/token", body=b"grant_type=none")
    google.fault(kind, operation="token")
    with pytest.raises(Transient, match="unreachable"):
        wire.send(grant)
    assert wire.send(grant).status == 400
    wire.close()
    with pytest.raises(Transient, match="unreachable"):
        wire.send(grant)
