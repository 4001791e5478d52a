"""Reading connector.yaml and conf.d, and saying where values come from."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from connector.config import Origin, load
from connector.errors import ConfigError
from tests.unit.config.texts import LEAST


def written(folder: Path, text: str = LEAST, **parts: str) -> Path:
    """A configuration on disk; ``parts`` are files of conf.d."""
    main = folder / "connector.yaml"
    main.write_text(text)
    (folder / "conf.d").mkdir(exist_ok=True)
    for name, content in parts.items():
        (folder / "conf.d" / f"{name}.yaml").write_text(content)
    return main


def refused(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(path)
    return [str(problem) for problem in caught.value.problems]


def test_later_files_win_by_name(tmp_path: Path) -> None:
    """conf.d is read in the order of its names; maps merge, lists replace, and each value knows its file."""
    main = written(
        tmp_path,
        b20="sources: {hq: {domains: [c.example], limits: {requests: 7/s}}}",
        a10="sources: {hq: {domains: [b.example], auth: ntlm}}\nworkers: 4",
    )
    loaded = load(main)
    assert loaded.config.sources["hq"].domains == ("c.example",)
    assert loaded.provenance["sources.hq.domains"] == Origin(str(tmp_path / "conf.d/b20.yaml"), 1)
    assert loaded.provenance["workers"] == Origin(str(tmp_path / "conf.d/a10.yaml"), 2)
    assert loaded.provenance["sources.hq.accounts.a.user"] == Origin(str(main), 8)
    assert loaded.provenance["sources.hq.limits.first_load"] == "default"


def test_a_problem_names_its_own_file(tmp_path: Path) -> None:
    """Problems of several files come together, each with the file it stands in."""
    main = written(tmp_path, LEAST + "mode: of\n", a="\nworkers: no\n", b="log: [a\n")
    assert refused(main) == [
        f'{tmp_path}/conf.d/a.yaml:2: workers: "no" does not fit; write a whole number without quotes',
        f"{tmp_path}/conf.d/b.yaml:1: the list is not closed or lacks a comma: write [one, two]",
        f'{main}:9: mode: "of" does not fit; write observe or active',
    ]


def test_no_file_is_answered_with_a_way_to_one(tmp_path: Path) -> None:
    """A missing configuration is one sentence that leads to the sample, whatever conf.d holds."""
    missing = tmp_path / "connector.yaml"
    sentence = f"{missing}: there is no such file; begin with: calendar-connector config sample > {missing}"
    assert refused(missing) == [sentence]
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "x.yaml").write_text("workers: 4")
    assert refused(missing) == [sentence]


def test_a_directory_is_no_configuration(tmp_path: Path) -> None:
    """What can't be read is a problem, not an exception."""
    assert refused(tmp_path) == [f"{tmp_path}: the file can't be read: Is a directory"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    """A file without read permission is a problem of its own."""
    main = written(tmp_path)
    main.chmod(0)
    assert refused(main) == [f"{main}: the file can't be read: Permission denied"]


def test_only_yaml_files_of_conf_d_count(tmp_path: Path) -> None:
    """Hidden files and backups are passed over; .yml is remarked upon."""
    main = written(tmp_path)
    for name in (".hidden.yaml", "x.yaml~", "x.yaml.dpkg-old"):
        (tmp_path / "conf.d" / name).write_text("nonsense: [")
    (tmp_path / "conf.d" / "x.yml").write_text("workers: 4")
    assert load(main).notes == (f"{tmp_path}/conf.d/x.yml is not read; name it .yaml",)


def test_conf_d_is_bounded(tmp_path: Path) -> None:
    """An endless number of files is refused."""
    main = written(tmp_path, **{f"x{n}": "" for n in range(201)})
    assert refused(main) == [f"{tmp_path}/conf.d: more than 200 files; put them together"]


def pair(folder: Path, name: str) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    certificate = (
        builder.not_valid_before(start).not_valid_after(start + timedelta(days=1)).sign(key, hashes.SHA256())
    )
    paths = (folder / f"{name}.pem", folder / f"{name}.key")
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return paths


def hub(**keys: Path) -> str:
    words = "".join(f", {key}: {path}" for key, path in keys.items())
    return LEAST.replace("example.net}", f"example.net{words}}}")


def test_a_client_certificate_needs_its_own_key(tmp_path: Path) -> None:
    """A pair that belongs together is taken and makes the hub's secret needless; a foreign key is refused."""
    (certificate, key), (_, other) = pair(tmp_path, "a"), pair(tmp_path, "b")
    loaded = load(written(tmp_path, hub(client_certificate=certificate, client_key=key, ca=certificate)))
    assert "hub" not in loaded.config.secret_names()
    assert refused(written(tmp_path, hub(client_certificate=certificate, client_key=other))) == [
        (
            f"{tmp_path}/connector.yaml:3: hub.client_key: {other} is not the key of {certificate}; "
            "name the pair that belongs together"
        )
    ]


def test_files_that_are_something_else_are_refused(tmp_path: Path) -> None:
    """A key where a certificate should be, and the other way round, are named."""
    certificate, key = pair(tmp_path, "a")
    found = refused(written(tmp_path, hub(client_certificate=key, client_key=certificate, ca=key)))
    assert [sentence.rpartition(f"{tmp_path}/")[2].partition(";")[0] for sentence in found] == [
        "a.key holds no certificate in PEM form",
        "a.pem holds no unencrypted private key in PEM form",
        "a.key holds no certificate in PEM form",
    ]


def test_a_roster_that_is_away_is_remarked_upon(tmp_path: Path) -> None:
    """A CSV is written by others and may be away for a while: that keeps nothing from starting."""
    main = written(
        tmp_path, f"{LEAST}roster: {{from: {{hr: {{csv: {tmp_path}/hr.csv, policy: default}}}}}}\n"
    )
    (note,) = load(main).notes
    assert note.startswith(f"{main}:")
    assert "roster.from.hr.csv: there is no file" in note


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("name", ["connector.yaml", "conf.d/more.yaml"])
def test_a_file_of_somebody_else_is_not_believed(tmp_path: Path, name: str) -> None:
    """Whoever may write the configuration decides over calendars; one sentence names the owner and the remedy."""
    main = written(tmp_path, more="mode: active\n")
    other = tmp_path / name
    os.chown(other, 65534, 65534)
    assert refused(main) == [f"{other}: it belongs to nobody; run: chown root {other}"]


def test_a_file_that_everybody_may_write_is_not_believed(tmp_path: Path) -> None:
    """The same for its mode."""
    main = written(tmp_path)
    main.chmod(0o666)
    assert refused(main) == [f"{main}: it may be written by everybody; run: chmod o-w {main}"]
