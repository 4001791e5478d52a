"""Facts about the signed archive that a release is."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

ROOT = Path(__file__).resolve().parents[3]
VERSION = (ROOT / "debian/changelog").read_text().partition("(")[2].partition(")")[0]
KEY = "release@example.com"

pytestmark = [
    pytest.mark.skipif(not shutil.which(program), reason=f"{program} is not installed")
    for program in ("gpg", "dpkg-deb")
]


@dataclass
class Workshop:
    """A keyring with one signing key, and packages that were built before."""

    packages: Path
    out: Path
    environment: dict[str, str]

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """A command with this keyring."""
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)

    def release(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Make the archive."""
        given = options or ("--key", KEY)
        return self.run(ROOT / "scripts/release", "--packages", self.packages, "--out", self.out, *given)

    @property
    def archive(self) -> Path:
        """What a release leaves."""
        return self.out / f"calendar-connector-{VERSION}.tar"


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    """Its keyring lies in a short path: gpg's agent listens on a socket in there."""
    with TemporaryDirectory(prefix="gpg") as home:
        made = Workshop(
            tmp_path / "packages", tmp_path / "out", {"PATH": os.environ["PATH"], "GNUPGHOME": home}
        )
        done = made.run(
            *("gpg", "--batch", "--passphrase", "", "--quick-gen-key", KEY, "ed25519", "sign", "never")
        )
        assert done.returncode == 0, done.stderr
        for suite in ("bookworm", "trixie"):
            package(made.packages / suite, suite)
        yield made
        made.run("gpgconf", "--kill", "gpg-agent")


def package(folder: Path, suite: str) -> None:
    """A package that holds a list of libraries and nothing else."""
    tree = folder / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(
        f"Package: calendar-connector\nVersion: {VERSION}+{suite}\nArchitecture: all\n"
        "Maintainer: nobody <nobody@example.com>\nDescription: for a test\n"
    )
    listed = tree / "usr/share/doc/calendar-connector/sbom.cdx.json"
    listed.parent.mkdir(parents=True)
    listed.write_text(f'{{"suite": "{suite}"}}')
    target = folder / f"calendar-connector_{VERSION}+{suite}_all.deb"
    subprocess.run(["dpkg-deb", "--build", tree, target], check=True, capture_output=True)


def test_a_release_holds_packages_libraries_notes_and_checksums(workshop: Workshop) -> None:
    """Every release's packages, the list of libraries that was packed into each, this version's notes; the sums hold."""
    assert workshop.release().returncode == 0
    with tarfile.open(workshop.archive) as archive:
        archive.extractall(workshop.out, filter="data")
    top = workshop.out / f"calendar-connector-{VERSION}"
    for suite in ("bookworm", "trixie"):
        assert (top / suite / "sbom.cdx.json").read_text() == f'{{"suite": "{suite}"}}'
    assert (top / "NOTES.md").read_text().startswith(f"## {VERSION}")
    checked = subprocess.run(
        ["sha256sum", "--check", "SHA256SUMS"], cwd=top, capture_output=True, check=False
    )
    assert checked.returncode == 0
    listed = {line.split("  ./")[1] for line in (top / "SHA256SUMS").read_text().splitlines()}
    assert listed == {str(p.relative_to(top)) for p in top.rglob("*") if p.is_file()} - {"SHA256SUMS"}


def test_its_signature_tells_an_altered_archive(workshop: Workshop) -> None:
    """Verification accepts the archive as it was made, and no other."""
    workshop.release()
    signature = f"{workshop.archive}.asc"
    assert workshop.run("gpg", "--verify", signature, workshop.archive).returncode == 0
    with workshop.archive.open("r+b") as archive:
        archive.seek(700)
        archive.write(b"?")
    assert workshop.run("gpg", "--verify", signature, workshop.archive).returncode == 1


def test_the_same_packages_give_the_same_archive(workshop: Workshop) -> None:
    """Nothing of the moment or the machine gets in."""
    workshop.release()
    first = workshop.archive.read_bytes()
    workshop.release()
    assert workshop.archive.read_bytes() == first


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--out", "."), "--key is missing"),
        (("--key", "nobody@example.com"), "no key nobody@example.com"),
        (("--key", KEY, "--packages", "/nonexistent"), "scripts/build-deb makes them"),
        (("--sign",), "what is --sign?"),
    ],
)
def test_what_is_missing_is_said_in_a_sentence(
    workshop: Workshop, options: tuple[str, ...], said: str
) -> None:
    """Without a key, or packages, there is no archive but one sentence."""
    done = workshop.release(*options)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not workshop.archive.exists()
