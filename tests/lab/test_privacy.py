"""What must never be seen: mailboxes nobody activated, words of meetings outside their seals, passwords anywhere."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from connector.app.ground import open_keystore
from connector.config import load
from connector.model import Command
from connector.seal.commands import seal_command
from tests.lab.site import Site

pytestmark = pytest.mark.lab

TOMORROW = (datetime.now(UTC) + timedelta(days=1)).replace(hour=9, minute=0, second=0, microsecond=0)
PASSWORD = "Kanarienvogel-Kennwort-5Xq!ü"
SLOTS = 6
"""So many meetings the hub keeps of one mailbox; what is above becomes a dead letter."""

WORDS = {
    "subject": "KanarieBetreff",
    "location": "KanarieRaum",
    "body": "KanarieNotiz",
    "attendee's name": "KanarieGast",
    "attendee's address": "kanarie.gast@partner.example",
    "organizer's name": "KanarieVeranstalter",
    "organizer's address": "kanarie.chef@partner.example",
    "out-of-office text": "KanarieAbwesend",
    "quarantined item": "KanarieKaputt",
    "dead letter": "KanarieUnzustellbar",
    "command": "KanarieBefehl",
    "occurrence": "KanarieSerie",
}


def forms(word: str) -> dict[str, bytes]:
    """The shapes in which a word might lie about: plain, wide, escaped, in base64 at each of the three alignments."""
    plain = {
        "utf-8": word.encode(),
        "utf-16-le": word.encode("utf-16-le"),
        "utf-16-be": word.encode("utf-16-be"),
    }
    found = dict(plain)
    for name, raw in plain.items():
        found |= {f"{name} in base64, {shift} off": _aligned(raw, shift) for shift in range(3)}
    found["hexadecimal"] = word.encode().hex().encode()
    return found


def _aligned(raw: bytes, shift: int) -> bytes:
    """The characters of base64 that depend on the word alone, whatever stands before and after it."""
    text = b64encode(b"\0" * shift + raw)
    bits = 8 * (shift + len(raw))
    return text[-(-8 * shift // 6) : bits // 6]


def sightings(word: str, files: Mapping[Path, bytes]) -> list[str]:
    """Where a word is to be seen, and in which shape."""
    shapes = forms(word)
    return [
        f"{path.name}: {shape}"
        for path, content in files.items()
        for shape, raw in shapes.items()
        if raw in content or raw.replace(b"+", b"-").replace(b"/", b"_") in content
    ]


@dataclass(frozen=True, slots=True)
class Story:
    """What happened, and what lay on the disks when it was over."""

    site: Site
    ours: Mapping[Path, bytes]
    hubs: Mapping[Path, bytes]
    log: bytes
    process: Mapping[str, bytes]
    activated: frozenset[str]
    strangers: frozenset[str]
    left_at: int
    left: str
    tokens: tuple[str, ...]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Three mailboxes are read, one leaves, four are never ours; everything that can happen to them happens once."""
    folder = tmp_path_factory.mktemp("privacy")
    scratch = folder / "scratch"
    scratch.mkdir()
    with Site(
        folder=folder / "site",
        mailboxes=8,
        exchange={"hosts": "example.com", "password": PASSWORD},
        hub={"limits": {"meetings": SLOTS}},
        environment={"TMPDIR": str(scratch)},
    ) as site:
        token = site.hub.connector_token("other.example.com")
        roster = site.folder / "staff.csv"
        one, two, three, leaver, excluded, *strangers = (site.exchange.address(n) for n in range(1, 9))
        roster.write_text(f"address\n{three}\n{excluded}\n")
        text = site.configuration().replace("log: {level: info}", "log: {level: debug, addresses: pseudonym}")
        site.write_config(
            f"{text}roster: {{every: 1m, exclude: [{excluded}], from: {{staff: {{csv: {roster}, policy: staff}}}}}}\n"
        )
        plant(site, one, [excluded, *strangers])
        site.start()
        site.activate(one, two, leaver)
        site.wait(lambda: site.state(three) == "active", "the roster's mailbox")
        site.wait(lambda: bool(site.ask("deadletter.list")), "a dead letter")
        site.wait(lambda: bool(site.mailbox(one)["quarantine"]), "a quarantined item")
        command(site, two, excluded)
        site.cli("mailbox", "deactivate", "--yes", leaver)
        site.wait(lambda: site.state(leaver) == "absent", "the leaver to be gone")
        left_at = max(entry["number"] for entry in site.exchange.log())
        live(site, one, two, three)
        process = looked_into(site)
        site.kill()  # what the write-ahead log holds stays there
        yield Story(
            site=site,
            ours={**contents(site.folder / "state"), **contents(site.folder / "run"), **contents(scratch)},
            hubs=contents(site.folder / "hub"),
            log=site.log.read_bytes(),
            process=process,
            activated=frozenset({one, two, three, leaver}),
            strangers=frozenset({excluded, *strangers}),
            left_at=left_at,
            left=leaver,
            tokens=(token,),
        )


def plant(site: Site, owner: str, strangers: list[str]) -> None:
    """Words into every corner of a calendar, and into calendars that are nobody's business."""
    edit = site.exchange.edit
    guests = [{"address": WORDS["attendee's address"], "name": WORDS["attendee's name"]}]
    guests += [{"address": address} for address in strangers]
    common = {"mailbox": owner, "location": WORDS["location"], "body": WORDS["body"]}
    edit("create", start=day(0), end=day(0, 1), subject=WORDS["subject"], attendees=guests, **common)
    host = {"address": WORDS["organizer's address"], "name": WORDS["organizer's name"]}
    edit("receive", mailbox=owner, start=day(1), end=day(1, 1), subject=WORDS["subject"], organizer=host)
    broken = edit("create", mailbox=owner, start=day(2), end=day(2, 1), subject=WORDS["quarantined item"])
    edit("corrupt", mailbox=owner, item=broken["item_id"])
    weekly = {"kind": "weekly", "days": [f"{TOMORROW:%A}"], "count": 4}
    edit(
        "create",
        mailbox=owner,
        start=day(0, 2),
        end=day(0, 3),
        subject=WORDS["occurrence"],
        recurrence=weekly,
    )
    for number in range(SLOTS):
        edit(
            "create",
            mailbox=owner,
            start=day(20 + number % 3, number),
            end=day(20 + number % 3, number + 1),
            subject=WORDS["dead letter"],
        )
    edit(
        "set_out_of_office",
        mailbox=owner,
        state="Enabled",
        internal=WORDS["out-of-office text"],
        external=WORDS["out-of-office text"],
    )
    for address in strangers:
        edit(
            "create",
            mailbox=address,
            start=day(3),
            end=day(3, 1),
            subject=WORDS["subject"],
            location=WORDS["location"],
        )


def day(days: int, hours: int = 0) -> str:
    """A time so much after tomorrow morning."""
    return (TOMORROW + timedelta(days=days, hours=hours)).isoformat()


def command(site: Site, owner: str, stranger: str) -> None:
    """One command that makes a meeting, one that asks about a stranger, one that is refused."""
    keys = site.keys(owner)
    key = next(iter(keys.values()))
    made = {"subject": WORDS["command"], "location": WORDS["location"], "start": day(4), "end": day(4, 1)}
    asked = {"addresses": [stranger, WORDS["attendee's address"]], "start": day(0), "end": day(1)}
    for kind, body in (("meeting.create", made), ("freebusy.ask", asked), ("meeting.refuse", made)):
        expires = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=5)
        order = Command(uuid4().hex, key.mailbox_id, kind, owner, expires, body)
        site.hub.send_command(key.mailbox_id, order.id, seal_command(order, key))
        site.hub.wait_outcome(key.mailbox_id, order.id)


def live(site: Site, *ours: str) -> None:
    """Resync, roster, reload, restart, a power cut, a server that forgets: whatever makes a connector look around."""
    site.cli("mailbox", "resync", *ours)
    site.cli("roster", "sync")
    site.reload()
    site.exchange.restart_server()
    site.stop()
    site.start()
    site.kill()
    site.start()
    site.wait(lambda: all(site.state(one) == "active" for one in ours), "everybody to be active again")
    site.exchange.edit("create", mailbox=ours[1], start=day(5), end=day(5, 1), subject=WORDS["subject"])
    keys = site.keys(ours[1])
    site.wait(lambda: site.agrees(ours[1], keys), "a last change")


def looked_into(site: Site) -> dict[str, bytes]:
    """What every other process of the machine may see of the daemon, and what its children inherit."""
    process = site.connector
    assert process is not None
    proc = Path(f"/proc/{process.pid}")
    children = [
        child for task in (proc / "task").iterdir() for child in (task / "children").read_text().split()
    ]
    found = {name: (proc / name).read_bytes() for name in ("cmdline", "environ")}
    for child in children:
        found |= {
            f"{child}/{name}": Path(f"/proc/{child}/{name}").read_bytes() for name in ("cmdline", "environ")
        }
    return found


def contents(folder: Path) -> dict[Path, bytes]:
    """Every file below a folder."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def visits(entries: list[dict[str, Any]]) -> set[str]:
    """Mailboxes that were impersonated, opened or used as an anchor."""
    return {
        str(address)
        for entry in entries
        for address in (entry["acting"], entry["anchor"], *entry["touched"])
        if address
    }


def test_nobody_else_is_ever_opened(story: Story) -> None:
    """Over activations, roster runs, resync, reload, restart, power cut and a forgetful server: only activated mailboxes are opened."""
    log = story.site.exchange.log()
    assert visits(log) == story.activated
    assert visits(log).isdisjoint(story.strangers)


def test_strangers_are_asked_about_as_invitees_alone(story: Story) -> None:
    """Free/busy is the only question about people who were not activated; Autodiscover is not asked about them."""
    about = [one for one in story.site.exchange.log() if story.strangers & set(one["asked"])]
    assert {one["operation"].removesuffix("Request") for one in about} == {"GetUserAvailability"}
    assert {one["acting"] for one in about} <= story.activated


def test_nobody_else_is_subscribed(story: Story) -> None:
    """The server holds no subscription of anybody who is not activated, nor of the one who left."""
    held = {one["address"] for one in story.site.exchange.subscriptions()}
    assert held
    assert held <= story.activated - {story.left}


def test_who_left_is_left_alone(story: Story) -> None:
    """After a deactivation the mailbox is never touched again."""
    assert story.left not in visits(story.site.exchange.log(since=story.left_at))


def test_a_word_would_be_found() -> None:
    """The search itself finds a word in every shape and at every alignment."""
    for lead in (b"", b"x", b"xy", b"xyz"):
        word = WORDS["subject"]
        assert sightings(word, {Path("f"): b64encode(lead + word.encode() + b"tail")})
        assert sightings(word, {Path("f"): lead + word.encode("utf-16-le")})
        assert sightings(word, {Path("f"): b64encode(lead + word.encode("utf-16-le") + b"tail")})
    assert not sightings(WORDS["subject"], {Path("f"): b64encode(b"nothing of the kind")})


@pytest.mark.parametrize("what", WORDS)
def test_no_word_of_a_meeting_is_at_rest_in_clear(story: Story, what: str) -> None:
    """Database, write-ahead log, keystore, temporary files, log, and everything of the hub: the word is nowhere, in no shape."""
    files = {**story.ours, **story.hubs, story.site.log: story.log}
    assert sightings(WORDS[what], files) == []


def test_addresses_rest_sealed(story: Story) -> None:
    """Neither the connector's files nor the hub's hold an address of anybody, activated or not."""
    files = {**story.ours, **story.hubs}
    found = {one: sightings(one, files) for one in story.activated | story.strangers}
    assert {one: where for one, where in found.items() if where} == {}


def test_a_log_under_pseudonyms_names_nobody(story: Story) -> None:
    """With addresses: pseudonym the log holds no address, even at level debug."""
    found = {one: sightings(one, {story.site.log: story.log}) for one in story.activated | story.strangers}
    assert {one: where for one, where in found.items() if where} == {}
    assert story.log.count(b"\n") > 50


def test_passwords_are_nowhere(story: Story) -> None:
    """The service account's password, the hub's token and the master key are in no file, log, argument or environment."""
    files = {**story.ours, **story.hubs, story.site.log: story.log}
    seen = {**files, **{Path(name): raw for name, raw in story.process.items()}}
    for secret in (PASSWORD, *story.tokens):
        assert sightings(secret, seen) == []
    master = (story.site.folder / "master.key").read_bytes()
    for path, content in seen.items():
        assert master.strip() not in content, path


def test_the_token_in_use_is_nowhere(story: Story) -> None:
    """The credential the daemon shows to the hub is neither in its files nor, other than as a digest, in the hub's."""
    token = open_keystore(load(story.site.config).config).get("hub").text
    seen = {**story.ours, **story.hubs, story.site.log: story.log}
    seen |= {Path(name): raw for name, raw in story.process.items()}
    assert sightings(token, seen) == []


def test_files_are_for_the_owner_alone(story: Story) -> None:
    """Nobody but the owner may read any file in the state directory."""
    loose = [path for path in story.ours if path.parent.name == "state" and path.stat().st_mode & 0o077]
    assert loose == []
