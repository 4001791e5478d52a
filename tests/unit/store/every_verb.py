"""One of everything, so that a test can look at what all verbs leave behind or ask of the database."""

from __future__ import annotations

from dataclasses import replace

from connector.model import (
    AuditEntry,
    Commit,
    Conference,
    ConferenceOrder,
    Envelope,
    EventKind,
    Intent,
    IntentState,
    JoinDetails,
    Kind,
    Load,
    Location,
    Mailbox,
    Note,
    Person,
    Phase,
    Phone,
    Quarantined,
    SealedCommand,
    Session,
    Stage,
    Wish,
)
from connector.source.base import Subscription
from connector.store.base import Store
from tests.contract.store_nouns import LATER, LONG_AGO, NEVER, NOW, key, row

SECRET = "Zürich-canary-7f3a"
"""Stands in every place where a person, a host or a meeting might be named."""


def write_everything(store: Store) -> None:
    """Fill every table, with ``SECRET`` wherever the store has to seal."""
    location = Location(f"https://{SECRET}.example.com/EWS", f"{SECRET}-group")
    one = Mailbox("m1", "hq", f"{SECRET}@example.com".lower(), "staff", "manual", f"/cn={SECRET}", location)
    audit = AuditEntry(NOW, SECRET, "activate", SECRET, {"address": SECRET, SECRET: [SECRET]})
    store.add_mailbox(one, Session("m1", Phase.LOADING, NOW, load=Load(Stage.FILL, 2, resend=True)), audit)
    store.change_mailbox(replace(one, left_at=NOW), audit)
    session = store.session("m1")
    assert session is not None
    session = store.change_session(session, audit)
    session = store.commit(
        Commit(
            session,
            rows=(row("a"), row("b"), row("c")),
            envelopes=(
                Envelope("e1", EventKind.MAILBOX_PUT, "m1", {}),
                Envelope("e2", EventKind.MEETING_PUT, "m1", {}, "a", starts=NOW),
            ),
            quarantined=(Quarantined("i", "item-corrupt"),),
            audit=(audit,),
            intents=(_intent(),),
        ),
        NOW,
    )
    dead = Envelope("dead", EventKind.MEETING_PUT, "m1", {"clear": "member"}, "d")
    store.commit(Commit(session, dropped=("b",), touched=("a",), released=("i",), envelopes=(dead,)), NOW)
    store.bury("dead", "hub-refused", NOW)
    store.accept([SealedCommand("c1", "m1", f"jwe-{SECRET}", NOW)], f"cursor-{SECRET}")
    store.put_setting("redirects", f"https://{SECRET}")
    store.put_wrapped_key(key(retired_at=LATER))
    store.save_subscription(Subscription("hq", "m1", f"id-{SECRET}", SECRET, f'{{"anchor":"{SECRET}"}}', NOW))
    store.audit(audit)


def _intent() -> Intent:
    """With the secret in every place that is not an opaque id."""
    person = Person(f"{SECRET}@example.com", SECRET, {SECRET: SECRET})
    details = JoinDetails(
        f"https://{SECRET}.example.com", SECRET, SECRET, SECRET, phones=(Phone(SECRET, SECRET),)
    )
    return Intent(
        *("k1", "m1", "s", "s", SECRET, IntentState.DONE, NOW, LATER),
        wish=Wish(SECRET, SECRET, SECRET, SECRET),
        conference=Conference(Kind.ONE_TIME, details, SECRET),
        order=ConferenceOrder("k1", person, SECRET, NOW, LATER, site=SECRET),
        journal=(Note(NOW, SECRET, SECRET),),
    )


def ask_everything(store: Store) -> None:
    """Use every verb that steps, sender, receiver and status use while the daemon runs."""
    store.epoch()
    store.last_sequence()
    store.setting("redirects")
    store.mailbox("m1")
    store.find_mailbox("nobody@example.com")
    store.session("m1")
    store.count_mailboxes(Phase.LIVE, Phase.LOADING)
    store.rows_of_series("m1", ["s"])
    store.rows_of_items("m1", ["i"])
    store.rows_unseen("m1", 1)
    store.rows_before("m1", NOW)
    store.rows_between("m1", NOW, LATER)
    store.count_rows("m1")
    store.quarantine("m1")
    store.intents("m1")
    store.intents_of_series(["s"])
    store.next_intent("m1")
    store.release([one.envelope.id for one in store.claim(5, NEVER)])
    store.acknowledge(["nobody"])
    store.drop_dead_letter("nobody")
    store.outbox()
    store.next_command("m1")
    store.downlink_cursor()
    store.wrapped_keys("m1")
    store.drop_unused_keys(LONG_AGO)
    store.subscriptions("hq")
    store.drop_subscription("nobody")
    store.audit_rows(0, 10)
    store.last_audit()
    store.count_audit("activate", NOW)
    store.count_audit("activate", NOW, "m1")
    store.purge_audit(LONG_AGO)
