"""A site whose organisation forbids key files, with the real daemon: the secret is a federation's configuration."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.lab.google.site import GoogleSite

pytestmark = pytest.mark.lab

TOMORROW = (datetime.now(UTC) + timedelta(days=1)).replace(hour=9, minute=0, second=0, microsecond=0)


@pytest.fixture
def site() -> Iterator[GoogleSite]:
    """The only secret is a federation's; the identity provider has written its token."""
    with GoogleSite(users=2) as started:
        file = started.folder / "idp-token"
        made = started.google.tell("/federation", file=str(file))
        file.write_text(made["token"], encoding="utf-8")
        started.cli("secret", "set", "google/brand", stdin=json.dumps(made["configuration"]))
        started.start()
        started.activate(started.google.address(1))
        yield started


def failed(site: GoogleSite) -> list[dict[str, Any]]:
    """What the doctor finds wrong."""
    return [one for one in site.json("doctor", "--source", "brand")["findings"] if one["mark"] == "fail"]


def test_calendars_are_read_without_a_key(site: GoogleSite) -> None:
    """A change follows, the doctor looks at Google's further hosts too, and no key but Google's own has signed."""
    address = site.google.address(1)
    site.google.edit("create", mailbox=address, start=TOMORROW.isoformat(), subject="Keyless")
    site.follows(address)
    operations = [one["operation"] for one in site.google.log()]
    assert operations.count("sts") == 1
    assert operations.count("signJwt") == operations.count("token")
    findings = site.json("doctor", "--source", "brand")["findings"]
    assert [one for one in findings if one["mark"] == "fail"] == []
    assert "iamcredentials.googleapis.com" in json.dumps(findings)
    assert "sts.googleapis.com" in site.cli("doctor", "--firewall")


def test_each_missing_step_is_one_sentence(site: GoogleSite) -> None:
    """The role on the service account, the pool's condition, the identity provider's file."""
    site.google.tell("/federation", may_sign=False)
    assert {one["code"] for one in failed(site)} == {"google-signing-forbidden"}
    site.google.tell("/federation", may_sign=True, token="idp.other")
    assert {one["code"] for one in failed(site)} == {"google-federation-refused"}
    (site.folder / "idp-token").unlink()
    assert {one["code"] for one in failed(site)} == {"google-federation-token"}
