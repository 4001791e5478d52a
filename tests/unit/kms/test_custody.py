"""What an administrator does with keys, and what clients see of it."""

from __future__ import annotations

import pytest

from connector.errors import NotFound, UserError
from connector.kms import custody
from connector.kms.custody import Choice
from connector.kms.refusal import DESTROYED, REVOKED
from connector.seal.kmswire.objects import read_key
from tests.unit.kms.site import Site


def test_a_disabled_key_is_405_and_can_come_back(site: Site) -> None:
    """With the code that clients know; it is left out of lists; active gives it back."""
    client = site.client()
    key = client.bound_key()
    choice = Choice((key.uri,))
    assert custody.revoke(site.house, choice, "disabled", "officer") == 1
    answer = client.ask("retrieve", key.uri)
    assert (answer.status, answer.error_code) == (405, REVOKED)
    assert client.ask("retrieve", f"{key.resource_uri}/keys").members["keys"] == []
    assert custody.revoke(site.house, choice, "disabled", "officer") == 0
    assert custody.revoke(site.house, choice, "active", "officer") == 1
    assert client.ask("retrieve", key.uri).status == 200


def test_a_key_that_seals_nothing_new_still_opens(site: Site) -> None:
    """It is handed out as expired: the protocol's own word for it."""
    client = site.client()
    key = client.bound_key()
    custody.revoke(site.house, Choice(resource=key.resource_uri), "no-encrypt", "officer")
    found = read_key(client.ask("retrieve", key.uri).members["key"])
    assert found.secret == key.secret
    assert found.expires == site.clock()


def test_destroying_takes_two_steps_and_a_day(site: Site) -> None:
    """The first disables, the second erases, not before its time; until then it can be called off."""
    client = site.client()
    key = client.bound_key()
    choice = Choice((key.uri,))
    assert custody.destroy(site.house, choice, "officer") == (1, 0)
    assert client.ask("retrieve", key.uri).error_code == REVOKED
    with pytest.raises(UserError, match="second step"):
        custody.destroy(site.house, choice, "officer")
    custody.revoke(site.house, choice, "active", "officer")
    assert client.ask("retrieve", key.uri).status == 200
    custody.destroy(site.house, choice, "officer")
    site.clock.forward(site.settings.times.destroy_after)
    assert custody.destroy(site.house, choice, "officer") == (0, 1)
    client = site.client()
    answer = client.ask("retrieve", key.uri)
    assert (answer.status, answer.error_code) == (405, DESTROYED)
    assert custody.revoke(site.house, choice, "active", "officer") == 0
    with site.house.database.reading() as connection:
        assert connection.execute("SELECT wrapped FROM keys").fetchone()[0] == b""


def test_keys_are_chosen_by_maker_resource_and_uri(site: Site) -> None:
    """And what there is not is said."""
    ann, bob = site.client(), site.client("bob@example.com")
    key = ann.bound_key()
    ann.bound_key()
    bob.bound_key()

    def count(**choice: object) -> int:
        return len(custody.held(site.house, Choice(**choice)))  # type: ignore[arg-type]

    assert (count(), count(owner="ann@example.com"), count(resource=key.resource_uri)) == (3, 2, 1)
    assert count(keys=(key.uri.rpartition("/")[2],)) == 1
    for choice in (Choice(("none",)), Choice(("kms://other/keys/x",)), Choice(resource="/keys/x")):
        with pytest.raises(NotFound):
            custody.held(site.house, choice)


def test_every_deed_has_its_row(site: Site) -> None:
    """Who, what, which keys."""
    key = site.client().bound_key()
    custody.revoke(site.house, Choice((key.uri,)), "no-encrypt", "officer")
    custody.destroy(site.house, Choice((key.uri,)), "officer")
    rows = [row.entry for row in site.rows()[-2:]]
    assert [row.operation for row in rows] == ["key revoke no-encrypt", "key destroy 1"]
    assert all(row.user == "officer" and row.objects == (key.uri,) for row in rows)
