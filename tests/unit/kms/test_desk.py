"""The way of a message: handshake, request, answer, audit row."""

from __future__ import annotations

from connector.seal.kmswire.objects import read_key
from tests.unit.kms.site import Site


def test_a_key_is_made_and_fetched_again(site: Site) -> None:
    """The thinnest way through: handshake, ping, create, retrieve; each of them but the ping has its row."""
    client = site.client()
    assert client.ask("update", "/ping").status == 200
    key = client.new_key()
    again = client.ask("retrieve", key.uri)
    assert again.status == 200
    assert read_key(again.members["key"]) == key
    assert site.audit() == [("create /ecdhe", 201), ("create /keys", 201), ("retrieve /keys/{id}", 200)]


def test_a_connector_speaks_by_its_own_key(site: Site) -> None:
    """Enrolled by fingerprint and with a proof, it is the user of its name."""
    key = site.connector().new_key()
    assert key.user_id == "connector:cal-01"
