"""The key server in its package: a sealed master secret, its unit, its commands beside it, production after a drill, and a purge that keeps keys."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.packaging.trial.checks import Step, expect, expect_in, install
from scripts.packaging.trial.machine import Machine
from scripts.packaging.trial.site import UNIT, facts, wait

KMS = "calendar-connector-kms"
HOST = "kms.example.com"
SETTINGS = f"/etc/{KMS}"
STATE = f"/var/lib/{KMS}"
CREDENTIAL = f"/etc/credstore.encrypted/{KMS}.master"
SOCKET = f"/run/{KMS}/kms.sock"
BACKUP, OFFICER = "/root/kms.jwe", "/root/officer"
EXPOSURE = 14
"""Tenths: what `systemd-analyze security` may say at most; two of them for chown, which hands the socket to the group."""

TOML = """\
host = "{host}"
mode = "{mode}"
socket_group = "calendar-connector"
static_key.key = "{settings}/static.pem"
static_key.chain = "{settings}/chain.pem"
"""
ENROLLED = '[connectors.{name}]\nfingerprint = "sha256:{digest}"\n'


class Keys:
    """``machine`` has the connector's package, which this one needs; no key server was on it."""

    def __init__(self, machine: Machine, package: Path) -> None:
        self._machine = machine
        self._package = package

    def steps(self) -> Iterator[Step]:
        """All of them."""
        yield "key server: install without network, nothing runs", self._install
        yield "key server: without a master secret it says how to make one", self._unsealed
        yield "key server: a sealed master secret, a certified key, a trial", self._start
        yield "key server: exposure, owners and rights", self._sandbox
        yield "key server: commands beside it, as root", self._commands
        yield "key server: reload takes a connector over, refuses nonsense", self._reload
        yield "key server: production after backup and drill", self._produce
        yield "key server: purge keeps keys until it is meant", self._purge

    def _install(self) -> None:
        install(self._package, self._machine)
        expect("the unit", self._machine.show(KMS, "ActiveState"), "inactive")
        again = self._machine.try_("systemctl", "restart", KMS)
        expect("systemctl restart without settings", again.returncode, 0)
        expect("the unit", self._machine.show(KMS, "ActiveState"), "inactive")

    def _unsealed(self) -> None:
        key, chain = f"{SETTINGS}/static.pem", f"{SETTINGS}/chain.pem"
        rsa = ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072")
        self._machine.do("openssl", "genpkey", *rsa, "-out", key)
        named = ("-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}")
        self._machine.do("openssl", "req", "-x509", "-new", "-key", key, *named, "-out", chain)
        self._machine.do("chown", f"{KMS}:", key)
        self._machine.do("chmod", "400", key)
        self._settle("trial")
        self._machine.do("systemctl", "start", "--no-block", KMS)
        wait(lambda: "systemd-creds encrypt" in self._said(), "the journal to say how to make it")
        self._machine.do("systemctl", "stop", KMS)
        self._machine.try_("systemctl", "reset-failed", KMS)

    def _start(self) -> None:
        seal = f"head -c 32 /dev/urandom | systemd-creds encrypt --name={KMS}.master - {CREDENTIAL}"
        self._machine.do("sh", "-c", f"umask 077; mkdir -p {Path(CREDENTIAL).parent}; {seal}")
        self._machine.do("systemctl", "start", KMS)
        wait(lambda: bool(self._status()["running"]), "the key server to run")
        expect("the KEK's place", self._status()["kek_provider"], "credential")

    def _sandbox(self) -> None:
        path = self._machine.show(KMS, "FragmentPath")
        verified = self._machine.try_("systemd-analyze", "verify", "--man=no", path)
        expect(f"systemd-analyze verify {KMS}", verified.stderr + verified.stdout, "")
        self._machine.do("systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE}", path)
        expect(f"owner of {STATE}", facts(self._machine, STATE), f"{KMS}:{KMS} 700")
        expect("the database", facts(self._machine, f"{STATE}/kms.db"), f"{KMS}:{KMS} 600")
        expect("the socket", facts(self._machine, SOCKET), f"{KMS}:{UNIT} 660")

    def _commands(self) -> None:
        """Root opens the credential, and touches the database as its owner alone."""
        self._machine.do(KMS, "rotate")
        expect("the KEK after a rotation", self._status()["kek_version"], 2)
        expect_in("the list of keys", "[", self._machine.do(KMS, "key", "list", "--json"))
        expect_in("the trail", "rows hold", self._told("audit", "verify"))
        expect("files of root in the state directory", self._machine.do("find", STATE, "!", "-user", KMS), "")

    def _reload(self) -> None:
        self._settle("trial", ENROLLED.format(name="cal-01", digest="0" * 64))
        self._reloaded("reload.done")
        self._settle("trial", "nonsense = 1\n")
        self._reloaded("reload.refused")
        expect("the unit", self._machine.show(KMS, "ActiveState"), "active")
        self._settle("trial")

    def _produce(self) -> None:
        """Refused, with the reason, until a backup was opened by its recipient."""
        self._settle("production")
        self._machine.try_("systemctl", "restart", KMS)
        wait(lambda: self._machine.show(KMS, "ActiveState") == "failed", "production to be refused")
        expect_in("the journal", "No backup was restored for practice", self._said())
        curve = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384")
        self._machine.do("openssl", "genpkey", *curve, "-out", f"{OFFICER}.key.pem")
        self._machine.do("openssl", "pkey", "-in", f"{OFFICER}.key.pem", "-pubout", "-out", f"{OFFICER}.pem")
        self._machine.do(KMS, "backup", "--to", BACKUP, "--recipient", f"{OFFICER}.pem")
        drilled = self._told("drill", BACKUP, "--key", f"{OFFICER}.key.pem")
        expect_in("the drill", "the backup is good", drilled)
        self._machine.do("systemctl", "reset-failed", KMS)
        self._machine.do("systemctl", "start", KMS)
        wait(lambda: bool(self._status()["running"]), "the key server to run")
        expect("what keeps it from production", self._status()["not_for_production"], [])

    def _purge(self) -> None:
        self._machine.do("dpkg", "--purge", KMS)
        for path in (f"{STATE}/kms.db", CREDENTIAL, f"{SETTINGS}/static.pem"):
            expect(f"{path} after a purge", (self._machine.root / path[1:]).exists(), True)
        install(self._package, self._machine)
        self._machine.write(f"{SETTINGS}/purge-keys", "")
        self._machine.do("dpkg", "--purge", KMS)
        named = self._machine.do(
            "find", "/etc", "/var/lib", "-xdev", "-name", f"*{KMS}*", "!", "-path", "*/dpkg/*"
        )
        expect("what is left when it is meant", named, "")

    def _told(self, *words: str) -> str:
        """What a command of the key server's says, which has to work."""
        done = self._machine.try_(KMS, *words)
        expect(f"exit code of {words[0]}", (done.returncode, done.stderr if done.returncode else ""), (0, ""))
        return done.stdout + done.stderr

    def _settle(self, mode: str, more: str = "") -> None:
        text = TOML.format(host=HOST, mode=mode, settings=SETTINGS) + more
        self._machine.write(f"{SETTINGS}/kms.toml", text)

    def _status(self) -> dict[str, Any]:
        """Its facts; empty while there is no database."""
        said = self._machine.try_(KMS, "status", "--json").stdout
        found: dict[str, Any] = json.loads(said) if said.strip() else {"running": False}
        return found

    def _reloaded(self, event: str) -> None:
        self._machine.do("systemctl", "reload", KMS)
        wait(lambda: event in self._said(), f"the journal to say {event}")

    def _said(self) -> str:
        self._machine.do("journalctl", "--sync")
        return self._machine.do("journalctl", "--unit", KMS, "--output=json")
