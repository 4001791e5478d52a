"""The password changes at Exchange: one alarm, an account that is never locked, and recovery at the moment the new one is typed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.survival import Scene, scene

pytestmark = [pytest.mark.lab, pytest.mark.timeout(180)]

NEW = "An0ther-Passw0rd"
NEWER = "Yet-An0ther-Passw0rd"
REFUSED = "The service account's password is not accepted; nothing was tried again with it."


def account(on: Scene) -> dict[str, Any]:
    """What the directory counts about the service account."""
    return next(one for one in on.site.exchange.accounts() if one["name"] == on.site.exchange.account)


def test_a_changed_password_is_tried_once_and_works_again_when_it_is_typed() -> None:
    """One alarm with the command to type; no further attempts, not after a restart either; `secret set` mends it at once."""
    with scene() as on:
        on.site.exchange.change_password(NEW)
        on.edit(6)
        on.site.wait(lambda: 101 in on.alarms(), "the alarm about the password", 30)
        alarm = on.alarms()[101]
        assert alarm["sentence"].startswith(f"The password of {on.site.exchange.upn} is not accepted by hq")
        assert alarm["remedy"].endswith("secret set exchange/hq/a")
        assert on.held() == [REFUSED]
        assert on.lists.states() == ["active"] * 4
        refused = account(on)["refused"]
        assert 1 <= refused <= 3

        on.edit(6)
        on.site.stop()
        on.site.start()
        on.site.wait(lambda: 101 in on.alarms(), "the alarm about the password after a restart", 30)
        on.edit(6)
        assert list(on.alarms()) == [101]
        assert account(on)["refused"] == refused
        assert not account(on)["locked"]

        pid = on.site.connector.pid if on.site.connector else 0
        on.site.cli("secret", "set", "exchange/hq/a", stdin=NEW)
        on.lists.settle(15)
        on.site.wait(on.healthy, "status to be healthy", 10)
        on.site.wait(on.all_streamed, "streams for everybody", 15)
        assert on.site.connector is not None
        assert on.site.connector.pid == pid
        assert account(on) == account(on) | {"refused": refused, "bad_logons": 0, "locked": False}

        on.site.exchange.change_password(NEWER)
        on.edit(6)
        on.site.wait(lambda: 101 in on.alarms(), "the alarm about the second change", 30)
        on.site.cli("secret", "set", "exchange/hq/a", stdin=NEWER)
        on.lists.settle(15)
        on.site.wait(lambda: not on.alarms(), "the alarm to end", 10)
        assert account(on)["refused"] <= refused + 3
        assert not account(on)["locked"]
