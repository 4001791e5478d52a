"""A logon by keytab as the daemon does it, inside the sandbox of its unit, against the domain's own KDC."""

from __future__ import annotations

import base64

from scripts.packaging.trial.checks import expect_in
from scripts.packaging.trial.machine import Machine
from scripts.packaging.trial.site import UNIT

TRIED = "kerberos-trial"
"""A unit with everything of the daemon's, sandbox and user, but for what it runs."""
_FOLDER = f"/etc/systemd/system/{TRIED}.service.d"
_KRB5 = """\
[libdefaults]
dns_lookup_kdc = false
dns_canonicalize_hostname = false
[realms]
{realm} = {{
    kdc = {kdc}
}}
[domain_realm]
{server} = {realm}
"""
# The directory for running is the daemon's and would go with this unit; for the rest it is oneshot and nobody's watchdog.
_DROP_IN = f"""\
[Service]
Type=oneshot
Restart=no
WatchdogSec=0
RuntimeDirectory=
ExecStart=
ExecStart=/usr/lib/calendar-connector/bin/python -I /srv/{TRIED}.py
"""
_SCRIPT = """\
from pathlib import Path

import spnego

from connector.source.exchange.kerberos import credential

with credential({account!r}, Path("/srv/keytab.base64").read_text()) as (ticket, _):
    token = spnego.client(ticket, None, hostname={server!r}, service="HTTP", protocol="kerberos").step()
    print(len(token), "bytes for", {server!r}, "with", ticket.ccache)
"""


def log_on(appliance: Machine, controller: Machine, account: str, kdc: str, server: str) -> None:
    """Fetch a ticket with a keytab of ``account`` (name@domain), and with it one for the ``server``. Raises MachineError."""
    name, _, domain = account.partition("@")
    realm = domain.upper()
    controller.do("samba-tool", "domain", "exportkeytab", "/srv/keytab", f"--principal={name}@{realm}")
    keytab = base64.b64encode((controller.root / "srv/keytab").read_bytes()).decode()
    files = {
        "/etc/krb5.conf": _KRB5.format(realm=realm, kdc=kdc, server=server),
        "/srv/keytab.base64": keytab,
        f"/srv/{TRIED}.py": _SCRIPT.format(account=account, server=server),
        f"/etc/systemd/system/{TRIED}.service": appliance.do("cat", appliance.show(UNIT, "FragmentPath")),
        f"{_FOLDER}/trial.conf": _DROP_IN,
    }
    for path, text in files.items():
        appliance.write(path, text)
    try:
        expect_in("a logon by keytab", f"bytes for {server} with MEMORY:", _run(appliance))
    finally:
        appliance.do("rm", "--recursive", *files, _FOLDER)
        appliance.do("systemctl", "daemon-reload")


def _run(appliance: Machine) -> str:
    """What the unit has said."""
    appliance.do("systemctl", "daemon-reload")
    appliance.try_("systemctl", "start", TRIED)
    appliance.do("journalctl", "--sync")
    return appliance.do("journalctl", "--unit", TRIED, "--output=cat")
