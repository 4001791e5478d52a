"""Cisco's public SDK plugins, as the registry has them, against our key server and a meeting of ours: ``scripts/check-webex-sdk``."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from connector.model import ContentKey
from connector.relay import carriage
from connector.seal.envelope import seal_meeting
from connector.seal.kms_client.convoy import Convoy
from connector.seal.kms_client.enrolled import Enrolled, identity_from
from connector.seal.kms_client.session import Session
from connector.seal.kms_client.transport import Address, HttpTransport
from connector.seal.kms_client.verbs import Verbs
from connector.seal.kmswire.static import Anchor
from tests.fakes.clock import ManualClock
from tests.lab.kms_server import HOST, KmsServer
from tests.unit.kms.site import ISSUER, jwks, token
from tests.unit.seal.kmswire.site import authority, certificate
from tests.unit.seal.samples import DIGESTS, MAILBOX, MEETING, SENDS_ALL

SCRIPT = Path(__file__).parents[1] / "js" / "webex_sdk.js"
VERSION = "3.12.0"
PACKAGES = (
    f"@webex/internal-plugin-encryption@{VERSION}",
    f"@webex/internal-plugin-calendar@{VERSION}",
    "@babel/runtime-corejs2@7",
)
"""The last one is loaded by the plugins, which forget to ask for it."""
INSTALL_SECONDS, CHECK_SECONDS = 1200, 120
USER = "ann@example.com"
IDENTITY = identity_from(b"w" * 32, "sdk.example.com")


def main() -> int:
    """Install, check, print; 0 when every check is good."""
    parser = argparse.ArgumentParser(prog="scripts/check-webex-sdk")
    parser.add_argument(
        "--into", type=Path, metavar="DIR", help="keep the SDK there, and use it if it is there already"
    )
    given = parser.parse_args()
    if missing := [name for name in ("node", "npm") if shutil.which(name) is None]:
        print(f"check-webex-sdk: NOTHING WAS TRIED: there is no {' and no '.join(missing)}", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as place:
        modules = installed(given.into or Path(place) / "sdk")
        with KmsForTheSdk(Path(place) / "server") as settings:
            return shown(checked(modules, settings, Path(place)))


def installed(folder: Path) -> Path:
    """The folder of modules; fetched by npm, without running anybody's scripts, unless it is there."""
    modules = folder / "node_modules"
    if not (modules / "@webex" / "internal-plugin-calendar").is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}')
        command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", *PACKAGES]
        subprocess.run(command, cwd=folder, check=True, timeout=INSTALL_SECONDS, stdout=sys.stderr)
    return modules


class KmsForTheSdk:
    """A key server's process with a connector and a user; entering gives what the script has to know."""

    def __init__(self, folder: Path) -> None:
        root, foreign = authority(), authority(number=3)
        self._roots = {"root": _root(root), "foreignRoot": _root(foreign)}
        self._server = KmsServer(folder)
        self._server.chain = (certificate(self._server.key.public_key()),)
        (folder / "jwks.json").write_bytes(jwks())
        self._server.write_settings(
            f'[issuers.lab]\nissuer = "{ISSUER}"\njwks = "{folder}/jwks.json"\n'
            f'[connectors.lab]\nfingerprint = "{IDENTITY.fingerprint}"\n'
        )

    def __enter__(self) -> dict[str, Any]:
        self._server.start()
        try:
            return self._settings()
        except BaseException:
            self._server.stop()
            raise

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    def _settings(self) -> dict[str, Any]:
        verbs, transport = self._connector()
        try:
            key, hidden = verbs.create_keys(2)
            verbs.create_resource([USER], [key.uri])
            verbs.create_resource([], [hidden.uri])
        finally:
            transport.close()
        sealed, expected = meeting(ContentKey(key.uri, MAILBOX, key.secret, now()))
        return {
            "socket": str(self._server.socket),
            "cluster": f"kms://{HOST}",
            "user": USER,
            "token": token(ManualClock(now()), USER),
            **self._roots,
            "sealed": sealed,
            "expected": expected,
            "foreign": hidden.uri,
        }

    def _connector(self) -> tuple[Verbs, HttpTransport]:
        transport = HttpTransport(Address(f"http://{HOST}{carriage.DIRECT}", socket=self._server.socket))
        anchor = Anchor(HOST, pins=frozenset({self._server.pin}))
        session = Session(transport, anchor, Enrolled(IDENTITY, now), "connector", now)
        return Verbs(Convoy(session.ask).ask, HOST), transport


def meeting(key: ContentKey) -> tuple[dict[str, Any], dict[str, str]]:
    """A sealed meeting as the connector sends it, and the clear texts that the SDK must find in it, by path."""
    made = MEETING
    sealed = seal_meeting(made, key, MAILBOX, "m1", 7, SENDS_ALL, DIGESTS)
    people = {one.address: one.name for one in made.attendees}
    indexes = {DIGESTS.address_index(one.address): one.address for one in made.attendees if one.address}
    expected = {
        "encryptedSubject": made.subject,
        "encryptedLocation": made.location,
        "encryptedNotes": made.body,
        "webexURL": "https://example.webex.com/meet/anna",
        "webexURI": "anna@example.webex.com",
        "meetingJoinInfo/meetingJoinURL": "https://example.webex.com/meet/anna",
        "meetingJoinInfo/meetingJoinURI": "anna@example.webex.com",
        "encryptedOrganizer/encryptedEmailAddress": "anna@example.com",
        "encryptedOrganizer/encryptedName": "Anna Ek",
    }
    for number, one in enumerate(sealed["encryptedParticipants"]):
        if address := indexes.get(one["id"]):
            expected[f"encryptedParticipants/{number}/encryptedEmailAddress"] = address
            expected[f"encryptedParticipants/{number}/encryptedName"] = people[address]
    return sealed, expected


def checked(modules: Path, settings: Mapping[str, Any], place: Path) -> list[dict[str, Any]]:
    """What the script saw."""
    file = place / "settings.json"
    file.write_text(json.dumps(settings))
    done = subprocess.run(
        ["node", str(SCRIPT), str(file)],
        env={**os.environ, "NODE_PATH": str(modules)},
        capture_output=True,
        text=True,
        check=False,
        timeout=CHECK_SECONDS,
    )
    seen: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    if not seen or seen[-1]["check"] != "the end":
        seen.append({"check": "it came to its end", "good": False, "seen": done.stderr[-2000:]})
    return seen


def shown(checks: list[dict[str, Any]]) -> int:
    """Print them; 0 when all are good."""
    for one in checks:
        print(
            f"{'ok  ' if one['good'] else 'FAIL'}  {one['check']}"
            + ("" if one["good"] else f": {one.get('seen')}")
        )
    return 0 if all(one["good"] for one in checks) else 1


def now() -> datetime:
    """The real time."""
    return datetime.now(UTC)


def _root(certificate: x509.Certificate) -> str:
    """As the SDK wants its roots: base64 of the DER."""
    return b64encode(certificate.public_bytes(Encoding.DER)).decode()


if __name__ == "__main__":
    sys.exit(main())
