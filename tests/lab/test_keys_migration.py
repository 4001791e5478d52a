"""From local keys to a key server and back: lists stay, what was sealed opens all the time, and everything is sealed anew."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.lab.kms_site import KmsSite
from tests.lab.site import Site

pytestmark = [pytest.mark.lab, pytest.mark.timeout(240)]

TOMORROW = (datetime.now(UTC) + timedelta(days=1)).replace(hour=9, minute=0, second=0, microsecond=0)
MEETINGS = 5


class Move:
    """One site whose ``keys:`` section changes; every look at the hub's list is kept."""

    def __init__(self, site: KmsSite) -> None:
        self.site = site
        self.owner = site.exchange.address(1)
        self.seen: list[int] = []

    def fill(self) -> None:
        for number in range(MEETINGS):
            start = TOMORROW + timedelta(hours=number)
            self.site.exchange.edit(
                "create",
                mailbox=self.owner,
                start=start.isoformat(),
                end=(start + timedelta(minutes=30)).isoformat(),
                subject=f"Meeting {number}",
            )

    def restart(self, keys: str) -> None:
        """Under another ``keys:`` section."""
        self.site.kill()
        self.site.write_config(self.site.configuration() + keys)
        self.site.start()

    def sealed(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = self.site.hub.meetings(self.site.id_of(self.owner))
        self.seen.append(len(found))
        return found

    def hosts(self) -> set[str]:
        """Whose keys the list is sealed under."""
        return {str(one["encryptionKeyUrl"]).split("/")[2] for one in self.sealed().values()}

    def socket_agrees(self) -> bool:
        """Whether the appliance's own socket gives the keys of all that the hub holds, and the list is right."""
        return self.site.agrees(self.owner, Site.keys(self.site, self.owner))


def test_a_move_to_a_key_server_and_back_keeps_the_lists() -> None:
    """No list is empty at any look; in the end the owner's own client of the key server reads it all, and so it is on the way back."""
    with KmsSite(mailboxes=2, exchange={"hosts": "example.com"}) as site:
        move = Move(site)
        server = site.keys_section()
        site.write_config(site.configuration())
        move.fill()
        site.start()
        site.activate(move.owner)
        site.wait(move.socket_agrees, "the list under local keys")
        local = move.hosts()
        assert "kms.example.com" not in local

        move.restart(server)
        assert move.socket_agrees()
        site.wait(lambda: move.hosts() == {"kms.example.com"}, "everything sealed anew", 60)
        site.wait(lambda: site.agrees(move.owner, site.keys(move.owner)), "the owner's own client to read it")
        assert move.socket_agrees()

        back = server.replace('service: "kms://', 'service: local, host: "')
        move.restart(back)
        assert move.socket_agrees()
        site.wait(lambda: move.hosts() == local, "everything sealed under local keys again", 60)
        assert move.socket_agrees()
        assert set(move.seen) == {MEETINGS}
