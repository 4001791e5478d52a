"""Rules of administrators: hosts, a pattern for path and query, a dial template."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from connector.errors import ConfigError, Problem
from connector.meeting.joinlink.catalogue import OwnRule
from connector.meeting.joinlink.hazard import hazard
from connector.meeting.joinlink.rule import Found, Service, filled
from connector.meeting.weblink import WebLink

LONGEST_SUBJECT = 1024
"""Characters of path and query that an administrator's pattern is shown."""


class RuleText(Protocol):
    """A rule as it stands in the configuration (``join_rules.NAME``)."""

    @property
    def hosts(self) -> tuple[str, ...]:
        """Exact host names."""

    @property
    def pattern(self) -> str:
        """A regular expression that is looked for in path and query."""

    @property
    def dial(self) -> str | None:
        """The video address, with {NAME} for named groups."""

    @property
    def priority(self) -> int:
        """The lowest is tried first."""


@dataclass(frozen=True, slots=True)
class OwnShape:
    """An administrator's pattern."""

    name: str
    pattern: re.Pattern[str]
    dial: str | None

    def read(self, link: WebLink, *, deliberate: bool) -> Found | None:  # noqa: ARG002 - their word counts everywhere
        """The groups ``id`` and ``passcode`` are taken as such, and all fill the dial template."""
        subject = (
            link.path
            + (f"?{link.query}" if link.query else "")
            + (f"#{link.fragment}" if link.fragment else "")
        )
        match = self.pattern.search(subject[:LONGEST_SUBJECT])
        if match is None:
            return None
        groups = {name: value or "" for name, value in match.groupdict().items()}
        dial = filled(self.dial.removeprefix("sip:"), groups) if self.dial else None
        return Found(self.name, groups.get("id") or None, groups.get("passcode") or None, dial)


def own_rules(rules: Mapping[str, RuleText]) -> tuple[OwnRule, ...]:
    """Compile ``join_rules``. Raises ConfigError that names every rule whose pattern could run away."""
    problems = [
        Problem(f"join_rules.{name}.pattern {sentence}")
        for name, rule in rules.items()
        if (sentence := hazard(rule.pattern))
    ]
    if problems:
        raise ConfigError(tuple(problems))
    return tuple(_compiled(name, rule) for name, rule in rules.items())


def _compiled(name: str, rule: RuleText) -> OwnRule:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shape = OwnShape(name, re.compile(rule.pattern), rule.dial)
    hosts = tuple(host.lower() for host in rule.hosts)
    service = Service(name, hosts, (shape,), exact=True, strict_port=False)
    return OwnRule(service, f"join_rules.{name}", rule.priority)
