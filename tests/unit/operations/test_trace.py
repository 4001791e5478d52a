"""A trace writes one mailbox's steps down, past the level of the log, and ends by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from connector.errors import NotFound, Scope, Throttled, Transient, UserError
from connector.operations import trace
from connector.sync.engine import Engine
from connector.sync.holds import Holds
from tests.unit.log_bench import entries, json_log, untouched
from tests.unit.operations.bureau import Bureau

ADA, BEN = "ada@example.com", "ben@example.com"


@contextmanager
def written() -> Iterator[list[dict[str, Any]]]:
    """The lines of a log that is set to errors only."""
    lines: list[dict[str, Any]] = []
    with untouched():
        stream = json_log("error")
        yield lines
        lines += entries(stream)


def traced(bureau: Bureau) -> Bureau:
    """The same bureau, with what the appliance puts before its reporter."""
    house = bureau.house
    observer = trace.Tracing(house.journal, house.store, house.clock)
    holds = Holds(house.clock, lambda: 0.5)
    house.engine = Engine(house.context, holds, observer, workers=4, watched_changed=lambda: None)
    return bureau


def begin(bureau: Bureau, minutes: int = 30) -> None:
    """As the command does."""
    bureau.call("mailbox.trace", address=ADA, seconds=minutes * 60)


def test_every_step_of_the_one_mailbox_is_a_line_and_of_no_other() -> None:
    """With phases and next time, whatever the level of the log."""
    bureau = traced(Bureau())
    ada, ben = bureau.active(ADA), bureau.active(BEN)
    with written() as lines:
        begin(bureau)
        bureau.house.clock.forward(trace.LOOK)
        bureau.call("mailbox.resync", addresses=[ADA, BEN])
        bureau.house.forward(timedelta(minutes=5))
    assert {line["trace"] for line in lines} == {ada.id}
    assert ben.address not in json.dumps(lines)
    assert {(line["before"], line["state"]) for line in lines} >= {("loading", "live"), ("live", "live")}
    assert bureau.house.journal.sentences, "the observer behind it is told as before"


def test_it_ends_by_itself_and_says_so_once() -> None:
    """After its time no step is written any more."""
    bureau = traced(Bureau())
    bureau.active(ADA)
    with written() as lines:
        begin(bureau, minutes=10)
        bureau.house.forward(timedelta(hours=6))
    told = [line["event"] for line in lines]
    assert told.count("the trace has ended") == 1
    assert told[-1] == "the trace has ended"
    assert len(told) > 1


def test_a_failed_step_is_written_with_code_and_request_ids() -> None:
    """Each failure, not just the first, so that the Exchange team can look it up."""
    bureau = Bureau()
    ada = bureau.active(ADA)
    observer = trace.Tracing(bureau.house.journal, bureau.house.store, bureau.house.clock)
    begin(bureau)
    verdict = Transient("timeout", "client-request-id 42")
    with written() as lines:
        for _ in range(2):
            observer.failed(ada, verdict, bureau.session(ada))
    assert [(line["code"], line["detail"]) for line in lines] == [("timeout", "client-request-id 42")] * 2


def test_a_hold_of_its_source_is_written() -> None:
    """A mailbox that waits for its whole source would else seem to be forgotten."""
    bureau = Bureau()
    ada = bureau.active(ADA)
    begin(bureau)
    observer = trace.Tracing(bureau.house.journal, bureau.house.store, bureau.house.clock)
    busy = Throttled("busy", retry_after=timedelta(seconds=30), scope=Scope.SOURCE)
    hold = Holds(bureau.house.clock, lambda: 0.5).meet(ada, busy)
    assert hold is not None
    with written() as lines:
        observer.held(ada.source, hold)
        observer.held("elsewhere", hold)
        observer.passed(ada)
    assert [line["event"] for line in lines] == ["its source is held back", "its source answers again"]


def test_the_wish_survives_a_restart() -> None:
    """It is a setting of the store, read by whatever process steps next."""
    bureau = Bureau()
    ada = bureau.active(ADA)
    begin(bureau)
    with written() as lines:
        traced(bureau)
        bureau.house.engine.start(resync=True)
        bureau.house.forward(timedelta(minutes=1))
    assert {line["trace"] for line in lines} == {ada.id}


def test_it_can_be_ended_before_its_time() -> None:
    """And ending what does not run is no fault."""
    bureau = Bureau()
    bureau.active(ADA)
    begin(bureau)
    assert bureau.call("mailbox.trace", address=ADA, seconds=0)["ended"]
    assert not bureau.call("mailbox.trace", address=ADA, seconds=0)["ended"]
    assert trace.read(bureau.house.store) == {}


@pytest.mark.parametrize("seconds", [-1, 24 * 3600 + 1])
def test_a_span_out_of_bounds_is_refused(seconds: int) -> None:
    """A trace that never ends would fill a disk."""
    bureau = Bureau()
    bureau.active(ADA)
    with pytest.raises(UserError, match="24h"):
        bureau.call("mailbox.trace", address=ADA, seconds=seconds)


def test_a_mailbox_that_is_not_activated_is_refused() -> None:
    """There is nothing to be traced."""
    with pytest.raises(NotFound):
        begin(Bureau())


def test_a_trace_is_in_the_audit_trail() -> None:
    """Who wanted to see a person's mailbox at work can be asked later."""
    bureau = Bureau()
    bureau.active(ADA)
    begin(bureau)
    (row,) = bureau.rows("mailbox.trace")
    assert row.mailbox == ADA
