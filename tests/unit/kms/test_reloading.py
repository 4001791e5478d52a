"""New settings for a running server: who is taken off is refused at once, who stays notices nothing, a mistake changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from connector.errors import ConfigError, Problem
from connector.kms.doors.counter import Counter
from connector.kms.reloading import RENEWABLE, Running
from connector.kms.settings import Alarms, ConnectorSettings, Limits, Settings, Times
from tests.unit.kms.site import CONNECTOR, Client, Site, identity

Change = Callable[[Settings], Settings]


def reloaded(site: Site, change: Change) -> tuple[bool, Counter]:
    """Whether the settings were put in force, and the counter that clients come to."""
    counter = Counter(site.desk)
    done = Running(site.house, counter, lambda: change(site.settings)).reload()
    site.desk = counter.desk
    return done, counter


def test_a_connector_that_is_taken_off_is_refused_at_once(site: Site) -> None:
    """Under the ephemeral key it has, too; users go on under theirs."""
    connector, user = site.connector(), site.client()
    done, _ = reloaded(site, lambda one: replace(one, connectors={}))
    assert done
    assert connector.ask("create", "/keys").status == 403
    assert user.ask("create", "/keys").status == 201


def test_a_connector_that_is_enrolled_shakes_hands(site: Site) -> None:
    """Without a restart."""
    reloaded(site, lambda one: replace(one, connectors={}))
    there = ConnectorSettings(fingerprint=identity().fingerprint)
    assert reloaded(site, lambda one: replace(one, connectors={"cal-02": there}))[0]
    assert site.connector().new_key().user_id == "connector:cal-02"


def test_an_issuer_that_is_taken_off_names_nobody_any_more(site: Site) -> None:
    """Tokens of before are no tokens."""
    user = site.client()
    reloaded(site, lambda one: replace(one, issuers={}))
    assert user.ask("update", "/ping").status == 401


def test_limits_times_and_alarms_are_new(site: Site) -> None:
    """The next request meets them; what was counted counts."""
    user = site.client()
    user.new_key()
    reloaded(
        site,
        lambda one: replace(
            one, limits=Limits(keys=2), alarms=Alarms(user=1), times=Times(bound=Times().unbound)
        ),
    )
    assert user.ask("create", "/keys", count=3).status == 400
    user.new_key()
    assert "alarm retrieval-rate" in [operation for operation, _ in site.audit()]
    key = user.bound_key()
    assert key.expires is not None
    assert key.bound is not None
    assert key.expires - key.bound == Times().unbound


@pytest.mark.parametrize(
    "change",
    [
        lambda one: replace(one, host="other.example.com"),
        lambda one: replace(one, database=one.database.with_name("other.db")),
        lambda one: replace(one, limits=replace(one.limits, connections=1)),
        lambda one: replace(one, mode="production"),
        lambda one: replace(one, connectors={CONNECTOR: ConnectorSettings(fingerprint="sha256:no")}),
        lambda one: replace(one, static_key=replace(one.static_key, key=one.database)),
    ],
)
def test_what_can_t_be_put_in_force_changes_nothing(site: Site, change: Change) -> None:
    """What a start has opened, what production forbids, what is wrong: the old settings stay, all of them."""
    before = site.desk
    done, counter = reloaded(site, lambda one: change(replace(one, connectors={}, admins=())))
    assert not done
    assert counter.desk is before
    assert site.connector().ask("create", "/keys").status == 201


def test_a_file_that_can_t_be_read_changes_nothing(site: Site) -> None:
    """A half-written file is a sentence in the log."""

    def broken(_: Settings) -> Settings:
        raise ConfigError((Problem("is no TOML"),))

    assert not reloaded(site, broken)[0]
    assert Client(site, site.client().credentials, "c").offer().status == 201


def test_every_renewable_setting_is_one() -> None:
    """The list names fields that there are."""
    assert set(Settings.__dataclass_fields__) >= RENEWABLE
