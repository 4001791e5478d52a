"""Is every fault of the published catalogue held by a test? Its table is read where it lies beside the repository."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.lab.fault_table import CATALOGUE
from tests.unit.source.exchange.shelf import on_shelf

TESTS = Path(__file__).resolve().parents[1]
LAB, UNIT = TESTS / "lab", TESTS / "unit" / "source" / "exchange"

WIRE = {
    "200 with HTML": (LAB, "test_faults_wire.py", "test_page_in_place_of_soap", "Page(200,"),
    "301/302": (LAB, "test_faults_wire.py", "test_page_in_place_of_soap", "Page(302,"),
    "400": (LAB, "test_faults_wire.py", "test_page_in_place_of_soap", "Page(400,"),
    "401 without": (LAB, "test_faults_wire.py", "test_page_in_place_of_soap", '"no-challenge"'),
    "403": (LAB, "test_faults_wire.py", "test_page_in_place_of_soap", "Page(403,"),
    "404": (LAB, "test_faults_wire.py", "test_page_in_place_of_soap", "Page(404,"),
    "413": (LAB, "test_faults_wire.py", "test_page_in_place_of_soap", "Page(413,"),
    "440": (LAB, "test_faults_wire.py", "test_page_in_place_of_soap", "Page(440,"),
    "456": (LAB, "test_faults_wire.py", "test_page_in_place_of_soap", "Page(456,"),
    "500 with": (LAB, "test_faults_wire.py", "test_page_in_place_of_soap", "X-CasErrorCode"),
    "502/504": (LAB, "test_faults_wire.py", "test_page_in_place_of_soap", "Page(504,"),
    "empty 200": (LAB, "test_faults_wire.py", "test_damaged_document_is_never_believed", '"empty"'),
    "chunk cut": (LAB, "test_faults_wire.py", "test_connection_cut_at_any_byte", '"reset"'),
    "two documents": (LAB, "test_faults_wire.py", "test_damaged_document_is_never_believed", '"two_in_one"'),
    "one document": (LAB, "test_faults_wire.py", "test_odd_but_whole_document_is_read", '"split"'),
    "BOM": (LAB, "test_faults_wire.py", "test_odd_but_whole_document_is_read", '"bom"'),
    "gzip": (UNIT, "test_transport.py", "test_compressed_answer_is_read", "gzip"),
    "illegal characters": (LAB, "test_faults_wire.py", "test_odd_but_whole_document_is_read", '"illegal"'),
    "reset of an idle": (LAB, "test_faults_wire.py", "test_idle_connection_that_was_reset", "drop_idle"),
    "TLS certificate": (LAB, "test_faults_wire.py", "test_certificate_renewed", "new_certificate"),
    "stalled stream": (LAB, "test_exchange_stream.py", "test_a_silent_stream_is_noticed", "silence"),
    "DNS change": (LAB, "test_faults_wire.py", "test_name_that_leads_elsewhere", "getaddrinfo"),
}
"""How each fault of HTTP and below begins in the catalogue, and where it is tried: folder, file, test, and a word of its case."""

HELD_BY = {
    "busy, wherever the wait stands": (UNIT, "test_faults_concurrency.py", "test_back_off_is_obeyed"),
    "budgets recover": (UNIT, "test_faults_concurrency.py", "test_server_that_stands_less_is_not_overrun"),
    "stalled stream": (LAB, "test_exchange_stream.py", "test_a_silent_stream_is_noticed"),
    "95 seconds": (LAB, "test_faults_wire.py", "test_patience_of_the_table_is_what_the_product_ships"),
    "one dead subscription": (LAB, "test_exchange_stream.py", "test_one_dead_subscription_is_replaced_alone"),
    "missed events": (LAB, "test_survival_exchange.py", "test_forgotten_subscriptions_and_missed_events"),
    "reopened before they end": (LAB, "test_exchange_stream.py", "test_a_planned_end_costs_nothing"),
    "no storm after a restart": (
        LAB,
        "test_survival_exchange.py",
        "test_a_restarted_exchange_is_found_again",
    ),
    "pace of subscribes": (UNIT, "test_subscriptions.py", "test_turns_keep_their_distance"),
    "moved to another group": (LAB, "test_survival_mailboxes.py", "test_a_mailbox_moved_to_another_group"),
    "moved online": (LAB, "test_survival_mailboxes.py", "test_a_mailbox_moved_online_is_left_alone"),
    "disabled": (LAB, "test_survival_mailboxes.py", "test_a_disabled_mailbox_waits"),
    "impersonation taken away": (LAB, "test_survival_mailboxes.py", "test_a_mailbox_out_of_scope"),
    "deleted": (LAB, "test_survival_mailboxes.py", "test_a_mailbox_whose_address_is_gone"),
    "second account": (LAB, "test_faults_accounts.py", "test_takeover_needs_no_restart_and_no_full_read"),
    "one bad front end": (UNIT, "test_faults_accounts.py", "test_front_end_that_differs_is_told_of"),
    "one alarm, one probe": (LAB, "test_survival_password.py", "test_a_changed_password_is_tried_once"),
    "failover": (LAB, "test_survival_load.py", "test_a_failover_costs_no_first_load_and_no_new_subscription"),
    "front end that leaves": (LAB, "test_survival_load.py", "test_a_front_end_that_leaves_the_load_balancer"),
    "source pause": (LAB, "test_admin_daemon.py", "test_a_paused_source_stays_paused"),
    "limits under faults": (
        LAB,
        "test_survival_load.py",
        "test_the_limit_on_requests_holds_under_every_fault",
    ),
    "notification storm": (LAB, "test_survival_load.py", "test_a_storm_of_one_mailbox_is_slowed_down"),
    "own writes": (LAB, "test_survival_load.py", "test_our_own_writes_wake_no_loop"),
    "truncated document": (LAB, "test_faults_wire.py", "test_damaged_document_is_never_believed"),
    "poison item": (LAB, "test_faults_codes.py", "test_poison_item_is_set_aside_alone"),
    "expired bookmark": (LAB, "test_survival_exchange.py", "test_expired_bookmarks_cause_no_flood"),
}
"""What has to hold beyond single codes, and the test that shows it."""


def test_every_code_of_the_catalogue_is_a_row_of_the_table() -> None:
    """With verdict, scope, delay and alarm; and each stands there once."""
    codes = [row.code for row in CATALOGUE]
    assert sorted(codes) == sorted(set(codes))
    assert published_codes() - set(codes) == set()
    assert len(published_codes()) > 50


def test_every_fault_of_http_and_below_is_tried() -> None:
    """Each begins like one of those that a test is named for."""
    for fault in re.split(r", (?![^()]*\))", published()["HTTP and below"]):
        assert any(fault.startswith(beginning) for beginning in WIRE), fault


@pytest.mark.parametrize("place", WIRE.values(), ids=WIRE)
def test_fault_of_the_wire_has_its_test(place: tuple[Path, str, str, str]) -> None:
    """The test is there, and its case with it."""
    folder, file, name, word = place
    text = (folder / file).read_text(encoding="utf-8")
    assert f"def {name}" in text
    assert word in text


@pytest.mark.parametrize("place", HELD_BY.values(), ids=HELD_BY)
def test_what_has_to_hold_has_its_test(place: tuple[Path, str, str]) -> None:
    """A name that changes is changed here too."""
    folder, file, name = place
    assert f"def {name}" in (folder / file).read_text(encoding="utf-8")


def published() -> dict[str, str]:
    """The catalogue: faults by class."""
    text = on_shelf("../reference/exchange.md").read_text(encoding="utf-8")
    section = text.partition("## 5. Fault catalogue")[2].partition("\n## ")[0]
    lines = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return {cells[0].strip(): cells[1].strip() for cells in lines[2:]}


def published_codes() -> set[str]:
    """Response codes by name; ``ErrorImpersonationDenied/Failed`` are two."""
    text = " ".join(faults for name, faults in published().items() if name != "HTTP and below")
    both = re.sub(r"(ErrorImpersonation)Denied/Failed", r"\1Denied \1Failed", text)
    return set(re.findall(r"Error[A-Z]\w+", both))
