"""From configuration to rules, and what a change of them sets going."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from connector.config import Config
from connector.model import AuditEntry, Load, Mailbox, Meeting, Phase, Session, Stage
from connector.rules import brake_of, pace_of, policies_of, rules_of, settle_version
from connector.store.memory import MemoryStore
from tests.contract.store_nouns import LATER, NOW
from tests.unit.config.texts import loaded

POLICIES = "policies: {staff: {write: [hub], presence: text}, room: {send: [subject], private: full}}\n"


def config(more: str = POLICIES) -> Config:
    return loaded(more).config


def session(store: MemoryStore, name: str) -> Session:
    found = store.session(name)
    assert found is not None
    return found


@pytest.fixture
def store() -> MemoryStore:
    """One mailbox in each phase, as after months; the rules have been settled once."""
    made = MemoryStore()
    for phase in Phase:
        resume = Phase.LEAVING if phase is Phase.LEAVING else Phase.LIVE if phase not in LIVELY else None
        load = Load(Stage.FILL, 3, resend=True) if phase is Phase.LOADING else None
        mailbox = Mailbox(phase.name, "hq", f"{phase.name.lower()}@example.com", "staff", "manual")
        state = Session(phase.name, phase, NOW, cursor="c", load=load, resume=resume)
        made.add_mailbox(mailbox, state, AuditEntry(NOW, "t", "a"))
    assert settle_version(config(), made, NOW) == 1
    return made


LIVELY = {Phase.LIVE, Phase.LOADING, Phase.LEAVING}


def test_policies_are_taken_over_as_written() -> None:
    """By name, with what is left out at its default."""
    policies = policies_of(config())
    assert policies["staff"].write == {"hub"}
    assert policies["staff"].presence == "text"
    room = policies["room"]
    assert room.send == {"subject"}
    assert (room.private, room.write) == ("full", frozenset())


@pytest.mark.parametrize(("mode", "active"), [("observe", False), ("active", True)])
def test_writes_take_the_active_mode(mode: str, active: bool) -> None:
    """Anything else observes."""
    assert rules_of(config(f"mode: {mode}\n"), 1).active is active


def test_dialling_reaches_the_join_rules() -> None:
    """Without its licence no Zoom link becomes a video address; the default can."""
    link = "https://acme.zoom.us/j/1234567890"
    meeting = Meeting("u", NOW, "i", "i", "1", NOW, NOW, location=link)
    for more, dial in (("", True), ("dialling: {zoom: false}\n", False)):
        found = rules_of(config(POLICIES + more), 1).enrich(meeting).link
        assert found is not None
        assert bool(found.sip) is dial


CONFERENCES = """\
conference:
  jitsi: {type: jitsi, url: "https://meet.example.com/video"}
  own-room: {type: template, link: "https://vc.example.com/meet/{{ organizer.user }}?src=cal"}
  webex: {type: template, link: "https://acme.webex.com/meet/{{ organizer.user }}"}
  hosted: {type: template, link: "https://{{ organizer.user }}.example.com/room"}
  fixed: {type: template, link: "https://all.example.com/hall/"}
"""


@pytest.mark.parametrize(
    ("link", "service"),
    [
        ("https://meet.example.com/video/k3j4h5g6f7", "jitsi"),
        ("https://meet.example.com/other/room", None),
        ("https://x.meet.example.com/video/room", None),
        ("https://meet.example.com/video/static/dialInInfo.html", None),
        ("https://vc.example.com/meet/ada?src=cal", "own-room"),
        ("https://vc.example.com/meet/", None),
        ("https://vc.example.com/meetings/ada", None),
        ("https://acme.webex.com/meet/ada", "webex"),
        ("https://ada.example.com/room", None),
        ("https://all.example.com/hall", "fixed"),
        ("https://all.example.com/hallway", None),
    ],
)
def test_rooms_of_conference_services_are_join_links(link: str, service: str | None) -> None:
    """What a keyword writes is found in every copy: the hosts follow from ``conference``, nothing else is let in."""
    meeting = Meeting("u", NOW, "i", "i", "1", NOW, NOW, body=f"Join: {link}\nBring figures.")
    found = rules_of(config(POLICIES + CONFERENCES), 1).enrich(meeting).link
    assert (found.service if found else None) == service


def test_a_policy_that_is_gone_allows_nothing() -> None:
    """A mailbox whose policy was taken out of the file sends and writes nothing."""
    gone = rules_of(config(), 1).policy("gone")
    assert (gone.send, gone.write, gone.presence) == (frozenset(), frozenset(), "off")


def test_the_brake_is_taken_over() -> None:
    """Share and period, and the number of one mailbox; fifty at least."""
    brake = brake_of(config("writes: {brake: 10%/5m, brake_per_mailbox: 7/30m}\n"))
    assert (brake.share, brake.period) == (0.1, timedelta(minutes=5))
    assert (brake.per_mailbox, brake.per_mailbox_period) == (7, timedelta(minutes=30))
    assert (brake.limit(100), brake.limit(25_000)) == (50, 2500)


def test_the_pace_is_that_of_the_source() -> None:
    """Every interval a source may set."""
    source = config("").sources["hq"]
    assert source.type == "exchange"
    pace = pace_of(source)
    assert (pace.poll, pace.sweep) == (source.timing.poll, source.timing.sweep)
    assert (pace.debounce, pace.presence) == (source.timing.debounce, source.timing.out_of_office)


def test_the_first_start_reads_nothing_anew(store: MemoryStore) -> None:
    """There is nothing to compare with."""
    assert settle_version(config(), MemoryStore(), NOW) == 1


@pytest.mark.parametrize(
    "more",
    [
        POLICIES + "mode: active\n",
        POLICIES + "workers: 3\n",
        POLICIES.replace("write: [hub]", "write: []"),
        POLICIES.replace("presence: text", "presence: 'off'"),
    ],
    ids=["mode", "workers", "writes", "presence"],
)
def test_what_changes_no_list_reads_nothing_anew(store: MemoryStore, more: str) -> None:
    """The version stays, and every session as it is."""
    before = store.sessions()
    assert settle_version(config(more), store, LATER) == 1
    assert store.sessions() == before


@pytest.mark.parametrize(
    "more",
    [
        POLICIES.replace("send: [subject]", "send: [subject, location]"),
        POLICIES.replace("private: full", "private: times-only"),
        POLICIES.replace("room:", "hall:"),
        POLICIES + "join_rules: {own: {hosts: [join.example.com], pattern: '^/(?P<id>\\d+)'}}\n",
        POLICIES + "window: {back: 14d}\n",
        POLICIES + "dialling: {zoom: false}\n",
        POLICIES + CONFERENCES,
    ],
    ids=["send", "private", "renamed", "join rule", "window", "dialling", "rooms"],
)
def test_what_changes_a_list_reads_all_anew(store: MemoryStore, more: str) -> None:
    """Lists begin a full read; who is held up begins one when it comes back; who leaves goes on leaving."""
    assert settle_version(config(more), store, LATER) == 2
    for phase in (Phase.LIVE, Phase.LOADING):
        changed = session(store, phase.name)
        assert (changed.phase, changed.cursor, changed.due) == (Phase.LOADING, None, LATER)
        assert changed.load is not None
        assert (changed.load.stage, changed.load.resend) == (Stage.FEED, phase is Phase.LOADING)
    for phase in (Phase.REQUESTED, Phase.VALIDATING, Phase.BLOCKED, Phase.PAUSED, Phase.MOVED):
        assert (session(store, phase.name).phase, session(store, phase.name).resume) == (phase, None)
    assert session(store, "LEAVING").resume is Phase.LEAVING


def test_the_next_start_finds_them_settled(store: MemoryStore) -> None:
    """Once is enough."""
    changed = config(POLICIES.replace("private: full", "private: times-only"))
    settle_version(changed, store, LATER)
    before = store.sessions()
    assert settle_version(changed, store, LATER) == 2
    assert store.sessions() == before


class Killed(BaseException):
    """The process died here."""


class Mortal(MemoryStore):
    """Dies at the n-th change of a session."""

    left = 1_000

    def change_session(self, session: Session, audit: AuditEntry | None = None) -> Session:
        self.left -= 1
        if self.left < 0:
            raise Killed
        return super().change_session(session, audit)


def filled(store: MemoryStore, count: int) -> None:
    for number in range(count):
        mailbox = Mailbox(f"m{number}", "hq", f"u{number}@example.com", "staff", "manual")
        store.add_mailbox(
            mailbox, Session(mailbox.id, Phase.LIVE, NOW, cursor="c"), AuditEntry(NOW, "t", "a")
        )


def test_a_kill_in_between_leaves_no_list_behind() -> None:
    """The next start begins it again, and every list is compared."""
    store = Mortal()
    filled(store, 5)
    settle_version(config(), store, NOW)
    changed = config(POLICIES.replace("private: full", "private: times-only"))
    store.left = 2
    with pytest.raises(Killed):
        settle_version(changed, store, LATER)
    store.left = 1_000
    assert settle_version(changed, store, LATER) == 2
    assert store.count_mailboxes(Phase.LOADING) == 5


class Busy(MemoryStore):
    """Somebody else commits each session once, just before it is changed."""

    def __init__(self) -> None:
        super().__init__()
        self.met: set[str] = set()

    def change_session(self, session: Session, audit: AuditEntry | None = None) -> Session:
        if session.mailbox_id not in self.met:
            self.met.add(session.mailbox_id)
            super().change_session(replace(session, cursor="newer"))
        return super().change_session(session, audit)


def test_steps_at_the_same_moment_do_no_harm() -> None:
    """The session is read again; no exception reaches the daemon."""
    store = Busy()
    filled(store, 5)
    settle_version(config(), store, NOW)
    settle_version(config(POLICIES.replace("private: full", "private: times-only")), store, LATER)
    assert store.count_mailboxes(Phase.LOADING) == 5
