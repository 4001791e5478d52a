"""The demo with keys of the customer's own: ``scripts/demo --kms onprem``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from connector.errors import KeyWithheld
from tests.lab.demo import PATIENCE, Demo, keep_running, say
from tests.lab.kms_server import KmsServer
from tests.lab.kms_site import CONNECTOR, KmsSite
from tests.lab.site import SiteError

PEOPLE = 5
AWAY_SECONDS = 60.0
MAKER = f"connector:{CONNECTOR}"


class KmsDemo(Demo):
    """What people do, with keys that only the key server hands out."""

    def __init__(self, site: KmsSite) -> None:
        super().__init__(site)
        self.site: KmsSite = site
        self.people = self.people[:PEOPLE]

    def has_keys(self, address: str) -> bool:
        """Whether the hub has a list of the mailbox that its owner may open."""
        return self.site.state(address) == "active"

    def steps(self) -> Iterator[tuple[str, Callable[[], Any]]]:
        """As ever, with a new KEK and new content keys in between."""
        for number, step in enumerate(super().steps(), 1):
            yield step
            if number == 2:
                self.rotate()

    def rotate(self) -> None:
        """A new KEK, and no more sealing with the content keys of before: the connector makes new ones."""
        before = self.uris()
        say(f"   {self.site.kms.command('rotate').strip()}")
        done = self.site.kms.command("key", "revoke", "--user", MAKER, "--state", "no-encrypt", "--yes")
        say(f"   {done.strip()}: the connector, killed and started again, seals with new ones")
        self.again()
        self.edit("move", start=self.later(3))
        self.site.wait(lambda: bool(self.uris() - before), "a new content key", PATIENCE)
        self.edit("move", start=self.later(2))
        self.site.wait(self.owner_agrees, "the list under old and new keys", PATIENCE)

    def uris(self) -> set[str]:
        """The keys that the owner's list at the hub is sealed with."""
        sealed = self.site.hub.meetings(self.site.id_of(self.owner)).values()
        return {one["encryptionKeyUrl"] for one in sealed}

    def again(self) -> None:
        """Kill the connector and start it: it holds content keys in memory only, so it asks for all of them again."""
        self.site.kill()
        self.site.start()

    def away(self) -> None:
        """The key server stops; nothing leaves unsealed, nothing is lost."""
        self.create()
        self.site.wait(self.all_agree, "the new meeting", PATIENCE)
        self.site.kms.stop()
        self.again()
        self.edit("move", start=self.later(5))
        begun = time.monotonic()
        before = self.uris()
        self.site.wait(lambda: time.monotonic() - begun > AWAY_SECONDS, "a minute to pass", AWAY_SECONDS + 5)
        state = self.site.mailbox(self.owner)["problem"] or self.site.state(self.owner)
        if self.uris() != before:
            raise SiteError("something was sent while no key could be had")
        say(f"The key server was away for {AWAY_SECONDS:.0f} s: the owner's mailbox waited ({state}).")
        self.site.kms.start()
        took = self.site.wait(self.all_agree, "the lists after the key server's return", 3 * PATIENCE)
        say(f"  {took:.1f} s after its return every list equals its calendar; nothing was lost.")

    def revoke(self) -> None:
        """Take the owner's keys back: what can't be read any more, and what the connector does about it."""
        old = self.uris()
        self.site.kms.command("key", "revoke", *sorted(old), "--yes")
        user = self.site.user(self.site.kms, self.owner)
        refused = [uri for uri in old if withheld(partial(user.__getitem__, uri))]
        if len(refused) != len(old):
            raise SiteError("a revoked key was handed out")
        say(f"{len(old)} keys of the owner's are revoked: the owner's own client gets 405 for each.")
        self.again()
        self.edit("move", start=self.later(6))
        self.site.wait(
            lambda: not self.uris() & old and bool(self.uris()), "the list under a new key", 3 * PATIENCE
        )
        self.keys[self.owner] = self.site.keys(self.owner)
        took = self.site.wait(self.owner_agrees, "the owner's list under new keys", PATIENCE)
        say(
            f"  The connector read the window again and sent it under a new key; readable again ({took:.1f} s)."
        )

    def restore(self, folder: Path) -> None:
        """A fresh server, from a backup, hands out the keys of before."""
        public, private = officer(folder)
        kms, file = self.site.kms, str(folder / "backup.jwe")
        kms.command("backup", "--to", file, "--recipient", public)
        drilled = kms.command("drill", file, "--key", private).strip()
        say(f"Backup and drill: {drilled}.")
        fresh = KmsServer(folder / "fresh", key=kms.key)
        fresh.write_settings(kms.more)
        say(
            f"  A fresh server under another master secret: {fresh.command('restore', file, '--key', private).strip()}"
        )
        kms.stop()
        fresh.start()
        try:
            for address in self.people:
                keys = self.site.user(fresh, address)
                if self.site.shown(address, keys) != self.site.truth(address):
                    raise SiteError(f"{address}: the restored server's keys don't open the list")
        finally:
            fresh.stop()
            kms.start()
        say(f"  Its keys open all {len(self.people)} lists at the hub.")

    def trail(self) -> None:
        """The audit trail, verified, and searched for keys."""
        rows = self.site.kms.audit()
        say(f"Audit: {self.site.kms.command('audit', 'verify').strip()[:80]} ...")
        refused = sum(1 for row in rows if int(str(row["status"])) >= 400)
        say(f"  {len(rows)} rows, {refused} of them refusals.")


def withheld(fetch: Callable[[], object]) -> bool:
    """Whether the key server refuses it."""
    try:
        fetch()
    except KeyWithheld:
        return True
    return False


def officer(folder: Path) -> tuple[str, str]:
    """A recipient's public and private key files."""
    folder.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP384R1())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (folder / "officer.pem").write_bytes(public)
    (folder / "officer.key.pem").write_bytes(private)
    return str(folder / "officer.pem"), str(folder / "officer.key.pem")


@contextmanager
def shown() -> Iterator[KmsDemo]:
    """The whole site, running."""
    with KmsSite(mailboxes=PEOPLE, exchange={"hosts": "example.com"}) as site:
        say(f"Exchange    {site.exchange.url}")
        say(f"Hub         {site.hub.url}, which carries the key server's messages and can read none")
        say(f"Key server  process {site.kms.pid}, socket {site.kms.socket}")
        site.start()
        yield KmsDemo(site)
        say(f"The connector drained and ended with {site.stop()}.")


def main(*, once: bool) -> int:
    """Show it; exit code 0 only if everything was as it should be."""
    with shown() as demo:
        demo.activate()
        demo.show()
        demo.away()
        demo.revoke()
        demo.restore(demo.site.folder / "officer")
        demo.trail()
        demo.nothing_readable()
        demo.sum_up()
        if not once:
            keep_running(demo.site)
    return 0
