"""The rules of keywords, from the configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from connector.app.contents import invitations
from connector.conference.base import Provider
from connector.config import Config
from connector.meeting import keyword
from connector.meeting.joinlink import JoinRules
from connector.model import MailMode, Wish
from connector.sync.keywords.blocks import Blocks
from connector.sync.keywords.terms import KeywordTerms


def keyword_terms(config: Config, providers: Mapping[str, Provider], rules: JoinRules) -> KeywordTerms:
    """What keywords may do. Raises ConfigError for what is wrong with languages, templates or keywords."""
    replaces = config.invitation.existing_link == "replace"
    return KeywordTerms(
        find=finder(config.keywords),
        providers=providers if config.keywords else {},
        blocks=Blocks(invitations(config, rules), replaces),
        mail=MailMode(config.writes.mail),
    )


def finder(actions: Mapping[str, str]) -> Callable[[str], Wish | None]:
    """What a location asks for, by the table of keywords."""
    table = keyword.table(actions)

    def find(location: str) -> Wish | None:
        found = keyword.find(location, table)
        if found is None:
            return None
        return Wish(found.word, found.action, found.override.value if found.override else "", found.site)

    return find
