"""The key server as a process of its own, with everything it needs in one folder."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from connector.seal.kmswire.static import fingerprint
from tests.lab.process import LabError, Server

PROGRAM = "connector.kms"
HOST = "kms.example.com"


@dataclass
class KmsServer:
    """Starts, stops and commands a key server. ``more`` is TOML that is added to its settings."""

    folder: Path
    more: str = ""
    mode: str = "trial"
    signature: str = "PS256"
    chain: Sequence[x509.Certificate] = ()
    name: str = "kms"
    kek: str = "file"
    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))
    server: Server = field(default_factory=lambda: Server(PROGRAM))

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        pem = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self._put("static.pem", pem, 0o400)
        self.write_settings(self.more)

    def write_settings(self, more: str) -> None:
        """With further tables."""
        self.more = more
        chain = b"".join(one.public_bytes(serialization.Encoding.PEM) for one in self.chain)
        self._put("chain.pem", chain, 0o644)
        self.config.write_text(self._settings())

    @property
    def config(self) -> Path:
        """Its settings."""
        return self.folder / f"{self.name}.toml"

    @property
    def database(self) -> Path:
        """Its database."""
        return self.folder / f"{self.name}.db"

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self.folder / f"{self.name}.sock"

    @property
    def log(self) -> Path:
        """What it wrote to standard error."""
        return self.folder / f"{self.name}.log"

    @property
    def pin(self) -> str:
        """The static key's fingerprint, for clients."""
        return fingerprint(self.key.public_key())

    @property
    def pid(self) -> int:
        """The process, 0 when there is none."""
        return self.server.pid

    def start(self) -> Mapping[str, object]:
        """Run it; what its ready line says."""
        with self.log.open("a") as log:
            try:
                return self.server.start(["run", "--config", str(self.config)], log=log)
            except LabError as error:
                raise LabError(f"{error}; {self.log} says: {self.log.read_text()[-2000:]}") from error

    def stop(self) -> int:
        """End it; its exit code."""
        code = self.server.stop()
        assert code is not None, "the key server was not running"
        return code

    def command(self, *arguments: str, fails: bool = False) -> str:
        """Run one of its commands; what it printed."""
        done = subprocess.run(
            [*self._program(), *arguments, "--config", str(self.config)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        if fails != (done.returncode != 0):
            raise AssertionError(f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def audit(self) -> list[dict[str, object]]:
        """The rows of the trail."""
        rows: list[dict[str, object]] = json.loads(
            self.command("audit", "list", "--limit", "100000", "--json")
        )
        return rows

    @staticmethod
    def _program() -> list[str]:
        return [sys.executable, "-m", PROGRAM]

    def _settings(self) -> str:
        chain = f'chain = "{self.folder}/chain.pem"\n' if self.chain else ""
        return (
            f'host = "{HOST}"\nmode = "{self.mode}"\n'
            f'database = "{self.database}"\nsocket = "{self.socket}"\n'
            f'static_key.key = "{self.folder}/static.pem"\nstatic_key.signature = "{self.signature}"\n'
            f"{'static_key.' + chain if chain else ''}"
            f'kek.provider = "{self.kek}"\nkek.file = "{self.folder}/{self.name}.master"\n{self.more}'
        )

    def _put(self, name: str, data: bytes, mode: int) -> None:
        path = self.folder / name
        path.unlink(missing_ok=True)
        path.write_bytes(data)
        path.chmod(mode)
