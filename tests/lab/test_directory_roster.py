"""A roster kept in a directory: a real OpenLDAP server, asked over TLS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from dataclasses import replace as other
from pathlib import Path

import pytest

from connector.roster.base import RosterUnreadable
from connector.roster.ldapgroup import DirectorySettings, LdapGroupRoster, primary_address
from tests.lab.site import Site
from tests.lab.slapd import BASE, BIND, PASSWORD, SLAPD, Slapd, dn

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(SLAPD is None, reason="slapd is not installed (apt-get install slapd)"),
]

PEOPLE = {f"user{number}": f"User{number}@example.com" for number in range(1, 4)} | {"robot": ""}
MANY = {f"many{number}": f"many{number}@example.com" for number in range(1200)}


@pytest.fixture(scope="module")
def directory() -> Iterator[Slapd]:
    """Groups in groups, in a circle, one that is empty of addresses, and a large one."""
    server = Slapd()
    server.fill(
        PEOPLE | MANY,
        {
            "staff": ["user1", "team", "robot", "gone"],
            "team": ["user2", "staff", "user1"],
            "robots": ["robot"],
            "many": list(MANY),
            "(odd)": ["user3"],
        },
    )
    with server:
        yield server


@dataclass
class Memory:
    """What was refused."""

    marked: list[str] = field(default_factory=list)

    def refused(self) -> bool:
        return bool(self.marked)

    def mark(self) -> None:
        self.marked.append("refused")


def settings(directory: Slapd) -> DirectorySettings:
    return DirectorySettings("ad", (directory.url,), BASE, BIND, lambda: PASSWORD, Memory(), directory.ca)


def members(group: str, how: DirectorySettings) -> set[str]:
    return set(LdapGroupRoster("staff", how, dn(group), "staff").addresses())


def test_nested_groups_count(directory: Slapd) -> None:
    """Also where they name each other in a circle; members without address and deleted ones are passed over."""
    assert members("staff", settings(directory)) == {"user1@example.com", "user2@example.com"}
    assert members("(odd)", settings(directory)) == {"user3@example.com"}


def test_a_large_group(directory: Slapd) -> None:
    """Everybody, each once."""
    assert len(members("many", settings(directory))) == len(MANY)


@pytest.mark.parametrize("group", ["robots", "nowhere"])
def test_a_group_that_names_nobody_changes_nothing(directory: Slapd, group: str) -> None:
    """Empty and missing are unreadable: a slip of the pen must not deactivate everybody."""
    with pytest.raises(RosterUnreadable, match="names nobody"):
        members(group, settings(directory))


def test_the_next_server_is_asked(directory: Slapd) -> None:
    """One that is away costs nothing but a moment."""
    how = other(settings(directory), servers=("ldaps://localhost:9", directory.url))
    assert "user1@example.com" in members("staff", how)


def test_a_refused_password_is_tried_once(directory: Slapd) -> None:
    """At one server of several, and not again afterwards: accounts get locked."""
    how = other(settings(directory), servers=(directory.url,) * 3, password=lambda: "wrong")
    with pytest.raises(RosterUnreadable, match="refuses the password of") as refused:
        members("staff", how)
    assert "wrong" not in str(refused.value)
    assert how.refusals.refused()
    with pytest.raises(RosterUnreadable, match="is not tried again"):
        members("staff", other(how, password=lambda: PASSWORD))


def test_a_server_that_can_not_be_trusted(directory: Slapd, tmp_path: Path) -> None:
    """Another authority, another name and no file at all are refused before the password is sent."""
    nowhere = other(settings(directory), ca=tmp_path / "nowhere.pem")
    unknown = other(settings(directory), ca=None)
    named = other(settings(directory), servers=(f"ldaps://127.0.0.2:{directory.port}",))
    for how in (nowhere, unknown, named):
        with pytest.raises(RosterUnreadable, match="no server of the directory can be used"):
            members("staff", how)


def test_the_primary_address() -> None:
    """SMTP: in capitals among proxyAddresses wins over mail, as Exchange has it."""
    assert (
        primary_address({"proxyAddresses": ["smtp:old@x.se", "SMTP:New@x.se"], "mail": ["m@x.se"]})
        == "new@x.se"
    )
    assert primary_address({"mail": ["M@x.se"]}) == "m@x.se"
    assert primary_address({"mail": ["nobody"]}) == ""


def test_a_group_activates_mailboxes(directory: Slapd) -> None:
    """Through the real daemon: who is in the group becomes active, with the group as origin."""
    with Site(mailboxes=3, exchange={"hosts": "example.com"}) as site:
        text = site.configuration() + (
            f'directories: {{ad: {{servers: ["{directory.url}"], base: "{BASE}", bind: "{BIND}", ca: {directory.ca}}}}}\n'
            f'roster: {{from: {{staff: {{directory: ad, group: "{dn("staff")}", policy: staff}}}}}}\n'
        )
        site.write_config(text)
        site.cli("secret", "set", "directory/ad", stdin=PASSWORD)
        site.start()
        wanted = [site.exchange.address(1), site.exchange.address(2)]
        site.wait(lambda: all(site.state(one) == "active" for one in wanted), "the group to be active")
        assert site.state(site.exchange.address(3)) == "absent"
