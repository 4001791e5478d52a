"""`python -m tests.lab.exchange`: start the lab, print where it is as one line of JSON, serve until told to stop."""

import argparse
import json
import logging
import os
import signal
import sys
import tempfile
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.lab.exchange import admin
from tests.lab.exchange.authentication import ExtendedProtection, Scheme
from tests.lab.exchange.certificates import Authority
from tests.lab.exchange.clock import Clock
from tests.lab.exchange.directory import Group
from tests.lab.exchange.limits import Figures
from tests.lab.exchange.plain import PlainRedirect
from tests.lab.exchange.server import Server
from tests.lab.exchange.settings import DEFAULT_PASSWORD, Settings, StreamSettings
from tests.lab.exchange.site import build

THREAD_STACK = 512 * 1024
PASSWORD_VARIABLE = "LAB_EXCHANGE_PASSWORD"


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab.exchange", description=__doc__)
    add = parser.add_argument
    add("--dir", type=Path, help="where certificates are kept (default: a new temporary directory)")
    add("--mailboxes", type=int, default=10, help="user1@DOMAIN to userN@DOMAIN")
    add("--domain", default="example.com")
    add("--auth", type=schemes, default="ntlm,negotiate", help="schemes of the 401: ntlm,negotiate,basic")
    add("--extended-protection", choices=[str(p) for p in ExtendedProtection], default="allow")
    add("--account", default="svc-calendar", help=f"its password comes from ${PASSWORD_VARIABLE}")
    add("--listen", default="127.0.0.1", help="the address to serve at")
    add("--hosts", default="127.0.0.1", help="host names of the URLs, one for each group in turn")
    add("--groups", type=int, default=1, help="groups of mailboxes (GroupingInformation)")
    add("--expired", action="store_true", help="begin with an expired certificate")
    add("--internal-only", action="store_true", help="publish no external URL")
    add("--balancer-cookie", action="store_true", help="set a load balancer's cookie on each 401")
    add("--minute", type=float, default=60.0, help="seconds a minute of ConnectionTimeout lasts")
    add("--heartbeat", type=float, default=45.0, help="seconds")
    add("--queue", type=int, default=4000, help="events that wait for one subscription")
    add("--subscription-owner", choices=["caller", "mailbox"], default="caller")
    add("--dead-id", choices=["silence", "close"], default="silence")
    add("--notification", choices=["m", "t"], default="m", help="namespace of Notification")
    add("--no-affinity", action="store_true", help="every back end knows every subscription")
    add("--max-concurrency", type=int, default=27)
    add("--hanging", type=int, default=10, help="open streams of one charged account")
    add("--max-subscriptions", type=int, default=5000, help="of one mailbox")
    add("--back-off", type=int, default=0, help="BackOffMilliseconds of ErrorServerBusy")
    add("--verbose", action="store_true")
    return parser


def schemes(text: str) -> tuple[Scheme, ...]:
    """The schemes a list like `ntlm,basic` names, in its order. Raises ValueError."""
    known = {scheme.lower(): scheme for scheme in Scheme}
    try:
        return tuple(known[name.strip().lower()] for name in text.split(","))
    except KeyError as error:
        raise ValueError(f"{error} is none of {', '.join(known)}") from error


def settings(given: argparse.Namespace) -> Settings:
    """The settings a command line means."""
    return Settings(
        directory=given.dir or Path(tempfile.mkdtemp(prefix="lab-exchange-")),
        domain=given.domain,
        mailboxes=given.mailboxes,
        listen=given.listen,
        schemes=given.auth,
        protection=ExtendedProtection(given.extended_protection),
        account=given.account,
        password=os.environ.get(PASSWORD_VARIABLE, DEFAULT_PASSWORD),
        hosts=tuple(given.hosts.split(",")),
        groups=given.groups,
        expired=given.expired,
        internal_only=given.internal_only,
        balancer_cookie=given.balancer_cookie,
        limits=Figures(
            concurrency=given.max_concurrency,
            hanging=given.hanging,
            subscriptions=given.max_subscriptions,
            back_off_ms=given.back_off,
        ),
        stream=StreamSettings(
            minute=given.minute,
            heartbeat=given.heartbeat,
            queue=given.queue,
            owner=given.subscription_owner,
            dead_id=given.dead_id,
            notification=given.notification,
            affinity=not given.no_affinity,
        ),
    )


@dataclass(frozen=True, slots=True)
class Ready:
    """What the lab prints when it serves."""

    url: str
    autodiscover: str
    pox: str
    plain: str
    admin: str
    ca: str
    account: str
    domain: str
    port: int
    pid: int


def groups(given: Settings, port: int) -> list[Group]:
    """The groups A, B, C and so on, each at one of the hosts."""
    made = []
    for number in range(given.groups):
        url = f"https://{given.hosts[number % len(given.hosts)]}:{port}/EWS/Exchange.asmx"
        made.append(Group(chr(ord("A") + number), "" if given.internal_only else url, url))
    return made


def run(given: Settings) -> Ready:
    """Start everything and say where it is; the threads go on until the process ends."""
    given.directory.mkdir(parents=True, exist_ok=True)
    server = Server(given.listen)
    base = f"https://{given.hosts[0]}:{server.port}"
    plain = PlainRedirect(f"{base}/autodiscover/autodiscover.xml", given.listen)
    authority = Authority(given.directory, Clock().now())
    site = build(given, groups(given, server.port))
    server.use(authority.issue(list(given.hosts), site.clock.now(), expired=given.expired))
    server.serve(site)
    server.start()
    door = admin.start(admin.Admin(site, server, plain, authority))
    return Ready(
        url=f"{base}/EWS/Exchange.asmx",
        autodiscover=f"{base}/autodiscover/autodiscover.svc",
        pox=f"{base}/autodiscover/autodiscover.xml",
        plain=f"http://{given.listen}:{plain.port}/autodiscover/autodiscover.xml",
        admin=f"http://127.0.0.1:{door.server_port}",
        ca=str(authority.path),
        account=given.account,
        domain=given.domain,
        port=server.port,
        pid=os.getpid(),
    )


def main() -> int:
    """Serve until SIGTERM or SIGINT."""
    given = arguments().parse_args()
    logging.basicConfig(level=logging.DEBUG if given.verbose else logging.WARNING, stream=sys.stderr)
    threading.stack_size(THREAD_STACK)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    print(json.dumps(asdict(run(settings(given)))), flush=True)
    stop.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
