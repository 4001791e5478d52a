"""What a configuration gives to the program."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from connector.config.addresses import Endpoint
from connector.config.sources import ExchangeSource, GoogleSource
from connector.config.units import Hours, Percent, PercentRate, Rate, Size
from tests.unit.config.texts import loaded


def exchange(more: str = "") -> ExchangeSource:
    source = loaded(more).config.sources["hq"]
    assert isinstance(source, ExchangeSource)
    return source


def test_the_least_configuration_has_sensible_defaults() -> None:
    """Version, instance, hub and one source are enough; nothing is written and everything else has its default."""
    config = loaded().config
    assert config.mode == "observe"
    assert config.keystore_path == Path("/var/lib/calendar-connector/keystore.json")
    assert (config.window.back, config.window.ahead) == (timedelta(days=7), timedelta(days=31))
    assert config.policies["default"].write == ()
    assert config.roster.max_change == Percent(2)
    assert config.writes.brake == PercentRate(5, timedelta(minutes=10))
    assert config.hub.outbox.events == 100_000
    assert (config.invitation.language, config.invitation.existing_link) == (None, "keep")
    assert config.buffers.start == config.buffers.end == timedelta(minutes=5)
    source = exchange()
    assert (source.auth, source.stream, source.stream_max, source.ca) == (
        "negotiate",
        "grouped",
        100,
        "system",
    )
    assert source.timing.stream_timeout == timedelta(minutes=30)
    assert source.limits.answer == Size(32_000_000)


def test_values_come_as_what_they_are() -> None:
    """Quantities, days, paths and endpoints are objects of their own kind, hosts and domains in lower case."""
    source = exchange("""\
    ca: system
    resolve: {Mail.Example.com: "[2001:db8::10]:443"}
    limits: {first_load_hours: "18:00-06:00", requests: 1200/m}
    autodiscover: {trust: [MAIL.example.com]}
  b: {type: exchange, domains: [B.example], accounts: {x: {user: y, from: 2027-03-01}}}
""")
    assert source.resolve == {"mail.example.com": Endpoint("2001:db8::10", 443)}
    assert str(source.resolve["mail.example.com"]) == "[2001:db8::10]:443"
    assert isinstance(source.limits.first_load_hours, Hours)
    assert source.limits.requests == Rate(1200, timedelta(minutes=1))
    assert source.autodiscover.trust == ("mail.example.com",)
    other = loaded(
        "  b: {type: exchange, domains: [B.example], accounts: {x: {user: y, from: 2027-03-01}}}"
    ).config.sources["b"]
    assert isinstance(other, ExchangeSource)
    assert other.accounts["x"].from_ == date(2027, 3, 1)
    assert other.domains == ("b.example",)


def test_maps_keep_the_order_of_the_file() -> None:
    """Where the first match wins, the order is that of the file."""
    places = ", ".join(f"{name}: {{csv: /etc/passwd, policy: default}}" for name in ("z", "a", "m"))
    assert list(loaded(f"roster: {{from: {{{places}}}}}").config.roster.from_) == ["z", "a", "m"]


def test_a_configuration_can_not_be_changed() -> None:
    """Sections, lists and maps are frozen, and equal ones hash alike."""
    config = loaded().config
    with pytest.raises(ValidationError, match="frozen"):
        config.workers = 3  # type: ignore[misc]
    with pytest.raises(TypeError):
        config.sources["new"] = config.sources["hq"]  # type: ignore[index]
    assert hash(config) == hash(loaded("workers: 16").config)


def test_what_is_written_and_what_is_default_are_equal() -> None:
    """Writing a default down changes neither the configuration nor its digest."""
    assert loaded("workers: 16\nlog: {level: info}").config == loaded().config
    assert loaded("workers: 16 # sixteen").digest == loaded().digest
    assert loaded("workers: 17").digest != loaded().digest


def test_the_secrets_needed_are_named() -> None:
    """Each account, proxy with a password, directory with a bind and Google tenant has its secret."""
    more = """\
  brand: {type: google, domains: [brand.example]}
proxies: {dmz: {url: "http://p:8080", auth: basic}, open: {url: "http://q:8080"}}
directories: {ad: {servers: ["ldaps://gc:3269"], base: DC=x, bind: svc}, krb: {servers: ["ldaps://gc"], base: DC=x}}
"""
    assert loaded(more).config.secret_names() == (
        "hub",
        "proxy/dmz",
        "exchange/hq/a",
        "google/brand",
        "directory/ad",
    )


def test_the_secrets_of_conferences_are_named() -> None:
    """Webex accounts have a client and a refresh token each, once for all who share them; Jitsi has one for tokens."""
    more = """\
conference:
  webex: {type: webex}
  once: {type: webex, make: one-time}
  other: {type: webex, account: subsidiary}
  jitsi: {type: jitsi, url: "https://meet.example.com", token: {app: calendar}}
  open: {type: jitsi, url: "https://open.example.com"}
"""
    assert loaded(more).config.secret_names()[2:] == (
        "webex/webex/client",
        "webex/webex/refresh-token",
        "webex/subsidiary/client",
        "webex/subsidiary/refresh-token",
        "conference/jitsi",
    )


def test_a_tenant_of_google_is_modelled() -> None:
    """A source of another kind has its own keys."""
    source = loaded("  brand: {type: google, domains: [brand.example], push: off}").config.sources["brand"]
    assert isinstance(source, GoogleSource)
    assert source.push == "off"


def test_the_least_configuration_needs_no_note() -> None:
    """Defaults are never remarked upon, nor is what works."""
    assert loaded().notes == ()
    more = "policies: {staff: {write: [keyword]}}\ninvitation: {language: sv}\nkeywords: {'@meet': j}\n"
    more += "conference: {j: {type: jitsi, url: 'https://m'}, w: {type: webex}, g: {type: google_meet}}\n"
    assert loaded(more).notes == ()
