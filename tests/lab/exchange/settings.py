"""What can be chosen when the lab is started."""

from dataclasses import dataclass, field
from pathlib import Path

from tests.lab.exchange.authentication import ExtendedProtection, Scheme
from tests.lab.exchange.limits import Figures

DEFAULT_PASSWORD = "Lab-Passw0rd"


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """How streams behave. Times in seconds; `minute` is how long a minute of ConnectionTimeout lasts.

    `owner` is whose subscriptions are: the service account's ("caller", Exchange) or the impersonated mailbox's ("mailbox",
    gromox, where one stream carries ids of one mailbox only). `dead_id` says what follows an error about an id: "silence" for the
    good ids of the same connection, or its end ("close"). `notification` is the namespace prefix of the Notification element:
    "m" as servers send it, "t" as the schema has it.
    """

    minute: float = 60.0
    heartbeat: float = 45.0
    queue: int = 4000
    idle: float = 1800.0
    owner: str = "caller"
    dead_id: str = "silence"
    notification: str = "m"
    affinity: bool = True


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the process is told at its start."""

    directory: Path
    domain: str = "example.com"
    mailboxes: int = 10
    listen: str = "127.0.0.1"
    schemes: tuple[Scheme, ...] = (Scheme.NTLM, Scheme.NEGOTIATE)
    protection: ExtendedProtection = ExtendedProtection.ALLOW
    account: str = "svc-calendar"
    password: str = DEFAULT_PASSWORD
    hosts: tuple[str, ...] = ("127.0.0.1",)
    groups: int = 1
    expired: bool = False
    internal_only: bool = False
    balancer_cookie: bool = False
    limits: Figures = field(default_factory=Figures)
    stream: StreamSettings = field(default_factory=StreamSettings)
