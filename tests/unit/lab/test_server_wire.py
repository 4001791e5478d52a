"""HTTP on one connection."""

import gzip
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lab.exchange.wire import Answer, BadRequestError, Request, read_request, write_answer


def written(answer: Answer, **headers: str) -> tuple[bool, bytes, bytes]:
    """Whether the connection lives on, the head and the body of what was sent."""
    out = io.BytesIO()
    keep = write_answer(out, Request("POST", "/", "", headers, b""), answer)
    head, _, body = out.getvalue().partition(b"\r\n\r\n")
    return keep, head, body


def test_a_request_is_read_with_its_body() -> None:
    """Names of headers are lower case, the query is apart from the path."""
    raw = b"POST /EWS/Exchange.asmx?a=b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcrest"
    request = read_request(io.BytesIO(raw))
    assert request == Request(
        "POST", "/EWS/Exchange.asmx", "a=b", {"host": "x", "content-length": "3"}, b"abc"
    )


def test_two_cookie_headers_are_one() -> None:
    """A repeated Cookie header is joined the way cookies are separated."""
    request = read_request(io.BytesIO(b"GET / HTTP/1.1\r\nCookie: a=1\r\nCookie: b=2\r\n\r\n"))
    assert request is not None
    assert request.header("Cookie") == "a=1; b=2"


def test_a_chunked_request_is_read() -> None:
    """Bodies may come in chunks, with extensions and trailers."""
    raw = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: 1\r\n\r\n"
    request = read_request(io.BytesIO(raw))
    assert request is not None
    assert request.body == b"abcde"


def test_the_end_of_the_connection_is_no_error() -> None:
    """Nothing more to read is None."""
    assert read_request(io.BytesIO(b"")) is None


@given(st.binary(max_size=300))
def test_any_bytes_are_a_request_or_refused(raw: bytes) -> None:
    """Whatever arrives, the reader answers with a request, None or BadRequestError."""
    try:
        request = read_request(io.BytesIO(raw))
    except BadRequestError:
        return
    assert request is None or request.method is not None


@pytest.mark.parametrize(
    "raw",
    [
        b"hello\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /" + b"x" * 70_000,
        b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 200,
    ],
)
def test_what_is_no_request_is_refused(raw: bytes) -> None:
    """Bad lengths, endless lines and too many headers are refused."""
    with pytest.raises(BadRequestError):
        read_request(io.BytesIO(raw))


def test_a_whole_answer_has_its_length() -> None:
    """Bytes go out with Content-Length, and the connection stays."""
    keep, head, body = written(Answer(200, b"abc"))
    assert (keep, body) == (True, b"abc")
    assert b"Content-Length: 3" in head


def test_a_client_may_end_the_connection() -> None:
    """Connection: close is honoured."""
    keep, head, _ = written(Answer(200, b"abc"), connection="close")
    assert not keep
    assert b"Connection: close" in head


def test_large_answers_are_compressed_when_asked() -> None:
    """Gzip is used for what is worth it."""
    _, head, body = written(Answer(200, b"a" * 5000), **{"accept-encoding": "gzip, deflate"})
    assert b"Content-Encoding: gzip" in head
    assert gzip.decompress(body) == b"a" * 5000
    _, head, body = written(Answer(200, b"a" * 10), **{"accept-encoding": "gzip"})
    assert body == b"a" * 10


def test_an_iterator_goes_out_in_chunks() -> None:
    """Each piece is a chunk of its own, the last one is empty."""
    keep, head, body = written(Answer(200, iter([b"abc", b"de"])))
    assert keep
    assert b"Transfer-Encoding: chunked" in head
    assert body == b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"


def test_a_cut_answer_ends_the_connection() -> None:
    """A length that is not true, or chunks without an end, leave nothing to go on with."""
    keep, head, body = written(Answer(200, b"abc", announced=9, cut=True))
    assert not keep
    assert b"Content-Length: 9" in head
    keep, _, body = written(Answer(200, iter([b"abc"]), cut=True))
    assert (keep, body) == (False, b"3\r\nabc\r\n")
