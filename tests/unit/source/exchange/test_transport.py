"""Requests over real sockets to a front end that misbehaves on purpose."""

import gzip
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connector.errors import AccessDenied, ConfigError, Refused, Scope, Throttled, Transient, Verdict
from connector.source.exchange.dialling import routes
from connector.source.exchange.envelope import m
from connector.source.exchange.settings import VERSION, ExchangeSettings, ForgetfulRefusals, Limits
from connector.source.exchange.transport import Call, Exchange, Letter
from tests.lab.exchange.certificates import Authority, ServerCertificate
from tests.lab.exchange.wire import Answer, DropConnection, Request
from tests.unit.source.exchange.front_end import HOST, XML, FrontEnd, good, soap

PLAIN = f"http://{HOST}/EWS/Exchange.asmx"
SECURE = f"https://{HOST}/EWS/Exchange.asmx"


class Places:
    """A certification authority and what it signed, made once for all tests."""

    def __init__(self, directory: Path) -> None:
        now = datetime.now(UTC)
        self.authority = Authority(directory, now)
        self.good = self.authority.issue([HOST], now)
        self.other_name = self.authority.issue(["other.example.com"], now)
        self.expired = self.authority.issue([HOST], now, expired=True)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Places:
    """The certificates."""
    return Places(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def opened() -> Iterator[list[Exchange]]:
    """Everything opened in a test, closed at its end."""
    found: list[Exchange] = []
    yield found
    for each in found:
        each.close()


def exchange(opened: list[Exchange], front_end: FrontEnd, **options: Any) -> Exchange:
    """A way to the front end."""
    given = {
        "limits": Limits(connect=5, silence=5, session_wait=0.05),
        "resolve": front_end.resolve,
        **options,
    }
    settings = ExchangeSettings("hq", "cal-01.example.com", "svc", lambda: "secret", **given)
    opened.append(Exchange(settings, ForgetfulRefusals()))
    return opened[-1]


def call(url: str = PLAIN, **options: Any) -> Call:
    """A request of a mailbox."""
    return Call(url, m("GetFolder"), **{"acting": "anna@example.com", **options})


def test_request_says_who_asks_and_for_whom(opened: list[Exchange]) -> None:
    """Program and instance, a fresh request id, the anchor, and the host without the port we dialled."""
    with FrontEnd() as front_end:
        way = exchange(opened, front_end)
        way.call(call())
        way.call(call(anchor="first@example.com"))
    one, two = front_end.requests
    assert one.header("User-Agent") == f"calendar-connector/{VERSION} (cal-01.example.com)"
    assert one.header("Host") == HOST
    assert one.header("X-AnchorMailbox") == "anna@example.com"
    assert two.header("X-AnchorMailbox") == "first@example.com"
    assert one.header("client-request-id") != two.header("client-request-id") != ""
    assert [visit.connection for visit in front_end.visits] == [1, 1]


def test_answer_is_found_in_the_servers_logs_by_our_errors(opened: list[Exchange]) -> None:
    """request-id, front end and back end stand in the detail of a verdict, and nothing of it in its code."""

    def fail(_: Request) -> Answer:
        return Answer(503, b"", [("request-id", "r-1"), ("X-FEServer", "CAS1"), ("X-BEServer", "MBX1")])

    with FrontEnd(fail) as front_end, pytest.raises(Transient) as caught:
        exchange(opened, front_end).call(call())
    for part in ("client-request-id", "request-id r-1", "X-FEServer CAS1", "X-BEServer MBX1"):
        assert part in caught.value.detail


def test_affinity_cookie_is_handed_out_but_not_kept(opened: list[Exchange]) -> None:
    """The next mailbox must not carry another group's cookie; a load balancer's own is kept (defect 2)."""

    def bake(_: Request) -> Answer:
        cookies = [("Set-Cookie", "X-BackEndOverrideCookie=mbx1~1; path=/"), ("Set-Cookie", "lb=7; path=/")]
        return Answer(200, soap(), [XML, *cookies])

    with FrontEnd(bake) as front_end:
        way = exchange(opened, front_end)
        assert way.call(call()).affinity == "mbx1~1"
        way.call(call())
        way.call(call(cookies={"X-BackEndOverrideCookie": "mbx2~2"}))
    assert [request.header("Cookie") for request in front_end.requests] == [
        "",
        "lb=7",
        "lb=7; X-BackEndOverrideCookie=mbx2~2",
    ]


def test_environment_has_no_say(opened: list[Exchange], monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies, CA bundles and .netrc of the environment are not used (defect 12)."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    with FrontEnd() as front_end:
        exchange(opened, front_end).call(call())
    assert len(front_end.requests) == 1


def dying() -> Any:
    """An answerer that serves one request and hangs up over the second."""
    served = 0

    def answer(request: Request) -> Answer:
        nonlocal served
        served += 1
        if served > 1:
            raise DropConnection
        return good(request)

    return answer


def test_read_on_a_dead_kept_connection_is_sent_once_more(opened: list[Exchange]) -> None:
    """A connection that went stale costs a read nothing."""
    with FrontEnd(per_connection=dying) as front_end:
        way = exchange(opened, front_end)
        way.call(call())
        way.call(call())
    assert [visit.connection for visit in front_end.visits] == [1, 1, 2]


def test_write_is_never_sent_twice(opened: list[Exchange]) -> None:
    """A write whose answer was lost is the caller's to look after."""
    with FrontEnd(per_connection=dying) as front_end:
        way = exchange(opened, front_end)
        way.call(call())
        with pytest.raises(Transient, match="unreachable"):
            way.call(call(repeatable=False))
    assert [visit.connection for visit in front_end.visits] == [1, 1]


def test_fresh_connection_that_breaks_is_not_tried_again(opened: list[Exchange]) -> None:
    """Only a kept connection is given the benefit of the doubt."""

    def drop(_: Request) -> Answer:
        raise DropConnection

    with FrontEnd(drop) as front_end, pytest.raises(Transient, match="unreachable"):
        exchange(opened, front_end).call(call())
    assert len(front_end.requests) == 1


@pytest.mark.parametrize(
    ("answer", "kind", "word"),
    [
        (
            Answer(200, b"<!DOCTYPE html><html>Sign in</html>", [("Content-Type", "text/html")]),
            Transient,
            "bad-answer",
        ),
        (Answer(200, b"", [XML]), Transient, "bad-answer"),
        (Answer(200, soap()[:-20], [XML]), Transient, "bad-answer"),
        (Answer(200, soap()[:-20], [XML], announced=len(soap()), cut=True), Transient, "bad-answer"),
        (
            Answer(200, gzip.compress(soap())[:-9], [XML, ("Content-Encoding", "gzip")]),
            Transient,
            "bad-answer",
        ),
        (Answer(200, b"not gzip", [XML, ("Content-Encoding", "gzip")]), Transient, "bad-answer"),
        (Answer(302, b"", [("Location", "/owa/auth/errorfe.aspx")]), Transient, "bad-answer"),
        (Answer(403, b"<html/>", []), AccessDenied, "ews-forbidden"),
        (Answer(413, b"", []), Refused, "request-refused"),
        (Answer(500, b"<html>Server Error in '/EWS' Application.</html>", []), Transient, "server-error"),
        (Answer(500, b"", [("X-CasErrorCode", "ServerNotFound")]), Transient, "server-error"),
        (Answer(503, b"", [("Retry-After", "7")]), Throttled, "busy"),
        (Answer(502, b"", []), Transient, "server-error"),
    ],
)
def test_whatever_comes_back_is_a_verdict(
    opened: list[Exchange], answer: Answer, kind: type[Verdict], word: str
) -> None:
    """Pages, empty, cut and garbled answers never pass for EWS, and never raise a library's error (defect 4)."""
    with FrontEnd(lambda _: answer) as front_end, pytest.raises(Verdict) as caught:
        exchange(opened, front_end).call(call())
    assert (type(caught.value), caught.value.code) == (kind, word)


def test_connection_is_usable_after_a_broken_answer(opened: list[Exchange]) -> None:
    """What was left of one answer is not read as the next one."""
    answers = iter([Answer(200, soap()[:-9], [XML], announced=9999, cut=True), Answer(200, soap(), [XML])])
    with FrontEnd(lambda _: next(answers)) as front_end:
        way = exchange(opened, front_end)
        with pytest.raises(Transient):
            way.call(call())
        assert way.call(call()).response.tag == "ok"


def test_compressed_answer_is_read(opened: list[Exchange]) -> None:
    """Compression is asked for and understood."""
    body = soap(f"<ok>{'x' * 5000}</ok>")
    with FrontEnd(lambda _: Answer(200, body, [XML])) as front_end:
        assert len(exchange(opened, front_end).call(call()).response.text or "") == 5000
    assert front_end.requests[0].header("Accept-Encoding") == "gzip"


def test_body_is_bounded(opened: list[Exchange]) -> None:
    """An answer without end is given up at the limit, compressed or not."""
    body = soap("<ok>" + "x" * 200_000 + "</ok>")
    limits = Limits(body=100_000)
    with (
        FrontEnd(lambda _: Answer(200, body, [XML])) as front_end,
        pytest.raises(Transient, match="more than"),
    ):
        exchange(opened, front_end, limits=limits).call(call())


def test_slow_answer_is_bounded_as_a_whole(opened: list[Exchange]) -> None:
    """A server that drips can't hold a worker: the limit is on the whole answer."""

    def drip() -> Iterator[bytes]:
        while True:
            yield b" "

    with (
        FrontEnd(lambda _: Answer(200, drip(), [XML])) as front_end,
        pytest.raises(Transient, match="timeout"),
    ):
        exchange(opened, front_end, limits=Limits(answer=0.05)).call(call())


def test_refused_connection_concerns_the_server(opened: list[Exchange]) -> None:
    """Nobody listens there."""
    with FrontEnd() as front_end:
        route = front_end.resolve
    settings = ExchangeSettings("hq", "i", "svc", lambda: "secret", resolve=route)
    way = Exchange(settings, ForgetfulRefusals())
    with pytest.raises(Transient) as caught:
        way.call(call())
    assert (caught.value.code, caught.value.scope) == ("unreachable", Scope.SERVER)


def certificates(places: Places) -> dict[str, ServerCertificate]:
    """By what is wrong with them."""
    return {"tls-untrusted": places.other_name, "tls-expired": places.expired}


@pytest.mark.parametrize("word", ["tls-untrusted", "tls-expired"])
def test_wrong_certificate_is_not_talked_to(opened: list[Exchange], places: Places, word: str) -> None:
    """A route does not relax TLS: name and date are verified against the host that was meant."""
    with (
        FrontEnd(certificate=certificates(places)[word]) as front_end,
        pytest.raises(Transient, match=word),
    ):
        exchange(opened, front_end, ca=places.authority.path).call(call(SECURE))
    assert front_end.requests == []


def test_authority_must_be_the_configured_one(opened: list[Exchange], places: Places) -> None:
    """Without `ca:` a private authority is not trusted; with it the call goes through."""
    with FrontEnd(certificate=places.good) as front_end:
        with pytest.raises(Transient, match="tls-untrusted"):
            exchange(opened, front_end).call(call(SECURE))
        exchange(opened, front_end, ca=places.authority.path).call(call(SECURE))


def test_shared_context_is_left_alone(opened: list[Exchange], places: Places) -> None:
    """Connections add no further authorities to the context, and it speaks TLS 1.2 or newer."""
    with FrontEnd(certificate=places.good) as front_end:
        way = exchange(opened, front_end, ca=places.authority.path)
        way.call(call(SECURE))
    assert len(way._ways.context.get_ca_certs()) == 1
    assert way._ways.context.minimum_version.name == "TLSv1_2"


@pytest.mark.parametrize("resolve", ["127.0.0.1", "127.0.0.1:x", ":443"])
def test_wrong_route_is_the_administrators_mistake(resolve: str) -> None:
    """One sentence says how a route is written."""
    with pytest.raises(ConfigError, match="address:port"):
        routes({HOST: resolve})


def test_stream_is_read_piece_by_piece_and_severed_from_outside(
    opened: list[Exchange], places: Places
) -> None:
    """Each document is read when it comes; another thread ends the next read at once, over TLS."""
    go_on = threading.Event()

    def documents() -> Iterator[bytes]:
        yield soap("<one/>")
        go_on.wait(10)

    with FrontEnd(lambda _: Answer(200, documents(), [XML]), places.good) as front_end:
        way = exchange(opened, front_end, ca=places.authority.path)
        with way.open(call(SECURE)) as stream:
            assert stream.read() == soap("<one/>")
            threading.Timer(0.05, stream.sever).start()
            try:
                assert stream.read() == b""
            except Transient as verdict:
                assert verdict.code in {"unreachable", "bad-answer"}  # noqa: PT017 - either end is an end
        go_on.set()


def test_silent_stream_is_noticed(opened: list[Exchange]) -> None:
    """No heartbeat within the time of silence means a dead connection (defect 10)."""
    go_on = threading.Event()

    def documents() -> Iterator[bytes]:
        yield soap("<one/>")
        go_on.wait(10)

    with FrontEnd(lambda _: Answer(200, documents(), [XML])) as front_end:
        way = exchange(opened, front_end, limits=Limits(silence=0.1))
        with way.open(call()) as stream:
            stream.read()
            with pytest.raises(Transient, match="timeout"):
                stream.read()
        go_on.set()


def test_stream_that_is_refused_is_a_verdict(opened: list[Exchange]) -> None:
    """A fault in place of the stream is raised when it is opened."""
    fault = soap(
        '<s:Fault xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><faultcode>a:ErrorServerBusy</faultcode>'
        "<faultstring>busy</faultstring></s:Fault>"
    )
    with FrontEnd(lambda _: Answer(500, fault, [XML])) as front_end, pytest.raises(Transient, match="busy"):
        exchange(opened, front_end).open(call())


def test_streams_leave_the_pool_alone(opened: list[Exchange]) -> None:
    """With one worker a query still goes through beside an open stream (defect 1 began there)."""
    go_on = threading.Event()

    def answer(request: Request) -> Answer:
        if b"GetStreamingEvents" not in request.body:
            return good(request)
        return Answer(200, iter([soap("<one/>"), *(b"" for _ in range(0) if go_on.wait(0))]), [XML])

    with FrontEnd(answer) as front_end:
        way = exchange(opened, front_end, limits=Limits(workers=1, session_wait=0.05))
        with way.open(Call(PLAIN, m("GetStreamingEvents"))) as stream:
            way.call(call())
            assert stream.read()


def test_exhausted_pool_says_so(opened: list[Exchange]) -> None:
    """A worker never waits for ever for a connection (defect 1)."""
    inside, go_on = threading.Event(), threading.Event()

    def hold(request: Request) -> Answer:
        inside.set()
        go_on.wait(10)
        return good(request)

    with FrontEnd(hold) as front_end:
        way = exchange(opened, front_end, limits=Limits(workers=1, session_wait=0.05))
        first = threading.Thread(target=way.call, args=(call(),))
        first.start()
        inside.wait(10)
        with pytest.raises(Transient, match="busy"):
            way.call(call())
        go_on.set()
        first.join(10)


def test_question_without_a_logon_is_possible(opened: list[Exchange]) -> None:
    """Autodiscover's redirect question goes out without credentials."""
    with FrontEnd(lambda _: Answer(302, b"", [("Location", "https://elsewhere/")])) as front_end:
        reply = exchange(opened, front_end).send(Letter(PLAIN, method="GET", authenticated=False))
    assert (reply.status, reply.headers["Location"]) == (302, "https://elsewhere/")
    assert front_end.requests[0].method == "GET"
