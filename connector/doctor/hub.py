"""The hub: route, certificate, credential."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from connector.doctor.base import HubInstruments
from connector.doctor.findings import Finding, failed, passed, skipped
from connector.doctor.sight import Place, Sight, judge
from connector.errors import CredentialRefused, Verdict
from connector.reasons import explain

GREET_AGAIN = "greet-again"
"""What a hub says to a run it does not know, after it has taken the credential (docs/relay.md sections 2 and 4)."""


def examine(
    place: Place, instruments: HubInstruments, now: datetime, warning: timedelta, sights: list[Sight]
) -> Iterator[Finding]:
    """In order; what was seen is added to ``sights``."""
    sight = instruments.look(place)
    sights.append(sight)
    yield from judge(sight, now, warning)
    if sight.clear:
        yield credential(place, instruments)
    else:
        yield skipped("hub", place.name, "there is no connection to send the credential over")


def credential(place: Place, instruments: HubInstruments) -> Finding:
    """Whether the hub takes the credential. No hello is sent: a second run would supersede the daemon's."""
    try:
        instruments.knock()
    except CredentialRefused as verdict:
        return _refused(place, verdict)
    except Verdict as verdict:
        if verdict.code != GREET_AGAIN:
            reason = explain(verdict.code)
            return failed(
                "hub", place.name, verdict.code, f"{reason.sentence} ({verdict.detail})", reason.remedy
            )
    return passed("hub", place.name, "the hub takes the credential; a poll without a run changed nothing")


def _refused(place: Place, verdict: CredentialRefused) -> Finding:
    again = ("calendar-connector secret set hub",)
    if verdict.code == "credential-missing":
        return failed(
            "hub", place.name, verdict.code, "there is no token for the hub yet", "Type it.", *again
        )
    advice = "Have whoever runs the hub make a new token, and type it here."
    lines = ("calendar-connector-hub token create --connector <INSTANCE>", *again)
    return failed(
        "hub",
        place.name,
        "hub-credential-refused",
        f"the hub does not take the credential ({verdict.detail})",
        advice,
        *lines,
    )
