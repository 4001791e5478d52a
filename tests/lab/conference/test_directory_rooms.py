"""Personal rooms by the attributes of a real directory server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connector.roster.base import RosterUnreadable
from connector.roster.ldapgroup import DirectorySettings
from connector.roster.ldapperson import LdapPeople
from tests.lab.slapd import BASE, BIND, PASSWORD, SLAPD, Slapd

pytestmark = [pytest.mark.lab, pytest.mark.skipif(SLAPD is None, reason="no slapd on this machine")]


class Refusals:
    """Nothing was refused yet."""

    def __init__(self) -> None:
        self.marked = 0

    def refused(self) -> bool:
        return self.marked > 0

    def mark(self) -> None:
        self.marked += 1


@pytest.fixture(scope="module")
def directory() -> Iterator[Slapd]:
    server = Slapd()
    server.fill({"ada": "Ada@example.com", "star": "s*r@example.com", "sour": "sour@example.com"}, {})
    with server:
        yield server


def people(server: Slapd, password: str = PASSWORD) -> tuple[LdapPeople, Refusals]:
    refusals = Refusals()
    settings = DirectorySettings("ad", (server.url,), BASE, BIND, lambda: password, refusals, server.ca)
    return LdapPeople(settings), refusals


def test_a_person_is_found_by_address(directory: Slapd) -> None:
    """In any case; attributes that nobody asked for, or that are not there, stay away."""
    found, _ = people(directory)
    told = found.attributes("ADA@example.com", ["cn", "employeeNumber"])
    assert told["cn"] == "ada"
    assert not {"sn", "employeeNumber"} & told.keys()


def test_nobody_has_nothing(directory: Slapd) -> None:
    """An unknown address gives no attributes, which the template says."""
    assert people(directory)[0].attributes("bob@example.com", ["cn"]) == {}


def test_an_address_is_never_a_pattern(directory: Slapd) -> None:
    """A star or a bracket in an address finds the one who has it, not everybody."""
    assert people(directory)[0].attributes("s*r@example.com", ["cn"])["cn"] == "star"
    assert people(directory)[0].attributes("*)(cn=*", ["cn"]) == {}


def test_a_refused_password_is_shown_once(directory: Slapd) -> None:
    """The second question does not reach the directory."""
    found, refusals = people(directory, "wrong")
    for words in ("refuses the password", "is not tried again"):
        with pytest.raises(RosterUnreadable, match=words):
            found.attributes("ada@example.com", ["cn"])
    assert refusals.marked == 1
