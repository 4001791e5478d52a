"""Whatever Webex answers is read or refused in words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from connector.conference.answer import Answer
from connector.conference.webex import wire
from connector.errors import Throttled, Transient, Verdict
from connector.reasons import REASONS
from tests.unit.conference.orders import START

WORDS = st.sampled_from(
    [
        "id",
        "webLink",
        "personalMeetingRoomLink",
        "telephony",
        "callInNumbers",
        "callInNumber",
        "label",
        "items",
        "integrationTags",
        "message",
        "errors",
        "description",
        "trackingId",
        "hostPin",
        "hostKey",
        "sipAddress",
    ]
)
WAITS = ["0", "99999", "Fri, 31 Dec 9999 23:59:59 GMT", "Sat, 1 Jan 0001 00:00:00 -2359", "-5", "1e9"]
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8), st.just("https://x.webex.com/m")),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=5)),
    max_leaves=15,
)
DATA = st.dictionaries(WORDS, VALUES, max_size=8)


@given(DATA)
def test_any_answer_is_a_conference_or_bad(data: dict[str, Any]) -> None:
    """Reading raises nothing but Transient, and what is read has an https link."""
    for read in (wire.meeting, wire.personal_room, lambda one: wire.found(Answer(200, {}, one), "t")):
        try:
            made = read(data)
        except Transient:
            continue
        if made is not None:
            assert made.details.url.startswith("https://")


@given(
    st.integers(100, 599),
    st.dictionaries(st.just("retry-after"), st.one_of(st.text(max_size=12), st.sampled_from(WAITS))),
    DATA,
)
def test_any_refusal_is_a_verdict_with_words(
    status: int, headers: dict[str, str], data: dict[str, Any]
) -> None:
    """Every status becomes a verdict whose code an administrator can read about, and a wait is never negative."""
    verdict = wire.verdict_of(Answer(status, headers, data), START)
    assert isinstance(verdict, Verdict)
    assert verdict.code in REASONS
    if isinstance(verdict, Throttled):
        assert timedelta(0) <= verdict.retry_after <= timedelta(days=1)
