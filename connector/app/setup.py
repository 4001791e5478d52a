"""What ``setup`` does with the answers: all of it, or nothing."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from connector.app import enrolment
from connector.app.ground import STATE_KEY, Ground, open_keystore, open_store
from connector.config import Config, Loaded, load
from connector.config.answers import Answers, configuration
from connector.errors import UserError
from connector.keystore import Keystore, files
from connector.keystore.owner import as_owner

ACCOUNT = "exchange/hq/a"
HUB = "hub"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the configuration is, or is to be."""

    path: Path

    @property
    def fresh(self) -> Path:
        """The new configuration, until it takes its place; conf.d beside it counts already."""
        return self.path.with_name(self.path.name + ".setup")

    @property
    def authorities(self) -> Path:
        """The folder of certificate authorities."""
        return self.path.parent / "ca"


def check_owners(place: Place) -> None:
    """Raises UserError for a file of the configuration that somebody else owns or may write to."""
    folder = place.path.parent
    found = [folder, place.path, place.authorities, *sorted((folder / "conf.d").glob("*.yaml"))]
    for path in found:
        if path.exists():
            _check_owner(path)


def _check_owner(path: Path) -> None:
    facts, mine = path.stat(), os.geteuid()
    if facts.st_uid != mine:
        owner = _name(facts.st_uid)
        raise UserError(f"{path} belongs to {owner}; run: chown {_name(mine)} {path}")
    if facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise UserError(f"{path} may be written by others than its owner; run: chmod go-w {path}")


def check_state(config: Config) -> None:
    """Raises UserError for a file in the state directory that the service could not use."""
    if not config.state.exists():
        return
    owner = config.state.stat()
    for path in sorted(config.state.iterdir()):
        if path.stat().st_uid != owner.st_uid:
            raise UserError(
                f"{path} belongs to {_name(path.stat().st_uid)} and the service can't use it;"
                f" run: chown {_name(owner.st_uid)}: {path}"
            )


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def prepare(place: Place, given: Answers) -> Loaded:
    """Write the new configuration beside its place and read it. Raises UserError; the caller discards what was written."""
    place.path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    ca = dict(_authorities(place, {"exchange": given.exchange_ca, "hub": given.hub_ca}))
    _write(place.fresh, configuration(given, ca))
    return load(place.fresh)


def _authorities(place: Place, named: Mapping[str, str]) -> Iterator[tuple[str, Path]]:
    for name, source in named.items():
        if not source:
            continue
        target = place.authorities / f"{name}.pem"
        place.authorities.mkdir(mode=0o755, exist_ok=True)
        try:
            text = Path(source).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(
                f"{source} can't be read: {getattr(error, 'strerror', 'it is no text')}"
            ) from None
        if target != Path(source):
            _write(target, text)
        yield name, target


def _write(path: Path, text: str) -> None:
    owner = files.Owner(os.geteuid(), os.getegid())
    files.replace(path, text.encode(), mode=0o644, owner=owner)


def install(place: Place, loaded: Loaded, given: Answers, actor: str) -> None:
    """Keep the secrets, enrol, and put the configuration in its place. Raises UserError; nothing is changed then."""
    keystore = open_keystore(loaded.config)
    with all_or_nothing(loaded.config, keystore):
        keystore.local_key(STATE_KEY)  # while we are root: the owner of the files may not open the master key
        with as_owner(loaded.config.state):
            keystore.set(ACCOUNT, given.password.encode())
            ground = Ground(loaded, keystore, open_store(loaded.config, keystore))
            try:
                ground.store.audit(ground.desk(actor).entry("secret.set", secret_name=ACCOUNT))
                enrolment.enrol(ground, actor, given.token)
            finally:
                ground.store.close()
        if place.fresh.exists():
            place.fresh.replace(place.path)


@contextmanager
def all_or_nothing(config: Config, keystore: Keystore) -> Iterator[None]:
    """Whatever the block leaves in the state directory, keystore and credential store goes if it does not end well."""
    began = config.state.exists()
    before = set(config.state.iterdir()) if began else set()
    held = config.keystore_path.read_bytes() if config.keystore_path.exists() else None
    had_master = keystore.has_master()
    try:
        yield
    except BaseException:
        _undo(config, before, held)
        if not had_master:
            keystore.forget_master()
        if not began:
            shutil.rmtree(config.state, ignore_errors=True)
        raise


def _undo(config: Config, before: set[Path], held: bytes | None) -> None:
    for path in config.state.iterdir() if config.state.exists() else ():
        if path not in before:
            path.unlink()
    if held is None:
        config.keystore_path.unlink(missing_ok=True)
    elif config.keystore_path.read_bytes() != held:
        owner = files.owner_of(config.keystore_path.parent)
        files.replace(config.keystore_path, held, mode=0o600, owner=owner)


@contextmanager
def discarding(place: Place) -> Iterator[None]:
    """What ``prepare`` wrote goes if the block does not end well, and in any case when it is done with."""
    made = [one for one in (place.path.parent, place.authorities) if not one.exists()]
    before = set(place.authorities.iterdir()) if place.authorities.exists() else set()
    try:
        yield
    except BaseException:
        for path in place.authorities.iterdir() if place.authorities.exists() else ():
            if path not in before:
                path.unlink()
        place.fresh.unlink(missing_ok=True)
        for folder in reversed(made):
            if folder.exists():
                folder.rmdir()
        raise
    finally:
        place.fresh.unlink(missing_ok=True)
