"""Everything that lives as long as the process, put together once."""

from dataclasses import dataclass

from tests.lab.exchange.accounts import Accounts
from tests.lab.exchange.authentication import Policy
from tests.lab.exchange.clock import Clock
from tests.lab.exchange.directory import Directory, Group
from tests.lab.exchange.faults import Faults
from tests.lab.exchange.impersonation import Scope
from tests.lab.exchange.limits import Limits
from tests.lab.exchange.organisation import Organisation
from tests.lab.exchange.requestlog import RequestLog
from tests.lab.exchange.settings import Settings
from tests.lab.exchange.streaming import Streaming


@dataclass(frozen=True, slots=True)
class Site:
    """One lab."""

    settings: Settings
    clock: Clock
    organisation: Organisation
    accounts: Accounts
    policy: Policy
    directory: Directory
    scope: Scope
    limits: Limits
    faults: Faults
    log: RequestLog
    streaming: Streaming

    def resolve(self, address: str) -> str | None:
        """The primary address of the mailbox that any of its addresses names, None for nobody."""
        mailbox = self.organisation.find(address)
        return None if mailbox is None or mailbox.state == "online" else mailbox.address

    def create_mailboxes(self, count: int, prefix: str = "user", domain: str = "") -> list[str]:
        """Add `count` mailboxes `prefix1@domain` and so on, after those that have such names already."""
        suffix = domain or self.settings.domain
        made: list[str] = []
        number = 0
        while len(made) < count:
            number += 1
            address = f"{prefix}{number}@{suffix}"
            if self.organisation.find(address) is None:
                self.organisation.add(address, group=self.directory.label_for(address))
                made.append(address)
        return made


def build(settings: Settings, groups: list[Group]) -> Site:
    """A site with its service account and its first mailboxes."""
    clock = Clock()
    accounts = Accounts(settings.directory, settings.domain)
    accounts.set_password(settings.account, settings.password)
    organisation = Organisation(clock.now)
    limits = Limits(settings.limits)
    streaming = Streaming(settings.stream, limits)
    organisation.subscribe(streaming.subscriptions.publish)
    site = Site(
        settings=settings,
        clock=clock,
        organisation=organisation,
        accounts=accounts,
        policy=Policy(accounts, settings.schemes, settings.protection, clock.now),
        directory=Directory(organisation, groups),
        scope=Scope(),
        limits=limits,
        faults=Faults(),
        log=RequestLog(clock.now),
        streaming=streaming,
    )
    site.create_mailboxes(settings.mailboxes)
    return site
