"""What a meeting means beyond what the calendar says of it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from connector.meeting.joinlink import (
    NOTHING_SAID,
    Catalogue,
    Dialling,
    JoinRules,
    OwnRule,
    RuleText,
    find,
    of_meeting,
    own_rules,
)
from connector.model import Meeting

NO_RULES: Mapping[str, RuleText] = MappingProxyType({})


def join_rules(
    own: Mapping[str, RuleText] = NO_RULES,
    dialling: Dialling = NOTHING_SAID,
    configured: Iterable[OwnRule] = (),
) -> JoinRules:
    """The rules in force: the shipped ones, and those of ``join_rules`` in the configuration before them.

    ``configured`` follow from the conference services. Raises ConfigError that names each rule whose pattern could run
    away.
    """
    return JoinRules(Catalogue((*own_rules(own), *configured)), dialling)


def enricher(rules: JoinRules) -> Callable[[Meeting], Meeting]:
    """What gives a meeting its way in, by these rules."""

    def enriched(meeting: Meeting) -> Meeting:
        link = find(of_meeting(meeting), rules).join
        return replace(meeting, link=link) if link else meeting

    return enriched


enrich = enricher(join_rules())
"""The same by the shipped rules alone."""
