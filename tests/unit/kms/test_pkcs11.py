"""Keys in a hardware token, by the software one: used there, never taken out."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest

pkcs11 = pytest.importorskip("pkcs11", reason="python-pkcs11 is not installed")

from pkcs11 import Attribute, KeyType, ObjectClass  # noqa: E402 - after the skip

from connector.errors import KeystoreError, UserError  # noqa: E402
from connector.kms import upkeep  # noqa: E402
from connector.kms.backup import drill  # noqa: E402
from connector.kms.keks.base import KekMissing  # noqa: E402
from connector.kms.keks.master import MasterKeks  # noqa: E402
from connector.kms.keks.pkcs11 import Session, open_static_key, open_token  # noqa: E402
from connector.kms.settings import Pkcs11Settings, StaticKeySettings  # noqa: E402
from connector.seal.kmswire.objects import read_key  # noqa: E402
from tests.fakes.clock import ManualClock  # noqa: E402
from tests.unit.kms.hsm import token_in  # noqa: E402
from tests.unit.kms.site import CLUSTER, Site, settings_at  # noqa: E402
from tests.unit.kms.test_backup import BOTH, OFFICER  # noqa: E402


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SoftHSM reads its configuration once a process."""
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder}/tokens\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")
    return folder


@pytest.fixture
def token(store: Path, tmp_path: Path) -> Pkcs11Settings:
    """A fresh token."""
    assert store.is_dir()
    settings = token_in(tmp_path, f"test {uuid.uuid4().hex[:8]}")
    try:
        pkcs11.lib(str(settings.module)).reinitialize()
    except AttributeError:
        pytest.skip("this python-pkcs11 can't see a token that was made after it began")
    return settings


@pytest.fixture
def site(token: Pkcs11Settings, tmp_path: Path) -> Iterator[Site]:
    """A key server whose KEKs and static key are the token's."""
    Session(token).use(lambda open_: open_.generate_keypair(KeyType.RSA, 2048, label="static", store=True))
    settings = replace(
        settings_at(tmp_path), pkcs11=token, static_key=StaticKeySettings(label="static", signature="PS256")
    )

    made = Site(settings, ManualClock(), open_token(token))
    yield made
    made.close()


@pytest.mark.parametrize("signature", ["PS256", "RS256"])
def test_the_token_does_all_the_work(site: Site, signature: str) -> None:
    """Handshake (RSA-OAEP and signature), wrapping, unwrapping, rotation: no key of its own ever leaves it."""
    site.desk = replace(site.desk, signature=signature)
    client = site.client()
    key = client.bound_key()
    assert read_key(client.ask("retrieve", key.uri).members["key"]) == key
    with site.house.database.writing() as connection:
        site.house.hierarchy.add_version(connection, site.clock())
    assert upkeep.rewrap(site.house, Event()) == 1
    assert read_key(client.ask("retrieve", key.uri).members["key"]) == key
    assert site.provider.warnings() == ()


def test_its_keys_can_t_be_taken_out(site: Site) -> None:
    """They say so themselves: sensitive, not extractable."""

    def flags(session: Any) -> list[tuple[bool, bool]]:
        keys = session.get_objects({Attribute.CLASS: ObjectClass.SECRET_KEY})
        return [(one[Attribute.SENSITIVE], one[Attribute.EXTRACTABLE]) for one in keys]

    assert Session(site.settings.pkcs11).use(flags) == [(True, False)]
    key = open_static_key(site.settings.pkcs11, "static")
    numbers = key.private_numbers()
    assert (numbers.d, numbers.p, numbers.q, numbers.dmp1, numbers.dmq1, numbers.iqmp) == (0,) * 6


def test_what_was_changed_does_not_open(site: Site) -> None:
    """Value, associated data and name are all authenticated."""
    name = f"{site.house.hierarchy.id}/1"
    wrapped = site.provider.wrap(name, b"secret", b"bound")
    assert site.provider.unwrap(name, wrapped, b"bound") == b"secret"
    for wrong in (
        (name, wrapped, b"other"),
        (name, wrapped[:-1] + b"x", b"bound"),
        ("none", wrapped, b"bound"),
    ):
        with pytest.raises(KekMissing):
            site.provider.unwrap(*wrong)


def test_a_backup_leaves_the_token_behind(site: Site, tmp_path: Path) -> None:
    """It restores into a server without one: the token's loss is not the keys' loss."""
    key = site.client().bound_key()
    raw = drill.back_up(site.house, BOTH, "officer")
    assert drill.drill(site.house, raw, OFFICER, "officer").keys == 1
    fresh = MasterKeks(bytes(32), "file")
    place = tmp_path / "restored.db"
    drill.restore(place, raw, OFFICER, fresh, CLUSTER, "officer", site.clock())
    restored = Site(replace(site.settings, database=place), site.clock, fresh)
    found = restored.client().ask("retrieve", key.uri)
    assert read_key(found.members["key"]) == key
    restored.close()


def test_a_wrong_token_is_one_sentence(token: Pkcs11Settings, tmp_path: Path) -> None:
    """No such token, no such key, wrong PIN, no PIN, no library."""
    (tmp_path / "wrong").write_text("000000")
    (tmp_path / "wrong").chmod(0o400)
    for wrong in (
        replace(token, token="none"),
        replace(token, pin=tmp_path / "wrong"),
        replace(token, pin=tmp_path / "missing"),
        replace(token, module=tmp_path / "none.so"),
    ):
        with pytest.raises(KeystoreError):
            open_token(wrong)
    with pytest.raises(UserError, match="no RSA key pair"):
        open_static_key(token, "none")
