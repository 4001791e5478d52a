"""clients/reader.mjs, the reader for browsers and node, against what the connector seals and against a cloud that meddles."""

from __future__ import annotations

import base64
import copy
import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.model import Outcome, Presence, Result, SealedCommand
from connector.seal.commands import open_command
from connector.seal.envelope import seal_meeting, seal_outcome, seal_presence
from connector.seal.opening import open_meeting
from tests.unit.seal.samples import DIGESTS, KEY, MAILBOX, MEETING, NOW, OTHER_KEY, SENDS_ALL, key_of

ROOT = Path(__file__).resolve().parents[3]
NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="there is no node here")

DRIVER = """
import * as reader from %s;
let said = "";
for await (const chunk of process.stdin) said += chunk;
const { keys, cases } = JSON.parse(said);
const keyOf = async (uri) => {
  if (!(uri in keys)) throw new reader.Broken("no such key");
  return Uint8Array.from(atob(keys[uri]), (one) => one.charCodeAt(0));
};
const results = [];
for (const { does, args } of cases) {
  try {
    if (does === "sealCommand") {
      const command = { ...args.command, expires: new Date(args.command.expires) };
      results.push({ value: await reader.sealCommand(command, args.uri, await keyOf(args.uri)) });
    } else {
      results.push({ value: await reader[does](args.sealed, { ...args, keyOf }) });
    }
  } catch (error) {
    results.push({ broken: error instanceof reader.Broken, why: String(error.message) });
  }
}
console.log(JSON.stringify(results));
"""


def run(cases: Sequence[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    """What the reader says to each case, in one process."""
    assert NODE is not None
    module = json.dumps((ROOT / "clients/reader.mjs").as_uri())
    keys = {key.uri: base64.b64encode(key.secret).decode() for key in (KEY, OTHER_KEY)}
    said = json.dumps({"keys": keys, "cases": [{"does": does, "args": args} for does, args in cases]})
    done = subprocess.run(
        [NODE, "--input-type=module", "-e", DRIVER % module],
        input=said,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    results: list[dict[str, Any]] = json.loads(done.stdout)
    return results


def sealed(meeting_id: str = "m1", revision: int = 7) -> dict[str, Any]:
    return seal_meeting(MEETING, KEY, MAILBOX, meeting_id, revision, SENDS_ALL, DIGESTS)


def meeting(value: dict[str, Any], **more: Any) -> tuple[str, dict[str, Any]]:
    return "openMeeting", {"sealed": value, "mailbox": MAILBOX, **more}


def test_it_reads_what_the_python_reader_reads() -> None:
    """Every member, the same; letters of all scripts and passcodes too."""
    value = sealed()
    (result,) = run([meeting(value)])
    expected = open_meeting(value, key_of)
    link = expected.pop("link")
    found = result["value"]
    assert found.pop("link") == {
        "before": link.before.total_seconds(),
        "after": link.after.total_seconds(),
        "url": link.url,
        "sip": link.sip,
        "service": link.service,
        "rule": link.rule,
        "meeting_id": link.meeting_id,
        "passcode": link.passcode,
    }
    assert found == expected
    assert found["subject"] == "Planung Größe 学"


def _swapped(value: dict[str, Any]) -> None:
    names = ("encryptedSubject", "encryptedLocation")
    value[names[0]], value[names[1]] = value[names[1]], value[names[0]]


def _of_another_meeting(value: dict[str, Any]) -> None:
    value["encryptedNotes"] = sealed("m2")["encryptedNotes"]


def _of_another_revision(value: dict[str, Any]) -> None:
    value["encryptedNotes"] = sealed(revision=6)["encryptedNotes"]


def _one_participant_less(value: dict[str, Any]) -> None:
    value["encryptedParticipants"].pop()


def _one_participant_twice(value: dict[str, Any]) -> None:
    value["encryptedParticipants"].append(value["encryptedParticipants"][0])


def _without_its_seal(value: dict[str, Any]) -> None:
    del value["encryptedClear"]


def _changed_tag(value: dict[str, Any]) -> None:
    token = value["encryptedSubject"]
    value["encryptedSubject"] = token[:-2] + ("AA" if token[-2:] != "AA" else "BA")


MISHAPS: tuple[Callable[[dict[str, Any]], object], ...] = (
    _swapped,
    _of_another_meeting,
    _of_another_revision,
    _one_participant_less,
    _one_participant_twice,
    _without_its_seal,
    _changed_tag,
    lambda value: value.update(start="2026-11-21T10:00:00Z"),
    lambda value: value.update(links=["https://evil.example.com"]),
    lambda value: value.update(isCancelled=True),
    lambda value: value.update(id="m2"),
    lambda value: value.update(revision=8),
    lambda value: value.update(revision="7"),
    lambda value: value.update(encryptionKeyUrl=OTHER_KEY.uri),
    lambda value: value.update(encryptionKeyUrl="kms://nowhere/keys/1"),
    lambda value: value.update(encryptedSubject=None),
    lambda value: value.pop("encryptedLocation"),
    lambda value: value["encryptedParticipants"][0].update(responseType="DECLINED"),
    lambda value: value.update(encryptedSubject="eyJhbGciOiJub25lIn0." + "." * 3),
)


def test_a_cloud_that_meddles_is_seen() -> None:
    """Swapped, moved, left out, doubled, altered: every one is refused, and by a verdict."""
    cases = []
    for mishap in MISHAPS:
        value = copy.deepcopy(sealed())
        mishap(value)
        cases.append(meeting(value))
    cases.append(meeting(sealed(), mailbox="mb-2"))
    results = run(cases)
    assert [one.get("broken") for one in results] == [True] * len(cases), results


def test_an_older_state_is_seen_by_a_reader_that_remembers() -> None:
    """It is authentic; only its revision tells."""
    fresh, remembering = run([meeting(sealed(revision=6)), meeting(sealed(revision=6), atLeast=7)])
    assert fresh["value"]["revision"] == 6
    assert remembering["broken"]


def test_presence_and_outcomes_open() -> None:
    """The other two kinds of object."""
    presence = seal_presence(
        Presence(away=True, since=NOW, until=None, text="hej"), KEY, MAILBOX, 3, SENDS_ALL
    )
    outcome = seal_outcome(Outcome("c1", Result.DONE, "done", {"a": 1}), KEY, MAILBOX, 4)
    opened = run(
        [
            ("openPresence", {"sealed": presence, "mailbox": MAILBOX}),
            ("openOutcome", {"sealed": outcome, "mailbox": MAILBOX}),
            ("openOutcome", {"sealed": {**outcome, "commandId": "c2"}, "mailbox": MAILBOX}),
        ]
    )
    assert (opened[0]["value"]["away"], opened[0]["value"]["text"]) == (True, "hej")
    assert opened[1]["value"]["body"] == {"a": 1}
    assert opened[2]["broken"]


def test_a_command_that_it_seals_is_carried_out() -> None:
    """The connector opens it and finds what was meant."""
    expires = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    command = {
        "mailbox": MAILBOX,
        "id": "c1",
        "kind": "meeting.create",
        "expires": expires.isoformat(),
        "actor": "anna@example.com",
        "body": {"subject": "学"},
    }
    (result,) = run([("sealCommand", {"command": command, "uri": KEY.uri})])
    received = SealedCommand("c1", MAILBOX, result["value"], NOW)
    opened = open_command(received, key_of, datetime.now(UTC))
    assert (opened.actor, opened.kind, opened.expires) == ("anna@example.com", "meeting.create", expires)
    assert opened.body == {"subject": "学"}
