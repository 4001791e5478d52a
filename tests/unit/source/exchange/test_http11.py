"""Answers of HTTP/1.1 from bytes: whole ones are read whole however they arrive, others never for less than they are."""

import gzip
import socket
from itertools import chain
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.source.exchange.http11 import PIECE, BrokenAnswer, Conversation, Head, unpacked

CONTENT = st.binary(max_size=300)


class Connection:
    """A connection on which one answer arrives for each question, at most so many bytes at a time; then it ends."""

    def __init__(self, answers: tuple[bytes, ...], most: int) -> None:
        self._answers = list(answers)
        self._data = b""
        self._most = most
        self.said = b""

    def sendall(self, data: bytes) -> None:
        self.said += data
        self._data += self._answers.pop(0)

    def recv(self, most: int) -> bytes:
        count = min(self._most, most)
        piece, self._data = self._data[:count], self._data[count:]
        return piece


def opened(*answers: bytes, most: int = 7) -> Conversation:
    """A conversation in which these bytes are the answers."""
    return Conversation(cast("socket.socket", Connection(answers, most)))


def asked(talk: Conversation) -> Head:
    """The head of the answer to a question."""
    return talk.ask("GET", "/", {"Host": "h"})


def read(talk: Conversation) -> bytes:
    """The body of the next answer; raises what reading it raises."""
    pieces = list(iter(unpacked(asked(talk), talk.piece), b""))
    assert all(len(piece) <= PIECE for piece in pieces)
    return b"".join(pieces)


def kept(talk: Conversation) -> Conversation:
    """The same, when it may go on."""
    assert talk.again()
    return talk


def by_length(content: bytes) -> bytes:
    """Framed by Content-Length."""
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(content), content)


def in_chunks(parts: list[bytes]) -> bytes:
    """Framed by chunks."""
    chunks = b"".join(b"%x;a=b\r\n%b\r\n" % (len(part), part) for part in parts if part)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n" + chunks + b"0\r\nTrailer: x\r\n\r\n"


@given(CONTENT, st.integers(1, 40))
def test_a_body_by_length_ends_where_it_says(content: bytes, most: int) -> None:
    """What comes after it is the next answer's."""
    stream = opened(by_length(content), by_length(b"next"), most=most)
    assert read(stream) == content
    assert read(kept(stream)) == b"next"


@given(st.lists(CONTENT, max_size=6), st.integers(1, 40))
def test_a_body_in_chunks_is_put_together(parts: list[bytes], most: int) -> None:
    """Extensions and a trailer are passed over, and what comes after is the next answer's."""
    stream = opened(in_chunks(parts), by_length(b"next"), most=most)
    assert read(stream) == b"".join(parts)
    assert read(kept(stream)) == b"next"


@given(st.lists(CONTENT.filter(bool), min_size=1, max_size=4), st.data())
def test_a_cut_is_never_taken_for_an_end(parts: list[bytes], data: st.DataObject) -> None:
    """Wherever the connection ends, by length or in chunks, plain or packed: an error, never a shorter answer."""
    content = b"".join(parts)
    packed = gzip.compress(content)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    for whole in (by_length(content), in_chunks(parts), head + packed):
        cut = data.draw(st.integers(0, len(whole) - 1))
        with pytest.raises((BrokenAnswer, ConnectionResetError)):
            read(opened(whole[:cut]))


@given(CONTENT, st.integers(1, 40))
def test_a_packed_body_is_unpacked(content: bytes, most: int) -> None:
    """Also one that ends with its connection."""
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"
    assert read(opened(head + gzip.compress(content), most=most)) == content
    if content:
        with pytest.raises(BrokenAnswer):
            read(opened(head + gzip.compress(content)[:-5], most=most))


@given(st.binary(max_size=200))
def test_noise_is_no_answer(noise: bytes) -> None:
    """Whatever comes, it ends with an answer or an error of ours."""
    try:
        read(opened(noise))
    except (BrokenAnswer, ConnectionResetError):
        return
    assert noise.startswith(b"HTTP/1.")


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/2 200 OK\r\n\r\n",
        b"SSH-2.0-x\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n folded: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"x" * 140_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: x\r\n" * 30_000 + b"\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 11,
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd",
    ],
)
def test_what_is_not_framed_by_the_rules_is_refused(head: bytes) -> None:
    """Where two readers could differ about where an answer ends, this one reads none."""
    with pytest.raises(BrokenAnswer):
        read(opened(head))


def test_interim_answers_are_passed_over() -> None:
    """100 Continue says nothing yet."""
    assert read(opened(b"HTTP/1.1 100 Continue\r\n\r\n" + by_length(b"x"))) == b"x"


@pytest.mark.parametrize(
    ("version", "wish", "stays"),
    [(1, "", True), (1, "Close", False), (0, "", False), (0, "Keep-Alive", False)],
)
def test_whether_a_connection_stays_open_is_the_answers_word(version: int, wish: str, stays: bool) -> None:
    """By version and the Connection field (RFC 9112, 9.3); one of HTTP/1.0 is used once."""
    field = f"Connection: {wish}\r\n" if wish else ""
    talk = opened(f"HTTP/1.{version} 200 OK\r\n{field}Content-Length: 0\r\n\r\n".encode())
    assert read(talk) == b""
    assert talk.again() is stays


def test_more_than_was_asked_for_ends_the_conversation() -> None:
    """A surplus answer would be taken for the next one's."""
    talk = opened(by_length(b"x") + by_length(b"surplus"), most=1000)
    assert read(talk) == b"x"
    assert not talk.again()


def test_fields_are_found_in_any_case_and_cookies_one_by_one() -> None:
    """Several of a name stand behind commas; cookies may hold commas themselves."""
    lines = chain(["HTTP/1.1 200", "X-A: 1", "x-a: 2"], ["Set-Cookie: a=1, b", "set-cookie: c=2"], ["", ""])
    fields = asked(opened("\r\n".join(lines).encode())).fields
    assert (fields["X-a"], fields.cookies) == ("1, 2", ["a=1, b", "c=2"])
    assert "x-A" in fields
    assert fields.get("missing") is None


def test_a_request_goes_out_in_one_piece() -> None:
    """Head and body together, fields in their order."""
    connection = Connection((by_length(b""),), 100)
    talk = Conversation(cast("socket.socket", connection))
    talk.ask("POST", "/x", {"Host": "h", "Content-Length": "2"}, b"ab")
    assert connection.said == b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab"


@pytest.mark.parametrize(("target", "value"), [("/x", "1\r\nB: 2"), ("/x\nB: 2", "1")])
def test_a_request_holds_no_line_that_was_not_meant(target: str, value: str) -> None:
    """A line break in a value would begin a field of somebody else's making."""
    with pytest.raises(ValueError, match="no request"):
        opened(by_length(b"")).ask("GET", target, {"Host": "h", "A": value})
