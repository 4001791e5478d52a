"""Ways to run: streams or none, fixed address or Autodiscover, kinds of logon, and a proxy on the way to the hub or to Exchange."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from connector.model import Command
from connector.seal.commands import seal_command
from tests.lab.proxy import LabProxy
from tests.lab.site import Site

pytestmark = pytest.mark.lab

PEOPLE = 5
TOMORROW = (datetime.now(UTC) + timedelta(days=1)).replace(hour=9, minute=0, second=0, microsecond=0)
NUMBERS = count()
USER, PASSWORD = "cal@dmz", "p:ß w/ord"


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """Five active mailboxes of an Exchange that demands Extended Protection, over NTLM, streams grouped."""
    options = {"hosts": "example.com,autodiscover.example.com", "extended_protection": "require"}
    with Site(mailboxes=PEOPLE + 3, exchange=options) as site:
        site.start()
        site.activate(*people(site))
        yield site


def people(site: Site) -> list[str]:
    """Their addresses."""
    return [site.exchange.address(number) for number in range(1, PEOPLE + 1)]


def taken_over(site: Site, text: str) -> None:
    """Have a configuration in force; its digest tells."""
    site.write_config(text)
    digest = site.json("config", "show")["digest"]
    site.reload()
    site.wait(lambda: site.ask("status")["config_digest"] == digest, "the reload")


def follows(site: Site, address: str) -> None:
    """A change of this calendar reaches the hub."""
    start = TOMORROW + timedelta(hours=next(NUMBERS))
    site.exchange.edit(
        "create",
        mailbox=address,
        start=start.isoformat(),
        end=(start + timedelta(hours=1)).isoformat(),
        subject=f"Change {start:%d %H}",
    )
    site.wait(lambda: bool(site.ask("mailbox.keys", address=address)), "keys")
    keys = site.keys(address)
    site.wait(lambda: site.agrees(address, keys), f"{address}'s list to follow")


def streams(site: Site) -> dict[str, Any]:
    """What status says of streams."""
    (row,) = site.ask("status")["streams"]
    return {name: row[name] for name in ("streams", "streamed", "polled")}


def operations(site: Site, since: int) -> set[str]:
    """What was asked of Exchange after an entry of its log."""
    return {entry["operation"].removesuffix("Request") for entry in site.exchange.log(since=since)}


def newest(site: Site) -> int:
    """The number of the newest entry of Exchange's log."""
    return max((int(entry["number"]) for entry in site.exchange.log()), default=0)


# --- streams


def test_grouped_one_stream_serves_all_of_a_group(site: Site) -> None:
    """stream: grouped needs one connection for the mailboxes of a group."""
    site.wait(lambda: streams(site) == {"streams": 1, "streamed": PEOPLE, "polled": 0}, "the stream")
    follows(site, people(site)[0])


def test_per_mailbox_streams_so_many_and_polls_the_rest(site: Site) -> None:
    """stream: per-mailbox opens stream_max connections; the rest is polled, status counts both, and both kinds follow."""
    taken_over(site, site.configuration(stream="per-mailbox\n    stream_max: 2"))
    wanted = {"streams": 2, "streamed": 2, "polled": PEOPLE - 2}
    site.wait(lambda: streams(site) == wanted, "two streams")
    assert f"2 open for 2 mailboxes, {PEOPLE - 2} polled" in site.cli("status")
    for address in people(site):
        follows(site, address)


def test_without_streams_polling_is_a_complete_mode(site: Site) -> None:
    """stream: off asks for no subscription and no stream, and every change arrives."""
    taken_over(site, site.configuration(stream="off"))
    site.wait(lambda: streams(site)["streams"] == 0, "no stream")
    since = newest(site)
    for address in people(site)[:2]:
        follows(site, address)
    assert operations(site, since).isdisjoint({"Subscribe", "GetStreamingEvents"})


# --- addresses


def test_a_fixed_address_needs_no_autodiscover(site: Site) -> None:
    """With url: neither SOAP nor POX Autodiscover is asked, for a mailbox activated then too."""
    port = site.exchange.port
    fixed = f"url: https://example.com:{port}/EWS/Exchange.asmx\n    stream: grouped"
    taken_over(site, site.configuration().replace("stream: grouped", fixed))
    since = newest(site)
    address = site.exchange.address(PEOPLE + 1)
    site.activate(address)
    follows(site, address)
    assert operations(site, since).isdisjoint({"GetUserSettings", "Autodiscover"})
    assert site.json("source", "show", "hq")["way"] == f"https://example.com:{port}/EWS/Exchange.asmx"


def test_pox_is_asked_where_soap_is_not_there(site: Site) -> None:
    """A server without SOAP Autodiscover (404) is asked in the older form, and its answer is used."""
    taken_over(site, site.configuration())
    site.exchange.fault("GetUserSettings", "html", times=-1, status=404)
    since = newest(site)
    address = site.exchange.address(PEOPLE + 2)
    site.activate(address)
    site.exchange.clear_faults()
    assert "Autodiscover" in operations(site, since)
    follows(site, address)


# --- logons


@pytest.mark.parametrize("auth", ["basic", "negotiate", "ntlm"])
def test_each_kind_of_logon(site: Site, auth: str) -> None:
    """Basic over TLS, Negotiate, and NTLM with channel binding where the server requires Extended Protection."""
    taken_over(site, site.configuration().replace("auth: ntlm", f"auth: {auth}"))
    site.exchange.disconnect()
    follows(site, people(site)[0])
    assert all(one["bad_logons"] == 0 and not one["locked"] for one in site.exchange.accounts())
    assert site.ask("status")["alarms"] == []


# --- the way to the hub


def through(site: Site, proxy: LabProxy, ca: Path | None = None, downlink: str = "auto") -> str:
    """The lab's configuration with the hub behind a proxy."""
    hub = f'hub: {{downlink: {downlink}, proxy: dmz, url: "{site.hub.url}", ca: {ca or site.hub.ca}}}'
    text = site.configuration()
    old = next(line for line in text.splitlines() if line.startswith("hub:"))
    return text.replace(old, f'{hub}\nproxies: {{dmz: {{url: "{proxy.url}", auth: basic}}}}')


def commanded(site: Site, address: str) -> None:
    """A command of the cloud comes down and is answered."""
    keys = site.keys(address)
    key = next(iter(keys.values()))
    body = {
        "addresses": [address],
        "start": TOMORROW.isoformat(),
        "end": (TOMORROW + timedelta(hours=1)).isoformat(),
    }
    expires = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=5)
    command = Command(uuid4().hex, key.mailbox_id, "freebusy.ask", address, expires, body)
    site.hub.send_command(key.mailbox_id, command.id, seal_command(command, key))
    site.wait(lambda: command.id in site.hub.outcomes(key.mailbox_id), "an outcome")


def up(site: Site) -> Callable[[], bool]:
    """Whether the hub is reached."""
    return lambda: bool(site.ask("status")["hub"]["up"])


def test_a_proxy_with_a_password_is_all_the_way_there_is(site: Site) -> None:
    """Events and web socket go through the proxy, which is asked for the hub alone; Exchange is reached without it."""
    with LabProxy(USER, PASSWORD) as proxy:
        site.write_config(through(site, proxy))  # a secret can be set once the configuration names it
        site.cli("secret", "set", "proxy/dmz", stdin=f"{USER}:{PASSWORD}")
        taken_over(site, through(site, proxy))
        site.wait(up(site), "the hub")
        follows(site, people(site)[0])
        commanded(site, people(site)[0])
        assert set(proxy.targets) == {f"localhost:{site.hub.port}"}
        assert proxy.refused == []


def behind(site: Site, proxy: LabProxy) -> str:
    """The lab's configuration with Exchange behind a proxy."""
    text = site.configuration().replace("    auth: ntlm\n", "    auth: ntlm\n    proxy: dmz\n")
    return f'{text}proxies: {{dmz: {{url: "{proxy.url}", auth: basic}}}}\n'


def test_exchange_behind_a_proxy(site: Site) -> None:
    """Every request and stream goes through it, with the channel binding that Exchange demands; its refusal is told and mended by typing."""
    with LabProxy(USER, PASSWORD) as proxy:
        site.write_config(behind(site, proxy))
        site.cli("secret", "set", "proxy/dmz", stdin=f"{USER}:wrong")
        site.exchange.disconnect()
        taken_over(site, behind(site, proxy))
        site.exchange.disconnect()

        def told() -> bool:
            return any("proxy" in one["problem"].lower() for one in site.ask("status")["held"])

        site.wait(told, "the proxy's refusal")
        assert proxy.targets == []
        site.cli("secret", "set", "proxy/dmz", stdin=f"{USER}:{PASSWORD}")
        site.cli("source", "resume", "hq")
        follows(site, people(site)[0])
        site.wait(lambda: bool(site.ask("status")["streams"][0]["streamed"]), "streams", 60)
        assert set(proxy.targets) == {f"127.0.0.1:{site.exchange.port}"}
        assert site.exchange.accounts()[0]["bad_logons"] == 0
    taken_over(site, site.configuration())
    follows(site, people(site)[0])


def test_a_wrong_proxy_password_is_told_and_mended(site: Site) -> None:
    """Status says that the proxy refuses, and what to type; typed right, the hub is reached without a restart."""
    with LabProxy(USER, PASSWORD) as proxy:
        site.write_config(through(site, proxy))
        site.cli("secret", "set", "proxy/dmz", stdin=f"{USER}:wrong")
        taken_over(site, through(site, proxy))
        site.wait(lambda: "proxy" in site.ask("status")["hub"]["problem"].lower(), "the proxy's refusal")
        done = site.try_cli("status")
        assert done.returncode == 1
        assert "proxy" in done.stdout
        assert "wrong" not in site.log.read_text(encoding="utf-8")
        site.cli("secret", "set", "proxy/dmz", stdin=f"{USER}:{PASSWORD}")
        site.wait(up(site), "the hub")
        follows(site, people(site)[0])


def test_where_web_sockets_are_refused_commands_come_by_long_poll(site: Site, tmp_path: Path) -> None:
    """Behind a proxy that looks into TLS, whose CA is named, and refuses upgrades, commands still come down."""
    with LabProxy(USER, PASSWORD, inspect=tmp_path / "proxy", trust=site.hub.ca) as proxy:
        site.write_config(through(site, proxy, proxy.ca))
        site.cli("secret", "set", "proxy/dmz", stdin=f"{USER}:{PASSWORD}")
        taken_over(site, through(site, proxy, proxy.ca))
        site.wait(up(site), "the hub")
        commanded(site, people(site)[0])
        follows(site, people(site)[0])
        assert proxy.upgrades > 0
        assert "Traceback" not in site.log.read_text(encoding="utf-8")


def test_an_inspecting_proxy_whose_ca_is_not_named(site: Site, tmp_path: Path) -> None:
    """Without its CA the hub's certificate is not trusted, status says so with the key to set, and nothing is sent."""
    with LabProxy(USER, PASSWORD, inspect=tmp_path / "proxy", trust=site.hub.ca) as proxy:
        taken_over(site, through(site, proxy))
        site.wait(lambda: "certificate" in site.ask("status")["hub"]["problem"], "the refusal")
        assert site.try_cli("status").returncode == 1
    taken_over(site, site.configuration())
    site.wait(up(site), "the hub without a proxy")
    follows(site, people(site)[0])
