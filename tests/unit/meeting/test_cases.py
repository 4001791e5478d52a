"""Our own table of invitations: what is found in each, through the form that ``join test --jsonl`` reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connector.cli.joincase import answer
from connector.meeting.enrich import join_rules
from connector.meeting.joinlink.services import SERVICES

CASES = [json.loads(line) for line in Path(__file__).with_name("cases.jsonl").read_text().splitlines()]
RULES = join_rules()
CHECKED = ("service", "link", "sip", "meeting_id", "passcode")
SHELF = Path(__file__).resolve().parents[4] / "shared" / "data" / "joinlinks"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_own_cases(case: dict[str, Any]) -> None:
    """Each line of cases.jsonl states what is found; a field it leaves out may be anything."""
    found = answer(case, RULES)
    stated = {name: case[name] for name in CHECKED if name in case}
    assert {name: found[name] for name in stated} == stated, case.get("note", "")


def test_the_table_is_large_and_knows_every_service() -> None:
    """At least 300 cases; no service is without one."""
    named = {case["service"] for case in CASES}
    assert len(CASES) >= 300
    assert {service.name for service in SERVICES} <= named


def shelf(name: str) -> list[dict[str, Any]]:
    """Rows of a borrowed table, or one row that skips where it is not there."""
    path = SHELF / name
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.mark.skipif(not SHELF.exists(), reason="the borrowed tables lie in ../shared, which is not here")
@pytest.mark.parametrize(
    "row", [row for row in shelf("cases.jsonl") if not row.get("policy")], ids=lambda row: row["id"]
)
def test_borrowed_cases(row: dict[str, Any]) -> None:
    """What the tests of other detectors agree on holds here too."""
    found = answer({"kind": row["kind"], "input": row["input"]}, RULES)
    expected = {"service": row["expect_service"], "link": row["expect_link"]}
    expected |= {name: row[name] for name in ("meeting_id", "passcode") if name in row}
    expected |= {"sip": row["expect_sip"]} if "expect_sip" in row else {}
    assert {name: found[name] for name in expected} == expected


@pytest.mark.skipif(not SHELF.exists(), reason="the borrowed tables lie in ../shared, which is not here")
def test_every_service_of_the_borrowed_list_is_known() -> None:
    """Names of services are those of the list; personal Teams goes by the name of Teams."""
    listed = {row["service"] for row in shelf("hosts.jsonl")}
    known = {service.name for service in SERVICES} | {"cms", "skype4biz_selfhosted"}
    assert listed - known == {"teams_live"}
