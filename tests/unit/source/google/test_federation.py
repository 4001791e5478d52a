"""Signing without a key file: the identity provider's token, Google's token service, and signJwt."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import CredentialRefused, Transient
from connector.reasons import REASONS
from connector.source.google import keyfile
from connector.source.google.authentication import CALENDAR, GMAIL
from connector.source.google.federation import LONGEST_TOKEN
from connector.source.google.keyfile import Federation
from tests.unit.source.google.twin import Twin


class Site:
    """A tenant whose only secret is a federation's configuration; the token stands in ``file``."""

    def __init__(self, folder: Path, form: str = "text") -> None:
        self.twin = Twin()
        self.federation = self.twin.lab.federation
        self.file = folder / "token"
        made = self.federation.configuration(str(self.file))
        if form == "json":
            made["credential_source"]["format"] = {"type": "json", "subject_token_field_name": "id_token"}
        self.form = form
        self.write(self.federation.token)
        self.twin.keys[0] = json.dumps(made)

    def write(self, token: str) -> None:
        """The identity provider's agent writes a token."""
        self.file.write_text(json.dumps({"id_token": token}) if self.form == "json" else f"{token}\n")

    def bearer(self, number: int = 1, scope: str = CALENDAR) -> str:
        """A token of Google's for a user."""
        return self.twin.tokens.bearer(self.twin.address(number), scope)

    def asked(self) -> list[str]:
        """Paths so far, by their last word."""
        return [letter.path.rpartition("/")[2].rpartition(":")[2] for letter in self.twin.wire.sent]


@pytest.mark.parametrize("form", ["text", "json"])
def test_users_are_opened_without_a_key_file(tmp_path: Path, form: str) -> None:
    """One exchange serves everybody for an hour; each grant costs a signature."""
    site = Site(tmp_path, form)
    site.bearer(1)
    site.bearer(2)
    site.bearer(1, GMAIL)
    assert site.asked() == ["token", "signJwt", "token", *(["signJwt", "token"] * 2)]
    subjects = {one.subject for one in site.twin.lab.tenant.tokens.values()}
    assert subjects == {site.twin.address(1), site.twin.address(2)}


def test_the_file_is_read_anew_when_the_federated_token_ends(tmp_path: Path) -> None:
    """The identity provider's tokens are short-lived; what is in the file then counts."""
    site = Site(tmp_path)
    site.bearer()
    site.federation.token = "idp.next"
    site.twin.clock.advance(timedelta(minutes=56))
    with pytest.raises(CredentialRefused, match="google-federation-refused"):
        site.bearer()
    site.write("idp.next")
    assert site.bearer()


def test_a_federated_token_that_is_refused_is_renewed_once(tmp_path: Path) -> None:
    """401 of the signing service costs one more exchange."""
    site = Site(tmp_path)
    site.bearer()
    site.federation._federated.clear()
    site.bearer(2)
    assert site.asked()[3:] == ["signJwt", "token", "signJwt", "token"]


def test_a_key_file_and_a_federation_stand_in_for_each_other(tmp_path: Path) -> None:
    """Two secrets may be held, of either form; the one that works is used."""
    site = Site(tmp_path)
    twin = Twin(keys=2)
    made = twin.lab.federation.configuration(str(site.file))
    site.file.write_text(twin.lab.federation.token)
    twin.keys = [twin.keys[0], json.dumps(made)]
    del twin.lab.tenant.keys[json.loads(twin.keys[0])["private_key_id"]]
    assert twin.tokens.bearer(twin.address(1), CALENDAR)
    assert [one.code for one in twin.notices] == ["account-taken-over"]


def _no_file(site: Site) -> None:
    site.file.unlink()


def _empty(site: Site) -> None:
    site.write(" ")


def _long(site: Site) -> None:
    site.write("x" * (LONGEST_TOKEN + 2))


def _stranger(site: Site) -> None:
    site.write("idp.somebody-else")


def _no_role(site: Site) -> None:
    site.federation.may_sign = False


def _no_api(site: Site) -> None:
    site.federation.api_on = False


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (_no_file, "google-federation-token"),
        (_empty, "google-federation-token"),
        (_long, "google-federation-token"),
        (_stranger, "google-federation-refused"),
        (_no_role, "google-signing-forbidden"),
        (_no_api, "google-signing-off"),
    ],
)
def test_each_thing_that_is_missing_has_its_sentence(tmp_path: Path, spoil: Any, code: str) -> None:
    """And a remedy; the token itself is in no message."""
    site = Site(tmp_path)
    spoil(site)
    with pytest.raises(CredentialRefused, match=code) as refused:
        site.bearer()
    assert REASONS[code].remedy
    assert "idp." not in str(refused.value)


@pytest.mark.parametrize("operation", ["sts", "signJwt"])
def test_passing_trouble_is_passing(tmp_path: Path, operation: str) -> None:
    """A server's error is no verdict on the credential."""
    site = Site(tmp_path)
    site.twin.lab.faults.order(kind="backendError", operation=operation)
    with pytest.raises(Transient, match="server-error"):
        site.bearer()
    assert site.bearer()


def _with(**changed: Any) -> str:
    made = Twin().lab.federation.configuration("/run/token")
    return json.dumps({name: value for name, value in {**made, **changed}.items() if value is not None})


@pytest.mark.parametrize(
    "content",
    [
        _with(audience=None),
        _with(subject_token_type=7),
        _with(credential_source={"environment_id": "aws1", "regional_cred_verification_url": "https://a"}),
        _with(credential_source={"url": "http://169.254.169.254/token"}),
        _with(credential_source={"executable": {"command": "/bin/token"}}),
        _with(credential_source={"file": "relative/token"}),
        _with(credential_source=None),
        _with(service_account_impersonation_url=None),
        _with(service_account_impersonation_url="https://iamcredentials.googleapis.com/v1/projects/-"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_refused_at_once(content: str) -> None:
    """Only tokens in files are taken: no program is run and no address in the file is followed."""
    with pytest.raises(CredentialRefused, match="google-federation-unreadable"):
        keyfile.read(content)


def test_addresses_in_the_configuration_are_not_followed() -> None:
    """Whoever could change them would be handed the tokens; only the service account's name is taken."""
    evil = (
        "https://evil.example/v1/projects/-/serviceAccounts/a@p.iam.gserviceaccount.com:generateAccessToken"
    )
    found = keyfile.read(_with(token_url="https://evil.example/", service_account_impersonation_url=evil))
    assert isinstance(found, Federation)
    assert "evil" not in repr(found)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    [
        *("type", "audience", "subject_token_type", "credential_source", "service_account_impersonation_url"),
        *("client_email", "private_key", "private_key_id"),
    ]
)


@given(
    st.text(max_size=60) | st.dictionaries(FIELDS, json_values | st.just("external_account")).map(json.dumps)
)
def test_whatever_is_typed_is_a_verdict(content: str) -> None:
    """A key, a federation, or refused as a credential: nothing else is raised."""
    with suppress(CredentialRefused):
        keyfile.read(content)
