"""The stand-ins of the benchmarks serve the real daemon."""

from __future__ import annotations

from scripts.benchmarks.stage import answers
from scripts.benchmarks.stage.house import House
from scripts.benchmarks.stage.seeds import mailbox_id


def test_a_few_mailboxes_are_loaded_streamed_and_followed() -> None:
    """From addresses to complete lists at the hub, then a change by stream; Exchange is asked nothing that it does not know."""
    people = range(3)
    with House() as house:
        house.seed(people, live=False)
        house.start()
        house.wait(lambda: house.figures(reset=False)["heard"] >= len(people), "all to be heard", 60)
        house.rest()
        arrived = [kind for kind, _, _ in house.arrivals()["arrivals"]]
        assert arrived.count("calendar.meeting.put") == len(people) * answers.MEETINGS
        house.change([1], events=5)
        changed: list[str] = []

        def heard() -> bool:
            changed.extend(mailbox for _, mailbox, _ in house.arrivals()["arrivals"])
            return bool(changed)

        house.wait(heard, "the change", 30)
        assert changed == [mailbox_id(1)]
        assert "unknown" not in house.figures()["counts"]


def test_seeded_mailboxes_need_no_first_load() -> None:
    """They stand as after one: subscriptions are taken up, and nothing is read from the beginning."""
    with House() as house:
        house.seed(range(3), subscribed=True)
        house.start()
        house.wait(lambda: house.figures(reset=False)["heard"] >= 3, "all to be heard", 60)
        house.rest()
        counts = house.figures()["counts"]
        assert counts.get("feeds from the beginning", 0) == 0
        assert "Subscribe" not in counts
