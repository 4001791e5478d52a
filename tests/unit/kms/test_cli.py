"""The program's commands: what they do, say and return."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from connector.errors import KeystoreError
from connector.kms.cli import main
from connector.kms.keks import opening
from connector.kms.keks.tpm import tpm_warnings
from connector.kms.settings import KekSettings
from tests.unit.kms.site import Site, private_pem

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command on the site's database, under its master secret."""
    (tmp_path / "master").write_bytes(bytes(range(32)))
    (tmp_path / "master").chmod(0o400)
    config = tmp_path / "kms.toml"
    config.write_text(
        f'host = "{site.settings.host}"\nmode = "trial"\ndatabase = "{site.settings.database}"\n'
        f'kek = {{provider = "file", file = "{tmp_path}/master"}}\n'
        f'static_key = {{key = "{tmp_path}/static.pem", chain = "{tmp_path}/chain.pem"}}\n'
    )

    def call(*arguments: str) -> tuple[int, str, str]:
        code = main([*arguments, "--config", str(config)])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return call


@pytest.fixture
def pems(tmp_path: Path) -> tuple[str, str]:
    """A recipient: public and private."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (tmp_path / "public.pem").write_bytes(public)
    (tmp_path / "private.pem").write_bytes(private_pem(key))
    return str(tmp_path / "public.pem"), str(tmp_path / "private.pem")


def test_keys_are_listed_revoked_and_destroyed(site: Site, run: Run) -> None:
    """By URI, resource or maker; what takes something away asks first or is told --yes."""
    key = site.client().bound_key()
    code, out, _ = run("key", "list", "--json")
    assert code == 0
    assert [(one["key"], one["state"], one["user"]) for one in json.loads(out)] == [
        (key.uri, "active", "ann@example.com")
    ]
    assert run("key", "revoke", key.uri)[0] == 2
    assert "would set 1 keys" in run("key", "revoke", key.uri, "--dry-run")[2]
    assert run("key", "revoke", "--resource", key.resource_uri, "--yes")[0] == 0
    assert site.client().ask("retrieve", key.uri).status == 405
    assert "disabled" in run("key", "destroy", "--user", "ann@example.com", "--yes")[2]
    code, _, err = run("key", "destroy", key.uri, "--yes")
    assert (code, "second step" in err) == (1, True)
    for wrong in (("revoke", "--yes"), ("destroy", "--yes"), ("revoke", "none", "--yes")):
        assert run("key", *wrong)[0] == 2


def test_rotation_says_what_it_did(site: Site, run: Run) -> None:
    """And the server sees the new KEK at once."""
    client = site.client()
    key = client.bound_key()
    assert "KEK 2 is active; 1 keys" in run("rotate")[2]
    assert client.ask("retrieve", key.uri).status == 200
    assert client.ask("create", "/keys").status == 201


def test_backup_drill_and_restore(site: Site, run: Run, pems: tuple[str, str], tmp_path: Path) -> None:
    """The whole round; a file that is there is not written over, nor a database."""
    public, private = pems
    key = site.client().bound_key()
    file = str(tmp_path / "backup")
    assert run("backup", "--to", file, "--recipient", public)[0] == 0
    assert Path(file).stat().st_mode & 0o777 == 0o600
    assert run("backup", "--to", file, "--recipient", public)[0] == 1
    assert "1 keys" in run("drill", file, "--key", private)[2]
    assert run("restore", file, "--key", private)[0] == 1
    site.close()
    for one in tmp_path.glob("kms.db*"):
        one.unlink()
    assert run("key", "list")[0] == 2
    assert run("restore", file, "--key", private)[0] == 0
    site.open()
    assert site.client().ask("retrieve", key.uri).status == 200
    assert run("restore", str(tmp_path / "none"), "--key", private)[0] == 2
    assert run("drill", file, "--key", public)[0] == 1


def test_the_trail_is_shown_and_verified(site: Site, run: Run) -> None:
    """1 and the row's number when something was changed."""
    site.client().new_key()
    code, out, _ = run("audit", "list", "--json")
    assert (code, [one["operation"] for one in json.loads(out)]) == (0, ["create /ecdhe", "create /keys"])
    assert "CREATE /KEYS" not in out
    assert json.loads(run("audit", "list", "--after", "1", "--json")[1])[0]["number"] == 2
    assert run("audit", "verify")[0] == 0
    with site.house.database.writing() as connection:
        connection.execute("DELETE FROM audit WHERE number = 1")
    code, _, err = run("audit", "verify")
    assert (code, "row 1" in err) == (1, True)


def test_status_tells_what_production_would_miss(run: Run) -> None:
    """1 because nothing runs; the sentences are there."""
    code, out, _ = run("status", "--json")
    facts = json.loads(out)
    assert (code, facts["running"], facts["mode"]) == (1, False, "trial")
    assert len(facts["not_for_production"]) == 2


@pytest.mark.parametrize("arguments", [["status"], ["run"], ["key", "list"], ["audit", "verify"]])
def test_without_settings_there_is_one_sentence(
    arguments: Sequence[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And exit code 2."""
    assert main([*arguments, "--config", str(tmp_path / "none.toml")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


# --- where the master secret is ----------------------------------------------------------------------


def test_systemd_hands_the_master_secret_over(site: Site, tmp_path: Path) -> None:
    """From $CREDENTIALS_DIRECTORY, by its name, of its size."""
    settings = replace(site.settings, kek=KekSettings(provider="credential"))
    environment = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    with pytest.raises(KeystoreError, match="systemd-creds encrypt"):
        opening.open_provider(settings, environment)
    (tmp_path / opening.CREDENTIAL).write_bytes(bytes(31))
    with pytest.raises(KeystoreError, match="exactly 32"):
        opening.open_provider(settings, environment)
    (tmp_path / opening.CREDENTIAL).write_bytes(bytes(32))
    assert opening.open_provider(settings, environment).kind == "credential"


def test_a_file_for_trials_is_made_and_kept(site: Site, tmp_path: Path) -> None:
    """Its owner's alone; one that others may read is refused."""
    path = tmp_path / "made"
    settings = replace(site.settings, kek=KekSettings(provider="file", file=path))
    first = opening.open_provider(settings, {}).wrap("x", b"secret", b"")
    assert path.stat().st_mode & 0o777 == 0o400
    assert opening.open_provider(settings, {}).unwrap("x", first, b"") == b"secret"
    assert "trials" in opening.open_provider(settings, {}).warnings()[0]
    path.chmod(0o444)
    with pytest.raises(KeystoreError, match="chmod"):
        opening.open_provider(settings, {})


@pytest.mark.parametrize(
    ("value", "warned"), [(None, True), ("0" * 64, True), ("", True), ("a1" * 32, False)]
)
def test_an_all_zero_register_is_warned_of(tmp_path: Path, value: str | None, warned: bool) -> None:
    """So is a machine without a TPM."""
    if value is not None:
        (tmp_path / "pcr-sha256").mkdir()
        (tmp_path / "pcr-sha256" / "7").write_text(value)
        assert bool(tpm_warnings(tmp_path)) is warned
    else:
        assert bool(tpm_warnings(tmp_path / "none")) is warned
