"""Backup and restore of the whole state: database, secrets, configuration."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from connector.app.ground import DATABASE, STATE_KEY, Ground, open_keystore, open_store
from connector.app.relay import VERSION
from connector.backup import archive
from connector.backup.sealing import Key, Opened, Sealed
from connector.config import Config, Loaded, load
from connector.errors import UserError
from connector.keystore import Keystore, files
from connector.keystore.owner import as_owner, as_root
from connector.relay.sender import ACKNOWLEDGED, SUPERSEDED
from connector.store.migrations import migrations
from connector.store.sqlite.copy import copy_database, layout_of

WORK = ".backup"
BEFORE_UPGRADE = "before-upgrade"
VERSION_FILE = "VERSION"
RESTORED_FILE = "restored-version"
"""Says to the package of that version that it may be installed over this one."""
KEPT = ".before-restore"
CONFIGURED = frozenset({".yaml", ".csv", ".pem", ".crt", ".key", ".j2"})
_EXTRA = ("", "-wal", "-shm")


# --- a backup


def back_up(config: Config, folder: Path, keystore: Keystore, target: Path, recipients: Sequence[Key]) -> int:
    """Write one sealed file with all that ``config`` (whose files are in ``folder``) keeps; its size in bytes. The daemon may run. Raises UserError; no file is left then."""
    fresh = target.with_name(target.name + ".new")
    with as_owner(config.state), _workplace(config) as work:
        copy_database(config.state / DATABASE, work / DATABASE)
        layout = layout_of(work / DATABASE)
        secrets = keystore.export()  # after the database: what its rows are sealed with is among them
        try:
            with as_root(), fresh.open("wb") as out:
                fresh.chmod(0o600)
                sealed = Sealed(out, recipients)
                _fill(archive.Writer(sealed, _manifest(config, layout)), work, secrets, folder)
                sealed.close()
            with as_root():
                fresh.replace(target)
        except OSError as error:
            with as_root():
                fresh.unlink(missing_ok=True)
            raise UserError(f"{target} can't be written: {error.strerror}") from None
    return target.stat().st_size


def _fill(writer: archive.Writer, work: Path, secrets: bytes, folder: Path) -> None:
    writer.add(archive.SECRETS, secrets)
    for name, path in _configuration(folder):
        writer.add(archive.CONFIGURATION + name, path.read_bytes(), path.stat().st_mode & 0o777)
    writer.add_file(archive.DATABASE, work / DATABASE)
    writer.close()


def _manifest(config: Config, layout: int) -> archive.Manifest:
    return archive.Manifest(VERSION, config.instance, datetime.now(UTC).isoformat(timespec="seconds"), layout)


def _configuration(folder: Path) -> Iterator[tuple[str, Path]]:
    """Files of the configuration, by their names below its folder: the file itself, conf.d, authorities, rosters, templates."""
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.suffix in CONFIGURED and path.is_file() and archive.may_hold(name):
            yield name, path


# --- a restore


def unpack(source: Path, key: Key, folder: Path) -> archive.Content:
    """Take a backup apart in a folder, proving every byte. Raises UserError."""
    try:
        with source.open("rb") as file:
            return archive.unpack(Opened(file, key, str(source)), folder / DATABASE)
    except OSError as error:
        raise UserError(f"{source} can't be read: {error.strerror}") from None


def lay_configuration(content: archive.Content, path: Path) -> tuple[str, ...]:
    """Write the files of the configuration, on a machine that has none; which. Raises UserError for another's backup."""
    if path.exists():
        ours, theirs = load(path).config.instance, content.manifest.instance
        if ours != theirs:
            raise UserError(f"this backup is {theirs}'s, and this is {ours}; nothing was changed")
        return ()
    folder, written = path.parent, []
    for name, data in content.configuration.items():
        target = folder / name
        if not target.exists():
            target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            target.touch(mode=data.mode)
            target.write_bytes(data.content)
            written.append(name)
    return tuple(written)


def put_back(loaded: Loaded, content: archive.Content, database: Path, actor: str) -> None:
    """Make the unpacked state the present one, in a new epoch; what was there is kept beside it. Raises UserError."""
    _fits(database)
    config = loaded.config
    keystore = open_keystore(config)
    with _swapped(config, database):
        keystore.adopt(content.secrets)
        keystore.local_key(STATE_KEY)  # while we are root: the owner of the files may not open the master key
        with as_owner(config.state):
            _begin_anew(Ground(loaded, keystore, open_store(config, keystore)), content.manifest, actor)


def _begin_anew(ground: Ground, manifest: archive.Manifest, actor: str) -> None:
    """A new life: every mailbox is read again and its list compared, so that nothing of what happened since is lost."""
    store = ground.store
    try:
        store.raise_epoch(store.epoch() + 1, ground.clock())
        for name in (ACKNOWLEDGED, SUPERSEDED):
            store.put_setting(name, None)
        store.audit(
            ground.desk(actor).entry("state.restored", made_at=manifest.made_at, version=manifest.version)
        )
    finally:
        store.close()


def _fits(database: Path) -> None:
    layout, known = layout_of(database), len(migrations())
    if layout > known:
        raise UserError(
            f"this state was written by a newer version (layout {layout}, this one knows {known}); install that version"
        )


@contextmanager
def _swapped(config: Config, database: Path) -> Iterator[None]:
    """The database takes its place while the block runs; keystore and database are as they were if it fails."""
    places = [config.state / (DATABASE + extra) for extra in _EXTRA] + [config.keystore_path]
    kept = [(path, path.with_name(path.name + KEPT)) for path in places]
    for path, aside in kept:
        aside.unlink(missing_ok=True)
        if path.exists():
            path.rename(aside)
    try:
        _hand_over(database, config)
        yield
    except BaseException:
        for path, aside in kept:
            path.unlink(missing_ok=True)
            if aside.exists():
                aside.rename(path)
        raise


def _hand_over(database: Path, config: Config) -> None:
    """Copied by who may read it, for the service alone."""
    target, owner = config.state / DATABASE, files.owner_of(config.state)
    target.touch(mode=0o600)
    if os.geteuid() == 0:
        os.chown(target, owner.uid, owner.gid)
    shutil.copyfile(database, target)


# --- before an upgrade


def snapshot(config: Config, version: str) -> bool:
    """Keep database and keystore as they are, for the way back to ``version``; False where there is nothing to keep.

    Raises UserError when there is no room for it.
    """
    database = config.state / DATABASE
    if not database.exists():
        return False
    with as_owner(config.state):
        fresh, place = config.state / f"{BEFORE_UPGRADE}.new", config.state / BEFORE_UPGRADE
        shutil.rmtree(fresh, ignore_errors=True)
        if shutil.disk_usage(config.state).free < 2 * database.stat().st_size:
            raise UserError(f"there is no room for a copy of {database}; the way back is not prepared")
        fresh.mkdir(mode=0o700)
        copy_database(database, fresh / DATABASE)
        (fresh / DATABASE).chmod(0o600)
        if config.keystore_path.exists():
            shutil.copyfile(config.keystore_path, fresh / "keystore.json")
            (fresh / "keystore.json").chmod(0o600)
        (fresh / VERSION_FILE).write_text(version + "\n", encoding="ascii")
        shutil.rmtree(place, ignore_errors=True)
        fresh.rename(place)
        (config.state / RESTORED_FILE).unlink(missing_ok=True)
    return True


def restore_snapshot(config: Config) -> str:
    """Put back what was kept before the last upgrade; the version that it belongs to. Raises UserError."""
    place = config.state / BEFORE_UPGRADE
    if not (place / VERSION_FILE).exists():
        raise UserError("nothing was kept: there was no upgrade yet, or there was no room for a copy then")
    version = (place / VERSION_FILE).read_text(encoding="ascii").strip()
    layout_of(place / DATABASE)
    with _swapped(config, place / DATABASE), as_owner(config.state):
        if (place / "keystore.json").exists():
            shutil.copyfile(place / "keystore.json", config.keystore_path)
            config.keystore_path.chmod(0o600)
        (config.state / RESTORED_FILE).write_text(version + "\n", encoding="ascii")
    return version


@contextmanager
def _workplace(config: Config) -> Iterator[Path]:
    work = config.state / WORK
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(mode=0o700)
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)
