"""The job with keys from a key server: real processes, the hub in between."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.errors import Transient
from tests.lab import demo_kms
from tests.lab.kms_server import KmsServer
from tests.lab.kms_site import CONNECTOR, KmsSite, UserKeys

pytestmark = [pytest.mark.lab, pytest.mark.timeout(400)]


def test_the_job_with_keys_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps, rotation, absence, revocation, backup, trail, and nothing readable at the hub, as the demo shows them."""
    monkeypatch.setattr(demo_kms, "AWAY_SECONDS", 5.0)
    assert demo_kms.main(once=True) == 0


def test_only_the_owner_and_the_connector_get_a_mailboxs_keys() -> None:
    """Another user's client is refused; every fetch has its row, by the door it came through."""
    with KmsSite(mailboxes=2, exchange={"hosts": "example.com"}) as site:
        site.start()
        one, two = (f"user{number}@example.com" for number in (1, 2))
        site.activate(one, two)
        site.exchange.edit(
            "create",
            mailbox=one,
            start="2026-11-23T09:00:00+00:00",
            end="2026-11-23T10:00:00+00:00",
            zone="UTC",
            subject="Private",
        )
        site.wait(lambda: bool(site.hub.meetings(site.id_of(one))), "the meeting at the hub")
        uri = next(iter(site.hub.meetings(site.id_of(one)).values()))["encryptionKeyUrl"]
        assert site.user(site.kms, one)[uri].secret
        assert demo_kms.withheld(lambda: site.user(site.kms, two)[uri])
        rows = [row for row in site.kms.audit() if uri in (row["objects"] or [])]  # type: ignore[operator]
        told = {(row["user"], row["status"]) for row in rows if row["operation"] == "retrieve /keys/{id}"}
        assert {(one, 200), (two, 403)} <= told
        assert {row["via"] for row in rows if row["user"] == f"connector:{CONNECTOR}"} == {"hub"}


def test_a_user_trusts_no_other_static_key(tmp_path: Path) -> None:
    """A server under the same name whose key is not the pinned one never sees the token: its trail stays empty."""
    false = KmsServer(tmp_path)
    false.start()
    try:
        user = UserKeys(false, "user1@example.com", "m", pin="sha256:" + "0" * 64)
        with pytest.raises(Transient, match="untrusted"):
            user.verbs.ping()
        user.close()
    finally:
        false.stop()
    assert false.audit() == []
