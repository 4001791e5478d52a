"""``calendar-connector mailbox``: answers, codes, and what asks first."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connector.cli import mailbox as module
from connector.errors import AccessDenied
from connector.model import Phase
from tests.unit.cli.desk import Answer, Clockwork, Typist
from tests.unit.operations.bureau import Bureau


@pytest.fixture
def workers(bureau: Bureau, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clockwork]:
    """The daemon's workers are at work."""
    monkeypatch.setattr(module, "POLL", 0.02)
    clockwork = Clockwork(bureau)
    yield clockwork
    clockwork.close()


def test_an_activation_is_answered_line_by_line(typed: Typist, bureau: Bureau) -> None:
    """Refused addresses say why; the worst one decides the exit code."""
    assert typed("mailbox", "activate", "ada@example.com") == Answer(
        0, "ada@example.com: activation is recorded; it is validated next\n", ""
    )
    answer = typed("mailbox", "activate", "ada@example.com", "x@elsewhere.example")
    assert answer.code == 2
    first, second = answer.out.splitlines()
    assert first == "ada@example.com: it is here already: requested, with the policy staff"
    assert "Add the domain to `domains:`" in second


def test_the_answers_as_json(typed: Typist, bureau: Bureau) -> None:
    """A list of objects, one for each address."""
    (answer,) = typed("mailbox", "activate", "ada@example.com", "--json").json
    assert (answer["address"], answer["done"], answer["code"]) == ("ada@example.com", True, 0)


def test_without_a_daemon_the_wish_is_recorded_all_the_same(typed: Typist) -> None:
    """In the files, by this process; the next start carries it out."""
    assert typed("mailbox", "activate", "ada@example.com").code == 0
    (row,) = typed("mailbox", "list", "--json").json
    assert (row["address"], row["state"]) == ("ada@example.com", "requested")


def test_nobody_is_waited_for_without_a_daemon(typed: Typist) -> None:
    """A sentence instead of a bar that never moves; the wish stands."""
    answer = typed("mailbox", "activate", "ada@example.com", "--wait")
    assert answer.code == 1
    assert answer.err == "the daemon is not running; what is recorded is carried out when it is started\n"
    assert len(typed("mailbox", "list", "--json").json) == 1


def test_waiting_ends_when_all_are_active(typed: Typist, bureau: Bureau, workers: Clockwork) -> None:
    """Also for one that was here already; no bar without a terminal."""
    for name in ("ada", "bob"):
        bureau.house.source.calendar(f"{name}@example.com")
    answer = typed("mailbox", "activate", "ada@example.com", "bob@example.com", "--wait")
    assert answer.code == 0
    assert sorted(answer.err.splitlines()) == [
        "ada@example.com: active, 0 meetings",
        "bob@example.com: active, 0 meetings",
    ]
    assert typed("mailbox", "activate", "ada@example.com", "--wait").code == 0


def test_waiting_ends_in_words_when_one_is_in_trouble(
    typed: Typist, bureau: Bureau, workers: Clockwork
) -> None:
    """With the remedy, and exit code 1."""
    answer = typed("mailbox", "activate", "nobody@example.com", "--wait")
    assert answer.code == 1
    assert "nobody@example.com: error. The mail system knows no such address." in answer.err
    assert "Get-Recipient nobody@example.com" in answer.err


@pytest.mark.parametrize(("verb", "deed"), [("deactivate", "deactivate"), ("erase", "erase")])
def test_what_deletes_asks_first(typed: Typist, bureau: Bureau, verb: str, deed: str) -> None:
    """Without --yes and without a terminal nothing is done; a dry run says what would be."""
    ada = bureau.active()
    answer = typed("mailbox", verb, "ada@example.com")
    assert (answer.code, bureau.session(ada).phase) == (2, Phase.LIVE)
    assert f"this would {deed} ada@example.com" in answer.err
    answer = typed("mailbox", verb, "ada@example.com", "bob@example.com", "--dry-run")
    assert (answer.code, bureau.session(ada).phase) == (0, Phase.LIVE)
    assert f"dry run: would {deed} 2 mailboxes" in answer.err
    answer = typed("mailbox", verb, "ada@example.com", "--yes")
    assert answer == Answer(0, "ada@example.com: it leaves; the hub is told\n", "")
    assert (bureau.session(ada).phase, bureau.session(ada).erase) == (Phase.LEAVING, verb == "erase")


def test_the_other_deeds(typed: Typist, bureau: Bureau) -> None:
    """Pause, resume, resync and rename, each with its sentence."""
    bureau.active()
    for command, sentence in (
        (("pause", "ada@example.com"), "ada@example.com: paused"),
        (("resume", "ada@example.com"), "ada@example.com: resumed; it is validated again first"),
    ):
        assert typed("mailbox", *command) == Answer(0, sentence + "\n", "")
    bureau.house.run()
    answer = typed("mailbox", "resync", "ada@example.com")
    assert answer.out == "ada@example.com: it is read afresh and sent again\n"
    answer = typed("mailbox", "rename", "ada@example.com", "new@example.com")
    assert answer.out == "new@example.com: renamed; it is validated under the new address\n"
    assert typed("mailbox", "resync", "new@example.com").code == 1


def test_an_unknown_mailbox_is_one_sentence(typed: Typist, bureau: Bureau) -> None:
    """Exit code 2, for every command that takes an address."""
    for command in (("show",), ("pause",), ("resume",), ("resync",), ("keys",), ("erase", "--yes")):
        answer = typed("mailbox", command[0], "eve@example.com", *command[1:])
        assert (answer.code, answer.out) == (2, "")
        assert answer.err.startswith("eve@example.com is not activated; ")
        assert answer.err.count("\n") == 1


def test_a_list_and_one_in_full(typed: Typist, bureau: Bureau) -> None:
    """Columns by name; what does not apply is left out; the remedy can be copied."""
    bureau.active()
    bureau.house.source.faults.append(AccessDenied("mailbox-disabled"))
    bureau.house.engine.wake(bureau.mailbox("ada@example.com").id, "stream")
    bureau.house.run()
    header, row = typed("mailbox", "list").out.splitlines()
    assert header.split() == ["ADDRESS", "STATE", "SOURCE", "POLICY", "ORIGIN", "PROBLEM"]
    assert row.startswith("ada@example.com  error")
    shown = typed("mailbox", "show", "ada@example.com").out
    assert "Get-Mailbox ada@example.com | Format-List *Disabled*" in shown
    assert "progress" not in shown
    assert typed("mailbox", "show", "ada@example.com", "--json").json["state"] == "error"


def test_keys_are_printed_for_a_reader(typed: Typist, bureau: Bureau) -> None:
    """As JSON; without the daemon there are none."""
    ada = bureau.active()
    bureau.house.keys.sealing_key(ada.id)
    (key,) = typed("mailbox", "keys", "ada@example.com").json
    assert key["mailbox"] == ada.id
