"""The life of mailboxes as an administrator sees it: what goes wrong with one, what is done about it, and the roster."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.lab.hub import LabHubError
from tests.lab.site import CONNECTOR, ROOT, Site

pytestmark = pytest.mark.lab

TOMORROW = (datetime.now(UTC) + timedelta(days=1)).replace(hour=9, minute=0, second=0, microsecond=0)
PARTNER = "autodiscover.partner.example"
MOST = 5
"""So many meetings the hub keeps of one mailbox."""


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """Twelve mailboxes, none of them active yet; Autodiscover could lead to a partner's host."""
    options = {"hosts": f"example.com,{PARTNER}"}
    with Site(mailboxes=14, exchange=options, hub={"limits": {"meetings": MOST}}) as site:
        site.write_config(configured(site))
        site.start()
        yield site


def configured(site: Site) -> str:
    """The lab's configuration with a way to the partner's host."""
    text = site.configuration()
    return text.replace("    resolve: {", f'    resolve: {{"{PARTNER}": "127.0.0.1:{site.exchange.port}", ')


def person(site: Site, number: int) -> str:
    """An address."""
    return site.exchange.address(number)


def make(site: Site, address: str, subject: str, hour: int = 0) -> str:
    """A meeting in a calendar; its item."""
    start = TOMORROW + timedelta(hours=hour)
    made = site.exchange.edit(
        "create",
        mailbox=address,
        start=start.isoformat(),
        end=(start + timedelta(hours=1)).isoformat(),
        subject=subject,
    )
    return str(made["item_id"])


def failed(site: Site, address: str) -> tuple[str, dict[str, Any]]:
    """What `activate --wait` says of an address that comes to nothing, and what `mailbox show` knows then."""
    done = site.try_cli("mailbox", "activate", "--wait", address)
    assert done.returncode == 1, done
    assert "Traceback" not in done.stderr
    (sentence,) = done.stderr.splitlines()
    return sentence, site.mailbox(address)


def away(site: Site, *addresses: str) -> None:
    """Deactivate; they are gone some seconds later."""
    site.cli("mailbox", "deactivate", "--yes", *addresses)


def gone(site: Site, *addresses: str) -> None:
    """Deactivate, and wait until they are gone."""
    away(site, *addresses)
    site.wait(lambda: all(site.state(one) == "absent" for one in addresses), "them to be gone")


def quiet(site: Site) -> bool:
    """No alarm stands and nothing is held."""
    facts = site.ask("status")
    return not facts["alarms"] and not facts["held"]


# --- what goes wrong with one mailbox


def test_an_unknown_address(site: Site) -> None:
    """An address nobody has ends in error with the question to ask Exchange, the address filled in."""
    address = "nobody.at.all@example.com"
    sentence, shown = failed(site, address)
    assert sentence.startswith(f"{address}: error. The mail system knows no such address.")
    assert f"Get-Recipient {address}" in sentence
    assert (shown["state"], shown["problem"]) == ("error", "The mail system knows no such address.")
    assert f"Get-Recipient {address}" in shown["remedy"]


def test_trouble_is_counted_and_is_an_alarm(site: Site) -> None:
    """Status names the mailbox in error and ends with 1; alarm 203 stands, without a gap left open in its words; deactivation ends both."""
    address = "nobody.at.all@example.com"
    done = site.try_cli("status")
    assert done.returncode == 1
    assert "1 error" in done.stdout
    assert re.search(rf"^{address}:? +error ", done.stdout, re.MULTILINE)
    site.wait(lambda: not quiet(site), "an alarm")
    (alarm,) = site.status()["alarms"]
    assert alarm["number"] == 203
    assert "{" not in alarm["sentence"] + alarm["remedy"]
    away(site, address)
    site.wait(lambda: quiet(site), "the alarm to end")
    assert site.try_cli("status").returncode == 0


def test_an_alias_is_answered_with_the_primary_address(site: Site) -> None:
    """Who types an alias is told the primary address to use, in words and in the remedy."""
    site.exchange.edit("add_mailbox", address="dora.primary@example.com", aliases=["dora@example.com"])
    sentence, shown = failed(site, "dora@example.com")
    assert "The address is an alias." in sentence
    assert "dora.primary@example.com" in sentence
    assert "dora.primary@example.com" in shown["remedy"]
    away(site, "dora@example.com")


def test_a_mailbox_outside_the_scope(site: Site) -> None:
    """Where the service account may not impersonate, the remedy names the role; once allowed, `mailbox resume` makes it active."""
    address = person(site, 2)
    site.exchange.scope(denied=[address])
    sentence, shown = failed(site, address)
    assert "may not open this mailbox" in sentence
    assert "ApplicationImpersonation" in shown["remedy"]
    site.exchange.scope()
    site.cli("mailbox", "resume", address)
    site.wait(lambda: site.state(address) == "active", "it to be active")
    away(site, address)


def test_an_untrusted_redirect_waits_for_an_administrator(site: Site) -> None:
    """A redirect to a host not on the trust list is not followed: it is listed as pending, and once allowed the mailbox becomes active by itself."""
    address = person(site, 3)
    site.exchange.redirect(
        address, url=f"https://{PARTNER}:{site.exchange.port}/autodiscover/autodiscover.svc"
    )
    sentence, _ = failed(site, address)
    assert "not on the trust list" in sentence
    assert "calendar-connector source redirects hq" in sentence
    assert not [one for one in site.exchange.log() if one["host"].startswith(PARTNER)]
    rows = site.json("source", "redirects", "hq")
    assert [(row["host"], row["domain"]) for row in rows] == [(PARTNER, "example.com")]
    wrong = site.try_cli("source", "redirects", "hq", "--allow", "evil.example")
    assert (wrong.returncode, len(wrong.stderr.splitlines())) == (2, 1)
    allowed = site.try_cli("source", "redirects", "hq", "--allow", PARTNER)
    assert allowed.returncode == 0
    site.wait(lambda: site.state(address) == "active", "it to be active")
    assert [one for one in site.exchange.log() if one["host"].startswith(PARTNER)]
    assert "no redirect is pending" in site.try_cli("source", "redirects", "hq").stderr
    away(site, address)
    site.exchange.redirect(address)


def test_a_quarantined_item_is_named(site: Site) -> None:
    """One unreadable item is listed with its reason in `mailbox show`; its neighbours arrive, and mended it does too."""
    address = person(site, 4)
    make(site, address, "Healthy")
    broken = make(site, address, "Broken", 2)
    site.exchange.edit("corrupt", mailbox=address, item=broken)
    site.activate(address)
    assert [one["reason"] for one in site.mailbox(address)["quarantine"]] == [
        "The item is damaged in the mailbox."
    ]
    assert "damaged" in site.cli("mailbox", "show", address)
    keys = site.keys(address)
    site.wait(lambda: [row[2] for row in site.shown(address, keys)] == ["Healthy"], "the healthy one")
    site.exchange.edit("corrupt", mailbox=address, item=broken, code="")
    site.wait(lambda: site.agrees(address, keys), "the mended one")
    assert site.mailbox(address)["quarantine"] == []
    away(site, address)


# --- commands


def test_waiting_shows_a_bar_on_a_terminal_and_none_without(site: Site) -> None:
    """`activate --wait` draws a bar where somebody looks; into a file it writes one line for each mailbox."""
    one, two = person(site, 7), person(site, 8)
    done = site.try_cli("mailbox", "activate", "--wait", one)
    assert done.returncode == 0
    assert done.stderr == f"{one}: active, 0 meetings\n"
    code, drawn = on_a_terminal(site, "mailbox", "activate", "--wait", two)
    assert code == 0
    assert "activating" in drawn
    assert "━" in drawn
    assert "\x1b" in drawn
    again = site.try_cli("mailbox", "activate", one)
    assert (again.returncode, again.stdout) == (
        0,
        f"{one}: it is here already: active, with the policy staff\n",
    )
    away(site, two)


def on_a_terminal(site: Site, *arguments: str, seconds: float = 60) -> tuple[int, str]:
    """A command with a terminal for all three streams: its code, and everything drawn."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120"}
    process = subprocess.Popen(
        [*CONNECTOR, *arguments, "--config", str(site.config)],
        cwd=ROOT,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
    )
    os.close(theirs)
    drawn = bytearray()
    ends = time.monotonic() + seconds
    with closing(os.fdopen(ours, "rb", buffering=0)) as terminal:
        while time.monotonic() < ends:
            if not select.select([terminal], [], [], 1)[0]:
                continue
            try:
                drawn += terminal.read(65536) or b""
            except OSError:  # the last one at the other end has hung up
                break
    return process.wait(10), drawn.decode(errors="replace")


def test_status_can_be_watched(site: Site) -> None:
    """`status --watch --json` prints an object a line until it is ended; without a terminal and --json it refuses with a sentence."""
    process = subprocess.Popen(
        [*CONNECTOR, "status", "--watch", "--json", "--config", str(site.config)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    looks = [json.loads(process.stdout.readline()) for _ in range(2)]
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=10)
    assert [look["instance"] for look in looks] == ["lab-01.example.com"] * 2
    assert (process.returncode, said.strip()) == (1, b"")
    refused = site.try_cli("status", "--watch")
    assert refused.returncode == 2
    assert "--json" in refused.stderr


def test_pause_and_resume(site: Site) -> None:
    """A paused mailbox is not read; resumed it is validated and catches up. Doing either twice is said and is no failure."""
    address = person(site, 7)
    site.cli("mailbox", "pause", address)
    assert site.state(address) == "paused"
    assert site.try_cli("mailbox", "pause", address).returncode == 0
    since = max(entry["number"] for entry in site.exchange.log())
    make(site, address, "While paused")
    time.sleep(2.5)  # longer than a poll: that nothing happens can't be waited for
    assert site.exchange.log(since=since, address=address) == []
    site.cli("mailbox", "resume", address)
    site.wait(lambda: site.state(address) == "active", "it to be active")
    keys = site.keys(address)
    site.wait(lambda: site.agrees(address, keys), "what was missed")
    assert site.try_cli("mailbox", "resume", address).returncode == 0


def test_resync_sends_everything_again(site: Site) -> None:
    """`mailbox resync` reads afresh and sends the whole list anew; it ends equal to the calendar."""
    address = person(site, 7)
    keys = site.keys(address)
    mailbox = next(iter(keys.values())).mailbox_id
    before = site.hub.list_of(mailbox)["version"]
    site.cli("mailbox", "resync", address)
    site.wait(lambda: site.hub.list_of(mailbox)["version"] != before, "the list to be sent")
    site.wait(lambda: site.state(address) == "active" and site.agrees(address, keys), "the end of it")


def test_rename_keeps_list_and_keys(site: Site) -> None:
    """A mailbox that got a new primary address keeps its id, its keys and its list at the hub."""
    address = person(site, 7)
    before, keys = site.mailbox(address)["id"], site.keys(address)
    site.exchange.edit("change_address", mailbox=address, to="married@example.com")
    site.cli("mailbox", "rename", address, "married@example.com")
    site.wait(lambda: site.state("married@example.com") == "active", "it to be active")
    assert site.mailbox("married@example.com")["id"] == before
    assert set(keys) <= set(site.keys("married@example.com"))
    site.wait(lambda: site.agrees("married@example.com", site.keys("married@example.com")), "its list")
    taken = site.try_cli("mailbox", "rename", "married@example.com", "x@elsewhere.example")
    assert (taken.returncode, len(taken.stderr.splitlines())) == (2, 1)
    assert "mail domain" in taken.stderr


def test_deactivation_reaches_the_hub(site: Site) -> None:
    """After `deactivate` the hub has no list any more, Exchange no subscription; --dry-run and a missing --yes do nothing."""
    address = "married@example.com"
    keys = site.keys(address)
    mailbox = next(iter(keys.values())).mailbox_id
    assert site.hub.meetings(mailbox)
    assert site.try_cli("mailbox", "deactivate", "--dry-run", address).returncode == 0
    assert site.try_cli("mailbox", "deactivate", address).returncode == 2
    assert site.state(address) == "active"
    gone(site, address)
    site.wait(lambda: gone_at_hub(site, mailbox), "the hub to drop the list")
    site.wait(
        lambda: address not in {one["address"] for one in site.exchange.subscriptions()}, "no subscription"
    )
    assert site.try_cli("mailbox", "show", address).returncode == 2


def gone_at_hub(site: Site, mailbox: str) -> bool:
    """Whether the hub knows nothing of a mailbox any more."""
    try:
        return not site.hub.list_of(mailbox)["meetings"] and site.hub.presence(mailbox) is None
    except LabHubError as error:
        return error.status == 404


def test_erasing_destroys_the_keys(site: Site) -> None:
    """After `erase` neither store nor socket gives a key out again, and an activation anew begins with other ones."""
    address = person(site, 9)
    make(site, address, "To be forgotten")
    site.activate(address)
    site.wait(lambda: bool(site.ask("mailbox.keys", address=address)), "its keys")
    keys = site.keys(address)
    mailbox = next(iter(keys.values())).mailbox_id
    site.wait(lambda: bool(site.hub.meetings(mailbox)), "its list")
    site.cli("mailbox", "erase", "--yes", address)
    site.wait(lambda: site.state(address) == "absent", "it to be gone")
    site.wait(lambda: gone_at_hub(site, mailbox), "the hub to drop the list")
    site.activate(address)
    assert site.mailbox(address)["id"] != mailbox
    site.wait(lambda: bool(site.ask("mailbox.keys", address=address)), "new keys")
    assert set(site.keys(address)).isdisjoint(keys)
    actions = [row["action"] for row in site.json("audit", "list", "--limit", "1000")]
    assert {"mailbox.erase", "mailbox.erased"} <= set(actions)
    away(site, address)


def test_dead_letters_can_be_seen_retried_and_dropped(site: Site) -> None:
    """What the hub will not take is listed with mailbox and reason in words, raises 305, and is sent anew or dropped by hand."""
    address = person(site, 10)
    items = [make(site, address, f"Meeting {number}", 2 * number) for number in range(MOST + 1)]
    site.activate(address)
    site.wait(lambda: bool(site.ask("deadletter.list")), "a dead letter")
    (letter,) = site.json("deadletter", "list")
    assert letter["mailbox"] == address
    assert " " in letter["problem"], "a reason is a sentence"
    assert site.json("deadletter", "show", letter["event"]) == letter
    assert f"Meeting {MOST}" not in site.cli("deadletter", "show", letter["event"])
    assert site.try_cli("deadletter", "drop", letter["event"]).returncode == 2
    site.exchange.edit("delete", mailbox=address, item=items[0])
    site.cli("deadletter", "retry", letter["event"])
    keys = site.keys(address)
    site.wait(lambda: site.agrees(address, keys), "the retry")
    assert site.json("deadletter", "list") == []
    make(site, address, "One more", 20)
    site.wait(lambda: bool(site.ask("deadletter.list")), "another")
    (letter,) = site.json("deadletter", "list")
    assert site.try_cli("deadletter", "drop", "--yes", letter["event"]).returncode == 0
    assert site.json("deadletter", "list") == []
    away(site, address)


def test_sources_and_alarms_are_explained(site: Site) -> None:
    """`source list|show`, `source unsubscribe` and `alarm explain` answer in words and in JSON."""
    address = person(site, 11)
    site.activate(address)
    (row,) = site.json("source", "list")
    assert (row["name"], row["active"] > 0, row["state"]) == ("hq", True, "reachable")
    shown = site.json("source", "show", "hq")
    assert shown["way"] == "Autodiscover"
    site.wait(lambda: bool(site.exchange.subscriptions()), "a subscription")
    assert re.search(r"^[1-9]\d* subscriptions? ", site.try_cli("source", "unsubscribe", "hq").stderr)
    assert "secret set" in site.cli("alarm", "explain", "101")
    assert site.json("alarm", "explain", "101")["number"] == 101
    assert site.try_cli("writes", "show").stderr == "flowing\n"
    away(site, address)


# --- the roster


class Roster:
    """A CSV file that the configuration names, and runs of it."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.path = site.folder / "staff.csv"

    def write(self, *addresses: str) -> None:
        """Name these."""
        self.path.write_text("\n".join(("address,name", *(f"{one},x" for one in addresses))) + "\n")

    def sync(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Run it now."""
        return self.site.try_cli("roster", "sync", *options)

    def plan(self) -> set[tuple[str, str]]:
        """Actions and addresses of the plan."""
        return {(row["action"], row["address"]) for row in self.site.json("roster", "plan")}


@pytest.fixture(scope="module")
def roster(site: Site) -> Roster:
    """In force: two named, one of them excluded; leavers go at once; at most one in a hundred changes."""
    roster = Roster(site)
    roster.write(person(site, 12), person(site, 13))
    section = f"roster: {{every: 1m, leave_after: 0s, max_change: 1%, exclude: [{person(site, 13)}],"
    site.write_config(
        f"{configured(site)}{section} from: {{staff: {{csv: {roster.path}, policy: staff}}}}}}\n"
    )
    site.reload()
    return roster


def test_joiners_are_activated(site: Site, roster: Roster) -> None:
    """The first run after the reload activates who is named, never who is excluded; `mailbox list` shows where each comes from."""
    address = person(site, 12)
    site.wait(lambda: site.state(address) == "active", "the joiner")
    assert site.state(person(site, 13)) == "absent"
    (row,) = [row for row in site.json("roster", "list") if row["address"] == address]
    assert (row["origin"], row["policy"]) == ("staff", "staff")
    assert roster.plan() == set()
    assert site.try_cli("roster", "plan").stderr == "nothing to change\n"


def test_an_excluded_one_is_refused_by_hand_too(site: Site, roster: Roster) -> None:
    """`mailbox activate` of an excluded address is refused with the key that says so."""
    done = site.try_cli("mailbox", "activate", person(site, 13))
    assert done.returncode == 2
    assert "roster.exclude" in done.stdout + done.stderr


def test_leavers_are_paused_then_deactivated(site: Site, roster: Roster) -> None:
    """Who is no longer named is paused by one run and, with leave_after passed, deactivated by the next; who came by hand stays."""
    leaver, stayer, byhand = person(site, 12), person(site, 14), person(site, 1)
    site.activate(byhand)
    roster.write(stayer)
    assert roster.plan() == {("activate", stayer), ("pause", leaver)}
    assert roster.sync("--dry-run").returncode == 0
    assert site.state(leaver) == "active"
    assert roster.sync().returncode == 0
    assert site.state(leaver) == "paused"
    assert roster.plan() == {("deactivate", leaver)}
    assert roster.sync().returncode == 0
    site.wait(lambda: site.state(leaver) == "absent", "the leaver to be gone")
    site.wait(lambda: site.state(stayer) == "active", "the joiner")
    assert site.state(byhand) == "active"
    actions = [row["action"] for row in site.json("audit", "list", "--limit", "1000")]
    assert "roster.sync" in actions


def test_too_much_at_once_changes_nothing(site: Site, roster: Roster) -> None:
    """More changes than max_change (at least five) are refused with what to do; --force asks first and makes them."""
    roster.write(person(site, 14), *(person(site, number) for number in range(2, 9)))
    refused = roster.sync()
    assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 1)
    assert "roster sync --force" in refused.stderr
    assert site.state(person(site, 2)) == "absent"
    assert roster.sync("--force").returncode == 2
    assert "--force" in site.try_cli("roster", "plan").stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "first line"),
        ("address\n", "names nobody"),
        ("address\nnot an address\n", "is no mail address"),
        (None, "can't be read"),
    ],
    ids=["empty", "nobody", "damaged", "gone"],
)
def test_a_roster_not_to_be_believed_changes_nothing(
    site: Site, roster: Roster, content: str | None, said: str
) -> None:
    """An empty, damaged or missing file changes nothing; one sentence names it."""
    if content is None:
        roster.path.unlink()
    else:
        roster.path.write_text(content)
    done = roster.sync()
    assert done.returncode in {1, 2}
    assert len(done.stderr.splitlines()) == 1
    assert said in done.stderr
    assert str(roster.path) in done.stderr
    assert site.state(person(site, 14)) == "active"


def test_the_daemon_raises_an_alarm_for_it(site: Site, roster: Roster) -> None:
    """The daemon's own run over a file that can't be believed raises 503, over too many changes 502; a good run ends them."""
    roster.write(person(site, 14))
    assert roster.sync("--force", "--yes").returncode == 0
    roster.path.unlink()
    site.stop()
    site.start()
    site.wait(lambda: numbers(site) == {503}, "alarm 503")
    roster.write(person(site, 14), *(person(site, number) for number in range(2, 9)))
    site.stop()
    site.start()
    site.wait(lambda: numbers(site) == {502}, "alarm 502")
    (alarm,) = site.status()["alarms"]
    assert "roster sync --force" in alarm["remedy"]
    assert "{" not in alarm["sentence"]
    roster.write(person(site, 14))
    assert roster.sync().returncode == 0
    site.wait(lambda: numbers(site) == set(), "the alarm to end", 10)


def numbers(site: Site) -> set[int]:
    """Which alarms stand."""
    return {one["number"] for one in site.ask("status")["alarms"]}
