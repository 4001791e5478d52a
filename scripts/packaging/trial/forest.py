"""A roster kept in Active Directory: a domain controller of Samba's on a machine of its own, and the appliance that asks it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from connector.roster.ldapexpiry import password_ends
from connector.roster.ldapgroup import DirectorySettings
from scripts.packaging.trial.checks import CONFIGURATION, Step, expect
from scripts.packaging.trial.machine import Machine, MachineError
from scripts.packaging.trial.site import MAIL_NAME, UNIT, Site, wait
from scripts.packaging.trial.ticket import log_on
from tests.lab.exchange.certificates import Authority

NAME = "dc1.ad.example.com"
BASE = "DC=ad,DC=example,DC=com"
ACCOUNT = "svc-cal-ldap@ad.example.com"
PASSWORD = "Reader-7531-of-the-forest"  # noqa: S105 - of a directory that lives for minutes
PROVISION_SECONDS = 300.0

_PROVISION = """\
systemctl stop smbd nmbd winbind samba 2>/dev/null
rm -f /etc/samba/smb.conf
samba-tool domain provision --realm=AD.EXAMPLE.COM --domain=EXAMPLE --server-role=dc --dns-backend=NONE --host-name=dc1 \
    --adminpass=Administrator-7531 --option='tls certfile=/srv/tls.pem' --option='tls keyfile=/srv/key.pem' \
    --option='tls cafile=/srv/ca.pem' --option='server services=ldap,cldap,rpc,kdc' || exit 1
samba-tool user create svc-cal-ldap {password} || exit 1
samba-tool user create svc-exchange {password} && samba-tool spn add HTTP/{server} svc-exchange || exit 1
samba-tool group add staff && samba-tool group add team || exit 1
for name in user2 user3; do samba-tool user create $name {password} --mail-address=$name@example.com || exit 1; done
samba-tool group addmembers staff team,user2 && samba-tool group addmembers team user3 || exit 1
systemd-run --quiet --unit=forest samba --foreground --no-process-group
"""
_ROSTER = """\
directories: {{ad: {{servers: ["ldaps://{name}"], base: "{base}", bind: {account}, ca: {folder}/ca/forest.pem}}}}
roster: {{from: {{staff: {{directory: ad, group: "CN=staff,CN=Users,{base}", policy: staff}}}}}}
"""


class Forest:
    """``machine`` has Samba on its disk; ``found`` begins the domain beside whatever else is done."""

    def __init__(self, site: Site, machine: Machine, address: str, folder: Path) -> None:
        self._site = site
        self._machine = machine
        self._address = address
        (folder / "forest").mkdir()
        self._authority = Authority(folder / "forest", datetime.now(UTC))
        self._trouble = ""
        self._founding = threading.Thread(target=self._found, name="forest", daemon=True)

    def found(self) -> None:
        """Begin; ``steps`` wait for it."""
        both = self._authority.issue([NAME, self._address], datetime.now(UTC)).path.read_text()
        key, begin, rest = both.partition("-----BEGIN CERTIFICATE-----")
        self._machine.write("/srv/tls.pem", begin + rest)
        self._machine.write("/srv/key.pem", key)
        self._machine.do("chmod", "600", "/srv/key.pem")
        self._machine.write("/srv/ca.pem", self._authority.path.read_text())
        self._machine.write("/etc/hosts", f"127.0.0.1 localhost\n{self._address} {NAME} dc1\n")
        self._founding.start()

    def _found(self) -> None:
        script = _PROVISION.format(password=PASSWORD, server=MAIL_NAME)
        done = self._machine.try_("sh", "-c", script, seconds=PROVISION_SECONDS)
        if done.returncode:
            self._trouble = (done.stderr + done.stdout)[-2000:]

    def steps(self) -> Iterator[Step]:
        """All of them."""
        yield "Active Directory (Samba): the domain is up", self._up
        yield "a nested group of it activates mailboxes", self._activate
        yield "it tells when a password ends", self._expiry
        yield "a keytab of it logs on inside the sandbox", self._log_on

    def _up(self) -> None:
        self._founding.join(PROVISION_SECONDS)
        if self._trouble or self._founding.is_alive():
            raise MachineError(f"the domain was not made: {self._trouble}")
        wait(lambda: self._machine.try_("sh", "-c", "ss -ltn | grep -q ':636 '").returncode == 0, "LDAPS", 60)

    def _activate(self) -> None:
        appliance = self._site.appliance
        hosts = (appliance.root / "etc/hosts").read_text()
        appliance.write("/etc/hosts", f"{hosts}{self._address} {NAME}\n")
        appliance.write(f"{CONFIGURATION}/ca/forest.pem", self._authority.path.read_text())
        text = _ROSTER.format(name=NAME, base=BASE, account=ACCOUNT, folder=CONFIGURATION)
        appliance.write(f"{CONFIGURATION}/conf.d/roster.yaml", text)
        self._site.secrets.append(PASSWORD)
        appliance.do(UNIT, "secret", "set", "directory/ad", stdin=PASSWORD)
        appliance.do("systemctl", "reload", UNIT)
        appliance.do(UNIT, "roster", "sync", "--force", "--yes")
        wait(
            lambda: self._states() == {"user1": "active", "user2": "active", "user3": "active"},
            "the group",
            60,
        )

    def _states(self) -> dict[str, str]:
        rows = json.loads(self._site.appliance.do(UNIT, "mailbox", "list", "--json"))
        return {row["address"].partition("@")[0]: row["state"] for row in rows}

    def _expiry(self) -> None:
        """As the daemon asks: the domain's rule is 42 days from today, and the account of nobody is not known."""
        url = f"ldaps://{self._address}"
        asking = DirectorySettings(
            "ad", (url,), BASE, ACCOUNT, lambda: PASSWORD, _Nothing(), self._authority.path
        )
        found = password_ends(asking, [ACCOUNT, "EXAMPLE\\user2", "nobody@ad.example.com"])
        days = {account: (ends - datetime.now(UTC)).days for account, ends in found.items()}
        expect("days until the passwords end", days, {ACCOUNT: 41, "EXAMPLE\\user2": 41})

    def _log_on(self) -> None:
        log_on(self._site.appliance, self._machine, ACCOUNT, NAME, MAIL_NAME)


class _Nothing:
    """Nothing was refused before, and what is refused ends the trial."""

    def refused(self) -> bool:
        return False

    def mark(self) -> None:
        raise MachineError("the domain refuses the account that was made in it")
