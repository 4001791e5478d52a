"""Facts about SyncFolderItems; every answer is also held against the EWS schema."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.lab.asking import ANNA, BERT, Lab

DAILY = {"kind": "daily", "count": 5}


def test_changes_are_told_once() -> None:
    """Created, changed, deleted; then nothing."""
    lab = Lab()
    first = lab.sync()
    made = lab.edit("create", mailbox=ANNA, start="2026-11-23T09:00")
    second = lab.sync(first.state)
    lab.edit("change", mailbox=ANNA, item=made["uid"], subject="x")
    third = lab.sync(second.state)
    lab.edit("delete", mailbox=ANNA, item=made["uid"])
    fourth = lab.sync(third.state)
    fifth = lab.sync(fourth.state)
    assert [page.kinds for page in (first, second, third, fourth, fifth)] == [
        [],
        ["Create"],
        ["Update"],
        ["Delete"],
        [],
    ]
    assert fourth.changes == (("Delete", made["item_id"]),)


def test_pages_are_as_long_as_asked_and_follow_each_other() -> None:
    """Ten items in pages of four; every page has a state of its own."""
    lab = Lab()
    ids = [lab.edit("create", mailbox=ANNA, start="2026-11-23T09:00")["item_id"] for _ in range(10)]
    pages = [lab.sync(limit=4)]
    while not pages[-1].last:
        pages.append(lab.sync(pages[-1].state, 4))
    assert [len(page.changes) for page in pages] == [4, 4, 2]
    assert [one for page in pages for _, one in page.changes] == ids
    assert {kind for page in pages for kind in page.kinds} == {"Create"}


def test_a_change_between_pages_is_not_lost() -> None:
    """An item changed while the pages are read comes again, one created then comes too, one deleted goes."""
    lab = Lab()
    made = [lab.edit("create", mailbox=ANNA, start="2026-11-23T09:00") for _ in range(4)]
    page = lab.sync(limit=2)
    lab.edit("change", mailbox=ANNA, item=made[0]["uid"], subject="x")
    lab.edit("delete", mailbox=ANNA, item=made[1]["uid"])
    new = lab.edit("create", mailbox=ANNA, start="2026-11-23T09:00")
    rest = lab.sync(page.state)
    assert {one: kind for kind, one in rest.changes} == {
        made[2]["item_id"]: "Create",
        made[3]["item_id"]: "Create",
        made[0]["item_id"]: "Create",
        made[1]["item_id"]: "Delete",
        new["item_id"]: "Create",
    }


@pytest.mark.parametrize(
    ("by", "changed", "deleted"),
    [
        ("master", ["Update master"], ["Update master"]),
        ("own-id", ["Create exception"], ["Delete exception", "Update master"]),
        ("both", ["Create exception", "Update master"], ["Delete exception", "Update master"]),
    ],
)
def test_exceptions_are_reported_as_set(by: str, changed: list[str], deleted: list[str]) -> None:
    """What Microsoft leaves open is a setting; plain occurrences are never reported."""
    lab = Lab()
    lab.edit("report_exceptions", by=by)
    made = lab.edit("create", mailbox=ANNA, start="2026-11-23T09:00", recurrence=DAILY)
    start = lab.sync()
    lab.edit("change_occurrence", mailbox=ANNA, item=made["uid"], at="2026-11-24T09:00", subject="x")
    after = lab.sync(start.state)
    lab.edit("delete_occurrence", mailbox=ANNA, item=made["uid"], at="2026-11-24T09:00")
    last = lab.sync(after.state)

    def named(changes: tuple[tuple[str, str], ...]) -> list[str]:
        return [f"{kind} {'master' if one == made['item_id'] else 'exception'}" for kind, one in changes]

    assert named(start.changes) == ["Create master"]
    assert named(after.changes) == changed
    assert named(last.changes) == deleted


def test_states_expire_and_belong_to_one_mailbox() -> None:
    """An expired, a damaged and another mailbox's state are refused."""
    lab = Lab()
    state = lab.sync().state
    assert lab.sync(lab.sync(acting=BERT).state).code == "ErrorInvalidSyncStateData"
    assert lab.sync(state[:-8] + "AAAAAAA=").code == "ErrorInvalidSyncStateData"
    lab.edit("expire_sync_states", mailbox=ANNA)
    assert lab.sync(state).code == "ErrorInvalidSyncStateData"
    assert lab.sync().code == "NoError"


EDIT = st.tuples(
    st.sampled_from(["create", "series", "change", "occurrence", "skip", "delete", "sync"]), st.integers(0, 9)
)


@given(st.lists(EDIT, max_size=25), st.sampled_from(["master", "own-id", "both"]), st.integers(1, 3))
def test_following_the_feed_ends_with_what_is_there(
    edits: list[tuple[str, int]], by: str, limit: int
) -> None:
    """Whoever applies every page knows in the end exactly the items, and was told of each last change after it."""
    lab = Lab()
    lab.edit("report_exceptions", by=by)
    known: dict[str, str] = {}
    state = ""
    for name, number in [*edits, ("sync", 0), ("sync", 0), ("sync", 0)]:
        if name == "sync":
            state = _follow(lab, known, state, limit, whole=number == 0)
        else:
            _edit(lab, name, number)
    mailbox = lab.organisation.mailbox(ANNA)
    items = {mailbox.item_id(one.serial): mailbox.key_of(one) for one in mailbox.items.values()}
    masters = {one: key for one, key in known.items() if one in items}
    exceptions = {mailbox.item_id(one.serial, at) for one in mailbox.items.values() for at in one.overrides}
    assert masters.keys() == items.keys()
    assert by == "own-id" or masters == items
    assert known.keys() - items.keys() == (set() if by == "master" else exceptions)


def _follow(lab: Lab, known: dict[str, str], state: str, limit: int, *, whole: bool) -> str:
    while True:
        page = lab.sync(state, limit)
        mailbox = lab.organisation.mailbox(ANNA)
        keys = {mailbox.item_id(one.serial): mailbox.key_of(one) for one in mailbox.items.values()}
        for kind, one in page.changes:
            if kind == "Delete":
                known.pop(one, None)
            else:
                known[one] = keys.get(one, "")
        state = page.state
        if page.last or not whole:
            return state


def _edit(lab: Lab, name: str, number: int) -> None:
    items = list(lab.organisation.mailbox(ANNA).items.values())
    if name in {"create", "series"} or not items:
        recurrence = {"recurrence": DAILY} if name == "series" else {}
        lab.edit("create", mailbox=ANNA, start="2026-11-23T09:00", **recurrence)
        return
    item = items[number % len(items)]
    at = f"2026-11-{23 + number % 5}T09:00"
    series = item.rule is not None and not any(one.isoformat().startswith(at) for one in item.deleted)
    if name in {"occurrence", "skip"} and series:
        edit = "change_occurrence" if name == "occurrence" else "delete_occurrence"
        fields = {"subject": str(number)} if name == "occurrence" else {}
        lab.edit(edit, mailbox=ANNA, item=item.content.uid, at=at, **fields)
    elif name == "delete":
        lab.edit("delete", mailbox=ANNA, item=item.content.uid)
    else:
        lab.edit("change", mailbox=ANNA, item=item.content.uid, subject=str(number))
