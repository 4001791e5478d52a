"""What can be set in kms.toml, and what it is when nobody sets it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from connector.errors import ConfigError, Problem
from connector.kms import reading

DEFAULT_PATH = Path("/etc/calendar-connector-kms/kms.toml")
STATE = Path("/var/lib/calendar-connector-kms")
RUNTIME = Path("/run/calendar-connector-kms")

TRIAL, PRODUCTION = "trial", "production"


@dataclass(frozen=True, slots=True)
class StaticKeySettings:
    """The server's certified RSA key: ``key`` is a PEM file, or, with [pkcs11], ``label`` an object of the token.

    ``chain`` is a PEM file, the key's own certificate first; ``signature`` PS256 or RS256.
    """

    key: Path | None = None
    label: str = ""
    chain: Path | None = None
    signature: str = "PS256"


@dataclass(frozen=True, slots=True)
class KekSettings:
    """Where the KEKs live: ``credential`` (sealed by systemd-creds), ``pkcs11``, or ``file`` for trials."""

    provider: str = "credential"
    file: Path = STATE / "master"


@dataclass(frozen=True, slots=True)
class Pkcs11Settings:
    """A token: its library, its label, and a file that holds the PIN."""

    module: Path | None = None
    token: str = ""
    pin: Path | None = None


@dataclass(frozen=True, slots=True)
class IssuerSettings:
    """An OIDC issuer whose access tokens name users. ``jwks`` is an https address or, as a path, a file.

    ``audience`` is the server's own URI where it is "". ``user`` is the claim that names the user.
    """

    issuer: str = ""
    jwks: str = ""
    ca: Path | None = None
    audience: str = ""
    user: str = "sub"
    algorithms: tuple[str, ...] = ("PS256", "RS256", "ES256")
    run_by_hub: bool = False


@dataclass(frozen=True, slots=True)
class ConnectorSettings:
    """A connector that may ask by its own key: the key's fingerprint, and an authority its chain must lead to, if named."""

    fingerprint: str = ""
    ca: Path | None = None


@dataclass(frozen=True, slots=True)
class HubSettings:
    """The hub that carries messages. ``domains`` are those its operator runs besides the address's own host."""

    url: str = ""
    ca: Path | None = None
    proxy: str = ""
    token: Path | None = None
    domains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Times:
    """Spans of the protocol and of upkeep."""

    ephemeral: timedelta = timedelta(hours=1)
    unbound: timedelta = timedelta(minutes=10)
    """So long a new key may be bound."""
    bound: timedelta = timedelta(days=31)
    """So long a bound key may be encrypted with."""
    destroy_after: timedelta = timedelta(hours=24)
    """The least time between the two steps of destroying a key."""
    keep_audit: timedelta = timedelta(days=400)
    drill: timedelta = timedelta(days=400)
    """A restore drill older than this counts no more."""
    jwks: timedelta = timedelta(hours=1)
    upkeep: timedelta = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Limits:
    """The most of everything that others can make us hold or do."""

    keys: int = 100
    """Of one request."""
    authorizations: int = 1000
    """Of one request."""
    listed: int = 1000
    """Keys of one answer."""
    ephemeral: int = 20_000
    ephemeral_per_user: int = 1000
    remembered: int = 20_000
    """Requests of one ephemeral key; then a new handshake is due."""
    ttl: int = 10 * 366 * 86400
    """Seconds a resource may live that does not live for ever."""
    connections: int = 64


@dataclass(frozen=True, slots=True)
class Alarms:
    """What may happen within a minute before an alarm is raised: keys handed out to one user or connector, and messages that can't be opened."""

    user: int = 300
    connector: int = 30_000
    unreadable: int = 600
    """Messages that can't be opened; beyond it they get no row each."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole of it."""

    host: str = ""
    mode: str = PRODUCTION
    database: Path = STATE / "kms.db"
    socket: Path = RUNTIME / "kms.sock"
    socket_group: str = ""
    listen: str = ""
    certificate: Path | None = None
    certificate_key: Path | None = None
    admins: tuple[str, ...] = ()
    static_key: StaticKeySettings = field(default_factory=StaticKeySettings)
    kek: KekSettings = field(default_factory=KekSettings)
    pkcs11: Pkcs11Settings = field(default_factory=Pkcs11Settings)
    issuers: Mapping[str, IssuerSettings] = field(default_factory=dict)
    connectors: Mapping[str, ConnectorSettings] = field(default_factory=dict)
    hub: HubSettings = field(default_factory=HubSettings)
    times: Times = field(default_factory=Times)
    limits: Limits = field(default_factory=Limits)
    alarms: Alarms = field(default_factory=Alarms)

    @property
    def production(self) -> bool:
        """Whether the rules for real keys hold."""
        return self.mode == PRODUCTION


def load(path: Path | None) -> Settings:
    """Settings of a TOML file. Raises ConfigError, one sentence for every problem."""
    chosen = path or DEFAULT_PATH
    try:
        table = tomllib.loads(chosen.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise _problem(f"There is no {chosen}; docs/kms.md shows one.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise _problem(f"can't be read: {error}", str(chosen)) from error
    except tomllib.TOMLDecodeError as error:
        raise _problem(f"is no TOML: {error}", str(chosen)) from error
    return read(table, str(chosen))


def read(table: Mapping[str, Any], file: str = "") -> Settings:
    """Settings of a parsed TOML document. Raises ConfigError."""
    problems: list[str] = []
    settings: Settings = reading.record(Settings, table, "", problems)
    problems = problems or list(_contradictions(settings))
    if problems:
        raise ConfigError(tuple(Problem(one, file) for one in problems))
    return settings


def _contradictions(settings: Settings) -> list[str]:
    """What can't be true together, as sentences."""
    static, kek, token = settings.static_key, settings.kek, settings.pkcs11
    issuers = settings.issuers.items()
    checks = {
        'host is missing: write host = "kms.example.com", the name in the static key\'s certificate': not settings.host,
        "mode is trial or production": settings.mode not in (TRIAL, PRODUCTION),
        "kek.provider is credential, pkcs11 or file": kek.provider not in ("credential", "pkcs11", "file"),
        "static_key.signature is PS256 or RS256": static.signature not in ("PS256", "RS256"),
        "static_key needs either key (a PEM file) or label (an object of the PKCS#11 token)": bool(static.key)
        == bool(static.label),
        "pkcs11 needs module, token and pin": (static.label != "" or kek.provider == "pkcs11")
        and not (token.module and token.token and token.pin),
        "listen needs certificate and certificate_key": bool(settings.listen)
        and not (settings.certificate and settings.certificate_key),
        "hub needs both url and token": bool(settings.hub.url) != bool(settings.hub.token),
        **{f"issuers.{name} needs issuer and jwks": not (one.issuer and one.jwks) for name, one in issuers},
        **{
            f"connectors.{name}.fingerprint is missing": not one.fingerprint
            for name, one in settings.connectors.items()
        },
        **{
            f"issuers.{name}.algorithms may hold PS256, RS256 and ES256": not set(one.algorithms)
            <= {"PS256", "RS256", "ES256"}
            for name, one in issuers
        },
    }
    return [sentence for sentence, wrong in checks.items() if wrong]


def _problem(sentence: str, file: str = "") -> ConfigError:
    return ConfigError((Problem(sentence, file),))
