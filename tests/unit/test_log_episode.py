"""First failure and recovery are logged, retries are not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from connector.log import Episode, Episodes
from tests.unit.log_bench import heard


class Clock:
    """A clock moved by hand."""

    now = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def test_first_failure_and_recovery() -> None:
    """A hundred failures and a success are two lines; the second says how long it lasted."""
    clock = Clock()
    with heard() as logged:
        episode = Episode("reaching the hub", clock, peer="hub")
        for _ in range(100):
            episode.failed("timeout")
            clock.now += timedelta(seconds=3)
        episode.recovered()
        episode.recovered()
    assert logged == [
        {"event": "reaching the hub fails", "code": "timeout", "peer": "hub", "log_level": "warning"},
        {
            "event": "reaching the hub works again",
            "failures": 100,
            "seconds": 300,
            "peer": "hub",
            "log_level": "info",
        },
    ]


def test_a_new_reason_is_a_line() -> None:
    """Another reason within an episode is logged once; after the recovery it all begins anew."""
    with heard() as logged:
        episode = Episode("reading", Clock())
        told = [episode.failed(code) for code in ("timeout", "busy", "timeout", "busy")]
        episode.recovered()
        told.append(episode.failed("timeout"))
    assert told == [True, True, False, False, True]
    assert len(logged) == 4


def test_since() -> None:
    """The episode knows when it began, and that there is none."""
    clock = Clock()
    episode = Episode("reading", clock)
    assert episode.since is None
    begin = clock.now
    episode.failed("timeout")
    clock.now += timedelta(hours=1)
    episode.failed("timeout")
    assert episode.since == begin
    episode.recovered()
    assert episode.since is None


def test_many_things_each_with_its_own_episode() -> None:
    """Mailboxes fail and recover for themselves."""
    with heard() as logged:
        episodes = Episodes("reading", Clock(), field="mailbox")
        for _ in range(3):
            episodes.failed("m1", "timeout")
            episodes.failed("m2", "busy")
        episodes.recovered("m1")
        episodes.recovered("m3")
    assert [(entry["mailbox"], entry["log_level"]) for entry in logged] == [
        ("m1", "warning"),
        ("m2", "warning"),
        ("m1", "info"),
    ]


def test_memory_is_bounded() -> None:
    """With too many failing at once the oldest is forgotten."""
    with heard():
        episodes = Episodes("reading", Clock(), field="mailbox", limit=2)
        for name in ("a", "b", "c"):
            episodes.failed(name, "timeout")
        assert [episodes.recovered(name) for name in ("a", "b", "c")] == [False, True, True]


@given(st.lists(st.sampled_from(["fail", "work"]), max_size=40))
def test_lines_alternate(steps: list[str]) -> None:
    """With one reason, failures and recoveries alternate in the log, beginning with a failure."""
    with heard() as logged:
        episode = Episode("x", Clock())
        for step in steps:
            if step == "fail":
                episode.failed("c")
            else:
                episode.recovered()
    assert [entry["log_level"] for entry in logged] == (["warning", "info"] * 40)[: len(logged)]
