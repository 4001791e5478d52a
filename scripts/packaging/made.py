"""Writes what the package has besides code: man pages, completion, the journal's catalogue, the list of parts.

``python -m scripts.packaging.made FOLDER``, run with the interpreter of the environment that is shipped, from the
source's root. $SOURCE_DATE_EPOCH dates it (reproducible-builds.org/specs/source-date-epoch).
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version as version_of
from pathlib import Path

import click

from connector.alarms.kinds import KINDS
from connector.cli.main import cli as connector
from connector.hub.cli.program import cli as hub
from connector.kms.cli.program import cli as kms
from scripts.packaging import completion, manual, parts
from scripts.packaging.catalogue import catalogue

PINS = (
    Path("requirements/runtime.txt"),
    Path("requirements/kerberos.txt"),
    Path("packaging/requirements/source.txt"),
)

CONNECTOR = manual.About(
    "calendar-connector",
    "keep on-premises calendars sealed and up to date at the hub",
    """
    The daemon (`calendar-connector run`, which systemd starts) reads the calendars of activated mailboxes, seals every
    meeting and sends what changed to the hub. All other commands ask the running daemon over its control socket, or
    work on its files while it is stopped.

    They may be run by root and by members of the group calendar-connector-admin; members of calendar-connector-view
    may look. While the daemon is stopped only root can open what is stored.
    """,
    {
        "/etc/calendar-connector/connector.yaml": "the configuration, see connector.yaml(5)",
        "/etc/calendar-connector/conf.d/*.yaml": "further parts of it, read in the order of their names",
        "/etc/credstore.encrypted/calendar-connector.master": "the master key, sealed to this machine by systemd-creds(1)",
        "/var/lib/calendar-connector": "the database and the keystore",
        "/run/calendar-connector/control.sock": "the control socket",
    },
    "connector.yaml(5), calendar-connector-hub(1), systemd-creds(1), /usr/share/doc/calendar-connector",
)

HUB = manual.About(
    "calendar-connector-hub",
    "keep sealed calendars and show them to their users",
    """
    The hub takes sealed meetings from connectors, shows them to whoever has a token for the mailbox, and passes sealed
    commands on. It holds no key that opens any of them.
    """,
    {
        "/etc/calendar-connector-hub/hub.toml": "the settings",
        "/var/lib/calendar-connector-hub/hub.db": "the database",
    },
    "calendar-connector(1), /usr/share/doc/calendar-connector-hub/relay.md",
)


KMS = manual.About(
    "calendar-connector-kms",
    "keep the keys that calendars are sealed with",
    """
    The key server hands content keys to whom they belong, over a protocol whose messages only its clients and it can
    read, on a socket of its machine and outbound through the hub. Commands work on its database beside the running
    server and are run by root, who alone can open the master secret.
    """,
    {
        "/etc/calendar-connector-kms/kms.toml": "the settings",
        "/etc/credstore.encrypted/calendar-connector-kms.master": "the master secret, sealed to this machine by systemd-creds(1)",
        "/var/lib/calendar-connector-kms/kms.db": "the database",
        "/run/calendar-connector-kms/kms.sock": "the socket",
    },
    "calendar-connector(1), systemd-creds(1), /usr/share/doc/calendar-connector-kms/kms.md",
)


def pages(day: datetime) -> Iterator[tuple[str, str]]:
    """File names and texts."""
    version = version_of(parts.OURS)
    programs: tuple[tuple[manual.About, click.Group], ...] = (
        (CONNECTOR, connector),
        (HUB, hub),
        (KMS, kms),
    )
    for about, command in programs:
        yield f"{about.name}.1", manual.program(about, command, version, day.date())
        yield f"{about.name}.bash", completion.script(about.name, command, "bash")
        yield f"{about.name}.zsh", completion.script(about.name, command, "zsh")
    yield "connector.yaml.5", manual.configuration(version, day.date())
    yield "calendar-connector.catalog", catalogue(KINDS)
    library = Path(sysconfig.get_path("purelib"))
    yield "sbom.cdx.json", parts.bill(library, (path.read_text() for path in PINS), version, day)


def main() -> None:
    """Write them all."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    day = datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), UTC)
    for name, text in pages(day):
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
