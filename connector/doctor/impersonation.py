"""Whether the service account may act for people, and if not, why not: no role, or a scope without them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from connector.doctor import shell
from connector.doctor.base import Organisation
from connector.doctor.findings import Finding, failed, passed, skipped
from connector.errors import Verdict
from connector.model import Mailbox

DENIED = "impersonation-denied"
NAMED = 5
"""Addresses that a sentence names; the rest are counted."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What came of opening mailboxes, None for success; ``compared`` are others that were opened only to tell why."""

    outcomes: Mapping[Mailbox, Verdict | None]
    compared: Mapping[Mailbox, Verdict | None] = field(default_factory=dict)

    @property
    def granted(self) -> list[Mailbox]:
        """Those that were opened."""
        return [mailbox for mailbox, verdict in self.outcomes.items() if verdict is None]

    @property
    def denied(self) -> list[Mailbox]:
        """Those for whom the account may not act."""
        return [mailbox for mailbox, verdict in self.outcomes.items() if verdict and verdict.code == DENIED]


def judge(organisation: Organisation, opened: Opened, over: str) -> Finding:
    """The one finding on it."""
    name, denied = organisation.name, opened.denied
    if denied:
        return _denied(organisation, opened)
    if opened.granted:
        return passed("impersonation", name, f"{organisation.user} may act for {_these(opened.granted)}")
    if over and organisation.patients:
        return skipped("impersonation", name, over)
    if opened.outcomes:
        return skipped("impersonation", name, "none of the mailboxes could be opened for another reason")
    advice = "Activate a mailbox to try it with; no other is ever opened."
    return skipped(
        "impersonation",
        name,
        "no activated mailbox to try it with",
        advice,
        "calendar-connector mailbox activate <ADDRESS>",
    )


def _denied(organisation: Organisation, opened: Opened) -> Finding:
    name, user, denied = organisation.name, organisation.user, opened.denied
    if opened.granted or None in opened.compared.values():
        sentence = (
            f"{user} may act for others, but not for {_these(denied)}: the management scope does not cover it"
        )
        advice = (
            "Bring the mailbox into the scope of the role assignment; it takes effect within some minutes."
        )
        return failed(
            "impersonation",
            name,
            "impersonation-scope",
            sentence,
            advice,
            *shell.widen(user, denied[0].address),
        )
    tried = len(denied) + len(opened.compared)
    if tried > 1:
        sentence = f"{user} may act for none of {tried} mailboxes: the role {shell.ROLE} is missing, or covers nobody"
        advice = "Give the role, within the management scope of docs/exchange.md."
        return failed("impersonation", name, "impersonation-missing", sentence, advice, *shell.grant(user))
    sentence = f"{user} may not act for {denied[0].address}; there is no other mailbox to compare with"
    advice = (
        "The first line tells whether the role is there; then give it, or bring the mailbox into its scope."
    )
    lines = (*shell.grant(user), *shell.widen(user, denied[0].address)[1:])
    return failed("impersonation", name, DENIED, sentence, advice, *lines)


def _these(mailboxes: list[Mailbox]) -> str:
    names = ", ".join(one.address for one in mailboxes[:NAMED])
    more = len(mailboxes) - NAMED
    return f"{names} and {more} more" if more > 0 else names
