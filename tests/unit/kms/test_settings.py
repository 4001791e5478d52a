"""What kms.toml may say, and the sentence for what it may not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.errors import ConfigError
from connector.kms import production
from connector.kms.settings import (
    ConnectorSettings,
    HubSettings,
    IssuerSettings,
    KekSettings,
    Settings,
    load,
    read,
)
from connector.kms.who.enrolled import enrolled
from tests.unit.kms.site import Site, site_at

GOOD: dict[str, Any] = {"host": "kms.example.com", "static_key": {"key": "/x.pem"}}


def test_everything_has_its_place() -> None:
    """Tables, tables by name, spans, lists, paths and switches."""
    settings = read(
        {
            **GOOD,
            "mode": "trial",
            "admins": ["officer@example.com"],
            "times": {"bound": "45d"},
            "limits": {"keys": 10},
            "issuers": {"corp": {"issuer": "https://idp", "jwks": "https://idp/keys", "run_by_hub": True}},
            "connectors": {"cal-01": {"fingerprint": "sha256:" + "0" * 64}},
            "hub": {"url": "https://hub", "token": "/token"},
        }
    )
    assert settings.times.bound == timedelta(days=45)
    assert settings.limits.keys == 10
    assert settings.issuers["corp"].run_by_hub
    assert settings.hub.token == Path("/token")
    assert not settings.production


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"host": None}, "host is a text"),
        ({"hots": "x"}, "hots is not known; there are host, mode"),
        ({"mode": "fast"}, "mode is trial or production"),
        ({"times": {"bound": 45}}, "times.bound is a duration with a unit"),
        ({"limits": {"keys": 0}}, "limits.keys is a whole number, 1 or more"),
        ({"limits": {"keys": True}}, "limits.keys is a whole number"),
        ({"admins": "me"}, "admins is a list of texts"),
        ({"issuers": {"corp": {"issuer": "https://idp"}}}, "issuers.corp needs issuer and jwks"),
        ({"issuers": "corp"}, "issuers is a table"),
        ({"connectors": {"a": {}}}, "connectors.a.fingerprint is missing"),
        ({"static_key": {}}, "static_key needs either key"),
        ({"static_key": {"label": "x"}}, "pkcs11 needs module, token and pin"),
        ({"static_key": {"key": "/x", "signature": "HS256"}}, "static_key.signature is PS256 or RS256"),
        ({"kek": {"provider": "magic"}}, "kek.provider is credential, pkcs11 or file"),
        ({"listen": "0.0.0.0:8444"}, "listen needs certificate"),
        ({"hub": {"url": "https://hub"}}, "hub needs both url and token"),
        (
            {"issuers": {"c": {"issuer": "x", "jwks": "y", "algorithms": ["HS256"]}}},
            "issuers.c.algorithms may hold",
        ),
        ({"issuers": {"c": {"run_by_hub": "no"}}}, "issuers.c.run_by_hub is true or false"),
    ],
)
def test_a_mistake_is_one_sentence(change: dict[str, Any], sentence: str) -> None:
    """It names the key and says what may stand there."""
    with pytest.raises(ConfigError) as caught:
        read({**GOOD, **change}, "kms.toml")
    assert any(sentence in str(problem) for problem in caught.value.problems), caught.value


def test_all_mistakes_are_told_at_once() -> None:
    """Nobody mends one to meet the next."""
    with pytest.raises(ConfigError) as caught:
        read({"mode": 1, "limits": {"keys": "x", "nothing": 1}})
    assert len(caught.value.problems) == 3


@pytest.mark.parametrize("text", ["host = ", None, b"\xff"])
def test_a_file_that_is_none_is_said(tmp_path: Path, text: str | bytes | None) -> None:
    """Missing, no TOML, no text."""
    path = tmp_path / "kms.toml"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError):
        load(path)


def test_a_fingerprint_is_one_and_belongs_to_one() -> None:
    """Two connectors with one key would be one."""
    pin = "sha256:" + "a" * 64
    for wrong in (
        {"a": ConnectorSettings(fingerprint="abc")},
        {"a": ConnectorSettings(fingerprint=pin), "b": ConnectorSettings(fingerprint=pin.upper())},
    ):
        with pytest.raises(ConfigError):
            enrolled(wrong)


# --- production ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("issuer", "hub", "run_by_hub"),
    [
        (
            IssuerSettings("https://idp.example.com", "https://idp.example.com/k"),
            "https://hub.example.net",
            False,
        ),
        (IssuerSettings("https://hub.example.net/auth", "https://x/k"), "https://hub.example.net:8443", True),
        (IssuerSettings("https://idp.hub.example.net", "https://x/k"), "https://hub.example.net", True),
        (
            IssuerSettings("https://idp.example.com", "https://HUB.example.net/k"),
            "https://hub.example.net",
            True,
        ),
        (IssuerSettings("https://login.cloud.example", "https://x/k"), "https://hub.example.net", True),
        (IssuerSettings("https://idp.example.com", "/etc/keys.json", run_by_hub=True), "", True),
        (IssuerSettings("https://idp.example.com", "/etc/keys.json"), "", False),
    ],
)
def test_an_issuer_that_the_hub_runs_is_known(issuer: IssuerSettings, hub: str, run_by_hub: bool) -> None:
    """By host, by the domains its operator runs, or because it was said: of issuer and of its keys' address."""
    settings = Settings(hub=HubSettings(url=hub, domains=("cloud.example",)))
    assert production.of_hub(settings, issuer) is run_by_hub


def test_production_says_everything_that_is_missing(tmp_path: Path) -> None:
    """File as master secret, no chain, the hub's issuer, no drill: all of it, and it does not start."""

    def worst(one: Settings) -> Settings:
        issuer = replace(one.issuers["corp"], run_by_hub=True)
        return replace(
            one,
            mode="production",
            kek=KekSettings(provider="file"),
            static_key=replace(one.static_key, chain=None),
            issuers={"corp": issuer},
        )

    site = site_at(tmp_path, worst)
    with pytest.raises(ConfigError) as caught:
        production.demand(site.house)
    assert len(caught.value.problems) == 4
    site.close()


def test_a_trial_may_begin_at_once(site: Site) -> None:
    """Its shortcomings are status's business."""
    production.demand(site.house)
    assert list(production.shortcomings(site.house))
