"""What a backup holds: files in a tar, with a manifest first, read back without trusting a name in it."""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, cast

from connector.errors import UserError

FORMAT = 1
MANIFEST = "manifest.json"
DATABASE = "connector.db"
SECRETS = "secrets.json"
CONFIGURATION = "etc/"
SMALL = 16 * 1024 * 1024
"""Everything but the database is smaller."""

_NAME = re.compile(r"etc/[A-Za-z0-9_@+-][A-Za-z0-9_.@+-]*(/[A-Za-z0-9_@+-][A-Za-z0-9_.@+-]*){0,4}")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is in it, and whose."""

    version: str
    instance: str
    made_at: str
    layout: int
    format: int = FORMAT


def may_hold(name: str) -> bool:
    """Whether a file of the configuration can be taken along under its name."""
    return _NAME.fullmatch(CONFIGURATION + name) is not None


class Writer:
    """Fills a backup; ``out`` needs ``write`` alone."""

    def __init__(self, out: Any, manifest: Manifest) -> None:
        self._tar = tarfile.open(fileobj=cast("IO[bytes]", out), mode="w|", format=tarfile.PAX_FORMAT)  # noqa: SIM115 - closed by close
        self.add(MANIFEST, json.dumps(asdict(manifest)).encode())

    def add(self, name: str, data: bytes, mode: int = 0o600) -> None:
        """A small file."""
        facts = tarfile.TarInfo(name)
        facts.mode = mode
        facts.size = len(data)
        self._tar.addfile(facts, io.BytesIO(data))

    def add_file(self, name: str, path: Path) -> None:
        """A file of any size that nobody changes meanwhile."""
        facts = tarfile.TarInfo(name)
        facts.size = path.stat().st_size
        with path.open("rb") as file:
            self._tar.addfile(facts, file)

    def close(self) -> None:
        """Finish."""
        self._tar.close()


@dataclass(frozen=True, slots=True)
class Small:
    """A small file, with the rights it had."""

    content: bytes
    mode: int


@dataclass(frozen=True, slots=True)
class Content:
    """A backup, taken apart: small files by name; the database lies where it was asked for."""

    manifest: Manifest
    secrets: bytes
    configuration: dict[str, Small]


def unpack(source: Any, database: Path) -> Content:
    """Read a whole backup, the database into the file ``database``. Raises UserError."""
    small: dict[str, Small] = {}
    try:
        with tarfile.open(fileobj=cast("IO[bytes]", source), mode="r|") as tar:
            for facts, file in _members(tar):
                if facts.name == DATABASE:
                    _spill(file, database)
                else:
                    small[facts.name] = _whole(facts, file)
        while source.read():
            pass  # to the end: only then is it proved that nothing was cut off
        return _content(small)
    except (tarfile.TarError, KeyError, TypeError, ValueError):
        raise _damaged() from None


def _members(tar: tarfile.TarFile) -> Iterator[tuple[tarfile.TarInfo, IO[bytes]]]:
    for facts in tar:
        file = tar.extractfile(facts)
        known = facts.name in {MANIFEST, DATABASE, SECRETS} or _NAME.fullmatch(facts.name)
        if not facts.isreg() or file is None or not known:
            raise _damaged()
        yield facts, file


def _whole(facts: tarfile.TarInfo, file: IO[bytes]) -> Small:
    if facts.size > SMALL:
        raise _damaged()
    return Small(file.read(), facts.mode & 0o644)


def _spill(file: IO[bytes], path: Path) -> None:
    with path.open("wb") as out:
        while chunk := file.read(1024 * 1024):
            out.write(chunk)


def _content(small: dict[str, Small]) -> Content:
    manifest = Manifest(**json.loads(small[MANIFEST].content))
    if manifest.format > FORMAT:
        raise UserError("this backup was made by a newer version of calendar-connector; install that version")
    configuration = {
        name.removeprefix(CONFIGURATION): data
        for name, data in small.items()
        if name.startswith(CONFIGURATION)
    }
    return Content(manifest, small[SECRETS].content, configuration)


def _damaged() -> UserError:
    return UserError("the backup is not whole; nothing was restored")
