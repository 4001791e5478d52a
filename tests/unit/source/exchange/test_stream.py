"""The streaming answer as bytes: cutting it into documents, and reading each of them."""

import gzip
import zlib
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import Transient
from connector.source.exchange.stream import Documents, Heard, read
from tests.unit.source.exchange.streaming_documents import (
    M,
    S,
    T,
    document,
    failure,
    heartbeat,
    notification,
)

SAMPLES = Path(__file__).parents[5] / "shared/data/ews-samples/ms-docs"


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    """The bytes in pieces of these sizes, the last piece takes the rest."""
    pieces = []
    for size in sizes:
        pieces.append(data[:size])
        data = data[size:]
    return [*pieces, data]


DOCUMENTS = st.lists(
    st.sampled_from(
        [
            heartbeat(),
            notification("a"),
            notification("a", "b", prefix="t"),
            document("<m:ResponseCode>NoError</m:ResponseCode>", prefix="soap-1.x"),
            failure("ErrorInvalidSubscription", "a"),
        ]
    ),
    max_size=6,
)
BETWEEN = st.sampled_from([b"", b"\r\n", b" \n", b"\xef\xbb\xbf", b"\r\n\xef\xbb\xbf"])


@given(DOCUMENTS, st.lists(BETWEEN, min_size=7, max_size=7), st.lists(st.integers(0, 400), max_size=40))
def test_any_chunking_gives_the_same_documents(
    documents: list[bytes], between: list[bytes], sizes: list[int]
) -> None:
    """Documents come out whole and in order wherever the chunks were cut, byte order marks and blanks left out."""
    data = b"".join(gap + one for gap, one in zip(between, documents, strict=False))
    cutter = Documents()
    found = [one for piece in cut(data, sizes) for one in cutter.feed(piece)]
    cutter.finish()
    assert found == documents


@given(DOCUMENTS.filter(bool), st.integers(0, 3000))
def test_a_stream_that_ends_within_a_document_is_noticed(documents: list[bytes], at: int) -> None:
    """A cut in the middle of a document never counts as a planned end."""
    data = b"".join(documents)
    ends = {len(b"".join(documents[:n])) for n in range(len(documents) + 1)}
    at = min(at, len(data))
    cutter = Documents()
    list(cutter.feed(data[:at]))
    if at in ends:
        cutter.finish()
    else:
        with pytest.raises(Transient, match="cut off"):
            cutter.finish()


def test_a_document_of_single_bytes_is_read() -> None:
    """One byte at a time is the worst chunking and works like any other."""
    cutter = Documents()
    data = heartbeat() + notification("a")
    found = [one for byte in data for one in cutter.feed(bytes([byte]))]
    assert found == [heartbeat(), notification("a")]


def test_an_inflated_stream_is_cut_like_any_other() -> None:
    """What a gzip decoder hands out piece by piece is cut into the documents that went in."""
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
    cutter = Documents()
    packed = gzip.compress(heartbeat() + notification("a"))
    found = [one for byte in packed for one in cutter.feed(inflate.decompress(bytes([byte])))]
    assert found == [heartbeat(), notification("a")]


def test_a_document_without_end_is_given_up() -> None:
    """The buffer is bounded: a peer can't fill the memory with one endless document."""
    cutter = Documents(limit=1000)
    with pytest.raises(Transient, match="more than 1000 bytes"):
        list(cutter.feed(b"<s:Envelope>" + b"x" * 1000))


@pytest.mark.parametrize("junk", [b"HTTP/1.1 200 OK", b"\x00\xff", b"{}"])
def test_what_is_no_xml_is_refused_at_once(junk: bytes) -> None:
    """Garbage between documents is not waited on until the buffer is full."""
    cutter = Documents()
    with pytest.raises(Transient, match="no XML"):
        list(cutter.feed(heartbeat() + junk))


@pytest.mark.parametrize(
    "event",
    [
        "CopiedEvent",
        "CreatedEvent",
        "DeletedEvent",
        "ModifiedEvent",
        "MovedEvent",
        "NewMailEvent",
        "FreeBusyChangedEvent",
        "SomeLaterEvent",
    ],
)
def test_every_kind_of_event_counts(event: str) -> None:
    """A server may name a change as it likes, even by a word of tomorrow: look at the mailbox."""
    assert read(notification("a", event=event)) == Heard(changed=frozenset({"a"}))


def test_a_status_event_is_no_change() -> None:
    """StatusEvent says that nothing happened; it must not nudge two hundred mailboxes every 45 seconds."""
    assert read(notification("a", event="StatusEvent")).changed == frozenset()


def test_the_schema_s_namespace_is_read_as_well_as_the_servers() -> None:
    """t:Notification (schema) and m:Notification (real servers) mean the same."""
    assert read(notification("a", prefix="t")) == read(notification("a", prefix="m"))


def test_a_planned_end_is_told_from_a_heartbeat() -> None:
    """ConnectionStatus Closed ends the connection, OK is a heartbeat."""
    assert read(heartbeat()) == Heard()
    assert read(heartbeat("Closed")) == Heard(closed=True)


def test_failed_ids_are_named() -> None:
    """ErrorSubscriptionIds come out as data, with the code that tells what to do about them."""
    heard = read(failure("ErrorSubscriptionNotFound", "a", "b"))
    assert (heard.code, heard.failed, heard.closed) == (
        "ErrorSubscriptionNotFound",
        frozenset({"a", "b"}),
        True,
    )


def test_the_back_off_is_found_behind_other_values() -> None:
    """BackOffMilliseconds need not be the first value of MessageXml."""
    values = (
        '<m:MessageXml><t:Value Name="Policy">MaxConcurrency</t:Value>'
        '<t:Value Name="BackOffMilliseconds">1500</t:Value></m:MessageXml>'
    )
    assert read(failure("ErrorServerBusy", values=values)).back_off == timedelta(milliseconds=1500)


def test_a_fault_in_the_stream_is_read() -> None:
    """A SOAP fault in the place of an answer gives its code."""
    fault = (
        f'<s:Envelope xmlns:s="{S}"><s:Body><s:Fault><faultcode>a:ErrorServerBusy</faultcode>'
        f"<faultstring>Busy.</faultstring></s:Fault></s:Body></s:Envelope>"
    ).encode()
    assert read(fault) == Heard(code="ErrorServerBusy", text="Busy.")


@pytest.mark.parametrize(
    "body",
    [
        b"<s:Envelope",
        b"<html></html>",
        document("<m:ResponseCode>NoError</m:ResponseCode>&nbsp;"),
        heartbeat()[:-20],
        heartbeat().replace(b"GetStreamingEventsResponse", b"GetItemResponse"),
    ],
)
def test_what_is_no_answer_is_not_believed(body: bytes) -> None:
    """Broken XML, pages and answers to something else are refused, not repaired."""
    with pytest.raises(Transient) as caught:
        read(body)
    assert caught.value.code == "bad-answer"


@pytest.mark.skipif(not SAMPLES.exists(), reason="the reference shelf is not beside the repository")
def test_microsoft_s_published_notification_is_read() -> None:
    """The page "How to: Stream notifications" shows two notifications of one subscription in a broken envelope."""
    name = (
        "how-to-stream-notifications-about-mailbox-events-by-using-ews-in-exchange.03.response.malformed.xml"
    )
    raw = (SAMPLES / name).read_bytes()
    start = raw.index(b"<m:GetStreamingEventsResponse ")
    end = raw.index(b"</m:GetStreamingEventsResponse>") + len(b"</m:GetStreamingEventsResponse>")
    opening = f'<s:Envelope xmlns:s="{S}" xmlns:m="{M}" xmlns:t="{T}"><s:Body>'.encode()
    heard = read(opening + raw[start:end] + b"</s:Body></s:Envelope>")
    assert heard == Heard(
        changed=frozenset(
            {"JgBibjFwcjAzbWIyMDIubmFtcHJkMDMucHJvZC5vdXRsb29rLmNvbRAAAADwXxVesOnHS5BxUHKwAW88SHjwd1iB0Ag="}
        )
    )


@pytest.mark.skipif(not SAMPLES.exists(), reason="the reference shelf is not beside the repository")
def test_microsoft_s_published_error_is_read() -> None:
    """The page of GetStreamingEvents shows an error without ids; the page forgot an end tag, which is put back here."""
    raw = (SAMPLES / "getstreamingevents-operation.02.response.malformed.xml").read_bytes()
    with pytest.raises(Transient):
        read(raw)
    mended = raw.replace(
        b"Closed</m:ConnectionStatus>", b"Closed</m:ConnectionStatus></m:GetStreamingEventsResponseMessage>"
    )
    heard = read(mended)
    assert (heard.code, heard.failed, heard.closed) == ("ErrorInvalidSubscription", frozenset(), True)
